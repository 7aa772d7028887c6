/*
 * client.c - the public functions of a client, and its turn.
 *
 * A public function leaves word under the lock and wakes the driving thread;
 * the turn acts on it.
 */
#include "pushc.h"

#include <string.h>

#include "ack.h"
#include "client_state.h"
#include "position.h"
#include "receive.h"
#include "stream.h"

/* Messages that one turn hands over, before other handles have theirs. */
#define BATCH 64

#define DEVICE_LENGTH 22

/* ---- the end ---- */

static void stopped(pushc_client *c)
{
    pushc_event event = {.kind = PUSHC_STOPPED, .status = c->final};

    pushc_ack_cancel(c);
    pushc_position_cancel(c);
    c->state = PUSHC_STOPPED;
    event.http_status = c->end_answer.http_status;
    event.detail = c->final_detail[0] ? c->final_detail
                                      : pushc_strerror(c->final);
    event.attempt = c->failed;
    pushc_client_report(c, &event);
    pushc_source_end(&c->source);
}

/* The client may stop: the last acknowledgement is sent, or its time is up. */
static int is_finished(pushc_client *c, uint64_t now)
{
    int unacked;

    pthread_mutex_lock(&c->source.lock);
    unacked = pushc_session_unacked(&c->session);
    pthread_mutex_unlock(&c->source.lock);
    return c->stopping && ((!unacked && !c->ack) || now >= c->stop_at);
}

/* ---- handing over ---- */

/* Call the handler with one message; 0 when there is none. */
static int hand_over(pushc_client *c)
{
    struct pushc_item *item;
    int verdict;

    pthread_mutex_lock(&c->source.lock);
    item = c->stop_wanted
               ? NULL
               : pushc_session_next(&c->session, pushc_now(&c->set));
    pthread_mutex_unlock(&c->source.lock);
    if (!item) {
        return 0;
    }
    verdict = c->set.o.on_message(c->set.o.ctx, &item->pub);
    if (verdict == PUSHC_LATER) {
        return 1;
    }
    pthread_mutex_lock(&c->source.lock);
    if (verdict == PUSHC_DONE) {
        pushc_session_done(&c->session, item);
    }
    else {
        pushc_session_retry(&c->session, item, pushc_now(&c->set));
    }
    pthread_mutex_unlock(&c->source.lock);
    return 1;
}

/* When the next message may be handed over. */
static uint64_t hand_over_due(pushc_client *c)
{
    uint64_t at;

    if (c->stopping) {
        return PUSHC_NEVER;
    }
    pthread_mutex_lock(&c->source.lock);
    at = pushc_session_next_at(&c->session);
    if (at > 0 && !c->set.o.on_message && at <= pushc_now(&c->set)) {
        /* Threads that wait in pushc_next() did so for the end of a pause. */
        pthread_cond_broadcast(&c->source.changed);
        at = 0;
    }
    pthread_mutex_unlock(&c->source.lock);
    return at > 0 ? at : PUSHC_NEVER;
}

static void hand_over_batch(pushc_client *c)
{
    int n = 0;

    while (!c->stopping && c->set.o.on_message && n < BATCH && hand_over(c)) {
        n++;
    }
}

/* ---- the turn ---- */

static void take_word(pushc_client *c, uint64_t now)
{
    int stop, wake;

    pthread_mutex_lock(&c->source.lock);
    stop = c->stop_wanted;
    wake = c->wake_wanted;
    c->wake_wanted = 0;
    pthread_mutex_unlock(&c->source.lock);
    if (wake) {
        pushc_stream_wake(c, now);
    }
    if (stop) {
        pushc_client_finish(c, PUSHC_ERR_CLOSED);
    }
    else if (pushc_source_broken(&c->source)) {
        pushc_client_finish(c, PUSHC_ERR_SYSTEM);
    }
    else if (c->state == 0) {
        pushc_stream_connect(c);
    }
}

