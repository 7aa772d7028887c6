#include "store/disk/save_device.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/fits.h"
#include "store/shard/copy.h"

/*
 * A cursor at a channel's end may be so far back in time: a message with an
 * earlier mid may be about to be appended by another process.
 */
#define PLACE_SLACK ((uint64_t)2000 << 22) /* 2000 ms, as a mid has them */

static int64_t wall_of(int64_t mono, const push_time_t *now)
{
    return now->wall + mono - now->mono;
}

/* ---- what it has acknowledged of its user's log ---- */

typedef struct {
    push_settled_t *at;
    uint32_t count;
    uint32_t room;
    bool failed;
} settled_t;

static void add_settled(settled_t *list, const push_settled_t *settled)
{
    if (list->count == list->room) {
        uint32_t room = list->room ? list->room * 2 : 64;
        push_settled_t *at = realloc(list->at, room * sizeof(*at));

        if (!at) {
            list->failed = true;
            return;
        }
        list->at = at;
        list->room = room;
    }
    list->at[list->count++] = *settled;
}

/* One device, whose user's log is walked. */
typedef struct {
    const push_store_t *store;
    const push_heap_t *heap;
    const push_device_t *device;
    const push_time_t *now;
    settled_t *list;
} walk_t;

static bool is_open(const walk_t *walk, const push_message_t *message,
                    push_position_t position)
{
    push_fate_t fate = push_user_fate(walk->heap, walk->device, message,
                                      position, walk->now);

    return (fate == PUSH_PENDING || fate == PUSH_IN_FLIGHT)
           && push_device_wants(walk->heap, walk->device, message);
}

/* In a cluster the mid up to which a lane is settled; else 0. */
static uint64_t settled_up_to(const walk_t *walk, const push_log_t *log,
                              unsigned lane)
{
    const push_log_copy_t *copy = push_log_copy(walk->store, log);
    const push_lane_t *l = &log->lanes[lane];
    push_ref_t ref = PUSH_NONE;

    if (!copy) {
        return 0;
    }
    for (uint32_t at = l->tail; at != l->head; at++) {
        const push_message_t *message;

        if (push_log_read(walk->heap, log, lane, at, &ref)
            != PUSH_SLOT_MESSAGE) {
            continue;
        }
        message = push_at(walk->heap, ref);
        if (is_open(walk, message,
                    (push_position_t){PUSH_SUBSCRIPTION_USER, (uint16_t)lane,
                                      at})) {
            return PUSH_MID_LAST(PUSH_TICK_OF(message->mid) - 1);
        }
    }
    return PUSH_MID_LAST(atomic_load(&copy->version));
}

/* The messages of a lane of the user's log that are over for the device. */
static void collect_lane(const walk_t *walk, const push_log_t *log,
                         unsigned lane)
{
    push_ref_t self = push_ref_of(walk->heap, walk->device);
    const push_lane_t *l = &log->lanes[lane];
    uint64_t up_to = settled_up_to(walk, log, lane);
    push_ref_t ref = PUSH_NONE;

    if (up_to) {
        add_settled(walk->list, &(push_settled_t){.mid = up_to,
                                                  .fate = PUSH_SETTLED_UP_TO,
                                                  .lane = (uint16_t)lane});
    }
    for (uint32_t at = l->tail; at != l->head; at++) {
        const push_message_t *message;
        const push_outcome_t *outcome;

        if (push_log_read(walk->heap, log, lane, at, &ref)
            != PUSH_SLOT_MESSAGE) {
            continue;
        }
        message = push_at(walk->heap, ref);
        outcome = push_message_outcome(walk->heap, message, self);
        if (outcome && push_message_fate(message) == PUSH_LIVE
            && (outcome->fate != PUSH_ACKED || message->mid > up_to)) {
            add_settled(walk->list,
                        &(push_settled_t){message->mid, outcome->after,
                                          (uint16_t)outcome->fate,
                                          (uint16_t)lane});
        }
    }
}

static void collect_settled(const walk_t *walk)
{
    const push_user_t *user = push_at(walk->heap, walk->device->user);

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        collect_lane(walk, &user->log, lane);
    }
}

/* ---- how far it has come in channels ---- */

/* The scan of one lane of a subscription. */
typedef struct {
    const push_heap_t *heap;
    const push_subscription_t *subscription;
    const push_log_t *log;
    unsigned lane;
    uint32_t from; /* what is before was acknowledged, or reported as a gap */
    push_losses_t *losses;
} scan_t;

/*
 * Steps to the first message.  What was dropped before it nobody could tell
 * after a restart, so it is counted now; what is dropped behind it has a
 * record that says so.
 */
