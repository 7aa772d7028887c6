#include "pushbench_subscriber.h"

#include "reply.h"
#include "pushbench_net.h"
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

/* One subscriber stream. */
struct stream {
    struct subscriber *owner;
    int fd;     /* -1 when closed */
    bool asked; /* the request was sent */
    SSL *ssl;   /* NULL: plain */
    unsigned index;
    uint64_t last;           /* hold: when it was last read, ns */
    struct reply_head *head; /* until the head is read */
    struct reply_body body;
    union {
        struct pb_count count;   /* if messages are only counted */
        struct pb_events events; /* if they are parsed */
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

static void stream_close(struct stream *stream)
{
    if (stream->head) {
        stream->owner->connecting--;
        free(stream->head);
        stream->head = NULL;
    }
    else if (stream->owner->parses) {
        pb_events_cleanup(&stream->sse.events);
    }
    SSL_free(stream->ssl);
    stream->ssl = NULL;
    stream->asked = false;
    close(stream->fd);
    stream->fd = -1;
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

static ssize_t stream_send(struct stream *stream, const char *at, size_t len)
{
    return stream->ssl ? pb_tls_send(stream->ssl, at, len)
                       : send(stream->fd, at, len, MSG_NOSIGNAL);
}

static ssize_t stream_recv(struct stream *stream)
{
    char *at = stream->owner->buffer;

    return stream->ssl ? pb_tls_recv(stream->ssl, at, READ_SIZE)
                       : recv(stream->fd, at, READ_SIZE, 0);
}

/* The connection is ready: ask for the stream. */
static void stream_request(struct stream *stream)
{
    struct subscriber *self = stream->owner;
    char request[PB_REQUEST_ROOM];
    size_t len = pb_wire_subscribe(self->options, stream->index, request);

    stream->asked = true;
    if (stream_send(stream, request, len) != (ssize_t)len
        || !pb_rewatch(self->epoll, stream->fd, EPOLLIN, stream)) {
        stream_fail(stream, strerror(errno));
    }
}

static void stream_handshake(struct stream *stream)
{
    uint32_t events = EPOLLIN;

    switch (pb_tls_handshake(stream->ssl)) {
    case PB_TLS_DONE:
        stream_request(stream);
        return;
    case PB_TLS_FAILED:
        stream_fail(stream, "no TLS");
        return;
    case PB_TLS_WRITES:
        events = EPOLLOUT;
        break;
    case PB_TLS_READS:
        break;
    }
    if (!pb_rewatch(stream->owner->epoll, stream->fd, events, stream)) {
        stream_fail(stream, strerror(errno));
    }
}

/* On the way to the request: the socket may be connected, or has more of the
 * handshake. */
static void stream_go_on(struct stream *stream)
{
    struct subscriber *self = stream->owner;
    int error = stream->ssl ? 0 : pb_connect_error(stream->fd);

    if (error != 0) {
        stream_fail(stream, strerror(error));
        return;
    }
    if (!self->tls) {
        stream_request(stream);
        return;
    }
    if (!stream->ssl) {
        stream->ssl = pb_tls_begin(self->tls, stream->fd);
    }
    if (!stream->ssl) {
        stream_fail(stream, "out of memory");
        return;
    }
    stream_handshake(stream);
}

static void stream_connect(struct stream *stream)
{
    struct subscriber *self = stream->owner;
    const struct pb_options *options = self->options;

    stream->head = malloc(sizeof *stream->head);
    self->connecting++;
    stream->fd = pb_connect_begin(&self->server,
                                  stream->index % options->sources);
    if (!stream->head || stream->fd < 0) {
        stream_fail(stream, strerror(errno));
        return;
    }
    reply_head_init(stream->head);
    if (!pb_watch(self->epoll, stream->fd, EPOLLOUT, stream)) {
        stream_fail(stream, strerror(errno));
    }
}

static void stream_begin(struct subscriber *self, struct stream *stream)
{
    stream->owner = self;
    stream->index = self->first + self->opened * self->step;
    self->opened++;
    stream_connect(stream);
}

/* Hold: a server that is too busy asks its clients to come again. */
static void stream_again(struct stream *stream)
{
    pb_shared_add(&stream->owner->received->put_off, 1);
    stream_close(stream);
    stream_connect(stream);
}

static void stream_parse(struct stream *stream,
                         const struct reply_slice *slice)
{
    struct pb_events *events = &stream->sse.events;
    uint64_t reserved = events->reserved;

    if (!pb_events_feed(events, slice->at, slice->len)) {
        fputs("pushbench: out of memory\n", stderr);
        exit(2);
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
    struct reply_slice slice;

    pb_shared_add(&stream->owner->received->bytes, len);
    while (len > 0) {
        size_t used = reply_body_feed(&stream->body, at, len, &slice);

        if (used == 0) {
            return; /* the body ended: the close follows */
        }
        if (stream->owner->parses) {
            stream_parse(stream, &slice);
        }
        else {
            stream_count(stream, &slice);
        }
        at += used;
        len -= used;
    }
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
    reply_body_init(&stream->body, head);
    if (self->parses) {
        pb_events_init(&stream->sse.events, on_message, stream);
    }
    else {
        pb_count_init(&stream->sse.count);
    }
    free(head);
    stream->head = NULL;
    self->connecting--;
    pb_shared_add(&self->received->ready, 1);
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

/* Returns whether there may be more that epoll does not tell of. */
static bool stream_read(struct stream *stream)
{
    struct subscriber *self = stream->owner;
    char *at = self->buffer;
    ssize_t len = stream_recv(stream);

    if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (len <= 0) {
        if (stream->head) {
            stream_fail(stream, len < 0 ? strerror(errno) : "closed");
        }
        else {
            stream_lost(stream, len < 0 ? strerror(errno) : "closed");
        }
        return false;
    }
    if (self->parses || self->options->mode == PB_HOLD) {
        self->now = pb_now();
    }
    if (self->options->mode == PB_HOLD) {
        stream_heard(stream);
    }
    if (stream->head) {
        ptrdiff_t used = stream_head(stream, at, (size_t)len);

        if (used < 0) {
            return false;
        }
        at += used;
        len -= used;
    }
    stream_body(stream, at, (size_t)len);
    return stream->ssl != NULL;
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
        if (self->streams[i].fd >= 0) {
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
        .parses = options->mode != PB_IDLE && options->rate > 0,
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
        if (self.streams[i].fd >= 0) {
            stream_close(&self.streams[i]);
        }
    }
    close(self.epoll);
    SSL_CTX_free(self.tls);
    free(self.streams);
    free(self.buffer);
    return 0;
}