static uint64_t turn(void *owner)
{
    pushc_client *c = owner;
    uint64_t now = pushc_now(&c->set);
    uint64_t due;

    if (c->state == PUSHC_STOPPED) {
        return PUSHC_NEVER;
    }
    /* Before the application's word: what was read between two turns may have
     * made it stop, and it is told that the stream was open all the same. */
    if (c->state == PUSHC_OPEN && c->reported != PUSHC_OPEN) {
        pushc_client_enter(c, PUSHC_OPEN);
    }
    take_word(c, now);
    hand_over_batch(c);
    if (!c->stopping) {
        pushc_stream_check(c, now);
        pushc_receive_backlog(c, 0);
        pushc_stream_settle(c);
    }
    now = pushc_now(&c->set);
    pushc_ack_check(c, now);
    pushc_position_check(c, now);
    if (c->stale && c->state == PUSHC_OPEN) {
        pushc_client_drop(c, PUSHC_ERR_PROTOCOL,
                          "the server does not know the cursor");
        pushc_stream_settle(c);
    }
    if (is_finished(c, now)) {
        stopped(c);
        return PUSHC_NEVER;
    }
    due = pushc_soonest(hand_over_due(c),
                        pushc_soonest(pushc_stream_due(c), pushc_ack_due(c)));
    due = pushc_soonest(due, pushc_position_due(c));
    c->due = c->stopping ? pushc_soonest(due, c->stop_at) : due;
    return c->due;
}

/* ---- life ---- */

static int init_session(pushc_client *c)
{
    const pushc_options *o = &c->set.o;
    int status;

    c->session.window = o->window;
    c->session.max_messages = o->max_messages;
    c->session.max_bytes = o->max_bytes;
    c->session.dedup = o->dedup;
    c->session.pause = o->retry_ms;
    status = pushc_session_init(&c->session, &c->set.mem);
    if (status == PUSHC_OK && o->cursor) {
        status = pushc_session_restore(&c->session, o->cursor);
    }
    return status;
}

static int init_device(pushc_client *c)
{
    if (c->set.o.device) {
        strcpy(c->device, c->set.o.device);
        return PUSHC_OK;
    }
    return pushc_random_name(&c->set, c->device, DEVICE_LENGTH);
}

static void destroy(pushc_client *c)
{
    pushc_parser_cleanup(&c->parser);
    pushc_buf_cleanup(&c->backlog);
    pushc_session_cleanup(&c->session);
    pushc_mem_free(&c->set.mem, c->end_answer.location);
    pushc_settings_destroy(&c->set, sizeof(*c));
}

int pushc_client_create(const pushc_options *options, pushc_client **client)
{
    struct pushc_settings *set;
    pushc_client *c;
    int status = client ? pushc_settings_create(options, sizeof(*c), &set)
                        : PUSHC_ERR_ARGUMENT;

    if (status != PUSHC_OK) {
        return status;
    }
    c = (pushc_client *)set;
    c->base = c->set.o.base_ms;
    pushc_parser_init(&c->parser, &c->set.mem, c->set.o.max_event_bytes);
    c->parser.read_on = !c->set.o.stop_on_large;
    pushc_buf_init(&c->backlog, &c->set.mem);
    status = init_session(c);
    if (status == PUSHC_OK) {
        status = init_device(c);
    }
    if (status == PUSHC_OK) {
        status = pushc_source_init(&c->source, &c->set, turn, c);
    }
    if (status != PUSHC_OK) {
        destroy(c);
        return status;
    }
    *client = c;
    return PUSHC_OK;
}

int pushc_client_start(pushc_client *client)
{
    int started;

    pthread_mutex_lock(&client->source.lock);
    started = client->started;
    client->started = 1;
    pthread_mutex_unlock(&client->source.lock);
    return started ? PUSHC_ERR_STATE : pushc_source_start(&client->source);
}

void pushc_client_stop(pushc_client *client)
{
    pushc_source_raise(&client->source, &client->stop_wanted);
}

