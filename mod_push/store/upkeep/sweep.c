#include "store/ops/move.h"
#include "store/upkeep/sweep.h"

#include <stdatomic.h>
#include <string.h>

#include "core/checkin.h"
#include "store/shard/context.h"
#include "store/disk/disk.h"
#include "store/disk/report_record.h"
#include "store/limits/positions.h"
#include "store/ops/assign.h"
#include "store/ops/forget.h"
#include "store/shard/hold.h"
#include "store/upkeep/orphan.h"
#include "store/upkeep/presence.h"
#include "store/ops/pressure.h"
#include "store/ops/publish.h"
#include "store/upkeep/recount.h"
#include "store/shard/owned.h"
#include "store/shard/repair.h"
#include "store/shard/report.h"
#include "store/disk/save.h"
#include "store/shard/shard.h"
#include "store/ops/keys.h"

/* Above this, the ends of messages are not remembered any longer. */
#define HURRY_PERCENT 75u

#define SWEEP_MS 1000

/* One sweep of some shards. */
typedef struct {
    const push_time_t *now;
    bool death;        /* a reactor was found dead */
    unsigned written;  /* devices of which the state was saved */
    uint32_t messages; /* of the shard, that are live */
    uint32_t crowded;  /* its mailboxes that are nearly full */
} round_t;

/*
 * A device whose reactor is gone is not online, whatever it says; nor one
 * whose stream was being brought to its reactor by a process that is gone (if
 * it does arrive, push_store_move() takes that back).
 */
static void notice_dead_reactor(push_store_t *store, push_device_t *device,
                                const push_time_t *now)
{
    bool alive = push_seat_held(&store->seats, device->owner);

    if (device->traits & PUSH_DEVICE_ONLINE
        && (!alive
            || (device->handoff_owner != device->owner
                && !push_seat_held(&store->seats, device->handoff_owner)))) {
        push_store_mark_offline(store, device, PUSH_WENT_DIED, now);
    }
    if (!alive) {
        push_orphan_device(store, device);
    }
}

/* Those by which the server proves that it delivers are of no more use. */
static int64_t retention_of(const push_store_t *store, const push_user_t *user)
{
    static const char probe[] = PUSH_PROBE_USER;
    bool is_probe = user->name_len >= sizeof(probe) - 1
                    && !memcmp(user->name, probe, sizeof(probe) - 1);

    return is_probe && store->limits.retention > PUSH_PROBE_RETENTION
               ? PUSH_PROBE_RETENTION
               : store->limits.retention;
}

/* ms.  What another node has is only kept until its stream has seen that. */
static int64_t kept_for(const push_store_t *store, const push_device_t *device,
                        int64_t retention)
{
    const push_owned_t *owned = push_owned(store, device);

    return owned && owned->state == PUSH_OWNED_NOT ? PUSH_DISOWN_MS
                                                   : retention;
}

static void sweep_devices(push_store_t *store, push_user_t *user,
                          round_t *round)
{
    const push_time_t *now = round->now;
    int64_t retention = retention_of(store, user);
    push_heap_t *heap = &store->heaps[0];
    push_ref_t ref = user->devices;

    while (ref) {
        push_device_t *device = push_at(heap, ref);

        ref = device->sibling;
        notice_dead_reactor(store, device, now);
        push_presence_sweep_device(store, device, now);
        if (round->death) {
            /*
             * The device's wake-up may have stood in the list of the dead
             * process.
             */
            push_seat_wake_device(&store->seats, device);
        }
        if (push_device_assigned_count(device)) {
            push_assigned_tidy(store, device);
        }
        push_save_if_changed(store, device, &round->written);
        round->crowded += push_mailbox_crowded(heap, device,
                                               store->limits.max_pending, now);
        if (!(device->traits & PUSH_DEVICE_ONLINE)
            && device->left + kept_for(store, device, retention) <= now->mono
            && !atomic_load(&device->wake)) {
            push_store_drop_device(store, device);
        }
    }
}

static void sweep_log(push_heap_t *heap, push_log_t *log, bool hurry,
                      round_t *round)
{
    push_log_sweep(heap, log, hurry, round->now);
    round->messages += log->live_count;
}

