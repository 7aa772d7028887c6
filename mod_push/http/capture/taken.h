#ifndef PUSH_TAKEN_H
#define PUSH_TAKEN_H

#include <httpd.h>

#include "http/problem.h"

/*
 * The headers by which an application speaks to this module: Push, and all
 * that begin with Push-.
 */

/*
 * Those of the answer to a request, which are taken out of it at the first
 * call, so that nobody else sees them.  A header that came several times is
 * there as often.  The request's; NULL if there is none.
 */
const apr_table_t *push_taken(request_rec *r);

/*
 * Another header of the answer, which means something to this module only
 * beside one of its own: takes it out, and adds it to those taken.
 */
void push_taken_also(request_rec *r, const char *name);

/* How often a header is among them; its last value, or NULL. */
unsigned push_taken_count(const apr_table_t *taken, const char *name,
                          const char **value);

/* The value of a header that was taken, or NULL; a problem if it came more
 * than once. */
const push_problem_t *push_taken_one(const request_rec *r, const char *name,
                                     const char **value);

/* Takes them out of an answer that is not the application's own; and out of
 * what comes behind any answer, where they say nothing. */
void push_taken_drop(request_rec *r);

/*
 * Takes the same headers (but Push-Client) and those of GRIP out of a request,
 * before it gets to an application: no client speaks in this module's place.
 */
void push_taken_from_client(request_rec *r);

#endif
