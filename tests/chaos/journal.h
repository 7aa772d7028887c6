/*
 * What the actors of a run saw, for push-checker: JSON lines with the time
 * (tests/checker/README.md).
 */
#ifndef CHAOS_JOURNAL_H
#define CHAOS_JOURNAL_H

#include <stddef.h>

struct journal;

/* A new, empty journal, in a file of /tmp with a name of its own. It
 * lives until the test ends; that of a test that fails stays, and with PUSH_KEEP set
 * each one. */
struct journal *journal_open(void);

/* Write one line: the members behind "t", without braces. Nothing where j is
 * NULL. */
void journal_line(struct journal *j, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Write one line that another actor made, with its time and its end. */
void journal_copy(struct journal *j, const char *line, size_t length);

/* What push-checker says of all that is in it so far; NULL: nothing is wrong. */
const char *journal_verdict(struct journal *j);

/* Fail the test unless push-checker finds no violation in all of it. */
void journal_judge(struct journal *j);

#endif
