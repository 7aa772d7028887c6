#ifndef PUSH_ADDRESSED_H
#define PUSH_ADDRESSED_H

#include <httpd.h>

#include "core/publication.h"
#include "http/problem.h"

/*
 * An answer whose body is a message, since its headers say for whom: those of
 * a POST (docs/protocol.md), the audience among them as Push-User,
 * Push-Device, Push-Channel or Push-Broadcast.
 */

/* True if the headers that were taken out of the answer (taken.h) say so. */
bool push_addressed(request_rec *r);

/*
 * Makes all but the body of it, and takes the other headers of a message out
 * of the answer too; the texts are the request's.  Or the problem with them.
 */
const push_problem_t *push_addressed_read(request_rec *r,
                                          push_publication_t *asked);

#endif
