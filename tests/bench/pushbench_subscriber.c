#include "pushbench_subscriber.h"

#include "pushbench_conn.h"
#include "reply.h"
#include "pushbench_net.h"
#include "pushbench_poll.h"
#include "pushbench_sse.h"
#include "pushbench_tls.h"
#include "pushbench_wire.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE  (256 * 1024)
#define MAX_EVENTS 512
#define LOOK_UP_NS UINT64_C(5000000)   /* how often the phase is looked at */
#define HOLD_NS    UINT64_C(100000000) /* hold: once all streams are open */
#define SCAN_NS    UINT64_C(500000000) /* and which streams are silent */

struct subscriber;

/* One subscriber's stream, or its polls, one after the other. */
struct stream {
    struct subscriber *owner;
    struct pb_conn conn;
    bool asked;   /* the request was sent */
    bool reused;  /* and it is not the first one on its connection */
    bool opening; /* among those that are connecting */
    unsigned index;
    uint64_t last;           /* hold: when it was last read, ns */
    struct reply_head *head; /* until the head is read; of a poll: always */
    struct reply_body body;
    union {
        struct pb_count count;   /* if messages are only counted */
        struct pb_events events; /* if they are parsed */
        struct pb_poll poll;     /* if they are polled */
    } sse;
};

/* The process's own state; one thread. */
struct subscriber {
    const struct pb_options *options;
    struct pb_shared *shared;
    struct pb_received *received; /* its counters */
    struct sockaddr_in server;    /* that it connects to */
    SSL_CTX *tls;                 /* NULL: plain */
    int epoll;
    bool parses;         /* messages are parsed */
    bool has_complained; /* one failed stream was reported */
    struct stream *streams;
    unsigned share;       /* streams of this process */
    unsigned first, step; /* the index of stream k is first + k * step */
    unsigned opened;      /* streams begun so far */
    unsigned connecting;  /* begun and not yet ready */
    uint64_t now;         /* time of the read that is being handled */
    uint64_t scanned;     /* hold: when all streams were looked at */
    char *buffer;         /* READ_SIZE bytes for all streams */
};

static void on_message(void *baton, const char *data, size_t len)
{
    struct stream *stream = baton;
    struct subscriber *self = stream->owner;
    struct pb_message message;

    if (!pb_wire_parse(data, len, &message)
        || (self->options->mode == PB_UNICAST
            && message.to != stream->index)) {
        pb_shared_add(&self->received->wrong, 1);
        return;
    }
    pb_shared_add(&self->received->messages, 1);
    pb_shared_add(&self->received->payload, len);
    if (message.time >= self->shared->window_begin
        && message.time < self->shared->window_end) {
        pb_hist_add(&self->received->latency, self->now - message.time);
    }
}

static bool is_in_head(const struct stream *stream)
{
    return stream->head && !stream->head->done;
}

/* The connection is over; what was read stays. */
static void stream_disconnect(struct stream *stream)
{
    pb_conn_close(&stream->conn);
    stream->asked = false;
    stream->reused = false;
    free(stream->head);
    stream->head = NULL;
}

static void stream_ends_opening(struct stream *stream)
{
    if (stream->opening) {
        stream->opening = false;
        stream->owner->connecting--;
    }
}

static void stream_close(struct stream *stream)
{
    const struct subscriber *self = stream->owner;

    stream_ends_opening(stream);
    stream_disconnect(stream);
    if (self->options->polls) {
        pb_poll_cleanup(&stream->sse.poll);
    }
    else if (self->parses) {
        pb_events_cleanup(&stream->sse.events);
    }
}

static void stream_ready(struct stream *stream)
{
    if (stream->opening) {
        stream_ends_opening(stream);
        pb_shared_add(&stream->owner->received->ready, 1);
    }
}

static void stream_fail(struct stream *stream, const char *why)
{
    struct subscriber *self = stream->owner;

    if (!self->has_complained) {
        self->has_complained = true;
        fprintf(stderr, "pushbench: stream %u cannot open: %s\n",
                stream->index, why);
    }
    pb_shared_add(&self->received->failed, 1);
    stream_close(stream);
}

