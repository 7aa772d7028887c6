#ifndef PUSH_PAYLOAD_H
#define PUSH_PAYLOAD_H

#include "codec/output.h"
#include "core/types.h"

/* Payloads as the codecs of texts write them. */

/*
 * Adds the base64 of data: as much as there is room for, from the first group
 * that is not skipped.
 */
void push_payload_base64(push_output_t *out, const push_text_t *data);

/*
 * True if data is a JSON text (RFC 8259) that may stand where a value does, and
 * that no usual reader refuses: no space around it, at most 16 levels deep, no
 * character of an escape that is NUL or half a pair, and numbers that fit a
 * 64-bit integer or a double.  It must be valid UTF-8.
 */
bool push_payload_is_json(const push_text_t *data);

#endif
