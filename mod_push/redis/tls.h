#ifndef PUSH_REDIS_TLS_H
#define PUSH_REDIS_TLS_H

#include "redis/url.h"

/*
 * The TLS of all connections to Redis: TLS 1.2 or later, the server's
 * certificate verified, and that it has the host's name or address.
 */

typedef struct push_redis_tls_t push_redis_tls_t;

/* NULL: those that the system trusts; no certificate of our own. */
typedef struct push_redis_tls_files_t {
    const char *ca; /* PEM, may hold several */
    const char *cert;
    const char *key;
} push_redis_tls_files_t;

/* NULL, with a sentence in why that names the file. */
push_redis_tls_t *push_redis_tls_create(const push_redis_tls_files_t *files,
                                        char why[PUSH_REDIS_WHY]);
void push_redis_tls_destroy(push_redis_tls_t *tls);

/* An SSL of it for the descriptor, a client that expects the host; or NULL. */
struct ssl_st *push_redis_tls_connect(push_redis_tls_t *tls, int fd,
                                      const char *host);

#endif
