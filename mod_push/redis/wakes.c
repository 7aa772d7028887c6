#include "redis/wakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/backoff.h"
#include "redis/connection.h"
#include "redis/request.h"

/*
 * A connection that says nothing may be dead: it is asked for a PONG now and
 * then.  A channel that the master does not take, or has let go of, is tried
 * again after a while, since the map may come back to what it was.
 */
#define PING_MS  5000
#define RETRY_MS 1000

/* Tags: the partition + 1 of a SSUBSCRIBE, or this. */
static char ping_tag;

typedef struct {
    push_wakes_t *wakes;
    unsigned master;
    push_connection_t *connection;
    unsigned asked; /* SSUBSCRIBEs without a reply */
    bool said;      /* that all are subscribed */
    bool settled;   /* nothing is to be subscribed, and nothing asked */
    bool open;
    unsigned tries;
    int64_t again;                /* not to be opened before */
    int64_t ping;                 /* when the next is due */
    char refused[PUSH_REDIS_WHY]; /* why it must be closed; "": it need not */
} source_t;

struct push_wakes_t {
    push_wakes_options_t options;
    char *prefix;
    push_slots_t slots; /* as of the last follow */
    /* Where each partition is subscribed, or asked to be. */
    uint8_t at[PUSH_PARTITIONS];
    int64_t retry[PUSH_PARTITIONS]; /* not before */
    source_t sources[PUSH_MASTERS];
    unsigned polled[PUSH_MASTERS];
    unsigned polled_count;
};

push_wakes_t *push_wakes_create(const push_wakes_options_t *options)
{
    push_wakes_t *wakes = calloc(1, sizeof(*wakes));

    if (!wakes) {
        return NULL;
    }
    wakes->options = *options;
    wakes->prefix = strdup(options->prefix);
    if (!wakes->prefix) {
        free(wakes);
        return NULL;
    }
    push_slots_init(&wakes->slots);
    memset(wakes->at, PUSH_NO_MASTER, sizeof(wakes->at));
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        wakes->sources[i] = (source_t){.wakes = wakes, .master = i};
    }
    return wakes;
}

void push_wakes_destroy(push_wakes_t *wakes)
{
    if (!wakes) {
        return;
    }
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        push_connection_destroy(wakes->sources[i].connection);
    }
    free(wakes->prefix);
    free(wakes);
}

/* ---- asking ---- */

static bool send_words(source_t *source, const char *first, const char *second,
                       void *tag)
{
    push_command_t command;
    push_sending_t sending = {.command = &command, .tag = tag};
    bool sent;

    push_command_begin(&command, 0);
    push_command_string(&command, first);
    if (second) {
        push_command_string(&command, second);
    }
    sent = push_connection_send(source->connection, &sending);
    push_command_cleanup(&command);
    return sent;
}

static void subscribe(source_t *source, unsigned partition)
{
    push_wakes_t *wakes = source->wakes;
    char channel[512];

    snprintf(channel, sizeof(channel), "%s{%s}>%u", wakes->prefix,
             push_partition_tag(partition), wakes->options.owner);
    if (send_words(source, "SSUBSCRIBE", channel,
                   (void *)(uintptr_t)(partition + 1))) {
        wakes->at[partition] = (uint8_t)source->master;
        source->asked++;
        source->said = false;
        source->settled = false;
    }
}

/* All that the map gives to the master, and is nowhere or elsewhere. */
static void subscribe_all(source_t *source, int64_t now)
{
    push_wakes_t *wakes = source->wakes;

    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        if (wakes->slots.master_of[i] == source->master
            && wakes->at[i] != source->master && wakes->retry[i] <= now) {
            subscribe(source, i);
        }
    }
}

/* Whether it has all that the map gives it. */
static bool is_complete(const source_t *source)
{
    const push_wakes_t *wakes = source->wakes;

    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        if (wakes->slots.master_of[i] == source->master
            && wakes->at[i] != source->master) {
            return false;
        }
    }
    return !source->asked;
}

/* ---- what the connection says ---- */

