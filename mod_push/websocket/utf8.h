#ifndef PUSH_UTF8_H
#define PUSH_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * UTF-8 (RFC 3629) that comes in parts, which may end within a character.  A
 * state of 0 is the beginning, or behind a whole character.
 */

#define PUSH_UTF8_WRONG UINT8_MAX

/* The state behind these bytes; PUSH_UTF8_WRONG, for ever, if they are none. */
uint8_t push_utf8_check(uint8_t state, const char *bytes, size_t len);

#endif
