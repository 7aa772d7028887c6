#include "store/upkeep/validate.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/trace.h"
#include "store/shard/copy.h"
#include "store/shard/hold.h"
#include "store/shard/later.h"
#include "store/shard/shape.h"
#include "store/shard/shard.h"

/* The walk through one shard. */
typedef struct {
    push_inventory_t inv;
    push_check_t *check;
    uint32_t traces;
} walk_t;

__attribute__((format(printf, 2, 3))) static void wrong(walk_t *walk,
                                                        const char *format,
                                                        ...)
{
    push_check_t *check = walk->check;
    va_list args;

    if (check->wrong < PUSH_WRONG_MAX) {
        char *text = check->texts[check->wrong];
        int len = snprintf(text, PUSH_WRONG_TEXT,
                           "shard %u: ", walk->inv.shard);

        va_start(args, format);
        vsnprintf(text + len, PUSH_WRONG_TEXT - (size_t)len, format, args);
        va_end(args);
    }
    check->wrong++;
}

static bool is(const walk_t *walk, push_ref_t ref, push_node_kind_t kind)
{
    return push_inventory_find(&walk->inv, ref, PUSH_NODE, sizeof(push_node_t))
           && push_node_kind(push_at(walk->inv.heap, ref)) == kind;
}

/* ---- messages ---- */

static void check_outcomes(walk_t *walk, const push_message_t *message)
{
    push_ref_t ref = message->outcomes;

    while (ref) {
        const push_outcome_t *outcome = push_at(walk->inv.heap, ref);

        if (!push_inventory_mark(&walk->inv, ref, PUSH_PART,
                                 sizeof(*outcome))) {
            wrong(walk, "outcome %u of message %llx is none", ref,
                  (unsigned long long)message->mid);
            return;
        }
        walk->check->outcomes++;
        if (!is(walk, outcome->device, PUSH_NODE_DEVICE)
            || outcome->fate >= PUSH_FATES) {
            wrong(walk, "outcome %u is of no device", ref);
        }
        ref = outcome->next;
    }
}

static bool check_message(walk_t *walk, push_ref_t ref, const push_log_t *log)
{
    const push_message_t *message = push_at(walk->inv.heap, ref);

    if (!push_shape_message(&walk->inv, ref, log)) {
        wrong(walk, "message %u is none of its log", ref);
        return false;
    }
    if (!push_inventory_mark(&walk->inv, ref, PUSH_MESSAGE, 0)) {
        wrong(walk, "message %u stands in two places", ref);
        return false;
    }
    walk->check->messages++;
    check_outcomes(walk, message);
    return true;
}

typedef struct {
    uint32_t live_count, topics;
} tally_t;

static void check_slots(walk_t *walk, const push_log_t *log, unsigned lane,
                        tally_t *tally)
{
    const push_lane_t *l = &log->lanes[lane];
    const push_ring_t *ring = push_at(walk->inv.heap, l->ring);

    for (uint32_t at = l->tail; at != l->head; at++) {
        push_ref_t ref = ring->slots[at & ring->mask];
        const push_message_t *message = push_at(walk->inv.heap, ref);

        if (ref <= PUSH_HOLE_EVICTED || !check_message(walk, ref, log)) {
            continue;
        }
        if (push_message_urgency(message) != lane) {
            wrong(walk, "message %u is in lane %u", ref, lane);
        }
        if (push_message_until(message) < log->due) {
            wrong(walk, "message %u is due before its log", ref);
        }
        if (push_message_fate(message) == PUSH_LIVE) {
            tally->live_count++;
            tally->topics += push_message_has_topic(message);
            if (push_before(at, l->first_live)) {
                wrong(walk, "message %u lives before its lane does", ref);
            }
        }
    }
}

/* That it is not whole is no fault: it may be about to be. */
static void check_copy(walk_t *walk, const push_log_t *log)
{
    const push_log_copy_t *copy = push_log_copy(walk->inv.store, log);

    if (copy && copy->state != PUSH_FOLLOW_NOT) {
        walk->check->copies++;
        walk->check->behind += copy->state != PUSH_FOLLOW_LIVE
                               || push_copy_behind(copy);
    }
}

static void check_log(walk_t *walk, const push_log_t *log)
{
    push_ref_t self = push_ref_of(walk->inv.heap, log);
    tally_t tally = {0, 0};

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &log->lanes[lane];

        if (!push_shape_lane(&walk->inv, l)) {
            wrong(walk, "lane %u of log %u has no ring", lane, self);
        }
        else if (l->ring) {
            if (!push_inventory_mark(&walk->inv, l->ring, PUSH_PART, 0)) {
                wrong(walk, "ring %u is of two lanes", l->ring);
            }
            check_slots(walk, log, lane, &tally);
        }
    }
    check_copy(walk, log);
    if (log->live_count != tally.live_count || log->topics != tally.topics) {
        wrong(walk, "log %u counts %u live with %u topics: %u with %u", self,
              log->live_count, log->topics, tally.live_count, tally.topics);
    }
}

