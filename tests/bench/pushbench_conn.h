/* A subscriber's connection, plain or by TLS. */
#ifndef PUSHBENCH_CONN_H
#define PUSHBENCH_CONN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pb_conn {
    int fd;   /* -1 when closed */
    SSL *ssl; /* NULL: plain, or not connected yet */
};

/* How far it is. */
enum pb_conn_state { PB_CONN_READY, PB_CONN_WAITS, PB_CONN_FAILED };

/*
 * Go on after an event: the socket may be connected, or has more of the
 * handshake (tls NULL: there is none). Sets what it waits for as epoll says it,
 * or why it failed.
 */
enum pb_conn_state pb_conn_go_on(struct pb_conn *conn, SSL_CTX *tls,
                                 uint32_t *events, const char **why);

/* As send() and recv(). */
ssize_t pb_conn_send(struct pb_conn *conn, const char *at, size_t len);
ssize_t pb_conn_recv(struct pb_conn *conn, char *at, size_t room);

void pb_conn_close(struct pb_conn *conn);

#endif
