#include "store/shard/repair.h"

#include <stdatomic.h>

#include "core/device_away.h"
#include "core/trace.h"
#include "core/event.h"
#include "store/shard/assigned.h"
#include "store/shard/held.h"
#include "store/shard/later.h"
#include "store/shard/shape.h"
#include "store/shm/clock.h"

/*
 * The idea: nothing is mended, all is made anew from what is certain.
 *
 * 1. The inventory: all objects whose tag names the shard.  From here on no
 *    reference is followed that does not lead to an object of the inventory
 *    of the right kind and size (shape.h).
 * 2. Tables and lists of devices are cleared, and filled from the nodes that
 *    exist.  What is not born, or not what it says, is left out.
 * 3. Of lanes, slots without a message of this log are emptied; live, topics
 *    and refs are counted; outcomes of devices that are gone are taken out.
 * 4. The device that was being changed, or whose window does not add up, gets
 *    a new session in which nothing was sent: a half-done acknowledgement
 *    would shift which message a seq stands for.  Its cursors go back, in the
 *    user's log to the tail, where outcomes say what was acknowledged, in
 *    channels to the oldest that was in the window.  So messages may be
 *    delivered twice, and none counts as acknowledged that was not.  The
 *    number of its stream becomes 0: no Push-Session names the new session
 *    before it has a stream, and the old stream ends with push.bye.
 * 5. What nothing refers to is retired, not freed: a reactor may read it.
 */

static bool is_node(const push_inventory_t *inv, const push_item_t *item,
                    push_node_kind_t kind)
{
    return item->kind == PUSH_NODE
           && push_node_kind(push_at(inv->heap, item->ref)) == kind;
}

/* ---- tables and users ---- */

static bool reset_table(push_inventory_t *inv, push_table_t *table)
{
    size_t size = (table->mask + (size_t)1) * sizeof(uint32_t);

    if ((table->mask & (table->mask + 1)) != 0
        || !push_inventory_mark(inv, table->buckets, PUSH_PART, size)) {
        return push_table_create(inv->heap, table);
    }
    push_table_clear(inv->heap, table);
    PUSH_FAILPOINT("repair-table-cleared");
    return true;
}

static bool reset_tables(push_inventory_t *inv)
{
    push_shard_t *shard = &inv->store->shards[inv->shard];

    return reset_table(inv, &shard->users)
           && reset_table(inv, &shard->contexts)
           && reset_table(inv, &shard->channels)
           && reset_table(inv, &shard->keys)
           && reset_table(inv, &shard->assigned)
           && reset_table(inv, &shard->later.nodes);
}

/* Into its table; devices come when all users are there. */
static void enlist(push_inventory_t *inv, push_item_t *item)
{
    push_shard_t *shard = &inv->store->shards[inv->shard];
    push_user_t *user = push_at(inv->heap, item->ref);

    switch (push_node_kind(user)) {
    case PUSH_NODE_USER:
        user->devices = PUSH_NONE;
        user->devices_count = 0;
        push_table_link(inv->heap, &shard->users, item->ref);
        break;
    case PUSH_NODE_CHANNEL:
        push_table_link(inv->heap, &shard->channels, item->ref);
        break;
    case PUSH_NODE_KEY:
        push_table_link(inv->heap, &shard->keys, item->ref);
        break;
    case PUSH_NODE_LATER:
        push_table_link(inv->heap, &shard->later.nodes, item->ref);
        break;
    case PUSH_NODE_ASSIGNED:
        push_table_link(inv->heap, &shard->assigned, item->ref);
        break;
    default:
        break;
    }
    item->marked = true;
    PUSH_FAILPOINT("repair-enlisted");
}

/* The broadcast is always there, and known by its reference. */
static void restore_broadcast(push_inventory_t *inv)
{
    push_channel_t *channel = push_store_broadcast(inv->store);

    if (!inv->shard) {
        channel->name_at = (uint32_t)(sizeof(*channel)
                                      + inv->store->seats.count
                                            * sizeof(uint32_t));
        channel->name_len = 0;
        push_node_be(channel, PUSH_NODE_BROADCAST);
    }
}

/* What is kept for later has a body, what is assigned a list, and no other
 * has the same. */
