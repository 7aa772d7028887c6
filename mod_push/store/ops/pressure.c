#include "store/ops/pressure.h"

#include <stdatomic.h>
#include <string.h>

#include "core/tally_message.h"
#include "store/ops/forget.h"
#include "store/shard/hold.h"
#include "store/shard/shard.h"
#include "store/shm/clock.h"

/*
 * How room is made, until less than RELIEVED_PERCENT is used:
 *
 * 1. What has ended goes, in all logs, and what no known device waits for.
 *    What a later device would have got of it is noted in the user.
 * 2. Remnants (users of whom only losses are left) may take a sixteenth of
 *    the memory; beyond it those go whose last loss is the oldest, and their
 *    shard tells strangers (push_store_drop_user()).
 * 3. Messages go, of very-low, then low, then normal: each step the oldest
 *    eighth of the time that the lane covers, over all logs but those of
 *    queues (core/user.h); never above the urgency of the new one, and none
 *    for a new one below normal.  The slot stays and says evicted, so each
 *    reader counts what it missed.
 * 4. Before normal: contexts of devices that are away, and channels that only
 *    they follow, as far as they take more than a quarter of the memory.
 * 5. Before anybody is refused, more remnants and contexts, but no more than
 *    that takes.
 */

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

/*
 * The state of a relief, and what its last walk through all logs found.  A
 * walk reads most of the memory, so each finds what the next step has to know.
 */
typedef struct {
    push_store_t *store;
    const push_time_t *now;
    uint64_t oldest[PUSH_LANES]; /* mid in each lane; NOTHING: it is empty */
    push_remnants_t remnants;
    /* The step of which the walk is. */
    unsigned lane;
    uint64_t before; /* mids below this go */
    uint32_t count;  /* of what went */
} relief_t;

#define NOTHING UINT64_MAX

static bool relieved(push_store_t *store)
{
    push_epoch_advance(&store->epoch);
    return !push_pressure_above(store, RELIEVED_PERCENT);
}

/* ---- with the lock of the shard ---- */

typedef void each_log_t(push_heap_t *heap, push_log_t *log, relief_t *relief);

static void each_user_of(relief_t *relief, unsigned shard, each_log_t *visit)
{
    push_store_t *store = relief->store;
    push_heap_t *heap = &store->heaps[shard];
    const push_table_t *users = &store->shards[shard].users;
    push_ref_t ref = push_table_next(heap, users, PUSH_NONE);

    while (ref) {
        push_ref_t next = push_table_next(heap, users, ref);
        push_user_t *user = push_at(heap, ref);

        visit(heap, &user->log, relief);
        if (push_forget_is_remnant(store, user)) {
            push_forget_count_remnant(store, shard, user, &relief->remnants);
        }
        ref = next;
    }
}

static void each_log_of(relief_t *relief, unsigned shard, each_log_t *visit)
{
    push_store_t *store = relief->store;
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = PUSH_NONE;

    each_user_of(relief, shard, visit);
    while (push_table_walk(heap, &store->shards[shard].channels, &ref)) {
        visit(heap, push_at(heap, ref), relief);
    }
    if (shard == 0) {
        visit(heap, &push_store_broadcast(store)->log, relief);
    }
}

static void each_log(relief_t *relief, each_log_t *visit)
{
    push_store_t *store = relief->store;

    atomic_fetch_add_explicit(&store->segment->walks, 1, memory_order_relaxed);
    relief->count = 0;
    push_forget_begin(&relief->remnants, relief->now);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        if (push_shard_enter(store, i)) {
            push_hold_collect(store, i);
            each_log_of(relief, i, visit);
            push_shard_leave(store, i);
        }
    }
}

static bool is_queue(const push_log_t *log)
{
    return push_log_kind(log) == PUSH_LOG_USER
           && push_user_is_queue((const push_user_t *)log);
}

static void note_oldest(relief_t *relief, unsigned lane, uint64_t mid)
{
    if (mid < relief->oldest[lane]) {
        relief->oldest[lane] = mid;
    }
}

static void find_oldest(const push_heap_t *heap, const push_log_t *log,
                        unsigned lane, relief_t *relief)
{
    const push_lane_t *l = &log->lanes[lane];
    push_ref_t ref = PUSH_NONE;

    for (uint32_t at = l->tail; at != l->head; at++) {
        if (push_log_read(heap, log, lane, at, &ref) == PUSH_SLOT_MESSAGE) {
            note_oldest(relief, lane,
                        ((push_message_t *)push_at(heap, ref))->mid);
            return;
        }
    }
}

/*
 * Forgets what has ended, and what all devices of a user have received.  Where
 * a user has no device yet, everything waits for the first one.
 */
static void forget(push_heap_t *heap, push_log_t *log, relief_t *relief)
{
    push_log_sweep(heap, log, true, relief->now);
    if (push_log_kind(log) == PUSH_LOG_USER && ((push_user_t *)log)->devices) {
        push_user_forget_settled(heap, (push_user_t *)log, relief->now);
    }
    for (unsigned lane = PUSH_NORMAL; lane < PUSH_LANES && !is_queue(log);
         lane++) {
        find_oldest(heap, log, lane, relief);
    }
}

