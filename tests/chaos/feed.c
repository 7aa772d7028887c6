#include "feed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chaos.h"
#include "dial.h"
#include "keep.h"
#include "reply.h"

#define ANSWER_MS 15000
#define FINISH_MS 60000
#define PAUSE_MS  100 /* before a message is sent again */

static const char *const urgencies[] = {"high", "normal", "low", "very-low"};

/* One message on its way. */
struct publication {
    uint64_t number;
    uint64_t key;
    int user;
    const char *urgency;
    int64_t due;   /* when it was to be published, ms */
    int64_t first; /* when it was first sent, ms; 0: not yet */
    int64_t after; /* not sent again before, ms */
    struct publication *next;
};

/* One connection, and what it waits for. */
struct feed_line {
    struct loop_source source;
    struct feed *feed;
    int fd; /* -1: not connected */
    struct publication *out;
    char *request;
    size_t length, sent;
    struct reply_head head;
    struct reply_body body;
    char answer[1024]; /* its body so far; of lines: the next one */
    size_t got;
    int64_t until;
};

static const char *audience(const struct feed *feed,
                            const struct publication *p, bool json)
{
    static char text[160];
    const struct feed_options *o = &feed->options;

    if (o->channel != NULL) {
        snprintf(text, sizeof(text),
                 json ? "\"channel\":\"%s\"" : "channel=%s", o->channel);
    }
    else {
        snprintf(text, sizeof(text), json ? "\"user\":\"%s%d\"" : "user=%s%d",
                 o->user, p->user);
    }
    return text;
}

/* ---- what is due ---- */

static struct publication *make(struct feed *feed, int64_t due)
{
    struct publication *p = calloc(1, sizeof(*p));
    const struct feed_options *o = &feed->options;

    ck_assert_ptr_nonnull(p);
    p->number = feed->counts.due;
    p->key = p->number;
    p->user = (int)dice_roll(feed->dice, (uint64_t)o->users);
    p->urgency = o->urgency != NULL ? o->urgency : urgencies[p->number % 4];
    p->due = due;
    if (o->keys > 0) {
        /* Every other one repeats the key before it, which is still on its
         * way then. The same key has to mean the same request. */
        if (p->number % 2 == 0) {
            feed->key = dice_roll(feed->dice, (uint64_t)o->keys);
        }
        p->key = feed->key;
        p->user = (int)(p->key % (uint64_t)o->users);
        p->urgency = urgencies[p->key % 4];
    }
    feed->counts.due++;
    if (o->journal != NULL) {
        journal_line(o->journal,
                     "\"what\":\"tried\",\"key\":\"%s-%" PRIu64 "\"", o->name,
                     p->key);
    }
    return p;
}

static struct publication *take_again(struct feed *feed, int64_t now)
{
    struct publication **at = &feed->again;
    struct publication *p;

    while (*at != NULL && (*at)->after > now) {
        at = &(*at)->next;
    }
    p = *at;
    if (p != NULL) {
        *at = p->next;
    }
    return p;
}

/* The next message to be sent, or NULL: nothing is due. */
static struct publication *next_due(struct feed *feed)
{
    const struct feed_options *o = &feed->options;
    int64_t now = wait_now();
    struct publication *p = take_again(feed, now);
    int64_t due = now;

    if (p != NULL || feed->stopped
        || (o->limit > 0 && feed->counts.due >= o->limit)) {
        return p;
    }
    if (o->rate > 0) {
        due = feed->started
              + (int64_t)(feed->counts.due * 1000 / (uint64_t)o->rate);
        if (due > now) {
            return NULL;
        }
    }
    return make(feed, due);
}

static void again(struct feed *feed, struct publication *p, int64_t pause)
{
    p->after = wait_now() + pause;
    p->next = feed->again;
    feed->again = p;
}

/* ---- a connection ---- */

static void hang_up(struct feed_line *line)
{
    close(line->fd);
    line->fd = -1;
    if (line->out != NULL) {
        line->feed->counts.broken++;
        again(line->feed, line->out, PAUSE_MS);
        line->out = NULL;
    }
}

static bool call(struct feed_line *line)
{
    line->fd = dial_begin(line->feed->options.server->port);
    if (line->fd < 0) {
        return false;
    }
    reply_head_init(&line->head);
    loop_watch(line->feed->loop, line->fd, EPOLLOUT, &line->source);
    return true;
}

