#ifndef PUSH_TCP_H
#define PUSH_TCP_H

#include "stream/transport/transport.h"

/* A socket as it is: TCP, or the pair to a worker thread (HTTP/2). */
extern const push_transport_t push_transport_tcp;

#endif
