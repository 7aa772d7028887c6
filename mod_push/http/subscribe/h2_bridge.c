#include "http/subscribe/h2_bridge.h"

#include <apr_portable.h>
#include <errno.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <util_filter.h>

#include "http/problem.h"
#include "http/runtime.h"
#include "http/verbatim.h"
#include "stream/handover.h"

/*
 * A request over HTTP/2 (it has c->master) owns no socket: mod_http2 runs it
 * on a worker thread, with filters that lead to the connection's.  So the
 * reactor gets one end of a socket pair as if it were the client's, and the
 * request's thread passes what it reads at the other end down the filters,
 * with a flush.  It ends when the reactor closes its end, after what was
 * written last, or when a write fails or the connection is aborted.  For that
 * it looks up now and then, since mod_http2 waits for this thread before it
 * lets go of the connection.  The reactor has copies of all it needs: nothing
 * of the request.  An answer that was published whole comes with its own head,
 * which becomes that of the request.
 *
 * Threads are few.  mod_http2 lets a connection have six requests at work, and
 * while a connection has streams it keeps a thread of the MPM as well: as many
 * such connections as ThreadsPerChild leave nothing for anybody else
 * (PUSH0052).  httpd waits for its threads before the cleanup that stops the
 * reactors, so child_stopping ends bridged streams first.
 */

APLOG_USE_MODULE(push);

/*
 * At most so many over one connection.  mod_http2 gives a connection six
 * threads at first: what is left serves its acknowledgements.
 */
#define CONNECTION_MAX 4u

/*
 * Messages that are not yet sent stay in the mailbox, not in the socket pair.
 */
#define NOT_SENT_MAX (16 << 10)
#define READ_SIZE    (16 << 10)

/* How often a silent stream looks whether its client has left. */
#define POLL_MS 200

static _Atomic unsigned bridges; /* of this child */

/* The error log says once why streams are few, or refused. */
static void warn_once(request_rec *r)
{
    static atomic_flag warned = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&warned)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "PUSH0050: a stream was asked for over HTTP/2, where "
                      "each holds a worker thread: at most %u at a time in a "
                      "child (PushMaxBlockingStreams). Set \"Protocols "
                      "http/1.1\" on the virtual host of the streams",
                      push_runtime()->max_blocking);
    }
}

const char *push_h2_bridge_refusal(request_rec *r)
{
    warn_once(r);
    return push_runtime()->max_blocking
               ? NULL
               : "streams need HTTP/1.1 here: set \"Protocols http/1.1\", or "
                 "PushMaxBlockingStreams above 0";
}

static bool take_one(_Atomic unsigned *count, unsigned most)
{
    if (atomic_fetch_add(count, 1) < most) {
        return true;
    }
    atomic_fetch_sub(count, 1);
    return false;
}

const char *push_h2_bridge_begin(request_rec *r)
{
    if (!take_one(push_handover_bridges(r), CONNECTION_MAX)) {
        return "this connection carries as many streams as it may: 4";
    }
    if (!take_one(&bridges, push_runtime()->max_blocking)) {
        atomic_fetch_sub(push_handover_bridges(r), 1);
        return "this child carries as many streams over HTTP/2 as it may "
               "(PushMaxBlockingStreams)";
    }
    return NULL;
}

void push_h2_bridge_end(request_rec *r)
{
    atomic_fetch_sub(push_handover_bridges(r), 1);
    atomic_fetch_sub(&bridges, 1);
}

/* Without it a client that vanished would hold its threads for minutes. */
static void set_write_timeout(request_rec *r, int write_timeout)
{
    apr_os_sock_t fd = -1;

    if (apr_os_sock_get(&fd, ap_get_conn_socket(r->connection->master))
        == APR_SUCCESS) {
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &write_timeout,
                   sizeof(write_timeout));
    }
}

/* All that is there now goes to the client, at once. */
static bool pass_on(request_rec *r, apr_bucket_brigade *out, const char *bytes,
                    size_t count)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_status_t status;

    APR_BRIGADE_INSERT_TAIL(out,
                            apr_bucket_transient_create(bytes, count, alloc));
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_flush_create(alloc));
    status = ap_pass_brigade(r->output_filters, out);
    apr_brigade_cleanup(out);
    return status == APR_SUCCESS && !r->connection->aborted;
}

