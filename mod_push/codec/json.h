#ifndef PUSH_CODEC_JSON_H
#define PUSH_CODEC_JSON_H

#include "codec/codec.h"

/*
 * JSON (RFC 8259), as docs/protocol.md describes a poll's answer: one object a
 * batch.  A payload is the member `data`, as it was published, where it is JSON
 * itself; else `text`, or `base64` where it is no text.
 */
extern const push_codec_t push_codec_json;

/* ---- for other codecs that write such messages ---- */

/* How a payload stands in a message. */
typedef enum push_json_form_t {
    PUSH_JSON_DATA,
    PUSH_JSON_TEXT,
    PUSH_JSON_BASE64
} push_json_form_t;

/* Reads the whole of a payload that is text. */
push_json_form_t push_json_form(const push_message_t *message,
                                const push_text_t *data);

#define PUSH_JSON_HEAD_MAX 6480u /* bytes, with the member behind it */

/* Writes a message up to its payload, and what stands before that; its end. */
char *push_json_head(char *at, const push_letter_t *letter);
const char *push_json_member(push_json_form_t form);

/* What a text comes to between quotes, at most 6 bytes for each of its own. */
size_t push_json_escaped_size(const char *text, size_t len);
char *push_json_escape(char *at, const char *text, size_t len);

/*
 * Adds the text of a letter, from where that resumes: behind wire bytes.  It
 * moves on.
 */
void push_json_add_text(push_output_t *out, push_letter_t *letter,
                        const push_text_t *data, size_t wire);

#endif
