#ifndef PUSH_LINES_H
#define PUSH_LINES_H

#include <httpd.h>

/* POST <admin>/messages with `Content-Type: application/x-ndjson`. */
int push_publish_lines(request_rec *r);

#endif