static const push_message_t *first_message(const scan_t *scan, uint32_t at)
{
    const push_lane_t *l = &scan->log->lanes[scan->lane];
    uint32_t *count = &scan->losses->count[PUSH_GAP_MEMORY][scan->lane];
    uint32_t from = scan->from, evicted;
    push_ref_t ref = PUSH_NONE;

    for (;; at++) {
        switch (push_log_read(scan->heap, scan->log, scan->lane, at, &ref)) {
        case PUSH_SLOT_MESSAGE:
            return push_at(scan->heap, ref);
        case PUSH_SLOT_END:
            return NULL;
        case PUSH_SLOT_PASSED:
            at = push_lane_tail(l) - 1; /* read first: it is stored last */
            evicted = l->evicted;
            if (push_before(from, evicted)) {
                *count += evicted - from;
                from = evicted;
            }
            break;
        case PUSH_SLOT_EVICTED:
            *count += !push_before(at, from);
            break;
        default:
            break;
        }
    }
}

/*
 * The mid of the first message that the device may still need.  before is a
 * mid below all that did not stand in the lane when it was scanned.
 */
static uint64_t next_in_lane(const scan_t *scan, uint32_t at, uint64_t before)
{
    const push_message_t *message;
    push_ref_t ref = PUSH_NONE;

    if (push_log_read(scan->heap, scan->log, scan->lane, at - 1, &ref)
        == PUSH_SLOT_MESSAGE) {
        return ((push_message_t *)push_at(scan->heap, ref))->mid + 1;
    }
    message = first_message(scan, at);
    if (message) {
        return message->mid;
    }
    return before > scan->subscription->joined ? before
                                               : scan->subscription->joined;
}

/* In a cluster the version says it. */
static uint64_t before_all(push_store_t *store, const push_log_t *log)
{
    uint64_t now = push_copy_now(store, log);

    if (store->segment->cluster) {
        return now;
    }
    return now > PLACE_SLACK ? now - PLACE_SLACK : 0;
}

static void collect_subscription(push_store_t *store,
                                 const push_device_t *device, unsigned index,
                                 push_device_record_t *record)
{
    const push_heap_t *heap = &store->heaps[device->shard];
    const push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[index];
    push_subscription_record_t *saved =
        &record->subscriptions[record->subscriptions_count++];
    scan_t scan = {.heap = heap,
                   .subscription = subscription,
                   .log = push_subscription_log(heap, subscription),
                   .losses = &record->losses};
    uint64_t before = before_all(store, scan.log);

    saved->name = push_channel_name(push_at(heap, subscription->log));
    saved->joined = subscription->joined;
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        push_position_t cursor = {(uint16_t)index, (uint16_t)lane,
                                  subscription->cursor[lane]};
        uint32_t at = push_window_lowest(heap, &device->window, cursor);

        scan.lane = lane;
        scan.from = at != cursor.at ? at
                    : push_before(at, subscription->reported[lane])
                        ? subscription->reported[lane]
                        : at;
        saved->next[lane] = next_in_lane(&scan, at, before);
    }
}

static void collect_subscriptions(push_store_t *store,
                                  const push_device_t *device,
                                  push_device_record_t *record)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        &store->heaps[device->shard], device);

    record->subscriptions_count = 0;
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        if (subscriptions[i].joined != PUSH_LEFT) {
            collect_subscription(store, device, i, record);
        }
    }
}

static void collect_labels(const push_heap_t *heap,
                           const push_device_t *device,
                           push_device_record_t *record)
{
    const push_user_t *user = push_at(heap, device->user);

    record->user = (push_text_t){user->name, user->name_len};
    for (int i = 0; i < PUSH_LABELS; i++) {
        record->labels[i] = push_device_label(heap, device, (push_label_t)i);
    }
}

static void collect_session(const push_device_t *device,
                            const push_time_t *now,
                            push_device_record_t *record)
{
    memcpy(record->id, device->id, sizeof(record->id));
    record->traits = device->traits
                     & (PUSH_DEVICE_EXPLICIT | PUSH_DEVICE_MADE_UP
                        | PUSH_DEVICE_STATE_LOST);
    record->lowest = device->lowest;
    record->max_in_flight = device->max_in_flight;
    record->first_seen = device->first_seen;
    record->last_seen = device->last_seen;
    record->last_ack = device->last_ack;
    record->left = device->traits & PUSH_DEVICE_ONLINE
                       ? 0
                       : wall_of(device->left, now);
    for (int i = 0; i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            record->losses.count[i][j] = device->losses.count[i][j]
                                         + device->gaps.count[i][j];
        }
    }
}

push_record_t *push_save_device(push_store_t *store,
                                const push_device_t *device,
                                const push_time_t *now)
{
    const push_heap_t *heap = &store->heaps[device->shard];
    push_device_record_t record;
    push_record_t *made = NULL;
    settled_t settled = {0};
    const walk_t walk = {store, heap, device, now, &settled};

    collect_session(device, now, &record);
    collect_labels(heap, device, &record);
    collect_subscriptions(store, device, &record);
    collect_settled(&walk);
    record.settled = (push_text_t){(const char *)settled.at,
                                   settled.count
                                       * (uint32_t)sizeof(push_settled_t)};
    if (!settled.failed) {
        made = push_device_make(&record);
    }
    free(settled.at);
    if (made && record.left) {
        made->expires = record.left + store->limits.retention;
    }
    return made;
}
