#ifndef PUSH_BODY_H
#define PUSH_BODY_H

#include "http/problem.h"

/*
 * The whole body of a request, in its pool; or the problem: it is larger than
 * max bytes, or did not come to its end.  It blocks while the body comes.
 */
const push_problem_t *push_body_read(request_rec *r, apr_size_t max,
                                     push_text_t *body);

#endif
