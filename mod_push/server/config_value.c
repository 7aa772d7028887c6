#include "server/config_value.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

bool push_value_count(const char *text, int64_t *value)
{
    char *end;

    if (!apr_isdigit(*text)) {
        return false;
    }
    errno = 0;
    *value = apr_strtoi64(text, &end, 10);
    return !*end && !errno;
}

bool push_value_size(const char *text, int64_t *value)
{
    static const char suffixes[] = "KMG";
    const char *suffix;
    char *end;
    int64_t unit = 1;

    if (!apr_isdigit(*text)) {
        return false;
    }
    errno = 0;
    *value = apr_strtoi64(text, &end, 10);
    suffix = *end ? strchr(suffixes, apr_toupper(*end)) : NULL;
    if (suffix) {
        unit = 1LL << (10 * (suffix - suffixes + 1));
        end++;
    }
    if (*end || errno || *value > INT64_MAX / unit) {
        return false;
    }
    *value *= unit;
    return true;
}
