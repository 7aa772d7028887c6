#ifndef PUSH_FRAME_H
#define PUSH_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "core/types.h"

/*
 * Server-Sent Events (WHATWG HTML, "Server-sent events"): a message as it
 * goes over the wire.  A message is framed once, when it is published, all
 * but its `id: SEQ.` prefix, which differs for every device.
 */

#define PUSH_EVENT_MAX 64

typedef struct push_content_t {
    push_text_t event; /* SSE event type; empty for none */
    push_text_t data;  /* payload, any bytes */
    bool ack_now;      /* the publisher asked for a receipt */
} push_content_t;

/* [A-Za-z0-9._:-]{1,64}; the reserved prefix "push." is not looked at. */
bool push_event_valid(const char *text, size_t len);

/* True if data can go as text: valid UTF-8 without NUL. */
bool push_text_valid(const char *data, size_t len);

/* Bytes that push_frame_write() will write; SIZE_MAX if uncountable. */
size_t push_frame_size(const push_content_t *content);

/*
 * Writes the fields of the event and the empty line that ends it.  CR, LF and
 * CRLF in the payload all end a `data:` line; what is no text goes as base64
 * with the field `enc: base64`.  Returns the end of what it wrote.
 */
char *push_frame_write(const push_content_t *content, char *out);

#endif
