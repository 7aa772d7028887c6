#include "server/config_value.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <httpd.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

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

/* httpd looks at the first letters of a suffix only. */
static bool is_time_suffix(const char *text)
{
    static const char *const suffixes[] = {"", "ms", "s", "min", "h"};
    size_t i = 0;

    while (i < sizeof(suffixes) / sizeof(suffixes[0])
           && strcasecmp(text, suffixes[i])) {
        i++;
    }
    return i < sizeof(suffixes) / sizeof(suffixes[0]);
}

bool push_value_time(const char *text, const char *unit, int64_t *value)
{
    apr_interval_time_t interval;

    if (!apr_isdigit(*text)
        || !is_time_suffix(text + strspn(text, "0123456789"))
        || ap_timeout_parameter_parse(text, &interval, unit) != APR_SUCCESS) {
        return false;
    }
    *value = interval / 1000;
    return true;
}
