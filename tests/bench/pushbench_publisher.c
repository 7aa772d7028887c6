#include "pushbench_publisher.h"

#include "reply.h"
#include "pushbench_net.h"
#include "pushbench_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE  (64 * 1024)
#define MAX_EVENTS 64
#define CHUNK_SIZE (16 * 1024) /* NDJSON: lines in a chunk, about */
#define CHUNK_HEAD 6           /* four digits and a line end */
#define LOOK_UP_NS UINT64_C(5000000)
#define BLOCKED_NS UINT64_C(200000)
/* Deliveries that do not come in this time will not come. */
#define PATIENCE_NS UINT64_C(500000000)

struct publisher;

/* One connection. */
struct conn {
    struct publisher *owner;
    int fd;
    bool connected;
    bool waits_out;    /* the socket was full */
    bool head_sent;    /* NDJSON: the request's head is out */
    bool end_sent;     /* NDJSON: the last chunk is out */
    bool is_over;      /* NDJSON: the answer ended */
    unsigned inflight; /* messages not answered */
    char *out;         /* bytes to send */
    size_t len, off;   /* how many there are, how many are sent */
    struct reply_head head;
    struct reply_body body;
    char line[8]; /* NDJSON: how the answer line begins */
    size_t line_len;
};

/* The process's own state; one thread. */
struct publisher {
    const struct pb_options *options;
    struct pb_shared *shared;
    struct pb_published *published;
    int epoll;
    struct conn *conns;
    unsigned next;      /* the connection whose turn it is */
    uint64_t start;     /* when publishing began; 0 before */
    uint64_t sent;      /* messages so far */
    uint64_t allowed;   /* messages that may be sent without looking */
    uint64_t delivered; /* deliveries at the last look */
    uint64_t progress;  /* when they last grew */
    bool is_blocked;    /* too far ahead of the deliveries */
    bool failed;
    char buffer[READ_SIZE];
};

static void conn_fail(struct conn *conn, const char *why)
{
    if (!conn->owner->failed) {
        fprintf(stderr, "pushbench: publishing failed: %s\n", why);
    }
    conn->owner->failed = true;
}

/* How many deliveries one message makes. */
static uint64_t fan(const struct publisher *self)
{
    return self->options->mode == PB_FANOUT ? self->options->streams : 1;
}

/*
 * Look at how much was delivered and set how far the publisher may go. What
 * did not come for PATIENCE_NS is written off, or a lost message would block
 * for ever.
 */
static void look_at_deliveries(struct publisher *self, uint64_t now)
{
    struct pb_published *published = self->published;
    uint64_t delivered = pb_shared_messages(self->shared);
    uint64_t most = (uint64_t)self->options->ahead * self->options->streams;
    uint64_t owed;

    if (delivered != self->delivered || self->progress == 0) {
        self->delivered = delivered;
        self->progress = now;
    }
    else if (now - self->progress > PATIENCE_NS) {
        owed = self->sent * fan(self) - delivered - published->written_off;
        pb_shared_add(&published->written_off, owed);
        self->progress = now;
    }
    self->allowed = (delivered + published->written_off + most) / fan(self);
    self->is_blocked = self->sent >= self->allowed;
}

static uint64_t due_time(const struct publisher *self)
{
    return self->start
           + self->sent * UINT64_C(1000000000) / self->options->rate;
}

/* Take the next message if it may leave now. */
static bool take_message(struct publisher *self, struct pb_message *message)
{
    uint64_t now = pb_now();

    if (self->shared->phase != PB_PUBLISHING) {
        return false;
    }
    if (self->start == 0) {
        self->start = now;
    }
    message->time = now;
    if (self->options->rate > 0) {
        message->time = due_time(self);
        if (message->time > now) {
            return false;
        }
    }
    else if (!pb_only_publishes(self->options)
             && self->sent >= self->allowed) {
        look_at_deliveries(self, now);
        if (self->is_blocked) {
            return false;
        }
    }
    message->to = self->options->mode == PB_UNICAST
                          || self->options->mode == PB_AWAY
                      ? (unsigned)(self->sent % self->options->streams)
                      : 0;
    self->sent++;
    pb_shared_add(&self->published->sent, 1);
    return true;
}

static void fill_posts(struct conn *conn)
{
    const struct pb_options *options = conn->owner->options;
    struct pb_message message;

    while (conn->inflight < options->depth
           && take_message(conn->owner, &message)) {
        conn->len += pb_wire_post(options, &message, conn->out + conn->len);
        conn->inflight++;
    }
}

