#include "broker/node/linger.h"

#include <stdatomic.h>

#include "broker/node/leave.h"
#include "broker/node/masters.h"
#include "broker/node/owned.h"
#include "broker/node/turns.h"
#include "broker/node/yield.h"
#include "store/ops/follow_walk.h"

#define TICK_MS    1000
#define BATCH      64u
#define STUCK_MS   2000  /* a yield is settled long before */
#define RELEASES   4000u /* devices of one tick */
#define PARTITIONS 64u   /* of one tick, in which such logs are looked for */

/* ---- devices that have been away ---- */

/* And what a process that died was about to give away: Redis knows whether it
 * came to that. */
static void release_away(push_cluster_t *cluster, const push_time_t *now)
{
    push_owned_walk_t walk = {.before = now->mono - cluster->options.linger,
                              .stuck = now->mono - STUCK_MS};
    unsigned released = 0;

    while (!walk.done && released < RELEASES) {
        released += push_yield_some(cluster, &walk, false);
    }
}

/* ---- logs that nobody here needs, or is at ---- */

/*
 * One that is read here, and is behind by what came while a process loaded it
 * that died: it would wait for what comes next.
 */
static void see_log(push_cluster_t *cluster, unsigned partition,
                    const push_follow_view_t *view)
{
    if (view->idle) {
        push_leave(cluster, (push_text_t){view->log, (uint32_t)view->log_len});
    }
    else if (view->state == PUSH_FOLLOW_LIVE) {
        push_partition_suspected(cluster->words, partition);
    }
}

static void see_logs(push_cluster_t *cluster, unsigned partition)
{
    push_follow_walk_t walk = {.partition = partition,
                               .what = PUSH_FOLLOW_IDLE
                                       | PUSH_FOLLOW_UNATTENDED};
    push_follow_view_t views[BATCH];
    unsigned count;

    while (!walk.done
           && push_follow_walk(cluster->store, &walk, views, BATCH, &count)
                  == PUSH_OK) {
        for (unsigned i = 0; i < count; i++) {
            see_log(cluster, partition, &views[i]);
        }
    }
}

/* ---- records that would fall due ---- */

/*
 * Redis keeps a record for the retention since it was written.  So all are
 * written again in a quarter of that, a few shards at a time: those whose turn has come
 * since the tick before, however late this one is.
 */
static void refresh(push_cluster_t *cluster, int64_t before,
                    const push_time_t *now)
{
    push_turns_t turns = push_turns_between(
        before, now->mono, cluster->store->limits.retention / 4);

    for (unsigned i = 0; i < turns.count; i++) {
        push_owned_lag_shard(cluster->store, (turns.first + i) % PUSH_SHARDS);
    }
}

void push_linger_tick(push_cluster_t *cluster, const push_time_t *now)
{
    _Atomic int64_t *next = &cluster->words->linger;
    int64_t due = atomic_load(next);
    unsigned first = (unsigned)(now->mono / TICK_MS) * PARTITIONS;

    if (now->mono < due || push_cluster_owner(cluster) == PUSH_OWNER_NOBODY
        || !atomic_compare_exchange_strong(next, &due, now->mono + TICK_MS)) {
        return;
    }
    refresh(cluster, due ? due - TICK_MS : now->mono, now);
    release_away(cluster, now);
    for (unsigned i = 0; i < PARTITIONS; i++) {
        see_logs(cluster, (first + i) % PUSH_CLUSTER_PARTITIONS);
    }
}
