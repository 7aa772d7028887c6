#include "store/ops/pressure.h"

#include <stdatomic.h>

#include "store/ops/forget.h"
#include "store/shard/hold.h"

/* Relief goes on until so much is used. */
#define RELIEVED_PERCENT 85u

/* One step takes the oldest part of the time that is pending, or away. */
#define AGE_PARTS 8

/*
 * Contexts of devices that are away go before normal messages as far as they
 * take more than this part of the memory.
 */
#define AWAY_PART 4u

/*
 * Relief that found nothing is not tried again by who publishes for so long:
 * who is refused meanwhile has a sweep try it (see starved in push_segment_t).
 */
#define VAIN_MS 5000

static bool relieved(push_store_t *store)
{
    push_epoch_advance(&store->epoch);
    return !push_pressure_above(store, RELIEVED_PERCENT);
}

/* ---- with the lock of the shard ---- */

typedef void each_log_t(push_heap_t *heap, push_log_t *log, void *data);

static void each_log_of(push_store_t *store, unsigned shard, each_log_t *visit,
                        void *data)
{
    push_heap_t *heap = &store->heaps[shard];
    const push_shard_t *s = &store->shards[shard];
    push_ref_t ref = push_table_next(heap, &s->users, PUSH_NONE);

    while (ref) {
        push_ref_t next = push_table_next(heap, &s->users, ref);
        push_user_t *user = push_at(heap, ref);

        visit(heap, &user->log, data);
        if (!user->devices && push_log_empty(&user->log)) {
            push_store_drop_user(store, shard, user);
        }
        ref = next;
    }
    while (push_table_walk(heap, &s->channels, &ref)) {
        visit(heap, push_at(heap, ref), data);
    }
    if (shard == 0) {
        visit(heap, &push_store_broadcast(store)->log, data);
    }
}

static void each_log(push_store_t *store, each_log_t *visit, void *data)
{
    atomic_fetch_add_explicit(&store->segment->walks, 1, memory_order_relaxed);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        if (push_shard_enter(store, i)) {
            push_hold_collect(store, i);
            each_log_of(store, i, visit, data);
            push_shard_leave(store, i);
        }
    }
}

/*
 * What has ended, and what all devices of a user have received.  Where a user
 * has no device yet, everything waits for the first one.
 */
static void forget(push_heap_t *heap, push_log_t *log, void *data)
{
    push_log_sweep(heap, log, true, data);
    if (push_log_kind(log) == PUSH_LOG_USER && ((push_user_t *)log)->devices) {
        push_user_forget_settled(heap, (push_user_t *)log);
    }
}

typedef struct {
    unsigned lane;
    uint64_t oldest; /* mid */
    uint64_t before; /* mids below this go */
    uint32_t count;
    const push_time_t *now;
} eviction_t;

static void find_oldest(push_heap_t *heap, push_log_t *log, void *data)
{
    eviction_t *eviction = data;
    const push_lane_t *lane = &log->lanes[eviction->lane];
    push_ref_t ref = PUSH_NONE;

    for (uint32_t at = lane->tail; at != lane->head; at++) {
        if (push_log_read(heap, log, eviction->lane, at, &ref)
            == PUSH_SLOT_MESSAGE) {
            uint64_t mid = ((push_message_t *)push_at(heap, ref))->mid;

            if (mid < eviction->oldest) {
                eviction->oldest = mid;
            }
            return;
        }
    }
}

/* A channel's readers find the empty slot, and count it then. */
static void evict_from_channel(push_heap_t *heap, push_log_t *log,
                               const push_spot_t *spot, const push_time_t *now)
{
    push_slot_t why = PUSH_SLOT_GONE;

    if (push_message_alive(spot->message, now->mono)) {
        why = PUSH_SLOT_EVICTED;
        atomic_fetch_add_explicit(&heap->counts->evicted, 1,
                                  memory_order_relaxed);
    }
    push_log_remove(heap, log, spot->lane, spot->at, why);
}

