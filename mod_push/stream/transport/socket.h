#ifndef PUSH_SOCKET_H
#define PUSH_SOCKET_H

#include "stream/transport/transport.h"

/* What all transports over sockets have in common; see push_transport_t. */

bool push_socket_watch(const push_link_t *link, int epoll, uint32_t data);
uint64_t push_socket_arrived(const push_link_t *link);

#endif