static void sweep_users(push_store_t *store, unsigned shard, bool hurry,
                        round_t *round)
{
    const push_time_t *now = round->now;
    push_heap_t *heap = &store->heaps[shard];
    push_table_t *users = &store->shards[shard].users;
    push_ref_t ref = push_table_next(heap, users, PUSH_NONE);

    while (ref) {
        push_ref_t next = push_table_next(heap, users, ref);
        push_user_t *user = push_at(heap, ref);

        sweep_log(heap, &user->log, hurry, round);
        sweep_devices(store, user, round);
        if (push_forget_is_remnant(store, user)
            && user->lost_until <= now->mono) {
            user->lost_until = 0;
            push_store_drop_user(store, shard, user);
        }
        ref = next;
    }
}

static void sweep_channels(push_store_t *store, unsigned shard, bool hurry,
                           round_t *round)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = PUSH_NONE;

    while (push_table_walk(heap, &store->shards[shard].channels, &ref)) {
        sweep_log(heap, push_at(heap, ref), hurry, round);
        push_presence_sweep_channel(store, push_at(heap, ref), round->now);
    }
    if (shard == 0) {
        sweep_log(heap, &push_store_broadcast(store)->log, hurry, round);
    }
    push_forget_channels(store, shard);
}

/* Clears up what a death left in the shard, or a lock that was busy. */
static void tidy(push_store_t *store, unsigned shard)
{
    push_shard_t *s = &store->shards[shard];

    if (atomic_exchange(&s->untidy, 0) && !push_repair_shard(store, shard)) {
        atomic_store(&s->untidy, 1);
    }
    push_hold_collect(store, shard);
}

static bool sweep_shard(push_store_t *store, unsigned shard, round_t *round)
{
    const push_time_t *now = round->now;
    bool hurry = push_pressure_above(store, HURRY_PERCENT);

    if (!push_shard_enter(store, shard)) {
        return false;
    }
    round->messages = 0;
    round->crowded = 0;
    tidy(store, shard);
    if (store->shards[shard].strangers_until <= now->mono) {
        store->shards[shard].strangers_until = 0;
    }
    sweep_users(store, shard, hurry, round);
    if (store->shards[shard].orphans) {
        push_orphans_adopt(store, shard);
    }
    sweep_channels(store, shard, hurry, round);
    atomic_store(&store->shards[shard].messages, round->messages);
    atomic_store(&store->shards[shard].crowded, round->crowded);
    push_shard_leave(store, shard);
    push_store_keys_sweep(store, shard, now);
    push_epoch_advance(&store->epoch);
    return true;
}

bool push_store_sweep(push_store_t *store, unsigned shard,
                      const push_time_t *now)
{
    round_t round = {.now = now};

    return sweep_shard(store, shard, &round);
}

/* First what the sweep itself has ended, then the minute, then the disk. */
static void close_minute(push_store_t *store, const push_time_t *now)
{
    int64_t minute;

    if (push_report_close(store, now, &minute)) {
        push_report_note(store, minute);
    }
}

/* A seat is free when all shards have seen that its reactor is gone. */
static void sweep_all(push_store_t *store, const push_time_t *now)
{
    /* Another first one each time: what is saved of devices has a limit. */
    unsigned start = (unsigned)(now->mono / SWEEP_MS) % PUSH_SHARDS;
    round_t round = {.now = now};
    push_seat_set_t left;
    bool all = true;

    round.death = push_seat_reap(&store->seats);
    if (round.death) {
        push_recount_wanted(store);
    }
    push_disk_reap(store);
    left = push_seat_left(&store->seats);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        all = sweep_shard(store, (start + i) % PUSH_SHARDS, &round) && all;
    }
    push_pressure_relieve_starved(store, now);
    if (all) {
        push_seat_free(&store->seats, &left);
    }
    if (store->positions) {
        push_places_tick(&store->positions->places, now->mono);
    }
    push_recount(store);
    push_slab_recount(&store->slab);
    close_minute(store, now);
}

void push_store_sweep_soon(void *base)
{
    atomic_store(&((push_segment_t *)base)->sweep_next, 0);
}

bool push_store_sweep_due(push_store_t *store, const push_time_t *now)
{
    int64_t due = atomic_load(&store->segment->sweep_next);

    if (now->mono < due
        || !atomic_compare_exchange_strong(&store->segment->sweep_next, &due,
                                           now->mono + SWEEP_MS)
        || push_lock_try(&store->segment->sweep_lock) == PUSH_LOCK_BUSY) {
        return false;
    }
    sweep_all(store, now);
    push_lock_release(&store->segment->sweep_lock);
    return true;
}
