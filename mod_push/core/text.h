#ifndef PUSH_TEXT_H
#define PUSH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The characters that the texts of a message may consist of. */

#define PUSH_EVENT_MAX 64
#define PUSH_TYPE_MAX  255

/* True if data can go as text: valid UTF-8 (RFC 3629) without NUL. */
bool push_text_valid(const char *data, size_t len);

/* True if this character is in it. */
static inline bool push_text_has(const char *data, size_t len, char c)
{
    return len && memchr(data, c, len);
}

/* [A-Za-z0-9._:-]{1,64}; the reserved prefix "push." is not looked at. */
bool push_event_valid(const char *text, size_t len);

/*
 * A content type as publishers may give it: 1-255 printable characters of
 * ASCII, the first no blank.  Nobody here looks at what they say.
 */
bool push_type_valid(const char *text, size_t len);

#endif