/* An open stream ended; nobody asked for that. */
static void stream_lost(struct stream *stream, const char *why)
{
    struct subscriber *self = stream->owner;

    if (self->options->mode == PB_HOLD && !self->has_complained) {
        self->has_complained = true;
        fprintf(stderr, "pushbench: stream %u was lost: %s\n", stream->index,
                why);
    }
    pb_shared_add(&self->received->closed, 1);
    stream_close(stream);
}

/* Returns whether the request was sent; else the stream failed. */
static bool stream_ask(struct stream *stream)
{
    const struct pb_options *options = stream->owner->options;
    const struct pb_cursor *cursor = &stream->sse.poll.cursor;
    char out[PB_REQUEST_ROOM];
    size_t len = options->polls
                     ? pb_wire_poll(options, stream->index, cursor, out)
                     : pb_wire_subscribe(options, stream->index, out);

    if (pb_conn_send(&stream->conn, out, len) != (ssize_t)len) {
        stream_fail(stream, strerror(errno));
        return false;
    }
    /* nchan answers a poll when there is a message, and not before */
    if (options->polls && options->target == PB_NCHAN) {
        stream_ready(stream);
    }
    return true;
}

/* The connection is ready: ask for the stream. */
static void stream_request(struct stream *stream)
{
    struct subscriber *self = stream->owner;

    stream->asked = true;
    if (stream_ask(stream)
        && !pb_rewatch(self->epoll, stream->conn.fd, EPOLLIN, stream)) {
        stream_fail(stream, strerror(errno));
    }
}

/* On the way to the request. */
static void stream_go_on(struct stream *stream)
{
    struct subscriber *self = stream->owner;
    const char *why;
    uint32_t events;

    switch (pb_conn_go_on(&stream->conn, self->tls, &events, &why)) {
    case PB_CONN_READY:
        stream_request(stream);
        break;
    case PB_CONN_FAILED:
        stream_fail(stream, why);
        break;
    case PB_CONN_WAITS:
        if (!pb_rewatch(self->epoll, stream->conn.fd, events, stream)) {
            stream_fail(stream, strerror(errno));
        }
        break;
    }
}

static void stream_connect(struct stream *stream)
{
    struct subscriber *self = stream->owner;
    const struct pb_options *options = self->options;
    struct sockaddr_in server = self->server;

    server.sin_port = htons(
        (uint16_t)(ntohs(server.sin_port)
                   + pb_stream_node(options, stream->index)));
    stream->head = malloc(sizeof *stream->head);
    stream->conn.fd = pb_connect_begin(&server,
                                       stream->index % options->sources);
    if (!stream->head || stream->conn.fd < 0) {
        stream_fail(stream, strerror(errno));
        return;
    }
    reply_head_init(stream->head);
    if (!pb_watch(self->epoll, stream->conn.fd, EPOLLOUT, stream)) {
        stream_fail(stream, strerror(errno));
    }
}

static void stream_open(struct stream *stream)
{
    stream->opening = true;
    stream->owner->connecting++;
    stream_connect(stream);
}

static void stream_begin(struct subscriber *self, struct stream *stream)
{
    stream->owner = self;
    stream->index = self->first + self->opened * self->step;
    self->opened++;
    stream_open(stream);
}

/* Hold: a server that is too busy asks its clients to come again. */
static void stream_again(struct stream *stream)
{
    pb_shared_add(&stream->owner->received->put_off, 1);
    stream_close(stream);
    stream_open(stream);
}

/* A poll has its whole answer; the next one follows, on the same connection if
 * that stays. */
static void stream_answered(struct stream *stream)
{
    struct pb_received *received = stream->owner->received;
    struct reply_head *head = stream->head;
    int gaps = pb_poll_end(&stream->sse.poll, stream->owner->options, head,
                           on_message, stream);

    pb_shared_add(gaps < 0 ? &received->wrong : &received->reserved,
                  gaps < 0 ? 1 : (uint64_t)gaps);
    if (head->closes || stream->body.kind == REPLY_BODY_TO_EOF) {
        stream_disconnect(stream);
        stream_connect(stream);
        return;
    }
    reply_head_init(head);
    stream->reused = true;
    stream_ask(stream);
}

