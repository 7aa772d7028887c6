#include "crowd_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backoff.h"
#include "chaos.h"
#include "keep.h"
#include "namespace.h"

#define ATTEMPT_MS 10000
#define SILENCE_MS 7000
#define PROOF_MS   10000

static int user_of(const struct client *c)
{
    int users = c->crowd->options.users;

    return users > 0 ? c->index % users : c->index;
}

static int device_of(const struct client *c)
{
    int users = c->crowd->options.users;

    return users > 0 ? c->index / users : 0;
}

const char *client_name(const struct client *c)
{
    static char name[80];

    snprintf(name, sizeof(name), "%s%d/d%d", c->crowd->options.user,
             user_of(c), device_of(c));
    return name;
}

const char *client_query(const struct client *c)
{
    static char query[96];

    snprintf(query, sizeof(query), "user=%s%d&device=d%d",
             c->crowd->options.user, user_of(c), device_of(c));
    return query;
}

static void note_cut(const struct client *c)
{
    if (c->crowd->options.journal != NULL) {
        journal_line(c->crowd->options.journal,
                     "\"what\":\"cut\",\"device\":\"%s\",\"conn\":%d,"
                     "\"silent\":%d",
                     client_name(c), c->conn, c->silent ? SILENCE_MS : 0);
    }
}

/* ---- connecting ---- */

static void set_source(int fd, const struct client *c)
{
    struct sockaddr_in from = {.sin_family = AF_INET};

    if (c->crowd->options.sources > 0) {
        from.sin_addr.s_addr = htonl(
            INADDR_LOOPBACK + 1
            + (unsigned)(c->index % c->crowd->options.sources));
        bind(fd, (struct sockaddr *)&from, sizeof(from));
    }
}