static size_t room_for(const struct feed_line *line)
{
    return 1024 + (size_t)line->feed->options.size;
}

/* The payload of what goes out, at the end of the request. */
static const char *payload_of(const struct feed_line *line, size_t *size)
{
    const struct feed_options *o = &line->feed->options;
    const struct publication *p = line->out;
    char *payload = line->request + room_for(line);
    char stamp[96];
    /* A key that is repeated goes with the payload that it had. */
    int stamped = snprintf(stamp, sizeof(stamp), "%s-%" PRIu64 " %lld ",
                           o->name, p->key,
                           o->keys > 0 ? 1LL : (long long)p->due);

    *size = stamped > o->size ? (size_t)stamped : (size_t)o->size;
    memset(payload, 'x', *size);
    memcpy(payload, stamp, (size_t)stamped);
    return payload;
}

static int compose_request(struct feed_line *line)
{
    const struct feed *feed = line->feed;
    const struct feed_options *o = &feed->options;
    const struct publication *p = line->out;
    char ttl[32] = "";
    size_t size;
    const char *payload = payload_of(line, &size);

    if (o->ttl > 0) {
        snprintf(ttl, sizeof(ttl), "TTL: %d\r\n", o->ttl);
    }
    return snprintf(line->request, room_for(line),
                    "POST /push/messages?%s HTTP/1.1\r\nHost: localhost\r\n"
                    "Idempotency-Key: %s-%" PRIu64 "\r\nUrgency: %s\r\n%s"
                    "Content-Length: %zu\r\n\r\n%.*s",
                    audience(feed, p, false), o->name, p->key, p->urgency, ttl,
                    size, (int)size, payload);
}

/* One line, and before the first of a connection the head of the request. */
static int compose_line(struct feed_line *line)
{
    const struct feed *feed = line->feed;
    const struct publication *p = line->out;
    char ttl[32] = "", object[320];
    size_t size;
    const char *payload = payload_of(line, &size);
    int length;

    if (feed->options.ttl > 0) {
        snprintf(ttl, sizeof(ttl), ",\"ttl\":%d", feed->options.ttl);
    }
    length = snprintf(object, sizeof(object),
                      "{%s,\"key\":\"%s-%" PRIu64
                      "\",\"urgency\":\"%s\"%s,\"text\":\"",
                      audience(feed, p, true), feed->options.name, p->key,
                      p->urgency, ttl);
    return snprintf(line->request, room_for(line), "%s%zx\r\n%s%.*s\"}\n\r\n",
                    line->fd >= 0
                        ? ""
                        : "POST /push/messages HTTP/1.1\r\nHost: localhost\r\n"
                          "Content-Type: application/x-ndjson\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n",
                    (size_t)length + size + 3, object, (int)size, payload);
}

static void compose(struct feed_line *line)
{
    if (line->request == NULL) {
        line->request = malloc(2 * room_for(line));
        ck_assert_ptr_nonnull(line->request);
    }
    line->length = (size_t)(line->feed->options.lines ? compose_line(line)
                                                      : compose_request(line));
    line->sent = 0;
    line->got = 0;
    line->answer[0] = '\0';
    if (!line->feed->options.lines) {
        reply_head_init(&line->head);
    }
    line->until = wait_now() + ANSWER_MS;
}

static void push_out(struct feed_line *line)
{
    ssize_t n = send(line->fd, line->request + line->sent,
                     line->length - line->sent, MSG_NOSIGNAL);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            hang_up(line);
        }
        return;
    }
    line->sent += (size_t)n;
    if (line->sent == line->length) {
        loop_rewatch(line->feed->loop, line->fd, EPOLLIN, &line->source);
    }
}

/* Begin the next message, if one is due. */
static void begin(struct feed_line *line)
{
    struct feed *feed = line->feed;

    line->out = next_due(feed);
    if (line->out == NULL) {
        return;
    }
    compose(line);
    line->out->first = line->out->first > 0 ? line->out->first : wait_now();
    feed->counts.sent++;
    if (line->fd < 0) {
        if (!call(line)) {
            again(feed, line->out, PAUSE_MS);
            line->out = NULL;
        }
        return;
    }
    loop_rewatch(feed->loop, line->fd, EPOLLIN | EPOLLOUT, &line->source);
    push_out(line);
}

