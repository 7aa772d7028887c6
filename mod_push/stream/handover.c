#include "stream/handover.h"

#include <ap_mpm.h>
#include <apr_portable.h>
#include <errno.h>
#include <fcntl.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <util_filter.h>

/*
 * The steps, in order.  At pre_connection, before every other module, a
 * cleanup is registered: cleanups run in reverse order, so ours is the last
 * thing that happens to the connection.  The request runs as any other; its
 * handler has a reservation, checks the device in, takes filters that rewrite
 * bodies out of the answer, and flushes the head through the others.
 * push_handover() duplicates the socket, puts one that was never connected on
 * the descriptor that httpd knows, and sets aborted: httpd writes its access
 * log, frees request and connection, and gives the worker back.  Only then the
 * cleanup hands the duplicate to the reactor; before, some filter could still
 * write.
 *
 * TCP_USER_TIMEOUT (PushWriteTimeout) ends a client that takes nothing.
 * TCP_NOTSENT_LOWAT leaves what cannot be sent yet in the mailbox, where a
 * more urgent message can still overtake it.
 */

/* Named here only, as the key of a connection's configuration. */
extern __attribute__((visibility("default")))
module AP_MODULE_DECLARE_DATA push_module;

APLOG_USE_MODULE(push);

/* Messages that are not yet sent stay in the mailbox, not in the kernel. */
#define NOT_SENT_MAX (16 << 10)

/* A connection that may become a stream; in its pool. */
typedef struct {
    bool ready;               /* false: it is still httpd's */
    SSL *ssl;                 /* of mod_ssl; NULL: plain TCP */
    _Atomic unsigned bridges; /* HTTP/2: streams that its requests carry */
    push_reservation_t reservation;
    push_adoption_t adoption;
} leaving_t;

static leaving_t *leaving_of(conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &push_module);
}

/* The last thing that happens to the connection in httpd. */
static apr_status_t left(void *data)
{
    leaving_t *leaving = data;

    if (leaving->ready) {
        leaving->ready = false;
        if (leaving->adoption.ssl) {
            /* mod_ssl has looked at both of them in its own cleanup. */
            SSL_set_app_data(leaving->adoption.ssl, NULL);
            SSL_set_shutdown(leaving->adoption.ssl, 0);
        }
        push_reservation_adopt(&leaving->reservation, &leaving->adoption);
    }
    return APR_SUCCESS;
}

int push_handover_prepare(conn_rec *c)
{
    leaving_t *leaving;

    if (c->master) {
        return DECLINED;
    }
    leaving = apr_pcalloc(c->pool, sizeof(*leaving));
    ap_set_module_config(c->conn_config, &push_module, leaving);
    apr_pool_cleanup_register(c->pool, leaving, left, apr_pool_cleanup_null);
    return DECLINED;
}

int push_handover_tls(conn_rec *c, SSL *ssl, int is_proxy)
{
    leaving_t *leaving = is_proxy || c->master ? NULL : leaving_of(c);

    if (leaving) {
        leaving->ssl = ssl;
    }
    return OK;
}

const char *push_handover_refusal(request_rec *r)
{
    if (ap_ssl_conn_is_ssl(r->connection) && !leaving_of(r->connection)->ssl) {
        return "this TLS connection is not one of mod_ssl's";
    }
    return NULL;
}

bool push_handover_abandoned(request_rec *r)
{
    apr_socket_t *socket = ap_get_conn_socket(r->connection);
    struct pollfd peer = {.events = POLLRDHUP};

    return socket && apr_os_sock_get(&peer.fd, socket) == APR_SUCCESS
           && poll(&peer, 1, 0) == 1;
}

uint32_t push_handover_waited(request_rec *r)
{
    apr_socket_t *socket = ap_get_conn_socket(r->connection);
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    int fd;

    return !r->connection->master && socket
                   && apr_os_sock_get(&fd, socket) == APR_SUCCESS
                   && !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size)
               ? info.tcpi_last_data_recv
               : 0;
}

_Atomic unsigned *push_handover_bridges(request_rec *r)
{
    return &leaving_of(r->connection->master)->bridges;
}

