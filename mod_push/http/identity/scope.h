#ifndef PUSH_SCOPE_H
#define PUSH_SCOPE_H

#include <stdbool.h>

/*
 * What somebody may publish to, in the configuration and in the publish claim
 * of tokens: channel:PATTERN, user:PATTERN (pattern.h), broadcast, or * for
 * all of them.
 */

bool push_scope_valid(const char *scope);

/* kind is "channel" or "user", or NULL: to everybody. */
bool push_scope_allows(const char *scope, const char *kind, const char *name);

#endif