/* One chunk with all lines that may leave now. */
static void fill_lines(struct conn *conn)
{
    const struct pb_options *options = conn->owner->options;
    char *chunk = conn->out;
    char digits[CHUNK_HEAD + 1];
    struct pb_message message;
    size_t len = 0;

    if (!conn->head_sent) {
        conn->head_sent = true;
        conn->len = pb_wire_ndjson_head(options, conn->out);
        chunk += conn->len;
    }
    while (conn->inflight < options->window && len < CHUNK_SIZE
           && take_message(conn->owner, &message)) {
        len += pb_wire_ndjson_line(options, &message,
                                   chunk + CHUNK_HEAD + len);
        conn->inflight++;
    }
    if (len > 0) {
        snprintf(digits, sizeof digits, "%04x\r\n", (unsigned)len & 0xffff);
        memcpy(chunk, digits, CHUNK_HEAD);
        memcpy(chunk + CHUNK_HEAD + len, "\r\n", 2);
        conn->len += CHUNK_HEAD + len + 2;
    }
}

static void conn_flush(struct conn *conn)
{
    struct publisher *self = conn->owner;
    ssize_t len;

    if (conn->off == conn->len) {
        return;
    }
    len = send(conn->fd, conn->out + conn->off, conn->len - conn->off,
               MSG_NOSIGNAL);
    if (len < 0 && errno != EAGAIN && errno != EINTR) {
        conn_fail(conn, strerror(errno));
        return;
    }
    if (len > 0) {
        conn->off += (size_t)len;
    }
    if (conn->off == conn->len) {
        conn->off = conn->len = 0;
    }
    if (conn->waits_out != (conn->len > 0)) {
        conn->waits_out = conn->len > 0;
        pb_rewatch(self->epoll, conn->fd,
                   conn->waits_out ? EPOLLIN | EPOLLOUT : EPOLLIN, conn);
    }
}

static void answered(struct conn *conn, bool accepted)
{
    struct pb_published *published = conn->owner->published;

    if (conn->inflight == 0) {
        conn_fail(conn, "an answer that nothing asked for");
        return;
    }
    conn->inflight--;
    pb_shared_add(accepted ? &published->accepted : &published->refused, 1);
}

/* NDJSON: every answer line begins {"id" or {"error". */
static void answer_lines(struct conn *conn, const struct reply_slice *slice)
{
    for (size_t i = 0; i < slice->len; i++) {
        char c = slice->at[i];

        if (c != '\n') {
            if (conn->line_len < sizeof conn->line) {
                conn->line[conn->line_len++] = c;
            }
            continue;
        }
        if (conn->line_len > 0) {
            answered(conn, conn->line_len > 5
                               && memcmp(conn->line, "{\"id\":", 6) == 0);
        }
        conn->line_len = 0;
    }
}

/* Use up some of the answer; returns how many bytes, 0 = no more can be. */
static size_t conn_take(struct conn *conn, const char *at, size_t len)
{
    bool ndjson = conn->owner->options->ndjson;
    struct reply_slice slice = {.at = at, .len = 0};
    size_t used;

    if (conn->is_over) {
        return 0;
    }
    if (!conn->head.done) {
        ptrdiff_t taken = reply_head_feed(&conn->head, at, len);

        if (taken < 0) {
            conn_fail(conn, "no HTTP answer");
            return 0;
        }
        if (conn->head.done) {
            reply_body_init(&conn->body, &conn->head);
        }
        if (!conn->head.done || !conn->body.done) {
            return (size_t)taken;
        }
        used = (size_t)taken;
    }
    else {
        used = reply_body_feed(&conn->body, at, len, &slice);
    }
    if (ndjson && conn->head.status / 100 == 2) {
        answer_lines(conn, &slice);
    }
    else if (ndjson) {
        fprintf(stderr, "pushbench: status %d: %.*s\n", conn->head.status,
                (int)slice.len, slice.at);
        conn_fail(conn, "NDJSON is refused");
    }
    if (conn->body.done && ndjson) {
        conn->is_over = true;
    }
    else if (conn->body.done) {
        answered(conn, conn->head.status / 100 == 2);
        reply_head_init(&conn->head);
    }
    return used;
}

static void conn_read(struct conn *conn)
{
    struct publisher *self = conn->owner;
    ssize_t len = recv(conn->fd, self->buffer, READ_SIZE, 0);
    size_t off = 0;

    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (len <= 0) {
        if (!conn->is_over) {
            conn_fail(conn, len < 0 ? strerror(errno) : "closed by server");
        }
        return;
    }
    while (off < (size_t)len && !self->failed) {
        size_t used = conn_take(conn, self->buffer + off, (size_t)len - off);

        if (used == 0) {
            break;
        }
        off += used;
    }
}