/* A channel's readers find the empty slot, and count it then. */
static void evict_from_channel(push_heap_t *heap, push_log_t *log,
                               const push_entry_t *entry,
                               const push_time_t *now)
{
    push_slot_t why = PUSH_SLOT_GONE;

    if (push_message_alive(entry->message, now->mono)) {
        why = PUSH_SLOT_EVICTED;
        push_tally_message(heap, entry->message, PUSH_TALLY_EVICTED);
        push_count_settled(heap, PUSH_BY_OUTCOME_EVICTED, entry->lane, 1);
    }
    push_gone_note(heap, entry->message,
                   push_gone_why(entry->message, PUSH_GONE_MEMORY, now), now);
    push_log_remove(heap, log, entry->lane, entry->at, why);
}

static void evict_one(push_heap_t *heap, push_log_t *log,
                      const push_entry_t *entry, relief_t *relief)
{
    if (push_log_kind(log) == PUSH_LOG_USER) {
        push_user_evict(heap, (push_user_t *)log, entry, relief->now);
    }
    else {
        evict_from_channel(heap, log, entry, relief->now);
    }
    relief->count++;
}

static void evict_before(push_heap_t *heap, push_log_t *log, relief_t *relief)
{
    const push_lane_t *lane = &log->lanes[relief->lane];
    push_ref_t ref = PUSH_NONE;
    push_entry_t entry;

    for (uint32_t at = lane->tail; at != lane->head; at++) {
        if (push_log_read(heap, log, relief->lane, at, &ref)
            != PUSH_SLOT_MESSAGE) {
            continue;
        }
        entry = (push_entry_t){push_at(heap, ref), relief->lane, at};
        if (entry.message->mid >= relief->before) {
            note_oldest(relief, relief->lane, entry.message->mid);
            return;
        }
        evict_one(heap, log, &entry, relief);
    }
}

static void evict(push_heap_t *heap, push_log_t *log, relief_t *relief)
{
    if (!is_queue(log)) {
        evict_before(heap, log, relief);
        push_log_trim(heap, log, relief->lane);
    }
}

/* The oldest part of a lane, all over; false if the lane is empty. */
static bool evict_oldest(relief_t *relief, unsigned lane)
{
    uint64_t oldest = relief->oldest[lane];
    uint64_t now = push_mid_now(&relief->store->segment->clock);

    if (oldest == NOTHING) {
        return false;
    }
    relief->lane = lane;
    relief->oldest[lane] = NOTHING;
    relief->before = now - (now - oldest) / AGE_PARTS * (AGE_PARTS - 1);
    if (relief->before <= oldest) {
        relief->before = oldest + 1;
    }
    each_log(relief, evict);
    return relief->count || relief->oldest[lane] != NOTHING;
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

static void forget_remnants(push_store_t *store, unsigned shard, void *data)
{
    push_forget_remnants(store, shard, data);
}

/* The oldest of them, until they take no more than so many bytes. */
static void shrink_remnants(relief_t *relief, uint64_t bytes)
{
    if (push_forget_choose(&relief->remnants, bytes)) {
        each_shard(relief->store, forget_remnants, &relief->remnants);
    }
}

static void keep_few_remnants(relief_t *relief)
{
    shrink_remnants(relief,
                    push_slab_size(&relief->store->slab) / PUSH_REMNANTS_PART);
}

static void forget_all(relief_t *relief)
{
    each_log(relief, forget);
    keep_few_remnants(relief);
}

/* Evicts messages of a lane for one that is at least as urgent. */
static bool evict_lane(relief_t *relief, unsigned lane, push_urgency_t urgency)
{
    while (lane >= urgency && urgency < PUSH_LOW
           && evict_oldest(relief, lane)) {
        keep_few_remnants(relief);
        if (relieved(relief->store)) {
            return true;
        }
    }
    return false;
}

static bool forget_devices(const relief_t *relief, uint64_t bytes)
{
    while (forget_oldest_away(relief->store, bytes, relief->now)) {
        if (relieved(relief->store)) {
            return true;
        }
    }
    return false;
}

/* Before anybody is refused, but as far only as that makes room. */
static bool forget_more_remnants(relief_t *relief)
{
    push_store_t *store = relief->store;
    uint64_t much = push_slab_size(&store->slab) / 100 * RELIEVED_PERCENT;
    uint64_t used = store->segment->slab.used;
    uint64_t left = relief->remnants.bytes;

    shrink_remnants(
        relief, used > much && used - much < left ? left - (used - much) : 0);
    return relieved(store);
}

static bool make_room(push_store_t *store, push_urgency_t urgency,
                      const push_time_t *now)
{
    relief_t relief = {.store = store, .now = now};
    uint64_t fair = push_slab_size(&store->slab) / AWAY_PART;

    memset(relief.oldest, 0xff, sizeof(relief.oldest));
    forget_all(&relief);
    return relieved(store) || evict_lane(&relief, PUSH_VERY_LOW, urgency)
           || evict_lane(&relief, PUSH_LOW, urgency)
           || forget_devices(&relief, fair)
           || evict_lane(&relief, PUSH_NORMAL, urgency)
           || forget_more_remnants(&relief)
           || (urgency < PUSH_LOW && forget_devices(&relief, 0));
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

/* The memory used at most for a message of this urgency, which is not high. */
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
