#ifndef PUSH_HTTP_PUBLISH_H
#define PUSH_HTTP_PUBLISH_H

#include <httpd.h>

#include "core/user.h"

/* POST <admin>/messages: one message, or a stream of them as NDJSON. */
int push_publish(request_rec *r);

/* The same for `Content-Type: application/x-ndjson`. */
int push_publish_lines(request_rec *r);

/* Characters of a receipt at most. */
#define PUSH_RECEIPT_CHARS 128u

/*
 * Writes the receipt as a JSON object and a line end, without NUL, to text,
 * which has room for PUSH_RECEIPT_CHARS.  Returns its length.
 */
size_t push_receipt_write(const push_receipt_t *receipt, char *text);

#endif
