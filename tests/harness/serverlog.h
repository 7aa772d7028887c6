/*
 * What a server's logs say, and whether a test may end with it.
 */
#ifndef HARNESS_SERVERLOG_H
#define HARNESS_SERVERLOG_H

#include "server.h"

/* How many lines of the error log hold text. */
int serverlog_count(const struct server *s, const char *text);

/* What the logs hold that they must not: the first such line, or a
 * sanitizer's report. NULL where all is well. */
const char *serverlog_fault(const struct server *s);

#endif
