#ifndef PUSH_HANDOVER_H
#define PUSH_HANDOVER_H

#include <httpd.h>

#include <openssl/ssl.h>

#include "stream/loop/reactor.h"

/*
 * How a stream leaves httpd: its socket is duplicated, httpd keeps a socket
 * that is connected to nothing, and when httpd has let go of the connection
 * the duplicate goes to a reactor (docs/internals.md, "Streams").
 */

/* pre_connection, before all other modules: its cleanup then runs last. */
int push_handover_prepare(conn_rec *c);

/* mod_ssl made the TLS state of a connection (its hook pre_handshake). */
int push_handover_tls(conn_rec *c, SSL *ssl, int is_proxy);

/* NULL if the connection can be handed over, or why it cannot. */
const char *push_handover_refusal(request_rec *r);

/*
 * True if the client has closed its end already: it gave the attempt up while
 * that waited for a worker.
 */
bool push_handover_abandoned(request_rec *r);

/*
 * For how long the bytes of the request have been here, in ms: a process that
 * stood still finds those of clients that are elsewhere by now, behind a proxy
 * that does not tell.  0 where that is not known.
 */
uint32_t push_handover_waited(request_rec *r);

/*
 * Of an HTTP/2 request (it has a master connection): how many bridges its
 * connection carries, shared by the threads of its requests.
 */
_Atomic unsigned *push_handover_bridges(request_rec *r);

/* Takes filters that rewrite bodies out of the answer. */
void push_handover_filters(request_rec *r);

/*
 * Hands the connection over, after the head was flushed.  write_timeout is
 * in ms.  False if the client has left or there is no descriptor; then the
 * caller checks the device out.
 */
bool push_handover(request_rec *r, const push_reservation_t *reservation,
                   const push_adoption_t *adoption, int write_timeout);

#endif
