#include "pushbench_bare.h"

#include "pushbench_net.h"
#include "pushbench_wire.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_EVENTS 512
#define BACKLOG    4096
#define BATCH      120u       /* messages a call, as many as mod_push writes */
#define NOT_SENT   (16 << 10) /* as mod_push sets it */
#define READ_SIZE  (16 * 1024)
#define LOOK_UP_NS UINT64_C(5000000)

/* As long as mod_push's, of which it sends the same headers. */
static const char HEAD[] =
    "HTTP/1.1 200 OK\r\n"
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
    "Server: Apache/2.4.71 (Debian)\r\n"
    "Cache-Control: no-store, private, no-transform\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Accel-Buffering: no\r\n"
    "Push-Window: 1000\r\n"
    "Push-Max-Message: 65536\r\n"
    "Push-Device: AAAAAAAAAAAAAAAAAAAAAA\r\n"
    "Push-Session: AAAAAAAAAAA\r\n"
    "Vary: Origin, Cookie, Authorization\r\n"
    "Connection: close\r\n"
    "Content-Type: text/event-stream; charset=utf-8\r\n\r\n"
    "retry: 1000\n\n";
static const char NO_CONTENT[] = "HTTP/1.1 204 No Content\r\n"
                                 "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                                 "Server: Apache/2.4.71 (Debian)\r\n\r\n";

/* One connection, of a stream or of a publisher. */
struct conn {
    int fd;
    bool streams; /* its head was sent */
    bool blocked; /* the socket was full */
    size_t off;   /* a stream: how much of the batch was sent */
    size_t got;   /* a publisher: bytes not yet answered */
};

/* The process's own state; one thread. */
struct bare {
    const struct pb_options *options;
    int epoll, listener;
    struct conn **conns;
    unsigned count, room;
    char *batch; /* what every stream gets again and again */
    size_t batch_len;
    size_t request; /* bytes of a POST: they are all alike */
    char buffer[READ_SIZE];
};

size_t pb_bare_batch(const struct pb_options *options, unsigned count,
                     char *out)
{
    struct pb_message message = {.time = 0, .to = 0};
    size_t len = 0;

    for (unsigned i = 0; i < count; i++) {
        len += (size_t)sprintf(out + len,
                               "id: %u.AAAAAAAAAAA\ndata: ", 10000 + i);
        len += pb_wire_payload(options, &message, out + len);
        memcpy(out + len, "\n\n", 2);
        len += 2;
    }
    return len;
}

static void conn_close(struct conn *conn)
{
    close(conn->fd);
    conn->fd = -1;
    conn->blocked = true;
}

static void conn_send(struct conn *conn, const char *at, size_t len)
{
    if (send(conn->fd, at, len, MSG_NOSIGNAL) != (ssize_t)len) {
        conn_close(conn);
    }
}

/* A request for a stream comes whole; POSTs are counted by their length. */
static void conn_read(struct bare *self, struct conn *conn)
{
    ssize_t len = recv(conn->fd, self->buffer, READ_SIZE, 0);

    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (len <= 0) {
        conn_close(conn);
        return;
    }
    if (!conn->streams && self->options->mode != PB_NONE) {
        conn->streams = true;
        conn_send(conn, HEAD, sizeof HEAD - 1);
        return;
    }
    conn->got += (size_t)len;
    while (conn->fd >= 0 && conn->got >= self->request) {
        conn->got -= self->request;
        conn_send(conn, NO_CONTENT, sizeof NO_CONTENT - 1);
    }
}

static bool make_room(struct bare *self)
{
    unsigned room = self->room ? 2 * self->room : 1024;
    struct conn **conns;

    if (self->count < self->room) {
        return true;
    }
    conns = realloc(self->conns, room * sizeof(struct conn *));
    if (conns) {
        self->conns = conns;
        self->room = room;
    }
    return conns != NULL;
}

static void set_socket(int fd)
{
    int one = 1, not_sent = NOT_SENT;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent, sizeof not_sent);
}

