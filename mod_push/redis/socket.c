#include "redis/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool push_socket_open(push_socket_t *to, const push_endpoint_t *endpoint)
{
    int on = 1;

    *to = (push_socket_t){.fd = -1};
    to->fd = socket(endpoint->address.ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (to->fd < 0) {
        return false;
    }
    if (endpoint->address.ss_family != AF_UNIX) {
        setsockopt(to->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(to->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    if (!connect(to->fd, (const struct sockaddr *)&endpoint->address,
                 endpoint->len)
        || errno == EINPROGRESS) {
        return true;
    }
    on = errno;
    push_socket_close(to);
    errno = on;
    return false;
}

bool push_socket_connected(const push_socket_t *socket)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &len)) {
        return false;
    }
    errno = error;
    return !error;
}

bool push_socket_secure(push_socket_t *socket, push_redis_tls_t *tls,
                        const char *host)
{
    socket->ssl = push_redis_tls_connect(tls, socket->fd, host);
    return socket->ssl != NULL;
}

static int tls_failed(push_socket_t *socket, int status, bool reading)
{
    switch (SSL_get_error(socket->ssl, status)) {
    case SSL_ERROR_WANT_READ:
        socket->writes_when_readable = !reading;
        return PUSH_SOCKET_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        socket->reads_when_writable = reading;
        return PUSH_SOCKET_AGAIN;
    default:
        return PUSH_SOCKET_LOST;
    }
}

int push_socket_handshake(push_socket_t *socket, char why[PUSH_REDIS_WHY])
{
    unsigned long error;
    long verified;
    int status;

    ERR_clear_error();
    socket->reads_when_writable = false;
    status = SSL_do_handshake(socket->ssl);
    if (status == 1) {
        return 1;
    }
    status = tls_failed(socket, status, true);
    if (status == PUSH_SOCKET_LOST) {
        verified = SSL_get_verify_result(socket->ssl);
        error = ERR_peek_last_error();
        if (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER) {
            return PUSH_SOCKET_NO_TLS;
        }
        snprintf(why, PUSH_REDIS_WHY, "TLS failed: %s",
                 verified != X509_V_OK
                     ? X509_verify_cert_error_string(verified)
                 : ERR_reason_error_string(error)
                     ? ERR_reason_error_string(error)
                     : "the other side closed the connection");
    }
    return status;
}

/* TLS 1.3 refuses a client's certificate after the handshake, at a read. */
static ssize_t tls_read(push_socket_t *socket, void *to, size_t len)
{
    size_t got = 0;

    ERR_clear_error();
    socket->reads_when_writable = false;
    if (SSL_read_ex(socket->ssl, to, len, &got)) {
        return (ssize_t)got;
    }
    if (SSL_get_error(socket->ssl, 0) == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    return tls_failed(socket, 0, true);
}

static ssize_t tls_write(push_socket_t *socket, const void *from, size_t len)
{
    size_t put = 0;

    ERR_clear_error();
    socket->writes_when_readable = false;
    if (SSL_write_ex(socket->ssl, from, len, &put)) {
        return (ssize_t)put;
    }
    return tls_failed(socket, 0, false);
}

const char *push_socket_reason(const push_socket_t *socket)
{
    unsigned long error = socket->ssl ? ERR_peek_last_error() : 0;
    const char *reason = error ? ERR_reason_error_string(error) : NULL;

    return reason ? reason : "";
}

static ssize_t failed(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
               ? PUSH_SOCKET_AGAIN
               : PUSH_SOCKET_LOST;
}

ssize_t push_socket_read(push_socket_t *socket, void *to, size_t len)
{
    ssize_t got;

    if (socket->ssl) {
        return tls_read(socket, to, len);
    }
    got = recv(socket->fd, to, len, 0);
    return got >= 0 ? got : failed();
}

ssize_t push_socket_write(push_socket_t *socket, const void *from, size_t len)
{
    ssize_t put;

    if (socket->ssl) {
        return tls_write(socket, from, len);
    }
    put = send(socket->fd, from, len, MSG_NOSIGNAL);
    return put >= 0 ? put : failed();
}

void push_socket_close(push_socket_t *socket)
{
    if (socket->ssl) {
        SSL_free(socket->ssl);
    }
    if (socket->fd >= 0) {
        close(socket->fd);
    }
    *socket = (push_socket_t){.fd = -1};
}
