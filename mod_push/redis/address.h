#ifndef PUSH_REDIS_ADDRESS_H
#define PUSH_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where one server listens. */

#define PUSH_REDIS_HOST_MAX 255u

typedef struct push_address_t {
    char host[PUSH_REDIS_HOST_MAX + 1]; /* or the path of a Unix socket */
    uint16_t port;                      /* 0: a Unix socket */
} push_address_t;

/* Enough for any address as text. */
#define PUSH_REDIS_ADDRESS_TEXT (PUSH_REDIS_HOST_MAX + 10)

bool push_address_same(const push_address_t *a, const push_address_t *b);

/* False if the host is empty or too long. */
bool push_address_set(push_address_t *address, const char *host, size_t len,
                      unsigned port);

/* "host:port", "[::1]:port" or the path; returns room. */
const char *push_address_format(const push_address_t *address,
                                char room[PUSH_REDIS_ADDRESS_TEXT]);

#endif