/* ---- devices ---- */

static void check_subscriptions(walk_t *walk, const push_device_t *device)
{
    const push_heap_t *heap = walk->inv.heap;
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);

    for (unsigned i = 0; i < push_device_subscriptions_count(device); i++) {
        const push_log_t *log = push_subscription_log(heap, &subscriptions[i]);

        for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
            if (push_before(push_lane_head(&log->lanes[lane]),
                            subscriptions[i].cursor[lane])) {
                wrong(walk, "device %u is ahead of log %u",
                      push_ref_of(heap, device), subscriptions[i].log);
            }
        }
    }
}

static void check_trace(walk_t *walk, const push_device_t *device)
{
    push_ref_t ref = push_trace_ref(walk->inv.heap, device);

    if (ref <= PUSH_TRACE_NO_ROOM) {
        return;
    }
    walk->traces++;
    if (!push_inventory_mark(&walk->inv, ref, PUSH_PART,
                             sizeof(push_trace_t))) {
        wrong(walk, "trace %u is none, or of two devices", ref);
    }
}

static void check_device(walk_t *walk, push_ref_t ref)
{
    const push_device_t *device = push_at(walk->inv.heap, ref);
    push_inventory_t *inv = &walk->inv;
    uint64_t in_flight;

    walk->check->devices++;
    if (!push_shape_device(inv, device)
        || !push_inventory_mark(inv, device->labels, PUSH_PART, 0)
        || !push_inventory_mark(inv, push_device_subscriptions_ref(device),
                                PUSH_PART, 0)) {
        wrong(walk, "device %u has no labels or places", ref);
        return;
    }
    check_subscriptions(walk, device);
    check_trace(walk, device);
    if (!push_shape_window(inv, device, &in_flight)
        || (device->window.runs
            && !push_inventory_mark(inv, device->window.runs, PUSH_PART, 0))) {
        wrong(walk, "device %u has no window", ref);
    }
    else if (in_flight != device->sent - device->acked) {
        wrong(walk, "device %u has %llu in flight, not %llu", ref,
              (unsigned long long)in_flight,
              (unsigned long long)(device->sent - device->acked));
    }
}

/* ---- tables and users ---- */

static void check_user(walk_t *walk, push_ref_t ref)
{
    const push_user_t *user = push_at(walk->inv.heap, ref);
    push_ref_t at = user->devices;
    uint32_t count = 0;

    walk->check->users++;
    check_log(walk, &user->log);
    while (at && count <= user->devices_count) {
        const push_device_t *device = push_at(walk->inv.heap, at);

        if (!is(walk, at, PUSH_NODE_DEVICE) || device->user != ref) {
            wrong(walk, "device %u is none of user %u", at, ref);
            return;
        }
        count++;
        at = device->sibling;
    }
    if (count != user->devices_count) {
        wrong(walk, "user %u counts %u devices, not %u", ref,
              user->devices_count, count);
    }
}

static void check_later(walk_t *walk, const push_later_t *later)
{
    const push_later_part_t *part =
        &walk->inv.store->shards[walk->inv.shard].later;
    const push_later_turn_t *turns = push_at(walk->inv.heap, part->turns);

    walk->check->laters++;
    if (push_later_state(later) == PUSH_LATER_KEPT
        && !push_inventory_mark(&walk->inv, later->body, PUSH_PART, 0)) {
        wrong(walk, "what is kept as %llx has no body of its own",
              (unsigned long long)later->id);
    }
    if (!later->position || later->position > part->count
        || turns[later->position - 1].ref != push_ref_of(walk->inv.heap, later)
        || turns[later->position - 1].next != later->next) {
        wrong(walk, "what is kept as %llx is not in the queue",
              (unsigned long long)later->id);
    }
}

static void check_node(walk_t *walk, push_ref_t ref, push_node_kind_t kind)
{
    switch (kind) {
    case PUSH_NODE_USER:
        check_user(walk, ref);
        break;
    case PUSH_NODE_CHANNEL:
        walk->check->channels++;
        check_log(walk, push_at(walk->inv.heap, ref));
        break;
    case PUSH_NODE_DEVICE:
        check_device(walk, ref);
        break;
    case PUSH_NODE_LATER:
        check_later(walk, push_at(walk->inv.heap, ref));
        break;
    default:
        walk->check->keys++;
        break;
    }
}