static void out_of_memory(void)
{
    fputs("pushbench: out of memory\n", stderr);
    exit(2);
}

static void stream_parse(struct stream *stream,
                         const struct reply_slice *slice)
{
    struct pb_events *events = &stream->sse.events;
    uint64_t reserved = events->reserved;

    if (!pb_events_feed(events, slice->at, slice->len)) {
        out_of_memory();
    }
    pb_shared_add(&stream->owner->received->reserved,
                  events->reserved - reserved);
}

static void stream_count(struct stream *stream,
                         const struct reply_slice *slice)
{
    struct pb_count *count = &stream->sse.count;
    struct pb_count before = *count;

    pb_count_feed(count, slice->at, slice->len);
    pb_shared_add(&stream->owner->received->messages,
                  count->messages - before.messages);
    pb_shared_add(&stream->owner->received->reserved,
                  count->reserved - before.reserved);
}

static void stream_body(struct stream *stream, const char *at, size_t len)
{
    const struct pb_options *options = stream->owner->options;
    struct reply_slice slice;

    pb_shared_add(&stream->owner->received->bytes, len);
    while (len > 0) {
        size_t used = reply_body_feed(&stream->body, at, len, &slice);

        if (used == 0) {
            return; /* the body ended: the close follows */
        }
        if (options->polls) {
            if (!pb_poll_feed(&stream->sse.poll, &slice)) {
                out_of_memory();
            }
        }
        else if (stream->owner->parses) {
            stream_parse(stream, &slice);
        }
        else {
            stream_count(stream, &slice);
        }
        at += used;
        len -= used;
    }
    if (options->polls && stream->body.done) {
        stream_answered(stream);
    }
}

/* Begin to read what is behind the head. */
static void stream_begin_body(struct stream *stream)
{
    const struct subscriber *self = stream->owner;

    reply_body_init(&stream->body, stream->head);
    if (self->options->polls) {
        return;
    }
    if (self->parses) {
        pb_events_init(&stream->sse.events, on_message, stream);
    }
    else {
        pb_count_init(&stream->sse.count);
    }
    free(stream->head);
    stream->head = NULL;
}

/* Returns the bytes that belong to the head, -1 if the stream failed. */
static ptrdiff_t stream_head(struct stream *stream, const char *at, size_t len)
{
    struct reply_head *head = stream->head;
    struct subscriber *self = stream->owner;
    ptrdiff_t used = reply_head_feed(head, at, len);
    char why[64];

    if (used < 0) {
        stream_fail(stream, "no HTTP answer");
        return -1;
    }
    if (!head->done) {
        return used;
    }
    if (head->status == 503 && self->options->mode == PB_HOLD) {
        stream_again(stream);
        return -1;
    }
    if (head->status != 200) {
        snprintf(why, sizeof why, "status %d", head->status);
        stream_fail(stream, why);
        return -1;
    }
    stream_begin_body(stream);
    stream_ready(stream);
    return used;
}

/* Hold: note how long the stream has been silent, within the window. */
static void stream_silent(const struct stream *stream, uint64_t now)
{
    const struct pb_shared *shared = stream->owner->shared;
    struct pb_received *received = stream->owner->received;
    uint64_t since = stream->last;

    if (since < shared->window_begin) {
        since = shared->window_begin;
    }
    if (shared->window_begin != 0 && now > since && now <= shared->window_end
        && now - since > received->longest) {
        received->longest = now - since;
    }
}

static void stream_heard(struct stream *stream)
{
    stream_silent(stream, stream->owner->now);
    stream->last = stream->owner->now;
}

/* The server has closed the connection. */
static void stream_eof(struct stream *stream, const char *why)
{
    if (stream->reused && stream->head->status == 0) {
        /* it closed what was kept alive before it saw the request */
        stream_disconnect(stream);
        stream_connect(stream);
    }
    else if (is_in_head(stream)) {
        stream_fail(stream, why);
    }
    else if (stream->owner->options->polls
             && stream->body.kind == REPLY_BODY_TO_EOF) {
        stream_answered(stream);
    }
    else {
        stream_lost(stream, why);
    }
}

