#include "store/ops/follow.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/ops/apply_internal.h"
#include "store/ops/follow_internal.h"
#include "store/ops/pressure.h"
#include "store/shard/shard.h"

/*
 * The idea: a log is followed from the moment when its object says LOADING.
 * From then on what the link drains for it is noted as dropped, so nothing
 * that is published while the errand asks for the log is missed: either the
 * answer has it, or the log is behind when it was loaded, and is asked for once
 * more from its version on.  The version is stored when all of a piece stands
 * in the log; a process that dies before leaves messages that the next errand
 * finds there.
 */

/* ---- with the lock of the shard ---- */

/* All that the cluster has comes with the log: there are no strangers. */
static void forget_losses(push_log_t *log)
{
    if (push_log_kind(log) == PUSH_LOG_USER) {
        push_user_t *user = (push_user_t *)log;

        user->lost_until = 0;
        memset(user->lost, 0, sizeof(user->lost));
    }
}

static uint32_t next_errand(push_store_t *store)
{
    uint32_t errand;

    do {
        errand = atomic_fetch_add(&store->segment->errands, 1) + 1;
    } while (!errand);
    return errand;
}

/* This process is at it from now on. */
void push_follow_attend(push_store_t *store, push_log_copy_t *copy,
                        push_follow_t *follow)
{
    copy->errand = next_errand(store);
    PUSH_FAILPOINT("cluster-errand");
    copy->loader = store->tag;
    PUSH_FAILPOINT("cluster-attended");
    follow->mine = true;
    follow->errand = copy->errand;
}

void push_follow_leave_alone(push_log_copy_t *copy)
{
    copy->errand = 0;
    PUSH_FAILPOINT("cluster-unattended");
    copy->loader = 0;
}

bool push_follow_wants_errand(const push_store_t *store,
                              const push_log_copy_t *copy)
{
    return (copy->state != PUSH_FOLLOW_LIVE || push_copy_behind(copy))
           && !push_apply_attended(store, copy);
}

static void begin(push_store_t *store, const push_name_t *name,
                  push_log_t *log, push_follow_t *follow)
{
    push_log_copy_t *copy = push_log_copy(store, log);

    if (copy->state == PUSH_FOLLOW_NOT) {
        copy->part = (uint8_t)(name->hash >> 38 & 15);
        forget_losses(log);
    }
    if (push_follow_wants_errand(store, copy)) {
        push_follow_attend(store, copy, follow);
        copy->state = copy->state == PUSH_FOLLOW_LIVE ? PUSH_FOLLOW_LIVE
                                                      : PUSH_FOLLOW_LOADING;
        PUSH_FAILPOINT("cluster-loading");
    }
    follow->state = (push_follow_state_t)copy->state;
    follow->since = atomic_load(&copy->version);
}

push_status_t push_follow_begin(push_store_t *store, push_text_t log,
                                push_follow_t *follow)
{
    push_name_t name = push_log_name_hash(store, log);
    push_status_t status = PUSH_NO_MEMORY;
    push_log_t *found;

    *follow = (push_follow_t){.state = PUSH_FOLLOW_NOT};
    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    found = push_log_named(store, log, &name, true);
    if (found) {
        begin(store, &name, found, follow);
        status = PUSH_OK;
    }
    push_shard_leave(store, name.shard);
    return status;
}

push_status_t push_follow_enter(push_store_t *store, push_text_t log,
                                push_follow_found_t *found)
{
    *found = (push_follow_found_t){.store = store,
                                   .name = push_log_name_hash(store, log)};
    if (!push_shard_enter(store, found->name.shard)) {
        return PUSH_BUSY;
    }
    found->log = push_log_named(store, log, &found->name, false);
    found->copy = found->log ? push_log_copy(store, found->log) : NULL;
    if (found->copy && found->copy->state != PUSH_FOLLOW_NOT) {
        return PUSH_OK;
    }
    push_shard_leave(store, found->name.shard);
    return PUSH_NOT_FOUND;
}

/* ---- loading ---- */

/* Messages by their ticks, then recalls. */
static int in_order(const void *one, const void *other)
{
    const push_applied_t *a = one, *b = other;

    if (!a->recall != !b->recall) {
        return a->recall ? 1 : -1;
    }
    return a->tick < b->tick ? -1 : a->tick > b->tick;
}

