#ifndef PUSH_REDIS_URL_H
#define PUSH_REDIS_URL_H

#include "redis/address.h"

/*
 * How a server is named in the configuration:
 *
 *     redis://[user[:password]@]host[:port][/0]       rediss:// with TLS
 *     redis+sentinel://[…@]host[:port]/MASTERNAME[?sentinel=[user]:password]
 *     rediss+sentinel://                              likewise, with TLS
 *     unix://[user[:password]@]/path
 *
 * User and password are percent-decoded; ":password@" alone is the password of
 * the default user.  An IPv6 address stands in brackets.  The port is 6379, of
 * a sentinel 26379, unless it is said.  Behind ?sentinel= are user and password
 * of the sentinels themselves, who else are given those of the servers, and may
 * refuse them.
 */

#define PUSH_REDIS_USER_MAX     127u
#define PUSH_REDIS_PASSWORD_MAX 511u
#define PUSH_REDIS_NAME_MAX     127u
#define PUSH_REDIS_WHY          256u

typedef struct push_redis_url_t {
    push_address_t address;
    bool tls;
    bool sentinel;
    char user[PUSH_REDIS_USER_MAX + 1];         /* "": the default user */
    char password[PUSH_REDIS_PASSWORD_MAX + 1]; /* "": none */
    char master[PUSH_REDIS_NAME_MAX + 1];       /* its name at the sentinels */
    char sentinel_user[PUSH_REDIS_USER_MAX + 1];
    char sentinel_password[PUSH_REDIS_PASSWORD_MAX + 1]; /* "": none said */
} push_redis_url_t;

/* "rediss+sentinel://"…, of the same kind of server with TLS or without. */
const char *push_redis_scheme(const push_redis_url_t *url, bool tls);

/* False, with a sentence in why that names the part and what it may be. */
bool push_redis_url_parse(push_redis_url_t *url, const char *text,
                          char why[PUSH_REDIS_WHY]);

#endif