static void opened(void *data)
{
    source_t *source = data;
    int64_t now = push_redis_now();

    source->open = true;
    source->said = false;
    source->settled = false;
    source->ping = now + PING_MS;
    memset(source->wakes->retry, 0, sizeof(source->wakes->retry));
}

static void let_go(source_t *source, unsigned partition)
{
    push_wakes_t *wakes = source->wakes;
    const push_wakes_hooks_t *hooks = &wakes->options.hooks;

    if (wakes->at[partition] != source->master) {
        return;
    }
    source->settled = false;
    wakes->at[partition] = PUSH_NO_MASTER;
    wakes->retry[partition] = push_redis_now() + RETRY_MS;
    hooks->moved(hooks->data, source->master, partition);
}

static void answered(void *data, void *tag, push_reply_t *reply)
{
    source_t *source = data;
    push_text_t text = push_reply_text(reply);
    push_failure_t failure = push_failure_of(text);

    if (tag != &ping_tag) {
        source->asked--;
    }
    if (push_reply_kind(reply) == PUSH_REPLY_ERROR) {
        if (tag != &ping_tag && failure == PUSH_FAILURE_AGAIN) {
            let_go(source, (unsigned)(uintptr_t)tag - 1);
        }
        else {
            snprintf(source->refused, sizeof(source->refused), "%.*s",
                     (int)text.len, text.at);
        }
    }
    else if (tag != &ping_tag) {
        source->tries = 0;
    }
    push_reply_free(reply);
}

static bool text_is(push_text_t text, const char *other)
{
    return text.len == strlen(other) && !memcmp(text.at, other, text.len);
}

/* The partition of a channel of ours; false: it is none. */
static bool partition_of(const push_wakes_t *wakes, push_text_t channel,
                         unsigned *partition)
{
    size_t prefix = strlen(wakes->prefix);
    const char *end;

    if (channel.len < prefix + 2 || channel.at[prefix] != '{') {
        return false;
    }
    channel.at += prefix + 1;
    channel.len -= (uint32_t)prefix + 1;
    end = memchr(channel.at, '}', channel.len);
    if (!end) {
        return false;
    }
    *partition = push_slot_of(channel.at, (size_t)(end - channel.at))
                 / (PUSH_REDIS_SLOTS / PUSH_PARTITIONS);
    return true;
}

static void unasked(void *data, push_reply_t *reply)
{
    source_t *source = data;
    const push_wakes_hooks_t *hooks = &source->wakes->options.hooks;
    unsigned partition;

    if (text_is(push_reply_text(push_reply_at(reply, 0)), "smessage")) {
        hooks->woken(hooks->data, source->master);
    }
    else if (partition_of(source->wakes,
                          push_reply_text(push_reply_at(reply, 1)),
                          &partition)) {
        let_go(source, partition);
    }
    push_reply_free(reply);
}

static void dropped(void *data, void *tag, bool sent)
{
    /* closed() lets go of all. */
    (void)data;
    (void)tag;
    (void)sent;
}

static void closed(void *data, push_failure_t failure, const char *why)
{
    source_t *source = data;
    push_wakes_t *wakes = source->wakes;
    const push_wakes_hooks_t *hooks = &wakes->options.hooks;
    bool open = source->open;

    (void)failure;
    source->open = false;
    source->asked = 0;
    source->said = false;
    source->refused[0] = '\0';
    source->tries++;
    source->again = push_redis_now() + push_backoff_ms(source->tries);
    for (unsigned i = 0; i < PUSH_PARTITIONS; i++) {
        if (wakes->at[i] == source->master) {
            wakes->at[i] = PUSH_NO_MASTER;
        }
    }
    if (open) {
        hooks->lost(hooks->data, source->master, why);
    }
}

/* ---- following the map ---- */

void push_wakes_follow(push_wakes_t *wakes, const push_slots_t *slots)
{
    if (wakes->slots.version == slots->version) {
        return;
    }
    wakes->slots = *slots;
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        wakes->sources[i].settled = false;
    }
}