int client_connect(const struct client *c)
{
    const struct crowd_options *o = &c->crowd->options;
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = namespace_socket(o->netns);
    int one = 1, failure;

    if (fd < 0) {
        return -1;
    }
    to.sin_port = htons((uint16_t)o->server->port);
    inet_pton(AF_INET, o->host, &to.sin_addr);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    set_source(fd, c);
    if (o->receive_buffer > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o->receive_buffer,
                   sizeof(o->receive_buffer));
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0
        && errno != EINPROGRESS) {
        failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

static void count_in(uint32_t *bins, const struct crowd *crowd, int64_t now)
{
    int64_t bin = (now - crowd->epoch) / 100;

    if (bin >= 0 && bin < CROWD_BINS) {
        bins[bin]++;
    }
}

static void attempt(struct client *c, int64_t now)
{
    struct crowd *crowd = c->crowd;

    crowd->counts.attempts++;
    count_in(crowd->tries, crowd, now);
    c->fd = client_connect(c);
    client_expect(c);
    c->bye = false;
    c->silent = false;
    c->state = CLIENT_CONNECTING;
    c->due = now + ATTEMPT_MS;
    if (c->fd < 0) {
        crowd->counts.failed++;
        client_lost(c, 0);
        return;
    }
    loop_watch(crowd->loop, c->fd, EPOLLOUT, &c->source);
}

static void ask(struct client *c)
{
    const struct crowd_options *o = &c->crowd->options;
    char request[600];
    int length = snprintf(
        request, sizeof(request),
        "GET /ramen/receive?%s&ack=%s%s%s HTTP/1.1\r\n"
        "Host: localhost\r\nPush-Client: crowd/1\r\n%s%s%s\r\n",
        client_query(c), o->implicit ? "implicit" : "explicit",
        o->channel != NULL ? "&channel=" : "",
        o->channel != NULL ? o->channel : "",
        *c->cursor != '\0' ? "Last-Event-ID: " : "", c->cursor,
        *c->cursor != '\0' ? "\r\n" : "");

    if (send(c->fd, request, (size_t)length, MSG_NOSIGNAL) != length) {
        c->crowd->counts.failed++;
        client_lost(c, 0);
        return;
    }
    c->state = CLIENT_ASKED;
    loop_rewatch(c->crowd->loop, c->fd, EPOLLIN, &c->source);
}

static void on_ready(struct loop_source *source, uint32_t events)
{
    struct client *c = (struct client *)source;

    (void)events;
    if (c->fd < 0) {
        return;
    }
    if (c->state == CLIENT_CONNECTING) {
        ask(c);
    }
    else if (c->crowd->options.deaf && c->state == CLIENT_OPEN) {
        client_lost(c, 0);
    }
    else {
        client_read(c);
    }
}

/* ---- losing it again ---- */

static uint64_t delay(struct client *c, uint64_t after)
{
    struct pushc_backoff b = {
        .kind = PUSHC_BACKOFF_JITTER, .base = c->retry, .failed = c->failed};

    if (after > 0) {
        b.kind = PUSHC_BACKOFF_RETRY_AFTER;
        b.hint = after;
    }
    else if (c->bye) {
        b.kind = PUSHC_BACKOFF_SPREAD;
        b.hint = c->spread;
    }
    return pushc_backoff_delay(&b, dice_part(c->crowd->dice));
}

void client_lost(struct client *c, uint64_t after)
{
    int64_t now = wait_now();

    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    if (c->state == CLIENT_OPEN) {
        note_cut(c);
        if (!c->bye) {
            c->crowd->counts.dropped++;
        }
        if (now - c->opened >= PROOF_MS) {
            c->failed = 0;
        }
    }
    if (c->state == CLIENT_STOPPED) {
        return;
    }
    if (c->state == CLIENT_OPEN && c->crowd->options.last) {
        c->state = CLIENT_STOPPED;
        return;
    }
    c->state = CLIENT_WAITING;
    c->due = now + (int64_t)delay(c, after);
    c->failed++;
    c->taken.count = 0;
}

static void look_at_silence(struct client *c, int64_t now)
{
    int64_t silence = now - c->last;
    struct crowd_counts *counts = &c->crowd->counts;

    if (silence > counts->longest_silence) {
        counts->longest_silence = silence;
    }
    if (silence <= SILENCE_MS) {
        return;
    }
    client_read(c);
    if (c->state == CLIENT_OPEN && now - c->last > SILENCE_MS) {
        counts->silences++;
        counts->dropped--; /* nobody else ended it */
        c->silent = true;
        client_lost(c, 0);
    }
}

/* ---- the crowd ---- */

static void tick_client(struct client *c, int64_t now)
{
    switch (c->state) {
    case CLIENT_WAITING:
        if (now >= c->due && !(c->conn > 0 && c->crowd->options.last)) {
            attempt(c, now);
        }
        break;
    case CLIENT_CONNECTING:
    case CLIENT_ASKED:
        if (now >= c->due) {
            c->crowd->counts.failed++;
            client_lost(c, 0);
        }
        break;
    case CLIENT_OPEN:
        if (!c->crowd->options.deaf) {
            look_at_silence(c, now);
        }
        break;
    case CLIENT_UNINVITED:
    case CLIENT_STOPPED:
        break;
    }
    if (c->crowd->options.ack_ms > 0) {
        acking_tick(c, now);
    }
}

static void tick(struct loop_actor *actor, int64_t now)
{
    struct crowd *crowd = (struct crowd *)((char *)actor
                                           - offsetof(struct crowd, actor));
    int i, last = crowd->invited + crowd->options.pace;

    if (crowd->closed) {
        return;
    }
    for (i = crowd->invited; i < last && i < crowd->options.count; i++) {
        attempt(&crowd->clients[i], now);
    }
    crowd->invited = i;
    for (i = 0; i < crowd->invited; i++) {
        tick_client(&crowd->clients[i], now);
    }
}

static void release(void *object)
{
    struct crowd *crowd = object;
    int i;

    crowd_close(crowd);
    for (i = 0; i < crowd->options.count; i++) {
        free(crowd->clients[i].taken.items);
        free(crowd->clients[i].acking.list.items);
        free(crowd->clients[i].mids);
        sse_cleanup(&crowd->clients[i].sse);
    }
    free(crowd->clients);
    free(crowd->dice);
    free(crowd);
}

static void introduce(struct crowd *crowd, int i)
{
    const struct crowd_options *o = &crowd->options;
    struct client *c = &crowd->clients[i];

    c->crowd = crowd;
    c->index = i;
    c->fd = -1;
    c->retry = 1000;
    c->source.ready = on_ready;
    strcpy(c->cursor, "0");
    acking_init(c);
    journal_line(o->journal,
                 "\"what\":\"device\",\"device\":\"%s\","
                 "\"user\":\"%s%d\",\"channels\":[\"%s\"]",
                 client_name(c), o->user, user_of(c),
                 o->channel != NULL ? o->channel : "");
}

struct crowd *crowd_start(struct loop *loop, const struct crowd_options *o)
{
    struct crowd *crowd = keep(calloc(1, sizeof(*crowd)), release);
    int i;

    crowd->options = *o;
    if (o->user == NULL) {
        crowd->options.user = "u";
    }
    if (o->host == NULL) {
        crowd->options.host = "127.0.0.1";
    }
    if (o->pace == 0) {
        crowd->options.pace = 20;
    }
    crowd->loop = loop;
    crowd->clients = calloc((size_t)o->count, sizeof(*crowd->clients));
    crowd->dice = malloc(sizeof(*crowd->dice));
    ck_assert(crowd->clients != NULL && crowd->dice != NULL);
    *crowd->dice = dice_make(crowd->options.user);
    for (i = 0; i < o->count; i++) {
        introduce(crowd, i);
    }
    crowd->actor.tick = tick;
    crowd_mark(crowd);
    loop_add(loop, &crowd->actor);
    return crowd;
}

int crowd_open(const struct crowd *crowd)
{
    int i, count = 0;

    for (i = 0; i < crowd->options.count; i++) {
        count += crowd->clients[i].state == CLIENT_OPEN;
    }
    return count;
}

void crowd_cut(struct crowd *crowd, double probability)
{
    int i;

    for (i = 0; i < crowd->options.count; i++) {
        if (crowd->clients[i].state == CLIENT_OPEN
            && dice_part(crowd->dice) < probability) {
            client_lost(&crowd->clients[i], 0);
        }
    }
}

void crowd_mark(struct crowd *crowd)
{
    int64_t now = wait_now();
    int i;

    crowd->epoch = now;
    memset(crowd->tries, 0, sizeof(crowd->tries));
    memset(crowd->beats, 0, sizeof(crowd->beats));
    memset(&crowd->latency, 0, sizeof(crowd->latency));
    crowd->counts.longest_silence = 0;
    for (i = 0; i < crowd->options.count; i++) {
        crowd->clients[i].last = now;
    }
}

uint32_t crowd_peak(const uint32_t *bins, int first, int last)
{
    uint32_t peak = 0;
    int i;

    for (i = first; i <= last; i++) {
        peak = bins[i] > peak ? bins[i] : peak;
    }
    return peak;
}

double crowd_mean(const uint32_t *bins, int first, int last)
{
    double sum = 0;
    int i;

    for (i = first; i <= last; i++) {
        sum += bins[i];
    }
    return sum / (last - first + 1);
}

void crowd_close(struct crowd *crowd)
{
    int i;

    crowd->closed = true;
    for (i = 0; i < crowd->options.count; i++) {
        struct client *c = &crowd->clients[i];

        if (c->state == CLIENT_OPEN) {
            note_cut(c);
        }
        c->state = CLIENT_STOPPED;
        if (c->fd >= 0) {
            close(c->fd);
            c->fd = -1;
        }
        acking_end(c);
    }
}

uint64_t crowd_accounted(const struct crowd *crowd, int i)
{
    return crowd->clients[i].mid_count + crowd->clients[i].gapped;
}

bool crowd_has(const struct crowd *crowd, int i, const char *mid)
{
    return client_has(&crowd->clients[i], mid);
}
