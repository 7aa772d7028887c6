#ifndef PUSH_HTTP_PUBLISH_H
#define PUSH_HTTP_PUBLISH_H

#include <httpd.h>

/* POST <admin>/messages: one message, or a stream of them as NDJSON. */
int push_publish(request_rec *r);

/* The same for `Content-Type: application/x-ndjson`. */
int push_publish_lines(request_rec *r);

#endif
