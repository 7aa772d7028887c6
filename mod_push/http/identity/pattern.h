#ifndef PUSH_PATTERN_H
#define PUSH_PATTERN_H

#include <stdbool.h>

/*
 * Patterns of names, in the configuration and in tokens: an exact name,
 * prefix*, or *.  Names that begin with $ are the server's own (docs/
 * protocol.md, "Limits"): only a pattern that begins with $ matches them.
 */

bool push_pattern_valid(const char *pattern);

/* Names are no secrets: the time of a comparison tells nothing new. */
bool push_pattern_matches(const char *pattern, const char *name);

#endif
