#include "core_world.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "core/message_texts.h"

static void make_broadcast(world_t *world)
{
    world->broadcast = world_channel(world);
    push_node_be(world->broadcast, PUSH_NODE_BROADCAST);
}

void world_init(world_t *world)
{
    memset(world, 0, sizeof(*world));
    watched_heap_init(&world->memory);
    world->heap = &world->memory.heap;
    world->now = (push_time_t){1000, WORLD_START, 1000000};
    world->limit = WORLD_LIMIT;
    world->history = WORLD_HISTORY;
    make_broadcast(world);
}

static void drop_user(world_t *world, push_user_t *user)
{
    while (user->devices) {
        world_drop(world, push_at(world->heap, user->devices));
    }
}

void world_cleanup(world_t *world)
{
    for (unsigned i = 0; i < world->objects_count; i++) {
        push_log_t *log = push_at(world->heap, world->objects[i]);

        if (push_log_kind(log) == PUSH_LOG_USER) {
            drop_user(world, (push_user_t *)log);
        }
    }
    for (unsigned i = 0; i < world->objects_count; i++) {
        push_log_t *log = push_at(world->heap, world->objects[i]);

        push_log_cleanup(world->heap, log);
        world->heap->release(world->heap, world->objects[i]);
    }
    watched_heap_reclaim(&world->memory);
    watched_heap_cleanup(&world->memory);
}

void world_pass(world_t *world, int64_t ms)
{
    world->now.mono += ms;
    world->now.wall += ms;
}

static void *keep(world_t *world, size_t size, push_log_kind_t kind)
{
    push_ref_t ref = world->heap->alloc(world->heap, size, PUSH_NODE);
    push_log_t *log;

    if (!ref) {
        return NULL;
    }
    log = push_at(world->heap, ref);
    memset(log, 0, size);
    push_node_be(log, (push_node_kind_t)kind);
    ck_assert_uint_lt(world->objects_count, 64);
    world->objects[world->objects_count++] = ref;
    return log;
}

push_user_t *world_user(world_t *world)
{
    return keep(world, sizeof(push_user_t), PUSH_LOG_USER);
}

push_channel_t *world_channel(world_t *world)
{
    return keep(world, sizeof(push_channel_t), PUSH_LOG_CHANNEL);
}

static void follow(world_t *world, push_device_t *device,
                   push_channel_t *const *channels, unsigned count)
{
    push_subscription_t *subscriptions = push_device_subscriptions(world->heap,
                                                                   device);
    uint64_t joined = push_mid_now(&world->clock);

    push_subscription_init(world->heap,
                           &subscriptions[PUSH_SUBSCRIPTION_BROADCAST],
                           push_ref_of(world->heap, world->broadcast), joined);
    world->broadcast->subscribers++;
    for (unsigned i = 0; i < count; i++) {
        push_subscription_init(world->heap,
                               &subscriptions[PUSH_SUBSCRIPTION_CHANNELS + i],
                               push_ref_of(world->heap, channels[i]), joined);
        channels[i]->subscribers++;
    }
}

push_device_t *world_device(world_t *world, push_user_t *user,
                            const char *name, push_channel_t *const *channels,
                            unsigned count)
{
    push_heap_t *heap = world->heap;
    push_text_t labels[PUSH_LABELS] = {[PUSH_LABEL_DEVICE] = words(name)};
    push_device_t *device = push_at(heap, heap->alloc(heap, sizeof(*device),
                                                      PUSH_NODE));
    size_t size = (PUSH_SUBSCRIPTION_CHANNELS + count)
                  * sizeof(push_subscription_t);

    memset(device, 0, sizeof(*device));
    push_device_set_subscriptions(device, heap->alloc(heap, size, PUSH_PART),
                                  PUSH_SUBSCRIPTION_CHANNELS + count);
    memset(push_device_subscriptions(heap, device), 0, size);
    ck_assert_int_eq(push_device_set_labels(heap, device, labels), PUSH_OK);
    push_user_adopt(heap, user, device, &world->now);
    follow(world, device, channels, count);
    device->max_in_flight = 1024;
    device->lowest = PUSH_VERY_LOW;
    device->traits = PUSH_DEVICE_EXPLICIT;
    return device;
}

static void count_connected(world_t *world, push_device_t *device, int by)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        world->heap, device);

    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        push_channel_t *channel = push_at(world->heap, subscriptions[i].log);

        channel->connected += (uint32_t)by;
    }
}

void world_drop(world_t *world, push_device_t *device)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        world->heap, device);

    world_close(world, device);
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        ((push_channel_t *)push_at(world->heap, subscriptions[i].log))
            ->subscribers--;
    }
    push_user_drop(world->heap, push_at(world->heap, device->user), device);
    push_device_cleanup(world->heap, device);
    world->heap->release(world->heap, push_ref_of(world->heap, device));
}

void world_take_up(world_t *world, push_device_t *device,
                   const push_cursor_t *at)
{
    if (push_session_resume(world->heap, device, at, &world->now)) {
        push_session_received(world->heap, device, at->mid, &world->now);
    }
}

void world_open(world_t *world, push_device_t *device,
                const world_open_t *open)
{
    static const world_open_t usual;

    open = open ? open : &usual;
    world_take_up(world, device, open->resume);
    if (!(device->traits & PUSH_DEVICE_ONLINE)) {
        count_connected(world, device, 1);
    }
    device->traits = PUSH_DEVICE_ONLINE;
    device->traits |= open->implicit ? 0 : PUSH_DEVICE_EXPLICIT;
    device->max_in_flight = open->max_in_flight ? open->max_in_flight : 1024;
    device->lowest = open->lowest ? (uint8_t)open->lowest : PUSH_VERY_LOW;
    device->since = push_mid_now(&world->clock);
}

