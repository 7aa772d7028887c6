#ifndef PUSH_REDIS_URL_H
#define PUSH_REDIS_URL_H

#include "redis/address.h"

/*
 * How a server is named in the configuration:
 *
 *     redis://[user[:password]@]host[:port][/0]       rediss:// with TLS
 *     redis+sentinel://[…@]host[:port]/MASTERNAME     rediss+sentinel://
 *     unix://[user[:password]@]/path
 *
 * User and password are percent-decoded; ":password@" alone is the password of
 * the default user.  An IPv6 address stands in brackets.  The port is 6379, of
 * a sentinel 26379, unless it is said.
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
} push_redis_url_t;

/* False, with a sentence in why that names the part and what it may be. */
bool push_redis_url_parse(push_redis_url_t *url, const char *text,
                          char why[PUSH_REDIS_WHY]);

#endif