static void evict_one(push_heap_t *heap, push_log_t *log,
                      const push_spot_t *spot, eviction_t *eviction)
{
    if (push_log_kind(log) == PUSH_LOG_USER) {
        push_user_evict(heap, (push_user_t *)log, spot, eviction->now);
    }
    else {
        evict_from_channel(heap, log, spot, eviction->now);
    }
    eviction->count++;
}

static void evict_before(push_heap_t *heap, push_log_t *log,
                         eviction_t *eviction)
{
    const push_lane_t *lane = &log->lanes[eviction->lane];
    push_ref_t ref = PUSH_NONE;
    push_spot_t spot;

    for (uint32_t at = lane->tail; at != lane->head; at++) {
        if (push_log_read(heap, log, eviction->lane, at, &ref)
            != PUSH_SLOT_MESSAGE) {
            continue;
        }
        spot = (push_spot_t){push_at(heap, ref), eviction->lane, at};
        if (spot.message->mid >= eviction->before) {
            return;
        }
        evict_one(heap, log, &spot, eviction);
    }
}

static void evict(push_heap_t *heap, push_log_t *log, void *data)
{
    eviction_t *eviction = data;

    evict_before(heap, log, eviction);
    push_log_trim(heap, log, eviction->lane);
}

/* The oldest part of a lane, all over; false if the lane is empty. */
static bool evict_oldest(push_store_t *store, unsigned lane,
                         const push_time_t *now)
{
    eviction_t eviction = {.lane = lane, .oldest = UINT64_MAX, .now = now};

    each_log(store, find_oldest, &eviction);
    if (eviction.oldest == UINT64_MAX) {
        return false;
    }
    eviction.before = push_mid_now(&store->segment->clock);
    eviction.before -= (eviction.before - eviction.oldest) / AGE_PARTS
                       * (AGE_PARTS - 1);
    if (eviction.before <= eviction.oldest) {
        eviction.before = eviction.oldest + 1;
    }
    each_log(store, evict, &eviction);
    return eviction.count != 0;
}

/*
 * The end of the wait and, in the lowest bits, the urgency: what is more
 * urgent may find room where this found none.
 */
static void note_vain(push_store_t *store, push_urgency_t urgency,
                      int64_t until)
{
    atomic_store(&store->segment->vain, until * PUSH_LANES + (int64_t)urgency);
}

static bool is_vain(const push_store_t *store, push_urgency_t urgency,
                    const push_time_t *now)
{
    int64_t vain = atomic_load(&store->segment->vain);

    return now->mono < vain / PUSH_LANES
           && (int64_t)urgency >= vain % PUSH_LANES;
}

/* ---- devices that are away ---- */

typedef void each_shard_t(push_store_t *store, unsigned shard, void *data);

static void each_shard(push_store_t *store, each_shard_t *visit, void *data)
{
    atomic_fetch_add_explicit(&store->segment->walks, 1, memory_order_relaxed);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        if (push_shard_enter(store, i)) {
            visit(store, i, data);
            push_shard_leave(store, i);
        }
    }
}

static void count_away(push_store_t *store, unsigned shard, void *data)
{
    push_forget_count_away(store, shard, data);
}

typedef struct {
    int64_t before; /* mono ms; who left before goes */
    uint32_t count;
    const push_time_t *now;
} departure_t;

static void forget_away(push_store_t *store, unsigned shard, void *data)
{
    departure_t *departure = data;

    departure->count += push_forget_away(store, shard, departure->before,
                                         departure->now);
}

static void forget_channels(push_store_t *store, unsigned shard, void *data)
{
    (void)data;
    push_forget_channels(store, shard);
}

/*
 * The oldest part of the contexts of devices that are away, if all of them
 * take more than so many bytes; false if none went.
 */
