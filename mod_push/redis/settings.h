#ifndef PUSH_REDIS_SETTINGS_H
#define PUSH_REDIS_SETTINGS_H

#include "redis/tls.h"

/*
 * What all connections of a process share: the nodes that the administrator
 * named, and how they are spoken to.  Filled once; whoever uses it borrows it,
 * and no thread changes it any more.
 */

#define PUSH_REDIS_URLS 16u

typedef struct push_redis_settings_t {
    push_redis_url_t urls[PUSH_REDIS_URLS];
    unsigned count;
    push_redis_tls_t *tls; /* needed if the URLs say so; owned by the caller */
    uint32_t connect_ms;   /* for all until it answers; 0: 1,000 */
    uint32_t reply_ms;     /* a reply is late after so long; 0: 1,000 */
} push_redis_settings_t;

/*
 * Adds a URL, by push_redis_url_parse().  All have the same scheme (but for
 * the one Unix socket, which is alone), user, password and name of the master,
 * and the same of the sentinels.  False, with a sentence in why, which says no
 * password.
 */
bool push_redis_settings_add(push_redis_settings_t *settings, const char *url,
                             char why[PUSH_REDIS_WHY]);

#endif