static void conn_event(struct conn *conn, uint32_t events)
{
    int error;

    if (conn->connected) {
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
            conn_read(conn);
        }
        return;
    }
    error = pb_connect_error(conn->fd);
    if (error != 0) {
        conn_fail(conn, strerror(error));
        return;
    }
    conn->connected = true;
    pb_rewatch(conn->owner->epoll, conn->fd, EPOLLIN, conn);
    pb_shared_add(&conn->owner->published->connected, 1);
}

/* Give every connection that has sent all it had the next of its work. */
static void publish(struct publisher *self)
{
    unsigned conns = self->options->conns;
    unsigned last = self->next;

    for (unsigned i = 0; i < conns; i++) {
        struct conn *conn = &self->conns[(self->next + i) % conns];

        if (!conn->connected) {
            continue;
        }
        if (conn->len == 0 && self->options->ndjson) {
            fill_lines(conn);
        }
        else if (conn->len == 0) {
            fill_posts(conn);
        }
        if (conn->len > 0) {
            last = (self->next + i + 1) % conns;
        }
        conn_flush(conn);
    }
    self->next = last;
}

/* End what can end. Returns whether all answers are in. */
static bool finish(struct publisher *self)
{
    bool all = true;

    for (unsigned i = 0; i < self->options->conns; i++) {
        struct conn *conn = &self->conns[i];
        bool idle = conn->inflight == 0 && conn->len == 0;

        if (self->options->ndjson && conn->head_sent && idle
            && !conn->end_sent) {
            conn->end_sent = true;
            memcpy(conn->out, "0\r\n\r\n", 5);
            conn->len = 5;
            conn_flush(conn);
        }
        all = all && idle && (!conn->head_sent || conn->is_over);
    }
    return all;
}

static uint64_t wait_time(const struct publisher *self)
{
    uint64_t now, due;

    if (self->options->rate > 0 && self->start > 0) {
        now = pb_now();
        due = due_time(self);
        if (due <= now) {
            return LOOK_UP_NS; /* every connection is busy */
        }
        return due - now < LOOK_UP_NS ? due - now : LOOK_UP_NS;
    }
    return self->is_blocked ? BLOCKED_NS : LOOK_UP_NS;
}

static bool conn_init(struct publisher *self, struct conn *conn, unsigned i)
{
    const struct pb_options *options = self->options;
    size_t request = PB_REQUEST_ROOM + options->size;
    size_t room = options->ndjson ? CHUNK_SIZE + 2 * request
                                  : request * options->depth;
    struct sockaddr_in server = options->server;

    server.sin_port = htons(
        (uint16_t)(ntohs(server.sin_port) + pb_publisher_node(options, i)));
    conn->owner = self;
    conn->out = malloc(room);
    conn->fd = pb_connect_begin(&server, i % options->sources);
    reply_head_init(&conn->head);
    return conn->out && conn->fd >= 0
           && pb_watch(self->epoll, conn->fd, EPOLLOUT, conn);
}

static bool publisher_init(struct publisher *self)
{
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->conns = calloc(self->options->conns, sizeof *self->conns);
    if (self->epoll < 0 || !self->conns) {
        return false;
    }
    for (unsigned i = 0; i < self->options->conns; i++) {
        if (!conn_init(self, &self->conns[i], i)) {
            return false;
        }
    }
    return true;
}

static void publisher_loop(struct publisher *self)
{
    struct epoll_event events[MAX_EVENTS];
    int phase = self->shared->phase;

    while (!self->failed && phase != PB_ENDING) {
        int count = pb_wait(self->epoll, events, MAX_EVENTS, wait_time(self));

        for (int i = 0; i < count; i++) {
            conn_event(events[i].data.ptr, events[i].events);
        }
        publish(self);
        phase = self->shared->phase;
        if (phase == PB_DRAINING && finish(self)) {
            return;
        }
    }
}

int pb_publisher_run(const struct pb_options *options,
                     struct pb_shared *shared)
{
    struct publisher *self = calloc(1, sizeof *self);
    bool ok;

    if (!self) {
        return 2;
    }
    self->options = options;
    self->shared = shared;
    self->published = &shared->published;
    ok = publisher_init(self);
    if (ok) {
        publisher_loop(self);
    }
    else {
        perror("pushbench: publisher");
    }
    for (unsigned i = 0; self->conns && i < options->conns; i++) {
        free(self->conns[i].out);
    }
    ok = ok && !self->failed;
    free(self->conns);
    free(self);
    return ok ? 0 : 2;
}
