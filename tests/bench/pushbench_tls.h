/* The client's side of TLS 1.3 over a socket that does not block. */
#ifndef PUSHBENCH_TLS_H
#define PUSHBENCH_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One context for all connections of a process; any certificate will do.
 * NULL when memory is short. SSL_CTX_free() frees it. */
SSL_CTX *pb_tls_context(void);

/* TLS for a socket (borrowed) that is connected. NULL when memory is short.
 * SSL_free() frees it. */
SSL *pb_tls_begin(SSL_CTX *context, int fd);

enum pb_tls_state { PB_TLS_DONE, PB_TLS_READS, PB_TLS_WRITES, PB_TLS_FAILED };

/* Go on with the handshake; says what it waits for. */
enum pb_tls_state pb_tls_handshake(SSL *ssl);

/* As send() of a few bytes: -1 where they are not taken whole. */
ssize_t pb_tls_send(SSL *ssl, const char *at, size_t len);

/* As recv(): 0 at the end, -1 with errno, of which EAGAIN is no failure. More
 * may stand ready that epoll does not tell of: call it until EAGAIN. */
ssize_t pb_tls_recv(SSL *ssl, char *at, size_t room);

#endif
