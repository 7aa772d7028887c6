#ifndef PUSH_REDIS_SOCKET_H
#define PUSH_REDIS_SOCKET_H

#include <sys/types.h>

#include "redis/resolver.h"
#include "redis/settings.h"

/* A descriptor that never blocks, with TLS or without. */

typedef struct push_socket_t {
    int fd; /* -1: closed */
    struct ssl_st *ssl;
    bool reads_when_writable; /* what TLS wants now and then */
    bool writes_when_readable;
} push_socket_t;

#define PUSH_SOCKET_AGAIN  (-1)
#define PUSH_SOCKET_LOST   (-2)
#define PUSH_SOCKET_NO_TLS (-3)

/* Begins to connect; false, with errno.  It is connected when it is writable
 * and push_socket_connected() says so. */
bool push_socket_open(push_socket_t *socket, const push_endpoint_t *endpoint);

/* False, with errno: it could not be. */
bool push_socket_connected(const push_socket_t *socket);

/* False: no memory. */
bool push_socket_secure(push_socket_t *socket, push_redis_tls_t *tls,
                        const char *host);

/* 1: done; else PUSH_SOCKET_AGAIN, _NO_TLS (the other side speaks none) or,
 * with a sentence in why, _LOST. */
int push_socket_handshake(push_socket_t *socket, char why[PUSH_REDIS_WHY]);

/* Bytes, 0 at the end (of read), PUSH_SOCKET_AGAIN or _LOST. */
ssize_t push_socket_read(push_socket_t *socket, void *to, size_t len);
ssize_t push_socket_write(push_socket_t *socket, const void *from, size_t len);

/* What TLS says of the last _LOST; "" where that is nothing. */
const char *push_socket_reason(const push_socket_t *socket);

void push_socket_close(push_socket_t *socket);

#endif