/* A chain of one bucket; returns how many nodes it has. */
static uint32_t check_chain(walk_t *walk, const push_table_t *table,
                            uint32_t bucket, push_node_kind_t kind)
{
    const push_heap_t *heap = walk->inv.heap;
    push_ref_t at = ((const uint32_t *)push_at(heap, table->buckets))[bucket];
    uint32_t count = 0;

    while (at) {
        push_item_t *item = push_inventory_mark(&walk->inv, at, PUSH_NODE,
                                                sizeof(push_node_t));
        const push_node_t *node = push_at(heap, at);

        if (!item || push_node_kind(node) != kind
            || !push_shape_node(&walk->inv, item)
            || (node->hash & table->mask) != bucket) {
            wrong(walk, "node %u does not belong in bucket %u of kind %d", at,
                  bucket, (int)kind);
            return count;
        }
        count++;
        check_node(walk, at, kind);
        at = node->next;
    }
    return count;
}

static void check_table(walk_t *walk, const push_table_t *table,
                        push_node_kind_t kind)
{
    size_t size = (table->mask + (size_t)1) * sizeof(uint32_t);
    uint32_t count = 0;

    if (!push_inventory_mark(&walk->inv, table->buckets, PUSH_PART, size)) {
        wrong(walk, "the table of kind %d has no buckets", (int)kind);
        return;
    }
    for (uint32_t i = 0; i <= table->mask; i++) {
        count += check_chain(walk, table, i, kind);
    }
    if (count != table->count) {
        wrong(walk, "the table of kind %d counts %u, not %u", (int)kind,
              table->count, count);
    }
}

static void check_laters(walk_t *walk, const push_later_part_t *part)
{
    size_t size = part->room * sizeof(push_later_turn_t);

    if (part->turns
        && !push_inventory_mark(&walk->inv, part->turns, PUSH_PART, size)) {
        wrong(walk, "the queue for later has no turns");
        return;
    }
    check_table(walk, &part->nodes, PUSH_NODE_LATER);
    if (part->count != push_table_count(&part->nodes)) {
        wrong(walk, "%u turns are for %u that are kept", part->count,
              push_table_count(&part->nodes));
    }
}

/* ---- what else there is ---- */

static void check_holds(walk_t *walk)
{
    push_store_t *store = walk->inv.store;
    push_ref_t at = store->shards[walk->inv.shard].holds;

    while (at) {
        const push_hold_t *hold = push_at(walk->inv.heap, at);

        if (!push_inventory_mark(&walk->inv, at, PUSH_PART, sizeof(*hold))
            || !push_shape_message(&walk->inv, hold->message, NULL)) {
            wrong(walk, "hold %u holds no message", at);
            return;
        }
        walk->check->holds++;
        if (push_inventory_mark(&walk->inv, hold->message, PUSH_MESSAGE, 0)) {
            check_outcomes(walk, push_at(walk->inv.heap, hold->message));
        }
        at = hold->next;
    }
}

/* Every node that exists was met in a table. */
static void check_rest(walk_t *walk)
{
    for (size_t i = 0; i < walk->inv.count; i++) {
        const push_item_t *item = &walk->inv.items[i];

        walk->check->objects++;
        if (item->marked) {
            continue;
        }
        if (item->kind == PUSH_NODE
            && push_node_kind(push_at(walk->inv.heap, item->ref))) {
            wrong(walk, "node %u is in no table", item->ref);
        }
        walk->check->leaked++;
    }
}

static void check_shard(walk_t *walk)
{
    push_store_t *store = walk->inv.store;
    const push_shard_t *shard = &store->shards[walk->inv.shard];

    check_table(walk, &shard->users, PUSH_NODE_USER);
    check_table(walk, &shard->contexts, PUSH_NODE_DEVICE);
    check_table(walk, &shard->channels, PUSH_NODE_CHANNEL);
    check_table(walk, &shard->keys, PUSH_NODE_KEY);
    check_laters(walk, &shard->later);
    if (!walk->inv.shard) {
        push_inventory_mark(&walk->inv, store->segment->broadcast, PUSH_NODE,
                            0);
        check_log(walk, &push_store_broadcast(store)->log);
    }
    check_holds(walk);
    check_rest(walk);
    if (shard->traces != walk->traces) {
        wrong(walk, "%u traces are counted: %u", shard->traces, walk->traces);
    }
    if (shard->changing) {
        wrong(walk, "device %u is being changed by nobody", shard->changing);
    }
}

void push_validate(push_store_t *store, push_check_t *check)
{
    memset(check, 0, sizeof(*check));
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        walk_t walk = {.check = check};

        if (!push_shard_enter(store, i)) {
            check->skipped++;
            continue;
        }
        if (push_inventory_take(&walk.inv, store, i)) {
            check_shard(&walk);
            push_inventory_cleanup(&walk.inv);
        }
        else {
            check->skipped++;
        }
        push_shard_leave(store, i);
    }
}
