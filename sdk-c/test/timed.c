/* timed.c - a client whose clock is the test's. */
#include "timed.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

struct world w;

static uint64_t on_clock(void *ctx)
{
    return mini_now(&((struct world *)ctx)->mini);
}

static int on_message(void *ctx, pushc_message *m)
{
    (void)m;
    ((struct world *)ctx)->messages++;
    return PUSHC_DONE;
}

static void on_event(void *ctx, const pushc_event *e)
{
    struct world *x = ctx;

    if (e->kind <= PUSHC_STOPPED) {
        x->state = e->kind;
        x->transport = e->transport;
    }
    if (e->kind == PUSHC_OPEN) {
        x->opened++;
        x->opened_at = mini_now(&x->mini);
    }
    if (e->kind == PUSHC_WAITING) {
        x->waiting++;
        x->status = e->status;
        x->delay = e->delay_ms;
        x->total += e->delay_ms;
    }
}

void timed_begin(scripted_fn script, unsigned factor, int transport)
{
    pushc_options o = PUSHC_OPTIONS_INIT;

    memset(&w, 0, sizeof(w));
    w.server = scripted_start(script, NULL);
    mini_init(&w.mini, factor);
    snprintf(w.url, sizeof(w.url), "%s/ramen", scripted_url(w.server));
    o.url = w.url;
    o.ctx = &w;
    o.loop = &w.mini.loop;
    o.on_clock = on_clock;
    o.on_message = on_message;
    o.on_event = on_event;
    o.transport = transport;
    ck_assert_int_eq(pushc_client_create(&o, &w.client), PUSHC_OK);
    ck_assert_int_eq(pushc_client_start(w.client), PUSHC_OK);
}

void timed_end(void)
{
    pushc_client_destroy(w.client);
    scripted_stop(w.server);
}

static int has_opened(void *ctx)
{
    return ((struct world *)ctx)->opened >= w.wanted;
}

static int has_messages(void *ctx)
{
    return ((struct world *)ctx)->messages >= w.wanted;
}

static int has_waited(void *ctx)
{
    return ((struct world *)ctx)->waiting >= w.wanted;
}

static int has_received(void *ctx)
{
    return scripted_count(((struct world *)ctx)->server, "/receive")
           >= w.wanted;
}

static int has_heads(void *ctx)
{
    pushc_stats stats = {.size = sizeof(stats)};

    ck_assert_int_eq(pushc_client_stats(((struct world *)ctx)->client, &stats),
                     PUSHC_OK);
    return stats.opened >= w.wanted;
}

static void until(int (*done)(void *ctx), unsigned wanted)
{
    w.wanted = wanted;
    ck_assert_int_eq(mini_run(&w.mini, done, &w, 20000), 0);
}

void until_opened(unsigned wanted)
{
    until(has_opened, wanted);
}

void until_messages(unsigned wanted)
{
    until(has_messages, wanted);
}

void until_waited(unsigned wanted)
{
    until(has_waited, wanted);
}

void until_heads(unsigned wanted)
{
    until(has_heads, wanted);
}

void until_received(unsigned wanted)
{
    until(has_received, wanted);
}

void timed_said(const struct scripted_request *r)
{
    __atomic_store_n(&w.said, r->receives, __ATOMIC_SEQ_CST);
}

/* What was said is read before the client judges by the clock. */
static void skip(void)
{
    pushc_stats stats = {.size = sizeof(stats)};

    ck_assert_int_eq(pushc_client_stats(w.client, &stats), PUSHC_OK);
    if (w.state == PUSHC_WAITING
        || __atomic_load_n(&w.said, __ATOMIC_SEQ_CST) >= stats.attempts) {
        mini_skip(&w.mini);
    }
}

static int waits_skipping(void *ctx)
{
    skip();
    return has_waited(ctx);
}

static int receives_skipping(void *ctx)
{
    skip();
    return has_received(ctx);
}

void until_waited_skipping(unsigned wanted)
{
    until(waits_skipping, wanted);
}

void until_received_skipping(unsigned wanted)
{
    until(receives_skipping, wanted);
}
