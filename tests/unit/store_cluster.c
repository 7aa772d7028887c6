#include "store_cluster.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core_world.h"
#include "store/disk/record.h"
#include "store/shard/context.h"
#include "store/shm/clock.h"

void node_init(fixture_t *g, size_t size)
{
    static const push_limits_t limits = {.max_pending = 1000,
                                         .history = 1000,
                                         .retention = 1800000,
                                         .idempotency = 300000};
    push_mapping_t mapping = {
        .size = size,
        .seats = FIXTURE_SEATS,
        .hash_key = (const unsigned char *)"the key of all 1"};

    memset(g, 0, sizeof(*g));
    g->size = size;
    g->base = shared_memory(size);
    for (int i = 0; i < FIXTURE_SEATS; i++) {
        g->events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        ck_assert_int_ge(g->events[i], 0);
    }
    mapping.base = g->base;
    mapping.events = g->events;
    ck_assert(push_store_create(&g->store, &mapping, &limits));
    ck_assert_int_eq(push_seat_claim(&g->store.seats, (uint32_t)getpid()), 0);
    push_store_sit(&g->store, 0);
    g->now = push_clock_now();
    node_follow(g, "b", 1);
}

void node_follow(fixture_t *g, const char *log, uint64_t tick)
{
    push_follow_t follow;
    push_loaded_t loaded = {.log = named(log), .tick = tick};
    bool again;

    ck_assert_int_eq(push_follow_begin(&g->store, named(log), &follow),
                     PUSH_OK);
    ck_assert(follow.mine);
    loaded.errand = follow.errand;
    ck_assert_int_eq(push_follow_load(&g->store, &loaded, &g->now, &again),
                     PUSH_OK);
    ck_assert(!again);
}

uint64_t node_mid(const fixture_t *g, const char *log, uint64_t tick)
{
    unsigned partition = push_log_partition(&g->store, named(log));

    return tick << 12 | (uint64_t)(partition >> 4) << 6 | (partition & 15);
}

static push_log_kind_t kind_of(const char *log)
{
    return *log == 'u'   ? PUSH_LOG_USER
           : *log == 'c' ? PUSH_LOG_CHANNEL
                         : PUSH_LOG_BROADCAST;
}

push_applied_t entry_of(const fixture_t *g, const order_t *order)
{
    static push_record_t *records[1024];
    static unsigned next;
    push_record_t **record = &records[next++ % 1024];
    int64_t ttl = order->ttl ? order->ttl : 300000;
    push_message_record_t m = {
        .kind = kind_of(order->log),
        .fate = PUSH_LIVE,
        .name = named(order->log + 1),
        .stored = {.mid = node_mid(g, order->log, order->tick),
                   .topic = named(order->topic),
                   .device = named(order->device),
                   .content.data = named(order->text),
                   .urgency = order->urgency}};

    free(*record);
    *record = push_message_make(&m);
    ck_assert_ptr_nonnull(*record);
    return (push_applied_t){.log = named(order->log),
                            .tick = order->tick,
                            .record = {(const char *)(*record)->value,
                                       (*record)->len},
                            .until = ttl < 0 ? 0 : g->now.mono + ttl,
                            .suspect = order->suspect};
}

push_applied_t said(const fixture_t *g, const char *log, uint64_t tick,
                    const char *text)
{
    return entry_of(g, &(order_t){.log = log,
                                  .tick = tick,
                                  .text = text,
                                  .urgency = PUSH_NORMAL});
}

push_applied_t recall_of(const char *log, uint64_t tick, uint64_t mid)
{
    return (push_applied_t){.log = named(log), .tick = tick, .recall = mid};
}

push_apply_t node_apply(fixture_t *g, const order_t *order)
{
    push_applied_t entry = entry_of(g, order);

    push_store_apply(&g->store, NULL, &entry, 1, &g->now);
    return entry.outcome;
}

push_apply_t node_say(fixture_t *g, const char *log, uint64_t tick,
                      const char *text)
{
    push_applied_t entry = said(g, log, tick, text);

    push_store_apply(&g->store, NULL, &entry, 1, &g->now);
    return entry.outcome;
}

static push_status_t checkin(fixture_t *g, push_checkin_t *c,
                             const char *device, push_stream_ref_t *stream_ref)
{
    c->labels[PUSH_LABEL_DEVICE] = named(device);
    c->labels[PUSH_LABEL_LOCALE] = named("pt");
    c->explicit_acks = true;
    c->lowest = PUSH_VERY_LOW;
    c->max_in_flight = 1024;
    c->max_streams = 16;
    c->max_devices = 64;
    c->max_subscriptions = 4096;
    return push_store_checkin(&g->store, c, &g->now, stream_ref);
}

push_stream_ref_t node_come(fixture_t *g, const char *user, const char *device,
                            const char *channel, uint32_t fence)
{
    push_text_t name = named(channel);
    push_checkin_t c = {.user = named(user),
                        .channels = &name,
                        .channels_count = channel != NULL,
                        .fence = fence};
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(checkin(g, &c, device, &stream_ref), PUSH_OK);
    return stream_ref;
}

push_status_t node_checkin(fixture_t *g, const char *user, const char *channel,
                           const push_cursor_t *cursor,
                           push_stream_ref_t *stream_ref)
{
    push_text_t name = named(channel);
    push_checkin_t c = {.user = named(user),
                        .channels = &name,
                        .channels_count = channel != NULL,
                        .cursor = cursor};

    return checkin(g, &c, "d", stream_ref);
}

push_status_t node_checkin_unsure(fixture_t *g, const char *user,
                                  push_stream_ref_t *stream_ref)
{
    push_checkin_t c = {.user = named(user), .unsure = true};

    return checkin(g, &c, "d", stream_ref);
}

void node_id(const char *user, const char *device, unsigned char *id)
{
    push_store_context_id(named(user), named(device), named(NULL), id);
}