/* Returns whether there may be more that epoll does not tell of. */
static bool stream_read(struct stream *stream)
{
    struct subscriber *self = stream->owner;
    char *at = self->buffer;
    ssize_t len = pb_conn_recv(&stream->conn, at, READ_SIZE);

    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (len <= 0) {
        stream_eof(stream, len < 0 ? strerror(errno) : "closed");
        return false;
    }
    if (self->parses || self->options->mode == PB_HOLD) {
        self->now = pb_now();
    }
    if (self->options->mode == PB_HOLD) {
        stream_heard(stream);
    }
    if (is_in_head(stream)) {
        ptrdiff_t used = stream_head(stream, at, (size_t)len);

        if (used < 0) {
            return false;
        }
        at += used;
        len -= used;
    }
    if (!is_in_head(stream)) {
        stream_body(stream, at, (size_t)len);
    }
    return stream->conn.ssl != NULL;
}

static void stream_event(struct stream *stream)
{
    if (!stream->asked) {
        stream_go_on(stream);
        return;
    }
    while (stream_read(stream)) {
    }
}

static void open_more(struct subscriber *self)
{
    unsigned limit = self->shared->open_limit;
    unsigned most = self->options->connecting / self->shared->workers + 1;

    while (self->opened < self->share && self->connecting < most
           && self->first + self->opened * self->step < limit) {
        stream_begin(self, &self->streams[self->opened]);
    }
}

/* Hold: those that are silent now may never be read again. */
static void scan_silent(struct subscriber *self)
{
    uint64_t now = pb_now();

    if (self->options->mode != PB_HOLD || now < self->scanned + SCAN_NS) {
        return;
    }
    self->scanned = now;
    for (unsigned i = 0; i < self->opened; i++) {
        if (self->streams[i].conn.fd >= 0) {
            stream_silent(&self->streams[i], now);
        }
    }
}

/* Dozens of processes that only hold streams need not look up often. */
static uint64_t look_up(const struct subscriber *self)
{
    bool holds = self->options->mode == PB_HOLD && self->connecting == 0
                 && self->opened == self->share;

    return holds ? HOLD_NS : LOOK_UP_NS;
}

static bool subscriber_init(struct subscriber *self)
{
    unsigned all = self->options->streams;

    if (self->options->mode == PB_IDLE) {
        all += self->options->warm;
    }
    self->server = self->options->server;
    if (self->options->tls > 0) {
        self->server.sin_port = htons((uint16_t)self->options->tls);
        self->tls = pb_tls_context();
    }
    self->share = (all + self->step - 1 - self->first) / self->step;
    self->streams = calloc(self->share + 1, sizeof *self->streams);
    self->buffer = malloc(READ_SIZE);
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    return self->streams && self->buffer && self->epoll >= 0
           && (self->tls || self->options->tls == 0);
}

int pb_subscriber_run(const struct pb_options *options,
                      struct pb_shared *shared, unsigned worker)
{
    struct subscriber self = {
        .options = options,
        .shared = shared,
        .received = &shared->received[worker],
        .parses = options->mode != PB_IDLE
                  && (options->rate > 0 || options->polls),
        .first = worker,
        .step = shared->workers,
    };
    struct epoll_event events[MAX_EVENTS];

    if (!subscriber_init(&self)) {
        perror("pushbench: subscriber");
        return 2;
    }
    while (shared->phase != PB_ENDING) {
        int count;

        open_more(&self);
        scan_silent(&self);
        count = pb_wait(self.epoll, events, MAX_EVENTS, look_up(&self));
        for (int i = 0; i < count; i++) {
            stream_event(events[i].data.ptr);
        }
    }
    for (unsigned i = 0; i < self.opened; i++) {
        if (self.streams[i].conn.fd >= 0) {
            stream_close(&self.streams[i]);
        }
    }
    close(self.epoll);
    SSL_CTX_free(self.tls);
    free(self.streams);
    free(self.buffer);
    return 0;
}
