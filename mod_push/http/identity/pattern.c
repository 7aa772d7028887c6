#include "http/identity/pattern.h"

#include <string.h>

bool push_pattern_valid(const char *pattern)
{
    const char *star = strchr(pattern, '*');

    return *pattern && (!star || !star[1]);
}

bool push_pattern_matches(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    if (*name == '$' && *pattern != '$') {
        return false;
    }
    if (len && pattern[len - 1] == '*') {
        return !strncmp(pattern, name, len - 1);
    }
    return len && !strcmp(pattern, name);
}
