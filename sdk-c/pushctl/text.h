/* text.h - values as a person reads them; nothing here prints. */
#ifndef PUSHCTL_TEXT_H
#define PUSHCTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define CTL_TEXT_MAX 64 /* room for any of the forms below */

/* A copy without anything that a terminal would take as a command: control
 * characters and what is not UTF-8 become "?". Freed by the caller; NULL: no
 * memory. */
char *ctl_text_clean(const char *text);

/* How many columns of a terminal a clean text takes. */
size_t ctl_text_width(const char *text);

/* How many bytes of a clean text fit into so many columns. */
size_t ctl_text_fit(const char *text, size_t columns);

/* 1234567 is "1,234,567". */
void ctl_text_count(int64_t n, char out[CTL_TEXT_MAX]);

/* 1536 is "1.5 KiB". */
void ctl_text_bytes(int64_t n, char out[CTL_TEXT_MAX]);

/* 4000 s are "1 h 6 min". */
void ctl_text_seconds(int64_t seconds, char out[CTL_TEXT_MAX]);

/* Milliseconds since 1970 as a local time; with how far that is from now
 * (same unit), where now is not 0. */
void ctl_text_time(int64_t ms, int64_t now, char out[CTL_TEXT_MAX]);

/* Per second, "0.5" or "1,234". */
void ctl_text_rate(double rate, char out[CTL_TEXT_MAX]);

/* Milliseconds since 1970. */
int64_t ctl_text_now(void);

#endif
