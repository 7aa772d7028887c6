/*
 * What the harness hands out lives until its test ends.
 *
 * Answers, streams, strings and servers are all registered here, so that a
 * test needs no clean-up and still leaks nothing.
 */
#ifndef HARNESS_KEEP_H
#define HARNESS_KEEP_H

#include <stddef.h>

/* Have release(object) called when the test ends, last in first out.
 * Returns object; aborts the test when memory is out. */
void *keep(void *object, void (*release)(void *));

/* Give a copy of length bytes with a NUL after them. */
char *keep_copy(const void *bytes, size_t length);

/* Give a formatted string. */
char *keep_printf(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Read a whole file; an empty string where there is none. The length goes to
 * *length where that is not NULL. */
char *keep_file(const char *path, size_t *length);

/* Release everything. */
void keep_end(void);

#endif
