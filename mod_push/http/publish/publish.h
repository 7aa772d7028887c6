#ifndef PUSH_HTTP_PUBLISH_H
#define PUSH_HTTP_PUBLISH_H

#include <httpd.h>

/* POST <admin>/messages: one message, or a stream of them (lines.h). */
int push_publish(request_rec *r, const char *none);

#endif
