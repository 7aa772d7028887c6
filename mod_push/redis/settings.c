#include "redis/settings.h"

#include <stdio.h>
#include <string.h>

/* Of two texts that the operator wrote. */
static bool differ(const char *one, const char *other)
{
    return strcmp(one, other) != 0;
}

/* What differs between two URLs that must agree in it; NULL: nothing. */
static const char *difference(const push_redis_url_t *a,
                              const push_redis_url_t *b)
{
    if (!a->address.port || !b->address.port) {
        return "is not the only one, which a Unix socket must be";
    }
    if (a->tls != b->tls || a->sentinel != b->sentinel) {
        return "has another scheme than the first";
    }
    if (differ(a->user, b->user)) {
        return "has another user than the first";
    }
    if (differ(a->password, b->password)) {
        return "has another password than the first";
    }
    if (differ(a->master, b->master)) {
        return "has another name of the master than the first";
    }
    if (differ(a->sentinel_user, b->sentinel_user)
        || differ(a->sentinel_password, b->sentinel_password)) {
        return "has another user or password of the sentinels than the first";
    }
    return NULL;
}

bool push_redis_settings_add(push_redis_settings_t *settings, const char *text,
                             char why[PUSH_REDIS_WHY])
{
    push_redis_url_t url;
    char reason[PUSH_REDIS_WHY];
    const char *differs = NULL;
    unsigned number = settings->count + 1;

    if (settings->count == PUSH_REDIS_URLS) {
        snprintf(why, PUSH_REDIS_WHY, "there are more than %u URLs",
                 PUSH_REDIS_URLS);
        return false;
    }
    if (!push_redis_url_parse(&url, text, reason)) {
        snprintf(why, PUSH_REDIS_WHY, "URL %u: %.*s", number,
                 PUSH_REDIS_WHY - 24, reason);
        return false;
    }
    if (settings->count) {
        differs = difference(&settings->urls[0], &url);
    }
    if (differs) {
        snprintf(why, PUSH_REDIS_WHY, "URL %u %s", number, differs);
        return false;
    }
    settings->urls[settings->count++] = url;
    return true;
}
