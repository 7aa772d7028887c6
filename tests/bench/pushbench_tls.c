#include "pushbench_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#define READ_AHEAD (64 * 1024)

SSL_CTX *pb_tls_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context) {
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
        /* one recv() for several records */
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    }
    return context;
}

SSL *pb_tls_begin(SSL_CTX *context, int fd)
{
    SSL *ssl = SSL_new(context);

    if (ssl && !SSL_set_fd(ssl, fd)) {
        SSL_free(ssl);
        return NULL;
    }
    if (ssl) {
        SSL_set_connect_state(ssl);
    }
    return ssl;
}

enum pb_tls_state pb_tls_handshake(SSL *ssl)
{
    int result;

    ERR_clear_error();
    result = SSL_do_handshake(ssl);
    if (result == 1) {
        return PB_TLS_DONE;
    }
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return PB_TLS_READS;
    case SSL_ERROR_WANT_WRITE:
        return PB_TLS_WRITES;
    default:
        return PB_TLS_FAILED;
    }
}

ssize_t pb_tls_send(SSL *ssl, const char *at, size_t len)
{
    size_t sent;

    ERR_clear_error();
    if (!SSL_write_ex(ssl, at, len, &sent)) {
        errno = EPROTO;
        return -1;
    }
    return (ssize_t)sent;
}

ssize_t pb_tls_recv(SSL *ssl, char *at, size_t room)
{
    size_t got;

    ERR_clear_error();
    if (SSL_read_ex(ssl, at, room, &got)) {
        return (ssize_t)got;
    }
    switch (SSL_get_error(ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        errno = EPROTO;
        return -1;
    }
}