static bool is_stale(const push_follow_found_t *found,
                     const push_loaded_t *loaded)
{
    const push_log_copy_t *copy = found->copy;

    if (atomic_load(&copy->version) < loaded->since) {
        return true;
    }
    if (loaded->errand) {
        return copy->errand != loaded->errand
               || copy->state == PUSH_FOLLOW_LEAVING;
    }
    return copy->state != PUSH_FOLLOW_LIVE;
}

/* Of a lane, what was dropped elsewhere since the version. */
static uint32_t dropped_in(push_log_copy_t *copy, const push_dropped_t *mark)
{
    uint32_t *marked = &copy->marked[mark->lane % PUSH_LANES];
    uint32_t count = mark->count < *marked ? mark->count
                                           : mark->count - *marked;

    *marked = mark->count;
    return mark->tick > atomic_load(&copy->version) ? count : 0;
}

static void lose_of_user(const push_heap_t *heap, push_user_t *user,
                         const push_dropped_t *mark, uint32_t count,
                         const push_time_t *now)
{
    push_ref_t ref = user->devices;
    unsigned lane = mark->lane % PUSH_LANES;

    while (ref) {
        push_device_t *device = push_at(heap, ref);

        device->losses.count[PUSH_GAP_MAILBOX][lane] += count;
        ref = device->sibling;
    }
    push_user_note_lost(user, (push_urgency_t)lane, mark->until, now);
    user->lost[lane] += count - 1;
}

/* Before what is newer. */
static void apply_marks(const push_follow_found_t *found,
                        const push_loaded_t *loaded, const push_time_t *now)
{
    push_heap_t *heap = &found->store->heaps[found->name.shard];

    for (unsigned i = 0; i < loaded->marks_count; i++) {
        const push_dropped_t *mark = &loaded->marks[i];
        uint32_t count = dropped_in(found->copy, mark);

        if (count && push_log_kind(found->log) == PUSH_LOG_USER) {
            lose_of_user(heap, (push_user_t *)found->log, mark, count, now);
        }
        else if (count) {
            push_log_lose(heap, found->log, mark->lane % PUSH_LANES, count);
        }
    }
}

static bool is_among(const push_loaded_t *loaded, uint64_t tick)
{
    unsigned low = 0, high = loaded->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        const push_applied_t *entry = &loaded->entries[middle];

        if (!entry->recall && entry->tick == tick) {
            return true;
        }
        if (entry->recall || entry->tick > tick) {
            high = middle;
        }
        else {
            low = middle + 1;
        }
    }
    return false;
}

/* Up to where a lane was dropped for its limit: that was no recall. */
static uint64_t marked_at(const push_loaded_t *loaded, unsigned lane)
{
    uint64_t tick = 0;

    for (unsigned i = 0; i < loaded->marks_count; i++) {
        if (loaded->marks[i].lane == lane && loaded->marks[i].tick > tick) {
            tick = loaded->marks[i].tick;
        }
    }
    return tick;
}

static bool has_ended(const push_loaded_t *loaded,
                      const push_message_t *message, uint64_t marked,
                      const push_time_t *now)
{
    uint64_t tick = PUSH_TICK_OF(message->mid);

    return push_message_alive(message, now->mono)
           && !(message->traits & PUSH_TRAIT_NOW) && tick > loaded->from
           && tick <= loaded->tick && tick > marked && !is_among(loaded, tick);
}

/* What the cluster has no more was recalled so long ago that none says so. */
static void end_others(const push_follow_found_t *found,
                       const push_loaded_t *loaded, const push_time_t *now)
{
    push_heap_t *heap = &found->store->heaps[found->name.shard];
    push_ref_t ref = PUSH_NONE;

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &found->log->lanes[lane];
        uint64_t marked = marked_at(loaded, lane);

        for (uint32_t at = l->tail; at != l->head; at++) {
            push_message_t *message;

            if (push_log_read(heap, found->log, lane, at, &ref)
                != PUSH_SLOT_MESSAGE) {
                continue;
            }
            message = push_at(heap, ref);
            if (has_ended(loaded, message, marked, now)) {
                push_log_end(heap, found->log, message, PUSH_RECALLED, now);
            }
        }
    }
}

/* So many at a time, then others may have the lock. */
#define RUN_MAX 256u

/* Where a load stands. */
typedef struct {
    const push_loaded_t *loaded;
    push_applying_t applying;
    unsigned at;
    const push_time_t *now;
} load_t;

