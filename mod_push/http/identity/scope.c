#include "http/identity/scope.h"

#include <string.h>

#include "http/identity/pattern.h"

/* The pattern of "KIND:PATTERN", or NULL. */
static const char *behind_kind(const char *scope, const char *kind)
{
    size_t len = strlen(kind);

    return !strncmp(scope, kind, len) && scope[len] == ':' ? scope + len + 1
                                                           : NULL;
}

bool push_scope_valid(const char *scope)
{
    const char *pattern = behind_kind(scope, "channel");

    if (!strcmp(scope, "*") || !strcmp(scope, "broadcast")) {
        return true;
    }
    if (!pattern) {
        pattern = behind_kind(scope, "user");
    }
    return pattern && push_pattern_valid(pattern);
}

bool push_scope_allows(const char *scope, const char *kind, const char *name)
{
    const char *pattern = kind ? behind_kind(scope, kind) : NULL;

    return !strcmp(scope, "*") || (!kind && !strcmp(scope, "broadcast"))
           || (pattern && push_pattern_matches(pattern, name));
}
