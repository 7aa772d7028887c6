#ifndef PUSH_BASE64_H
#define PUSH_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* base64 with padding (RFC 4648, section 4). */

static inline size_t push_base64_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Writes push_base64_size(len) characters; returns their end. */
char *push_base64_encode(const char *bytes, size_t len, char *text);

/*
 * Writes the bytes that the text stands for, at most len / 4 * 3, and how
 * many; bytes may be where the text is.  False if it is no such text.
 */
bool push_base64_decode(const char *text, size_t len, char *bytes,
                        size_t *count);

#endif