static bool has_own_body(push_inventory_t *inv, const push_item_t *item)
{
    const push_later_t *later = push_at(inv->heap, item->ref);
    const push_assigned_t *assigned = push_at(inv->heap, item->ref);

    if (is_node(inv, item, PUSH_NODE_ASSIGNED)) {
        return push_inventory_mark(inv, assigned->list, PUSH_PART, 0);
    }
    return !is_node(inv, item, PUSH_NODE_LATER)
           || push_later_state(later) != PUSH_LATER_KEPT
           || push_inventory_mark(inv, later->body, PUSH_PART, 0);
}

static void enlist_nodes(push_inventory_t *inv)
{
    restore_broadcast(inv);
    for (size_t i = 0; i < inv->count; i++) {
        push_item_t *item = &inv->items[i];

        if (item->kind != PUSH_NODE || is_node(inv, item, PUSH_NODE_DEVICE)) {
            continue;
        }
        if (push_shape_node(inv, item) && has_own_body(inv, item)) {
            enlist(inv, item);
        }
        else {
            push_node_be(push_at(inv->heap, item->ref), PUSH_NODE_NONE);
        }
    }
}

/* ---- devices ---- */

/*
 * The device's stream ends at its reactor's next check; then the client comes
 * again.
 */
static void end_stream(push_store_t *store, push_device_t *device)
{
    device->gen = 0;
    PUSH_FAILPOINT("repair-stream-ended");
    if (device->traits & PUSH_DEVICE_ONLINE) {
        push_time_t now = push_clock_now();

        push_seat_wake_device(&store->seats, device);
        device->left = now.mono;
        push_device_set_went(device, PUSH_WENT_DIED);
        device->last_seen = now.wall;
        device->traits &= (uint16_t)~PUSH_DEVICE_ONLINE;
        push_event_of_device(&store->heaps[device->shard], PUSH_EVENT_WENT,
                             device, &now);
    }
}

/* No cursor is beyond what was published. */
static void check_subscriptions(const push_inventory_t *inv,
                                push_device_t *device)
{
    push_subscription_t *subscriptions = push_device_subscriptions(inv->heap,
                                                                   device);

    for (unsigned i = 0; i < push_device_subscriptions_count(device); i++) {
        const push_log_t *log = push_subscription_log(inv->heap,
                                                      &subscriptions[i]);

        for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
            uint32_t head = push_lane_head(&log->lanes[lane]);

            if (push_before(head, subscriptions[i].cursor[lane])) {
                subscriptions[i].cursor[lane] = head;
            }
        }
    }
}

/* The session of the device that was being changed is not to be relied on. */
static void check_session(push_inventory_t *inv, push_device_t *device)
{
    push_shard_t *shard = &inv->store->shards[inv->shard];
    uint64_t in_flight;
    bool whole = push_shape_window(inv, device, &in_flight)
                 && (!device->window.runs
                     || push_inventory_mark(inv, device->window.runs,
                                            PUSH_PART, 0));

    if (!whole) {
        atomic_store(&device->window.runs, PUSH_NONE);
    }
    if (!whole || in_flight != push_session_in_flight(device)
        || shard->changing == push_ref_of(inv->heap, device)) {
        end_stream(inv->store, device);
        push_session_reset(inv->heap, device);
    }
}

static void enlist_device(push_inventory_t *inv, push_item_t *item)
{
    push_shard_t *shard = &inv->store->shards[inv->shard];
    push_device_t *device = push_at(inv->heap, item->ref);
    push_user_t *user = push_at(inv->heap, device->user);

    item->marked = true;
    push_inventory_mark(inv, device->labels, PUSH_PART, 0);
    push_inventory_mark(inv, push_device_subscriptions_ref(device), PUSH_PART,
                        0);
    push_table_link(inv->heap, &shard->contexts, item->ref);
    device->sibling = user->devices;
    user->devices = item->ref;
    user->devices_count++;
    PUSH_FAILPOINT("repair-device-enlisted");
}

/* No other device has its labels or subscriptions. */
static bool unshared(const push_inventory_t *inv, const push_device_t *device)
{
    push_ref_t subscriptions = push_device_subscriptions_ref(device);

    return device->labels != subscriptions
           && !push_inventory_find(inv, device->labels, PUSH_PART, 0)->marked
           && !push_inventory_find(inv, subscriptions, PUSH_PART, 0)->marked;
}