/* Those that change headers only, or belong to the core. */
static bool leaves_bodies_alone(const ap_filter_rec_t *filter)
{
    static const char *const names[] = {
        "fixup_headers_out", "fixup_headers_err", "old_write", "headers"};

    if (filter->ftype >= AP_FTYPE_PROTOCOL) {
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcasecmp(filter->name, names[i])) {
            return true;
        }
    }
    return false;
}

void push_handover_filters(request_rec *r)
{
    ap_filter_t *filter = r->output_filters;

    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    while (filter && filter != r->proto_output_filters) {
        ap_filter_t *next = filter->next;

        if (!leaves_bodies_alone(filter->frec)) {
            ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                          "PUSH0020: filter %s is kept out of the stream",
                          filter->frec->name);
            ap_remove_output_filter(filter);
        }
        filter = next;
    }
}

/* Options that httpd's connections have already cost no system call. */
static void set_usual_options(apr_socket_t *socket)
{
    apr_socket_opt_set(socket, APR_SO_NONBLOCK, 1);
    apr_socket_opt_set(socket, APR_TCP_NODELAY, 1);
}

static void set_options(int fd, int write_timeout)
{
    static const int not_sent = NOT_SENT_MAX;

    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent,
               sizeof(not_sent));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &write_timeout,
               sizeof(write_timeout));
}

/*
 * A socket that is never connected, one for all streams of this process: made
 * by the first that needs it, and never closed.  -1 if there is no descriptor.
 */
static int empty_socket(void)
{
    static _Atomic int empty = -1;
    int none = -1;
    int made;

    if (atomic_load(&empty) >= 0) {
        return atomic_load(&empty);
    }
    made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made >= 0 && !atomic_compare_exchange_strong(&empty, &none, made)) {
        close(made);
        made = none;
    }
    return made;
}

/*
 * Takes the connection off the descriptor that httpd knows, and leaves the
 * unconnected socket there, so that its lingering close touches nothing.
 * Returns the descriptor of the connection, or -1.
 */
static int swap_socket(int fd)
{
    int empty = empty_socket();
    int stream = empty < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int error;

    if (stream >= 0 && dup3(empty, fd, O_CLOEXEC) < 0) {
        error = errno;
        close(stream);
        errno = error;
        stream = -1;
    }
    return stream;
}

/*
 * Puts the TLS connection onto the duplicate.  mod_ssl goes on pointing at
 * the connection and its BIOs until it has cleaned up, so all of them get one
 * more holder.
 */
static void take_tls(leaving_t *leaving)
{
    SSL *ssl = leaving->ssl;

    leaving->adoption.ssl = ssl;
    if (!ssl) {
        return;
    }
    SSL_up_ref(ssl);
    BIO_up_ref(SSL_get_rbio(ssl));
    BIO_up_ref(SSL_get_wbio(ssl));
    SSL_set_fd(ssl, leaving->adoption.fd);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE
                          | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                          | SSL_MODE_RELEASE_BUFFERS);
    SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY); /* see push_tls_peer_left() */
    /* mod_ssl, which would judge another handshake, is gone then. */
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
}

bool push_handover(request_rec *r, const push_reservation_t *reservation,
                   const push_adoption_t *adoption, int write_timeout)
{
    conn_rec *c = r->connection;
    leaving_t *leaving = leaving_of(c);
    apr_socket_t *socket = ap_get_conn_socket(c);
    apr_os_sock_t fd = -1;

    if (!leaving || c->aborted
        || apr_os_sock_get(&fd, socket) != APR_SUCCESS) {
        return false;
    }
    set_usual_options(socket);
    leaving->adoption = *adoption;
    leaving->adoption.fd = swap_socket(fd);
    if (leaving->adoption.fd < 0) {
        /* A child that ends closes its connections under our feet. */
        ap_log_rerror(APLOG_MARK, errno == EBADF ? APLOG_DEBUG : APLOG_WARNING,
                      errno, r, "PUSH0021: no descriptor for the stream");
        return false;
    }
    set_options(leaving->adoption.fd, write_timeout);
    take_tls(leaving);
    leaving->reservation = *reservation;
    leaving->ready = true;
    c->aborted = 1;
    c->keepalive = AP_CONN_CLOSE;
    return true;
}