void pushc_client_destroy(pushc_client *client)
{
    if (!client) {
        return;
    }
    pushc_client_stop(client);
    pushc_source_join(&client->source);
    pushc_source_cleanup(&client->source);
    destroy(client);
}

/* ---- any thread ---- */

int pushc_next(pushc_client *client, int timeout_ms, pushc_message **message)
{
    struct timespec until;
    const struct timespec *end = pushc_source_deadline(timeout_ms, &until);
    struct pushc_item *item = NULL;
    int status = PUSHC_OK;

    if (!message || client->set.o.on_message) {
        return PUSHC_ERR_STATE;
    }
    pthread_mutex_lock(&client->source.lock);
    for (;;) {
        item = client->source.over || client->stop_wanted
                   ? NULL
                   : pushc_session_next(&client->session,
                                        pushc_now(&client->set));
        if (item || client->source.over || status == PUSHC_AGAIN) {
            break;
        }
        status = timeout_ms == 0 ? PUSHC_AGAIN
                                 : pushc_source_wait(&client->source, end);
    }
    *message = item ? &item->pub : NULL;
    status = item                  ? PUSHC_OK
             : client->source.over ? client->final
                                   : PUSHC_AGAIN;
    pthread_mutex_unlock(&client->source.lock);
    return status;
}

int pushc_ack(pushc_client *client, pushc_message *message)
{
    struct pushc_session *s = &client->session;
    struct pushc_item *item;
    int unacked;

    pthread_mutex_lock(&client->source.lock);
    item = pushc_session_held(s, message);
    if (item) {
        unacked = pushc_session_unacked(s);
        pushc_session_done(s, item);
        if (client->throttled || pushc_session_ack_urgent(s)
            || pushc_session_unacked(s) != unacked) {
            pushc_source_wake(&client->source);
        }
    }
    pthread_mutex_unlock(&client->source.lock);
    return item ? PUSHC_OK : PUSHC_ERR_ARGUMENT;
}

int pushc_retry(pushc_client *client, pushc_message *message)
{
    struct pushc_item *item;

    pthread_mutex_lock(&client->source.lock);
    item = pushc_session_held(&client->session, message);
    if (item) {
        pushc_session_retry(&client->session, item, pushc_now(&client->set));
        pushc_source_wake(&client->source);
    }
    pthread_mutex_unlock(&client->source.lock);
    return item ? PUSHC_OK : PUSHC_ERR_ARGUMENT;
}

void pushc_flush(pushc_client *client)
{
    pushc_source_raise(&client->source, &client->flush_wanted);
}

void pushc_wake(pushc_client *client)
{
    pushc_source_raise(&client->source, &client->wake_wanted);
}

int pushc_cursor(pushc_client *client, char *buffer, size_t size)
{
    int status = PUSHC_ERR_ARGUMENT;

    pthread_mutex_lock(&client->source.lock);
    if (buffer && strlen(client->session.cursor) < size) {
        strcpy(buffer, client->session.cursor);
        status = PUSHC_OK;
    }
    pthread_mutex_unlock(&client->source.lock);
    return status;
}

int pushc_client_stats(pushc_client *client, pushc_stats *stats)
{
    pushc_stats s = {.size = sizeof(s)};

    if (!stats || stats->size < 2 * sizeof(size_t) || stats->size > 4096) {
        return PUSHC_ERR_ARGUMENT;
    }
    pthread_mutex_lock(&client->source.lock);
    s.state = client->reported;
    s.waiting = client->session.queue.count;
    s.unfinished = s.waiting + client->session.held.count;
    s.attempts = client->attempts;
    s.opened = client->opened;
    s.received = client->session.received;
    s.repeated = client->session.repeated;
    s.done = client->session.done;
    s.acks = client->acks;
    s.transport = client->transport;
    pthread_mutex_unlock(&client->source.lock);
    s.size = stats->size < sizeof(s) ? stats->size : sizeof(s);
    memcpy(stats, &s, s.size);
    return PUSHC_OK;
}
