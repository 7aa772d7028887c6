#include "pushbench_conn.h"

#include "pushbench_net.h"
#include "pushbench_tls.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static enum pb_conn_state failed(const char **why, const char *reason)
{
    *why = reason;
    return PB_CONN_FAILED;
}

enum pb_conn_state pb_conn_go_on(struct pb_conn *conn, SSL_CTX *tls,
                                 uint32_t *events, const char **why)
{
    int error = conn->ssl ? 0 : pb_connect_error(conn->fd);

    if (error != 0) {
        return failed(why, strerror(error));
    }
    if (!tls) {
        return PB_CONN_READY;
    }
    if (!conn->ssl) {
        conn->ssl = pb_tls_begin(tls, conn->fd);
    }
    if (!conn->ssl) {
        return failed(why, "out of memory");
    }
    switch (pb_tls_handshake(conn->ssl)) {
    case PB_TLS_DONE:
        return PB_CONN_READY;
    case PB_TLS_FAILED:
        return failed(why, "no TLS");
    case PB_TLS_WRITES:
        *events = EPOLLOUT;
        break;
    case PB_TLS_READS:
        *events = EPOLLIN;
        break;
    }
    return PB_CONN_WAITS;
}

ssize_t pb_conn_send(struct pb_conn *conn, const char *at, size_t len)
{
    return conn->ssl ? pb_tls_send(conn->ssl, at, len)
                     : send(conn->fd, at, len, MSG_NOSIGNAL);
}

ssize_t pb_conn_recv(struct pb_conn *conn, char *at, size_t room)
{
    return conn->ssl ? pb_tls_recv(conn->ssl, at, room)
                     : recv(conn->fd, at, room, 0);
}

void pb_conn_close(struct pb_conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
    close(conn->fd);
    conn->fd = -1;
}
