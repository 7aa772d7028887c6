#include "store/upkeep/validate.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "store/shard/hold.h"
#include "store/shard/shape.h"
#include "store/shard/shard.h"

/* The look at one shard. */
typedef struct {
    push_inventory_t inv;
    push_check_t *check;
} look_t;

__attribute__((format(printf, 2, 3))) static void wrong(look_t *look,
                                                        const char *format,
                                                        ...)
{
    push_check_t *check = look->check;
    va_list args;

    if (check->wrong < PUSH_WRONG_MAX) {
        char *text = check->texts[check->wrong];
        int len = snprintf(text, PUSH_WRONG_TEXT,
                           "shard %u: ", look->inv.shard);

        va_start(args, format);
        vsnprintf(text + len, PUSH_WRONG_TEXT - (size_t)len, format, args);
        va_end(args);
    }
    check->wrong++;
}

static bool is(const look_t *look, push_ref_t ref, push_node_kind_t kind)
{
    return push_inventory_find(&look->inv, ref, PUSH_NODE, sizeof(push_node_t))
           && push_node_kind(push_at(look->inv.heap, ref)) == kind;
}

/* ---- messages ---- */

static void check_outcomes(look_t *look, const push_message_t *message)
{
    push_ref_t ref = message->outcomes;

    while (ref) {
        const push_outcome_t *outcome = push_at(look->inv.heap, ref);

        if (!push_inventory_mark(&look->inv, ref, PUSH_PART,
                                 sizeof(*outcome))) {
            wrong(look, "outcome %u of message %llx is none", ref,
                  (unsigned long long)message->mid);
            return;
        }
        look->check->outcomes++;
        if (!is(look, outcome->device, PUSH_NODE_DEVICE)
            || outcome->fate >= PUSH_FATES) {
            wrong(look, "outcome %u is of no device", ref);
        }
        ref = outcome->next;
    }
}

static bool check_message(look_t *look, push_ref_t ref, const push_log_t *log)
{
    const push_message_t *message = push_at(look->inv.heap, ref);

    if (!push_shape_message(&look->inv, ref, log)) {
        wrong(look, "message %u is none of its log", ref);
        return false;
    }
    if (!push_inventory_mark(&look->inv, ref, PUSH_MESSAGE, 0)) {
        wrong(look, "message %u stands in two places", ref);
        return false;
    }
    look->check->messages++;
    check_outcomes(look, message);
    return true;
}

typedef struct {
    uint32_t live, topics;
} tally_t;

static void check_slots(look_t *look, const push_log_t *log, unsigned lane,
                        tally_t *tally)
{
    const push_lane_t *l = &log->lanes[lane];
    const push_ring_t *ring = push_at(look->inv.heap, l->ring);

    for (uint32_t at = l->tail; at != l->head; at++) {
        push_ref_t ref = ring->slots[at & ring->mask];
        const push_message_t *message = push_at(look->inv.heap, ref);

        if (ref <= PUSH_HOLE_EVICTED || !check_message(look, ref, log)) {
            continue;
        }
        if (push_message_urgency(message) != lane) {
            wrong(look, "message %u is in lane %u", ref, lane);
        }
        if (push_message_until(message) < log->due) {
            wrong(look, "message %u is due before its log", ref);
        }
        if (push_message_fate(message) == PUSH_LIVE) {
            tally->live++;
            tally->topics += message->topic_len != 0;
            if (push_before(at, l->live)) {
                wrong(look, "message %u lives before its lane does", ref);
            }
        }
    }
}

static void check_log(look_t *look, const push_log_t *log)
{
    push_ref_t self = push_ref_of(look->inv.heap, log);
    tally_t tally = {0, 0};

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &log->lanes[lane];

        if (!push_shape_lane(&look->inv, l)) {
            wrong(look, "lane %u of log %u has no ring", lane, self);
        }
        else if (l->ring) {
            if (!push_inventory_mark(&look->inv, l->ring, PUSH_PART, 0)) {
                wrong(look, "ring %u is of two lanes", l->ring);
            }
            check_slots(look, log, lane, &tally);
        }
    }
    if (log->live != tally.live || log->topics != tally.topics) {
        wrong(look, "log %u counts %u live with %u topics: %u with %u", self,
              log->live, log->topics, tally.live, tally.topics);
    }
}

/* ---- devices ---- */

static void check_places(look_t *look, const push_device_t *device)
{
    const push_heap_t *heap = look->inv.heap;
    const push_sub_t *subs = push_device_subs(heap, device);

    for (unsigned i = 0; i < push_device_subs_count(device); i++) {
        const push_log_t *log = push_sub_log(heap, &subs[i]);

        for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
            if (push_before(push_lane_head(&log->lanes[lane]),
                            subs[i].cursor[lane])) {
                wrong(look, "device %u is ahead of log %u",
                      push_ref_of(heap, device), subs[i].log);
            }
        }
    }
}

static void check_device(look_t *look, push_ref_t ref)
{
    const push_device_t *device = push_at(look->inv.heap, ref);
    push_inventory_t *inv = &look->inv;
    uint64_t in_flight;

    look->check->devices++;
    if (!push_shape_device(inv, device)
        || !push_inventory_mark(inv, device->labels, PUSH_PART, 0)
        || !push_inventory_mark(inv, push_device_subs_ref(device), PUSH_PART,
                                0)) {
        wrong(look, "device %u has no labels or places", ref);
        return;
    }
    check_places(look, device);
    if (!push_shape_window(inv, device, &in_flight)
        || (device->window.runs
            && !push_inventory_mark(inv, device->window.runs, PUSH_PART, 0))) {
        wrong(look, "device %u has no window", ref);
    }
    else if (in_flight != device->sent - device->acked) {
        wrong(look, "device %u has %llu in flight, not %llu", ref,
              (unsigned long long)in_flight,
              (unsigned long long)(device->sent - device->acked));
    }
}