/* ---- answers ---- */

static void accepted(struct feed_line *line)
{
    struct feed *feed = line->feed;
    const struct publication *p = line->out;
    const char *at = strstr(line->answer, "{\"id\":\"");
    int64_t took = wait_now() - p->first;
    char mid[16] = "";

    feed->counts.accepted++;
    feed->counts.longest = took > feed->counts.longest ? took
                                                       : feed->counts.longest;
    if (at != NULL) {
        snprintf(mid, sizeof(mid), "%.11s", at + 7);
    }
    if (feed->options.journal != NULL) {
        journal_line(feed->options.journal,
                     "\"what\":\"accepted\",\"mid\":\"%s\","
                     "\"key\":\"%s-%" PRIu64 "\",%s,\"urgency\":\"%s\"",
                     mid, feed->options.name, p->key, audience(feed, p, true),
                     p->urgency);
    }
    if (feed->on_accepted != NULL) {
        feed->on_accepted(feed, p->key, mid);
    }
}

static void full(struct feed_line *line)
{
    struct feed *feed = line->feed;
    int64_t after = line->head.retry_after;
    int64_t pause = feed->options.impatient ? PAUSE_MS
                    : after >= 0            ? 1000 * after
                                            : 1000;

    feed->counts.full++;
    feed->counts.unadvised += after < 0 && !feed->options.lines;
    if (feed->options.persists) {
        again(feed, line->out, pause);
        line->out = NULL;
    }
    else {
        feed->counts.refused++;
    }
}

/* Of the request, or of the line where it has an error of its own. */
static int status_of(const struct feed_line *line)
{
    const char *own = strstr(line->answer, "\"status\":");
    int status = line->head.status;

    if (own != NULL) {
        sscanf(own, "\"status\":%d", &status);
    }
    return status;
}

static void answered(struct feed_line *line)
{
    struct feed *feed = line->feed;
    int status = status_of(line);

    if (status / 100 == 2) {
        accepted(line);
    }
    else if (status >= 502 && status <= 504) { /* or of a balancer */
        full(line);
    }
    else if (status == 409) {
        feed->counts.busy++;
        again(feed, line->out, PAUSE_MS);
        line->out = NULL;
    }
    else {
        feed->counts.strange++;
        feed->last_status = status;
    }
    free(line->out);
    line->out = NULL;
}

/* Whether the answer is complete: that of a request, or that of a line. */
static bool is_whole(const struct feed_line *line)
{
    return line->head.done
           && (line->body.done
               || (line->feed->options.lines
                   && strstr(line->answer, "}\n") != NULL));
}

static void take_body(struct feed_line *line, const char *at, size_t length)
{
    struct reply_slice slice = {at, 0};
    size_t room;

    while (length > 0 && !line->body.done) {
        size_t used = reply_body_feed(&line->body, at, length, &slice);

        if (line->body.broken) {
            ck_abort_msg("no body: %.200s", at);
        }
        room = sizeof(line->answer) - 1 - line->got;
        room = slice.len < room ? slice.len : room;
        memcpy(line->answer + line->got, slice.at, room);
        line->got += room;
        line->answer[line->got] = '\0';
        at += used;
        length -= used;
    }
}

static void take_bytes(struct feed_line *line, const char *at, size_t length)
{
    ptrdiff_t used = 0;

    if (!line->head.done) {
        used = reply_head_feed(&line->head, at, length);
        if (used < 0) {
            ck_abort_msg("no HTTP: %.200s", line->head.line);
        }
        if (line->head.done) {
            reply_body_init(&line->body, &line->head);
        }
    }
    if (line->head.done) {
        take_body(line, at + used, length - (size_t)used);
    }
}

static void take_answer(struct feed_line *line)
{
    char bytes[2048];
    ssize_t n = recv(line->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    bool closes;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 || line->out == NULL) {
        hang_up(line);
        return;
    }
    take_bytes(line, bytes, (size_t)n);
    if (!is_whole(line)) {
        return;
    }
    closes = !line->feed->options.lines && line->head.closes;
    answered(line);
    if (closes) {
        hang_up(line);
    }
    begin(line);
}