void world_close(world_t *world, push_device_t *device)
{
    if (device->traits & PUSH_DEVICE_ONLINE) {
        count_connected(world, device, -1);
    }
    device->traits &= (uint8_t)~PUSH_DEVICE_ONLINE;
}

push_text_t words(const char *text)
{
    return (push_text_t){text, text ? (uint32_t)strlen(text) : 0};
}

push_message_spec_t spec(const char *text)
{
    return (push_message_spec_t){
        .content.data = words(text), .urgency = PUSH_NORMAL, .ttl = 300000};
}

push_message_spec_t spec_urgent(const char *text, push_urgency_t urgency)
{
    push_message_spec_t d = spec(text);

    d.urgency = urgency;
    return d;
}

push_message_spec_t spec_topic(const char *text, const char *topic)
{
    push_message_spec_t d = spec(text);

    d.topic = words(topic);
    return d;
}

static push_publish_t begin(world_t *world, const push_message_spec_t *d,
                            uint32_t limit)
{
    push_publish_t publish = {
        .spec = d, .limit = limit, .stored = world->stored, .now = world->now};

    publish.receipt.mid = push_mid_next(&world->clock, world->now.wall, 1, 2);
    return publish;
}

push_status_t world_publish(world_t *world, push_user_t *user,
                            push_message_spec_t d)
{
    push_publish_t publish = begin(world, &d, world->limit);
    push_status_t status = push_user_publish(world->heap, user, &publish);

    world->receipt = publish.receipt;
    return status;
}

push_status_t world_cast(world_t *world, push_channel_t *channel,
                         push_message_spec_t d)
{
    push_publish_t publish = begin(world, &d, world->history);
    push_status_t status = push_channel_publish(world->heap, channel,
                                                &publish);

    world->receipt = publish.receipt;
    return status;
}

uint64_t world_say(world_t *world, push_user_t *user, const char *text)
{
    ck_assert_int_eq(world_publish(world, user, spec(text)), PUSH_OK);
    return world->receipt.mid;
}

push_text_t world_payload(const push_message_t *message)
{
    return push_message_payload(message);
}

static void add_text(world_t *world, const char *more)
{
    size_t len = strlen(world->text);

    ck_assert_uint_lt(len + strlen(more) + 2, sizeof(world->text));
    snprintf(world->text + len, sizeof(world->text) - len, "%s%s",
             len ? " " : "", more);
}

/* As the store does: what was lost is told before the first message. */
static void tell_gaps(world_t *world, push_device_t *device, uint64_t first)
{
    uint32_t lost[PUSH_LANES] = {0};
    push_urgency_t urgency;
    push_gap_t reason;
    uint32_t dropped;
    char text[64];

    while (push_mailbox_gap(device, &reason, &urgency, &dropped)) {
        push_mailbox_gap_reported(device, reason, urgency);
        device->gap_seq = first;
        lost[urgency] += dropped;
    }
    for (int i = 0; i < PUSH_LANES; i++) {
        if (lost[i]) {
            snprintf(text, sizeof(text), "!%s:%u",
                     push_urgency_name((push_urgency_t)i), lost[i]);
            add_text(world, text);
        }
    }
}

const char *world_flush_some(world_t *world, push_device_t *device,
                             uint32_t max)
{
    push_pick_t picks[256];
    push_batch_t batch = {.picks = picks,
                          .max = max,
                          .bytes = 1 << 20,
                          .written = world->written,
                          .arrived = world->arrived};
    uint64_t first = device->sent + 1;

    push_mailbox_collect(world->heap, device, &world->now, &batch);
    world->full = batch.full;
    world->text[0] = '\0';
    tell_gaps(world, device, first);
    for (uint32_t i = 0; i < batch.count; i++) {
        push_text_t data = world_payload(picks[i].message);
        char text[300];

        snprintf(text, sizeof(text), "%lu=%.*s", (unsigned long)picks[i].seq,
                 (int)data.len, data.at);
        add_text(world, text);
    }
    return world->text;
}

const char *world_flush(world_t *world, push_device_t *device)
{
    return world_flush_some(world, device, 256);
}

uint32_t world_pending(world_t *world, const push_device_t *device)
{
    return push_mailbox_pending(world->heap, device, &world->now,
                                PUSH_SUBSCRIPTION_USER,
                                push_device_subscriptions_count(device));
}

push_cursor_t cursor(uint64_t seq)
{
    return (push_cursor_t){.seq = seq};
}

push_cursor_t cursor_mid(uint64_t seq, uint64_t mid)
{
    return (push_cursor_t){.seq = seq, .mid = mid, .has_mid = true};
}

void world_resume(world_t *world, push_device_t *device, push_cursor_t at)
{
    world_take_up(world, device, &at);
}

push_status_t world_ack(world_t *world, push_device_t *device,
                        push_cursor_t at)
{
    return push_session_ack(world->heap, device, &at, &world->now);
}

push_fate_t world_fate(world_t *world, const push_device_t *device,
                       uint64_t mid)
{
    const push_user_t *user = push_at(world->heap, device->user);
    push_entry_t entry;
    push_position_t position;

    if (!push_log_find(world->heap, &user->log, mid, &entry)) {
        return PUSH_LIVE;
    }
    position = (push_position_t){PUSH_SUBSCRIPTION_USER, (uint16_t)entry.lane,
                                 entry.at};
    return push_user_fate(world->heap, device, entry.message, position,
                          &world->now);
}
