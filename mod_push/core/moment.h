#ifndef PUSH_MOMENT_H
#define PUSH_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A moment as people write it: a time of RFC 3339, or, behind a plus sign,
 * seconds from now, with up to three decimals.  And a span of time.
 */

/*
 * In *at, ms since 1970; now likewise.  False: the text is neither of the two,
 * or no such moment exists.
 */
bool push_moment_parse(const char *text, size_t len, int64_t now, int64_t *at);

/* The same of a time of RFC 3339 alone. */
bool push_moment_read(const char *text, size_t len, int64_t *at);

#define PUSH_MOMENT_CHARS 24 /* of 2026-11-30T13:00:00.000Z */

/* As a time of RFC 3339 in UTC, with ms; 0 to the end of the year 9999. */
void push_moment_write(int64_t at, char text[PUSH_MOMENT_CHARS + 1]);

/*
 * A span of time as directives have it: digits, and ms, s, m (or min), h or d
 * behind them, else in this unit.  False: it is none, and *ms is undefined.
 */
bool push_span_read(const char *text, const char *unit, int64_t *ms);

#endif