/* ---- tables and users ---- */

static void check_user(look_t *look, push_ref_t ref)
{
    const push_user_t *user = push_at(look->inv.heap, ref);
    push_ref_t at = user->devices;
    uint32_t count = 0;

    look->check->users++;
    check_log(look, &user->log);
    while (at && count <= user->devices_count) {
        const push_device_t *device = push_at(look->inv.heap, at);

        if (!is(look, at, PUSH_NODE_DEVICE) || device->user != ref) {
            wrong(look, "device %u is none of user %u", at, ref);
            return;
        }
        count++;
        at = device->sibling;
    }
    if (count != user->devices_count) {
        wrong(look, "user %u counts %u devices, not %u", ref,
              user->devices_count, count);
    }
}

static void check_node(look_t *look, push_ref_t ref, push_node_kind_t kind)
{
    switch (kind) {
    case PUSH_NODE_USER:
        check_user(look, ref);
        break;
    case PUSH_NODE_CHANNEL:
        look->check->channels++;
        check_log(look, push_at(look->inv.heap, ref));
        break;
    case PUSH_NODE_DEVICE:
        check_device(look, ref);
        break;
    default:
        look->check->keys++;
        break;
    }
}

/* A chain of one bucket; returns how many nodes it has. */
static uint32_t check_chain(look_t *look, const push_table_t *table,
                            uint32_t bucket, push_node_kind_t kind)
{
    const push_heap_t *heap = look->inv.heap;
    push_ref_t at = ((const uint32_t *)push_at(heap, table->buckets))[bucket];
    uint32_t count = 0;

    while (at) {
        push_item_t *item = push_inventory_mark(&look->inv, at, PUSH_NODE,
                                                sizeof(push_node_t));
        const push_node_t *node = push_at(heap, at);

        if (!item || push_node_kind(node) != kind
            || !push_shape_node(&look->inv, item)
            || (node->hash & table->mask) != bucket) {
            wrong(look, "node %u does not belong in bucket %u of kind %d", at,
                  bucket, (int)kind);
            return count;
        }
        count++;
        check_node(look, at, kind);
        at = node->next;
    }
    return count;
}

static void check_table(look_t *look, const push_table_t *table,
                        push_node_kind_t kind)
{
    size_t size = (table->mask + (size_t)1) * sizeof(uint32_t);
    uint32_t count = 0;

    if (!push_inventory_mark(&look->inv, table->buckets, PUSH_PART, size)) {
        wrong(look, "the table of kind %d has no buckets", (int)kind);
        return;
    }
    for (uint32_t i = 0; i <= table->mask; i++) {
        count += check_chain(look, table, i, kind);
    }
    if (count != table->count) {
        wrong(look, "the table of kind %d counts %u, not %u", (int)kind,
              table->count, count);
    }
}

/* ---- what else there is ---- */

static void check_holds(look_t *look)
{
    push_store_t *store = look->inv.store;
    push_ref_t at = store->shards[look->inv.shard].holds;

    while (at) {
        const push_hold_t *hold = push_at(look->inv.heap, at);

        if (!push_inventory_mark(&look->inv, at, PUSH_PART, sizeof(*hold))
            || !push_shape_message(&look->inv, hold->message, NULL)) {
            wrong(look, "hold %u holds no message", at);
            return;
        }
        look->check->holds++;
        if (push_inventory_mark(&look->inv, hold->message, PUSH_MESSAGE, 0)) {
            check_outcomes(look, push_at(look->inv.heap, hold->message));
        }
        at = hold->next;
    }
}

/* Every node that exists was met in a table. */
static void check_rest(look_t *look)
{
    for (size_t i = 0; i < look->inv.count; i++) {
        const push_item_t *item = &look->inv.items[i];

        look->check->objects++;
        if (item->marked) {
            continue;
        }
        if (item->kind == PUSH_NODE
            && push_node_kind(push_at(look->inv.heap, item->ref))) {
            wrong(look, "node %u is in no table", item->ref);
        }
        look->check->leaked++;
    }
}

static void check_shard(look_t *look)
{
    push_store_t *store = look->inv.store;
    const push_shard_t *shard = &store->shards[look->inv.shard];

    check_table(look, &shard->users, PUSH_NODE_USER);
    check_table(look, &shard->contexts, PUSH_NODE_DEVICE);
    check_table(look, &shard->channels, PUSH_NODE_CHANNEL);
    check_table(look, &shard->keys, PUSH_NODE_KEY);
    if (!look->inv.shard) {
        push_inventory_mark(&look->inv, store->segment->broadcast, PUSH_NODE,
                            0);
        check_log(look, &push_store_broadcast(store)->log);
    }
    check_holds(look);
    check_rest(look);
    if (shard->changing) {
        wrong(look, "device %u is being changed by nobody", shard->changing);
    }
}

void push_validate(push_store_t *store, push_check_t *check)
{
    memset(check, 0, sizeof(*check));
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        look_t look = {.check = check};

        if (!push_shard_enter(store, i)) {
            check->skipped++;
            continue;
        }
        if (push_inventory_take(&look.inv, store, i)) {
            check_shard(&look);
            push_inventory_cleanup(&look.inv);
        }
        else {
            check->skipped++;
        }
        push_shard_leave(store, i);
    }
}