static void enlist_devices(push_inventory_t *inv)
{
    for (size_t i = 0; i < inv->count; i++) {
        push_item_t *item = &inv->items[i];
        push_device_t *device = push_at(inv->heap, item->ref);

        if (!is_node(inv, item, PUSH_NODE_DEVICE)) {
            continue;
        }
        if (push_shape_node(inv, item) && push_shape_device(inv, device)
            && unshared(inv, device)) {
            enlist_device(inv, item);
        }
        else {
            push_node_be(device, PUSH_NODE_NONE);
        }
    }
}

/* Now that all else is marked: a trace that is something else is none. */
static void check_trace(push_inventory_t *inv, push_device_t *device)
{
    push_subscription_t *own = &push_device_subscriptions(
        inv->heap, device)[PUSH_SUBSCRIPTION_USER];

    if (own->since <= PUSH_TRACE_NO_ROOM) {
        return;
    }
    if (push_inventory_mark(inv, own->since, PUSH_PART,
                            sizeof(push_trace_t))) {
        inv->store->shards[inv->shard].traces++;
    }
    else {
        own->since = PUSH_NONE;
    }
}

static void check_sessions(push_inventory_t *inv)
{
    inv->store->shards[inv->shard].traces = 0;
    for (size_t i = 0; i < inv->count; i++) {
        push_device_t *device = push_at(inv->heap, inv->items[i].ref);

        if (is_node(inv, &inv->items[i], PUSH_NODE_DEVICE)) {
            check_subscriptions(inv, device);
            check_session(inv, device);
            check_trace(inv, device);
            PUSH_FAILPOINT("repair-session");
        }
    }
}

/* ---- logs ---- */

/* The outcomes of a message, of devices that exist. */
static void check_outcomes(push_inventory_t *inv, push_message_t *message)
{
    push_ref_t *link = &message->outcomes;

    while (*link) {
        push_outcome_t *outcome = push_at(inv->heap, *link);
        const push_item_t *device;

        if (!push_inventory_mark(inv, *link, PUSH_PART, sizeof(*outcome))) {
            *link = PUSH_NONE;
            return;
        }
        device = push_inventory_find(inv, outcome->device, PUSH_NODE,
                                     sizeof(push_device_t));
        if (device && is_node(inv, device, PUSH_NODE_DEVICE)) {
            link = &outcome->next;
        }
        else {
            push_inventory_find(inv, *link, PUSH_PART, 0)->marked = false;
            *link = outcome->next;
            PUSH_FAILPOINT("repair-outcome-cut");
        }
    }
}

static void check_slot(push_inventory_t *inv, push_log_t *log, unsigned lane,
                       _Atomic uint32_t *slot)
{
    push_message_t *message = push_at(inv->heap, *slot);

    if (*slot <= PUSH_HOLE_EVICTED) {
        return;
    }
    if (!push_shape_message(inv, *slot, log)
        || push_message_urgency(message) != lane
        || !push_inventory_mark(inv, *slot, PUSH_MESSAGE, 0)) {
        atomic_store(slot, PUSH_HOLE_GONE);
        return;
    }
    atomic_store(&message->refs, 1);
    if (push_message_fate(message) == PUSH_LIVE) {
        log->live_count++;
        log->topics += push_message_has_topic(message);
    }
    check_outcomes(inv, message);
    PUSH_FAILPOINT("repair-slot");
}

static void check_lane(push_inventory_t *inv, push_log_t *log, unsigned index)
{
    push_lane_t *lane = &log->lanes[index];
    push_ring_t *ring;

    if (!push_shape_lane(inv, lane)
        || (lane->ring
            && !push_inventory_mark(inv, lane->ring, PUSH_PART, 0))) {
        atomic_store(&lane->tail, push_lane_head(lane));
        atomic_store(&lane->ring, PUSH_NONE);
    }
    if (push_before(lane->first_live, lane->tail)
        || push_before(lane->head, lane->first_live)) {
        lane->first_live = lane->tail;
    }
    if (!lane->ring) {
        return;
    }
    ring = push_at(inv->heap, lane->ring);
    for (uint32_t at = lane->tail; at != lane->head; at++) {
        check_slot(inv, log, index, &ring->slots[at & ring->mask]);
    }
}