/* With the lock: the next of them. */
static void load_run(load_t *load, const push_follow_found_t *found)
{
    const push_loaded_t *loaded = load->loaded;
    unsigned end = loaded->count - load->at < RUN_MAX ? loaded->count
                                                      : load->at + RUN_MAX;

    load->applying.starved = false;
    for (; load->at < end; load->at++) {
        push_applied_t *entry = &loaded->entries[load->at];

        entry->outcome = PUSH_APPLY_REPEATED;
        if (entry->recall
            || entry->tick > atomic_load(&found->copy->version)) {
            entry->outcome = push_apply_to(&load->applying, found->log, entry,
                                           load->now);
        }
        if (entry->outcome == PUSH_APPLY_BUSY) {
            load->applying.starved = true;
            return;
        }
        load->applying.lose = false;
    }
}

/* All of the piece stands in the log. */
static void load_done(const load_t *load, const push_follow_found_t *found,
                      bool *again)
{
    const push_loaded_t *loaded = load->loaded;
    push_log_copy_t *copy = found->copy;

    if (loaded->whole) {
        end_others(found, loaded, load->now);
    }
    PUSH_FAILPOINT("cluster-loaded");
    push_apply_reached(found->store, copy, loaded->tick);
    if (loaded->more) {
        return;
    }
    *again = push_copy_behind(copy);
    copy->state = PUSH_FOLLOW_LIVE;
    PUSH_FAILPOINT("cluster-live");
    if (loaded->errand) {
        push_follow_leave_alone(copy);
    }
}

/* While others have the lock: nothing newer gets in before what is to come. */
static void keep_behind(const push_follow_found_t *found,
                        const push_loaded_t *loaded, bool done)
{
    if (!done && found->copy->dropped < loaded->tick) {
        found->copy->dropped = loaded->tick;
    }
}

static push_status_t load_next(load_t *load, push_store_t *store, bool *done,
                               bool *again)
{
    push_follow_found_t found;
    push_status_t status;

    load->applying.lowest = push_apply_lowest(store, load->now);
    status = push_follow_enter(store, load->loaded->log, &found);
    if (status != PUSH_OK) {
        return status;
    }
    load->applying.shard = found.name.shard;
    status = is_stale(&found, load->loaded) ? PUSH_STALE : PUSH_OK;
    if (status == PUSH_OK && !load->at && !load->applying.lose) {
        apply_marks(&found, load->loaded, load->now);
    }
    if (status == PUSH_OK) {
        load_run(load, &found);
        *done = load->at == load->loaded->count;
        keep_behind(&found, load->loaded, *done);
    }
    if (*done) {
        load_done(load, &found, again);
    }
    push_shard_leave(store, found.name.shard);
    return status;
}

push_status_t push_follow_load(push_store_t *store,
                               const push_loaded_t *loaded,
                               const push_time_t *now, bool *again)
{
    load_t load = {.loaded = loaded, .applying.store = store, .now = now};
    push_status_t status = PUSH_OK;
    bool done = false;

    *again = false;
    if (loaded->count) {
        qsort(loaded->entries, loaded->count, sizeof(*loaded->entries),
              in_order);
    }
    while (status == PUSH_OK && !done) {
        status = load_next(&load, store, &done, again);
        load.applying.lose = load.applying.starved;
        if (status == PUSH_OK && load.applying.starved) {
            push_pressure_relieve(store, PUSH_NORMAL, now);
        }
    }
    return status;
}

push_status_t push_follow_fail(push_store_t *store, push_text_t log,
                               uint32_t errand)
{
    push_follow_found_t found;
    push_status_t status = push_follow_enter(store, log, &found);

    if (status != PUSH_OK) {
        return status;
    }
    status = found.copy->errand == errand ? PUSH_OK : PUSH_STALE;
    if (status == PUSH_OK) {
        push_follow_leave_alone(found.copy);
    }
    push_shard_leave(store, found.name.shard);
    return status;
}

push_status_t push_follow_drop(push_store_t *store, push_text_t log,
                               uint64_t tick)
{
    push_follow_found_t found;
    push_status_t status = push_follow_enter(store, log, &found);

    if (status == PUSH_OK) {
        if (found.copy->dropped < tick) {
            found.copy->dropped = tick;
        }
        push_shard_leave(store, found.name.shard);
    }
    return status;
}