/* Bytes that came, 0 at the end of the stream, -1: nothing yet. */
static ssize_t await_bytes(int fd, char *bytes, size_t room)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ssize_t got = -1;

    if (poll(&wait, 1, POLL_MS) > 0) {
        got = recv(fd, bytes, room, MSG_DONTWAIT);
        if (got < 0 && errno != EINTR && errno != EAGAIN) {
            got = 0;
        }
    }
    return got;
}

/* ---- a whole answer ---- */

/* The first bytes of an answer that brings its own head; bytes is NULL for one
 * whose head is sent, or is taken. */
typedef struct {
    apr_array_header_t *bytes;
} head_t;

static int set_header(void *data, const char *name, const char *value)
{
    request_rec *r = data;

    if (strcasecmp(name, "Content-Type")) {
        apr_table_addn(r->headers_out, name, value);
    }
    else {
        ap_set_content_type(r, value);
    }
    return 1;
}

/* In the place of all that was to be said of a stream. */
static void set_head(request_rec *r, const push_verbatim_t *answer)
{
    apr_table_clear(r->headers_out);
    apr_table_clear(r->err_headers_out);
    r->status = answer->code;
    r->status_line = NULL;
    ap_set_content_type(r, NULL);
    apr_table_do(set_header, r, answer->headers, NULL);
}

/* Takes bytes that came; what of them is body is left. False: the answer is
 * none. */
static bool take_head(request_rec *r, head_t *head, push_text_t *came)
{
    push_verbatim_t answer;
    push_text_t all;
    int64_t len;

    apr_array_cat(head->bytes, &(const apr_array_header_t){
                                   .elt_size = 1,
                                   .nelts = (int)came->len,
                                   .elts = (char *)(uintptr_t)came->at});
    all = (push_text_t){head->bytes->elts, (uint32_t)head->bytes->nelts};
    len = push_verbatim_read(r->pool, all, &answer);
    *came = (push_text_t){0};
    if (len > 0) {
        set_head(r, &answer);
        head->bytes = NULL;
        *came = (push_text_t){all.at + len, all.len - (uint32_t)len};
    }
    return len >= 0;
}

static bool take(request_rec *r, head_t *head, apr_bucket_brigade *out,
                 push_text_t came)
{
    if (head->bytes && !take_head(r, head, &came)) {
        return false;
    }
    return !came.len || pass_on(r, out, came.at, came.len);
}

static void carry(request_rec *r, int fd, head_t *head)
{
    apr_bucket_brigade *out = apr_brigade_create(r->pool,
                                                 r->connection->bucket_alloc);
    char bytes[READ_SIZE];
    bool open = true;

    while (open && !r->connection->aborted) {
        ssize_t got = await_bytes(fd, bytes, sizeof(bytes));

        if (got >= 0) {
            open = got
                   && take(r, head, out, (push_text_t){bytes, (uint32_t)got});
        }
    }
}

/* A socket that is closed with bytes in it is an error at the other end. */
static void hang_up(int fd)
{
    char ignored[4096];

    shutdown(fd, SHUT_RDWR);
    while (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) > 0) {
    }
    close(fd);
}

bool push_h2_bridge_run(request_rec *r, const push_reservation_t *reservation,
                        const push_adoption_t *adoption, int write_timeout)
{
    static const int not_sent = NOT_SENT_MAX;
    push_adoption_t bridged = *adoption;
    head_t head = {0};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, errno, r,
                      "PUSH0051: no descriptors for a stream over HTTP/2");
        return false;
    }
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &not_sent, sizeof(not_sent));
    set_write_timeout(r, write_timeout);
    bridged.fd = pair[0];
    bridged.bridged = true;
    push_reservation_adopt(reservation, &bridged);
    if (adoption->codec == PUSH_CODEC_VERBATIM) {
        head.bytes = apr_array_make(r->pool, 512, 1);
    }
    carry(r, pair[1], &head);
    hang_up(pair[1]);
    if (head.bytes && !r->connection->aborted) {
        push_problem_send(r, push_problem(r->pool, 503, "busy",
                                          "the request could not be held "
                                          "until its end"));
    }
    return true;
}