static bool is_wanted(const push_wakes_t *wakes, unsigned master)
{
    return master < wakes->slots.end
           && wakes->slots.masters[master].partitions;
}

static void discard(source_t *source)
{
    if (source->connection) {
        push_connection_close(source->connection, PUSH_FAILURE_AWAY,
                              "it is no master any more");
        push_connection_destroy(source->connection);
        source->connection = NULL;
    }
}

static void keep_open(source_t *source, int64_t now)
{
    const push_address_t *address =
        &source->wakes->slots.masters[source->master].address;
    const push_connection_options_t options = {
        .settings = source->wakes->options.settings,
        .address = *address,
        .hooks = {source, opened, answered, unasked, dropped, closed}};

    if (source->connection
        && !push_address_same(push_connection_address(source->connection),
                              address)) {
        discard(source);
    }
    if (!source->connection) {
        source->connection = push_connection_create(&options);
        source->tries = 0;
        source->again = 0;
    }
    if (source->connection && push_connection_is_closed(source->connection)
        && source->again <= now) {
        push_connection_open(source->connection);
        push_connection_serve(source->connection, 0);
    }
}

static void serve_open(source_t *source, int64_t now)
{
    const push_wakes_hooks_t *hooks = &source->wakes->options.hooks;

    if (source->refused[0]) {
        char why[PUSH_REDIS_WHY];

        memcpy(why, source->refused, sizeof(why));
        push_connection_close(source->connection, PUSH_FAILURE_SETUP, why);
        return;
    }
    if (!source->settled) {
        subscribe_all(source, now);
        source->settled = is_complete(source);
    }
    if (now >= source->ping && send_words(source, "PING", NULL, &ping_tag)) {
        source->ping = now + PING_MS;
    }
    push_connection_flush(source->connection);
    if (source->settled && !source->said) {
        source->said = true;
        hooks->subscribed(hooks->data, source->master);
    }
}

/* ---- driven by poll(2) ---- */

unsigned push_wakes_pollfds(push_wakes_t *wakes, struct pollfd *fds)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        const push_connection_t *connection = wakes->sources[i].connection;

        if (connection && !push_connection_is_closed(connection)) {
            fds[count] = push_connection_pollfd(connection);
            wakes->polled[count++] = i;
        }
    }
    wakes->polled_count = count;
    return count;
}

static int64_t source_until(const source_t *source)
{
    const push_wakes_t *wakes = source->wakes;
    int64_t until = INT64_MAX;

    if (!source->connection || push_connection_is_closed(source->connection)) {
        return is_wanted(wakes, source->master) ? source->again : INT64_MAX;
    }
    until = push_connection_until(source->connection);
    if (!source->open) {
        return until;
    }
    for (unsigned i = 0; i < PUSH_PARTITIONS && !source->settled; i++) {
        if (wakes->slots.master_of[i] == source->master
            && wakes->at[i] != source->master && wakes->retry[i] < until) {
            until = wakes->retry[i];
        }
    }
    return source->ping < until ? source->ping : until;
}

int64_t push_wakes_until(const push_wakes_t *wakes)
{
    int64_t until = INT64_MAX;

    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        int64_t at = source_until(&wakes->sources[i]);

        until = at < until ? at : until;
    }
    return until;
}

void push_wakes_serve(push_wakes_t *wakes, const struct pollfd *fds,
                      unsigned count)
{
    int64_t now = push_redis_now();

    for (unsigned i = 0; i < count && i < wakes->polled_count; i++) {
        push_connection_t *connection =
            wakes->sources[wakes->polled[i]].connection;

        if (connection
            && (fds[i].revents || push_connection_until(connection) <= now)) {
            push_connection_serve(connection, fds[i].revents);
        }
    }
    for (unsigned i = 0; i < PUSH_MASTERS; i++) {
        source_t *source = &wakes->sources[i];

        if (!is_wanted(wakes, i)) {
            discard(source);
            continue;
        }
        keep_open(source, now);
        if (source->open) {
            serve_open(source, now);
        }
    }
}