static bool forget_oldest_away(push_store_t *store, uint64_t bytes,
                               const push_time_t *now)
{
    push_away_t away = {0, INT64_MAX};
    departure_t departure = {.now = now};

    each_shard(store, count_away, &away);
    if (away.bytes <= bytes) {
        return false;
    }
    departure.before = away.oldest + (now->mono - away.oldest) / AGE_PARTS + 1;
    each_shard(store, forget_away, &departure);
    each_shard(store, forget_channels, NULL);
    return departure.count != 0;
}

/* ---- relief ---- */

static void forget_all(push_store_t *store, const push_time_t *now)
{
    push_time_t at = *now;

    each_log(store, forget, &at);
}

/* Evicts messages of a lane for one that is at least as urgent. */
static bool evict_lane(push_store_t *store, unsigned lane,
                       push_urgency_t urgency, const push_time_t *now)
{
    while (lane >= urgency && urgency < PUSH_LOW
           && evict_oldest(store, lane, now)) {
        if (relieved(store)) {
            return true;
        }
    }
    return false;
}

static bool forget_devices(push_store_t *store, uint64_t bytes,
                           const push_time_t *now)
{
    while (forget_oldest_away(store, bytes, now)) {
        if (relieved(store)) {
            return true;
        }
    }
    return false;
}

static bool make_room(push_store_t *store, push_urgency_t urgency,
                      const push_time_t *now)
{
    uint64_t fair = push_slab_size(&store->slab) / AWAY_PART;

    forget_all(store, now);
    return relieved(store) || evict_lane(store, PUSH_VERY_LOW, urgency, now)
           || evict_lane(store, PUSH_LOW, urgency, now)
           || forget_devices(store, fair, now)
           || evict_lane(store, PUSH_NORMAL, urgency, now)
           || (urgency < PUSH_LOW && forget_devices(store, 0, now));
}

/* Unless another is at it, who makes room for all. */
static bool make_room_alone(push_store_t *store, push_urgency_t urgency,
                            const push_time_t *now)
{
    int64_t start = push_clock_now().mono;
    bool made;

    if (push_lock_try(&store->segment->relief) == PUSH_LOCK_BUSY) {
        return false;
    }
    made = make_room(store, urgency, now);
    if (!made) {
        note_vain(store, urgency,
                  now->mono + push_clock_now().mono - start + VAIN_MS);
    }
    push_lock_release(&store->segment->relief);
    return made;
}

bool push_pressure_relieve(push_store_t *store, push_urgency_t urgency,
                           const push_time_t *now)
{
    if (is_vain(store, urgency, now)) {
        atomic_store(&store->segment->starved, (uint32_t)urgency + 1);
        return false;
    }
    return make_room_alone(store, urgency, now);
}

void push_pressure_relieve_starved(push_store_t *store, const push_time_t *now)
{
    uint32_t starved = atomic_exchange(&store->segment->starved, 0);

    if (starved && push_pressure_above(store, PUSH_RELIEF_PERCENT)) {
        make_room_alone(store, (push_urgency_t)(starved - 1), now);
    }
}

static bool is_being_relieved(push_store_t *store)
{
    if (push_lock_try(&store->segment->relief) == PUSH_LOCK_BUSY) {
        return true;
    }
    push_lock_release(&store->segment->relief);
    return false;
}

/* What is used at most for a message of this urgency, which is not high. */
static unsigned limit_of(push_store_t *store, push_urgency_t urgency)
{
    if (urgency >= PUSH_LOW) {
        return PUSH_RELIEF_PERCENT;
    }
    return push_pressure_above(store, PUSH_PRESSURE_PERCENT)
                   && is_being_relieved(store)
               ? PUSH_PATIENCE_PERCENT
               : PUSH_PRESSURE_PERCENT;
}

bool push_pressure_admit(push_store_t *store, push_urgency_t urgency,
                         const push_time_t *now)
{
    if (!push_pressure_above(store, PUSH_RELIEF_PERCENT)) {
        return true;
    }
    push_pressure_relieve(store, urgency, now);
    return urgency == PUSH_HIGH
           || !push_pressure_above(store, limit_of(store, urgency));
}
