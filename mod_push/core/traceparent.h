#ifndef PUSH_TRACEPARENT_H
#define PUSH_TRACEPARENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The context of a distributed trace, as the header `traceparent` names it
 * (W3C Trace Context, section 3.2): 16 bytes of trace id, 8 of parent id, and
 * a byte of flags.  It is passed on as it came, in version 00.
 */

#define PUSH_TRACEPARENT_BYTES    25u
#define PUSH_TRACEPARENT_CHARS    55u
#define PUSH_TRACEPARENT_ID_AT    3u /* of these, the trace id */
#define PUSH_TRACEPARENT_ID_CHARS 32u

/*
 * Reads the text of such a header into PUSH_TRACEPARENT_BYTES.  False: it is
 * malformed, or an id in it is all zero; the bytes are undefined then.  Of a
 * version that came later the fields of version 00 are taken; flags that
 * nobody defined are cleared.
 */
bool push_traceparent_parse(const char *text, size_t len, char *trace);

/* Writes PUSH_TRACEPARENT_CHARS, without a NUL. */
void push_traceparent_write(const char *trace, char *text);

#endif