static void check_logs(push_inventory_t *inv)
{
    for (size_t i = 0; i < inv->count; i++) {
        push_log_t *log = push_at(inv->heap, inv->items[i].ref);

        if (!is_node(inv, &inv->items[i], PUSH_NODE_USER)
            && !is_node(inv, &inv->items[i], PUSH_NODE_CHANNEL)
            && !is_node(inv, &inv->items[i], PUSH_NODE_BROADCAST)) {
            continue;
        }
        log->live_count = 0;
        log->due = 0;
        log->topics = 0;
        for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
            check_lane(inv, log, lane);
        }
    }
}

/* ---- holds ---- */

/* The message may be out of its log, and live on by its holds alone. */
static void check_held(push_inventory_t *inv, push_ref_t ref)
{
    push_message_t *message = push_at(inv->heap, ref);

    if (push_inventory_mark(inv, ref, PUSH_MESSAGE, 0)) {
        atomic_store(&message->refs, 0);
        check_outcomes(inv, message);
    }
    atomic_fetch_add(&message->refs, 1);
}

static void check_holds(push_inventory_t *inv)
{
    push_ref_t *link = &inv->store->shards[inv->shard].holds;

    while (*link) {
        push_hold_t *hold = push_at(inv->heap, *link);

        if (!push_inventory_mark(inv, *link, PUSH_PART, sizeof(*hold))
            || !push_shape_message(inv, hold->message, NULL)) {
            *link = PUSH_NONE;
            return;
        }
        check_held(inv, hold->message);
        PUSH_FAILPOINT("repair-hold");
        link = &hold->next;
    }
}

/* ---- publications for later ---- */

/* Turns that are none, too few or for nothing are left to be retired. */
static bool check_laters(push_inventory_t *inv)
{
    push_later_part_t *part = &inv->store->shards[inv->shard].later;
    size_t size = push_table_count(&part->nodes) * sizeof(push_later_turn_t);
    const push_item_t *turns =
        size ? push_inventory_mark(inv, part->turns, PUSH_PART, size) : NULL;
    push_ref_t ref = PUSH_NONE;

    push_later_clear(inv->store, inv->shard, turns ? turns->size : 0);
    PUSH_FAILPOINT("repair-later-cleared");
    while (push_table_walk(inv->heap, &part->nodes, &ref)) {
        if (!push_later_enqueue(inv->store, inv->shard,
                                push_at(inv->heap, ref))) {
            return false;
        }
        PUSH_FAILPOINT("repair-later");
    }
    return true;
}

/* ---- what is left ---- */

/* A reader without a lock may still look at it. */
static bool retire_leaks(push_inventory_t *inv)
{
    for (size_t i = 0; i < inv->count; i++) {
        if (!inv->items[i].marked) {
            PUSH_FAILPOINT("repair-leak");
            if (!push_epoch_retire(&inv->store->epoch, inv->items[i].ref)) {
                return false;
            }
        }
    }
    return true;
}

static bool repair(push_inventory_t *inv)
{
    push_segment_t *segment = inv->store->segment;
    push_shard_t *shard = &inv->store->shards[inv->shard];

    if (!reset_tables(inv)) {
        return false;
    }
    enlist_nodes(inv);
    enlist_devices(inv);
    check_logs(inv);
    check_sessions(inv);
    check_holds(inv);
    if (!check_laters(inv) || !retire_leaks(inv)) {
        return false;
    }
    PUSH_FAILPOINT("repair-done");
    shard->orphans = 1;
    atomic_fetch_or(&segment->recount, PUSH_RECOUNT_ALL);
    atomic_store(&segment->sweep_next, 0);
    shard->changing = PUSH_NONE;
    PUSH_FAILPOINT("repair-over");
    shard->damaged = 0;
    return true;
}

bool push_repair_shard(push_store_t *store, unsigned shard)
{
    push_inventory_t inventory;
    bool whole;

    if (!push_inventory_take(&inventory, store, shard)) {
        return false;
    }
    whole = repair(&inventory);
    push_inventory_cleanup(&inventory);
    return whole;
}
