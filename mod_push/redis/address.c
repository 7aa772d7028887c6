#include "redis/address.h"

#include <stdio.h>
#include <string.h>

bool push_address_same(const push_address_t *a, const push_address_t *b)
{
    return a->port == b->port && !strcmp(a->host, b->host);
}

bool push_address_set(push_address_t *address, const char *host, size_t len,
                      unsigned port)
{
    if (!len || len > PUSH_REDIS_HOST_MAX || port > UINT16_MAX
        || memchr(host, '\0', len)) {
        return false;
    }
    memcpy(address->host, host, len);
    address->host[len] = '\0';
    address->port = (uint16_t)port;
    return true;
}

const char *push_address_format(const push_address_t *address,
                                char room[PUSH_REDIS_ADDRESS_TEXT])
{
    if (!address->port) {
        snprintf(room, PUSH_REDIS_ADDRESS_TEXT, "%s", address->host);
    }
    else {
        snprintf(room, PUSH_REDIS_ADDRESS_TEXT,
                 strchr(address->host, ':') ? "[%s]:%u" : "%s:%u",
                 address->host, address->port);
    }
    return room;
}