static void on_ready(struct loop_source *source, uint32_t events)
{
    struct feed_line *line = (struct feed_line *)source;

    if (line->fd >= 0 && line->sent < line->length && line->out != NULL) {
        push_out(line);
    }
    if (line->fd >= 0 && (events & ~(uint32_t)EPOLLOUT) != 0) {
        take_answer(line);
    }
}

/* ---- the feed ---- */

static void tick(struct loop_actor *actor, int64_t now)
{
    struct feed *feed = (struct feed *)((char *)actor
                                        - offsetof(struct feed, actor));
    int i;

    for (i = 0; i < feed->options.connections && !feed->ended; i++) {
        struct feed_line *line = &feed->lines[i];

        if (line->out == NULL) {
            begin(line);
        }
        else if (now > line->until) {
            hang_up(line);
        }
    }
}

static void release(void *object)
{
    struct feed *feed = object;
    int i;

    for (i = 0; i < feed->options.connections; i++) {
        if (feed->lines[i].fd >= 0) {
            close(feed->lines[i].fd);
        }
        free(feed->lines[i].out);
        free(feed->lines[i].request);
    }
    while (feed->again != NULL) {
        struct publication *p = feed->again;

        feed->again = p->next;
        free(p);
    }
    free(feed->lines);
    free(feed->dice);
    free(feed);
}

static void fill_in(struct feed_options *o)
{
    o->name = o->name != NULL ? o->name : "k";
    o->user = o->user != NULL ? o->user : "u";
    o->users = o->users > 0 ? o->users : 1;
    o->connections = o->connections > 0 ? o->connections : 8;
}

struct feed *feed_start(struct loop *loop, const struct feed_options *o)
{
    struct feed *feed = keep(calloc(1, sizeof(*feed)), release);
    int i;

    feed->options = *o;
    fill_in(&feed->options);
    feed->loop = loop;
    feed->lines = calloc((size_t)feed->options.connections,
                         sizeof(*feed->lines));
    feed->dice = malloc(sizeof(*feed->dice));
    ck_assert(feed->lines != NULL && feed->dice != NULL);
    *feed->dice = dice_make(feed->options.name);
    for (i = 0; i < feed->options.connections; i++) {
        feed->lines[i].feed = feed;
        feed->lines[i].fd = -1;
        feed->lines[i].source.ready = on_ready;
    }
    feed->started = wait_now();
    feed->actor.tick = tick;
    loop_add(loop, &feed->actor);
    return feed;
}

void feed_stop(struct feed *feed)
{
    feed->stopped = true;
}

static int64_t older(const struct publication *p, int64_t oldest)
{
    return p != NULL && p->first != 0 && p->first < oldest ? p->first : oldest;
}

int64_t feed_waits(const struct feed *feed)
{
    const struct publication *p;
    int64_t now = wait_now(), oldest = now;
    int i;

    for (p = feed->again; p != NULL; p = p->next) {
        oldest = older(p, oldest);
    }
    for (i = 0; i < feed->options.connections; i++) {
        oldest = older(feed->lines[i].out, oldest);
    }
    return now - oldest;
}

bool feed_is_idle(const struct feed *feed)
{
    int i;

    if (feed->again != NULL
        || (!feed->stopped && feed->counts.due < feed->options.limit)) {
        return false;
    }
    for (i = 0; i < feed->options.connections; i++) {
        if (feed->lines[i].out != NULL) {
            return false;
        }
    }
    return true;
}

void feed_finish(struct feed *feed)
{
    int64_t end = wait_now() + FINISH_MS;
    int i;

    feed->stopped = true;
    while (!feed_is_idle(feed)) {
        ck_assert_msg(wait_now() < end,
                      "messages without an answer for good: %d answers 409, "
                      "%d answers 503, %d broken connections",
                      (int)feed->counts.busy, (int)feed->counts.full,
                      (int)feed->counts.broken);
        loop_turn(feed->loop);
    }
    ck_assert_msg(feed->counts.strange == 0, "an answer %d",
                  feed->last_status);
    for (i = 0; i < feed->options.connections; i++) {
        if (feed->lines[i].fd >= 0) {
            hang_up(&feed->lines[i]);
        }
    }
    feed->ended = true;
}