static void accept_all(struct bare *self)
{
    for (;;) {
        struct conn *conn;
        int fd = accept4(self->listener, NULL, NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            return;
        }
        conn = calloc(1, sizeof *conn);
        if (!conn || !make_room(self)) {
            free(conn);
            close(fd);
            return;
        }
        conn->fd = fd;
        self->conns[self->count++] = conn;
        set_socket(fd);
        pb_watch(self->epoll, fd, EPOLLIN | EPOLLOUT | EPOLLET, conn);
    }
}

/* Write one batch, or what is left of it, to each that takes some. Returns
 * whether any did. */
static bool write_all(struct bare *self)
{
    bool wrote = false;

    for (unsigned i = 0; i < self->count; i++) {
        struct conn *conn = self->conns[i];
        ssize_t len;

        if (conn->blocked || !conn->streams) {
            continue;
        }
        len = send(conn->fd, self->batch + conn->off,
                   self->batch_len - conn->off, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (len < 0 && errno != EAGAIN) {
            conn_close(conn);
            continue;
        }
        wrote = wrote || len > 0;
        conn->off += len > 0 ? (size_t)len : 0;
        conn->blocked = conn->off < self->batch_len;
        if (!conn->blocked) {
            conn->off = 0;
        }
    }
    return wrote;
}

static void on_event(struct bare *self, const struct epoll_event *event)
{
    struct conn *conn = event->data.ptr;

    if (!conn) {
        accept_all(self);
        return;
    }
    if (conn->fd >= 0 && event->events & EPOLLIN) {
        conn_read(self, conn);
    }
    if (conn->fd >= 0 && event->events & EPOLLOUT) {
        conn->blocked = false;
    }
}

static void serve(struct bare *self, struct pb_shared *shared)
{
    struct epoll_event events[MAX_EVENTS];
    bool wrote = false;

    while (shared->phase != PB_ENDING) {
        int count = pb_wait(self->epoll, events, MAX_EVENTS,
                            wrote ? 0 : LOOK_UP_NS);

        for (int i = 0; i < count; i++) {
            on_event(self, &events[i]);
        }
        wrote = self->options->mode == PB_FANOUT
                && shared->phase == PB_PUBLISHING && write_all(self);
    }
}

static bool bare_init(struct bare *self)
{
    const struct pb_options *options = self->options;
    struct pb_message message = {.time = 0, .to = 0};
    int one = 1;

    self->batch = malloc(BATCH * (PB_EVENT_ROOM + (size_t)options->size)
                         + PB_REQUEST_ROOM);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->listener = socket(AF_INET,
                            SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (!self->batch || self->epoll < 0 || self->listener < 0) {
        return false;
    }
    self->request = pb_wire_post(options, &message, self->batch);
    self->batch_len = pb_bare_batch(options, BATCH, self->batch);
    setsockopt(self->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(self->listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    return bind(self->listener, (const struct sockaddr *)&options->server,
                sizeof options->server)
               == 0
           && listen(self->listener, BACKLOG) == 0
           && pb_watch(self->epoll, self->listener, EPOLLIN, NULL);
}

static void bare_cleanup(struct bare *self)
{
    for (unsigned i = 0; i < self->count; i++) {
        if (self->conns[i]->fd >= 0) {
            close(self->conns[i]->fd);
        }
        free(self->conns[i]);
    }
    close(self->epoll);
    close(self->listener);
    free(self->conns);
    free(self->batch);
    free(self);
}

static int serve_alone(const struct pb_options *options,
                       struct pb_shared *shared)
{
    struct bare *self = calloc(1, sizeof *self);

    if (!self) {
        return 2;
    }
    self->options = options;
    if (!bare_init(self)) {
        perror("pushbench: the limit's server");
        return 2;
    }
    atomic_fetch_add(&shared->listening, 1);
    serve(self, shared);
    bare_cleanup(self);
    return 0;
}

int pb_bare_run(const struct pb_options *options, struct pb_shared *shared)
{
    int status;

    for (unsigned i = 1; i < options->servers; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            _exit(serve_alone(options, shared));
        }
    }
    status = serve_alone(options, shared);
    while (wait(NULL) > 0) {
    }
    return status;
}
