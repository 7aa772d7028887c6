#ifndef PUSH_TLS_H
#define PUSH_TLS_H

#include "stream/transport/transport.h"

/*
 * The connection that mod_ssl made, without mod_ssl.  What is sent goes out in
 * full records; one that the socket did not take whole is kept, since TLS must
 * write it again unchanged.  What the peer says to the TLS layer is done.
 */
extern const push_transport_t push_transport_tls;

#endif
