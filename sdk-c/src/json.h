/* json.h - the few JSON objects of the wire; jansson is in json.c alone. */
#ifndef PUSHC_JSON_H
#define PUSHC_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "mem.h"

/* The data of push.gap and push.bye. A member that is absent, or of another
 * type, is 0 or "". */
struct pushc_notice {
    uint64_t dropped;
    uint64_t spread;
    char reason[64];
    char urgency[16];
};
void pushc_json_notice(const char *text, size_t length,
                       struct pushc_notice *out);

/* Read the answer to a publication into result: status PUSHC_OK with the
 * fields that the answer has, PUSHC_ERR_HTTP with http_status and detail,
 * PUSHC_ERR_PROTOCOL, or PUSHC_ERR_MEMORY. Other fields of result stay. */
void pushc_json_result(const char *text, size_t length, pushc_result *result);

/* Whether a line answers no publication, but says why the server ends the
 * request (docs/protocol.md, "Publish many"). */
int pushc_json_is_end(const char *text, size_t length);

/* The detail (or title) of application/problem+json, or "". */
void pushc_json_problem(const char *text, size_t length, char *out,
                        size_t size);

/* Append the NDJSON line of a message. PUSHC_OK or PUSHC_ERR_MEMORY. */
int pushc_json_line(struct pushc_buf *out, const pushc_outgoing *m,
                    const char *key);

#endif
