#ifndef PUSH_HTTP_PUBLISH_H
#define PUSH_HTTP_PUBLISH_H

#include <httpd.h>

#include "http/problem.h"

/* POST <admin>/messages: one message, or a stream of them (lines.h). */
int push_publish(request_rec *r, const char *none);

/* The whole body of a request, if it is not larger than a message may be. */
const push_problem_t *push_publish_body(request_rec *r, push_text_t *body);

#endif
