#ifndef PUSH_MOMENT_H
#define PUSH_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A moment as people write it: a time of RFC 3339, or, behind a plus sign,
 * seconds from now, with up to three decimals.
 */

/*
 * In *at, ms since 1970; now likewise.  False: the text is neither of the two,
 * or no such moment exists.
 */
bool push_moment_parse(const char *text, size_t len, int64_t now, int64_t *at);

#endif
