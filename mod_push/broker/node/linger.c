#include "broker/node/linger.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "broker/library/follow_calls.h"
#include "broker/node/load.h"
#include "broker/node/owned.h"
#include "broker/node/post.h"
#include "broker/node/steward.h"
#include "broker/node/yield.h"
#include "store/ops/disown.h"
#include "store/ops/follow_walk.h"
#include "store/ops/unfollow.h"

#define TICK_MS    1000
#define BATCH      64u
#define RELEASES   4000u /* devices of one tick */
#define PARTITIONS 64u   /* of one tick, in which idle logs are looked for */

/* ---- devices that have been away ---- */

static void release_away(push_cluster_t *cluster, const push_time_t *now)
{
    push_owned_walk_t walk = {.before = now->mono - cluster->options.linger};
    push_owned_ref_t refs[BATCH];
    unsigned released = 0;

    while (!walk.done && released < RELEASES) {
        unsigned count = push_owned_walk(cluster->store, &walk, refs, BATCH);

        for (unsigned i = 0; i < count; i++) {
            push_yield(cluster, &(push_yield_to_t){.user = {refs[i].user,
                                                            refs[i].user_len},
                                                   .id = refs[i].id,
                                                   .owner = PUSH_OWNER_NOBODY,
                                                   .fence = refs[i].fence});
        }
        released += count;
    }
}

/* ---- logs that nobody here needs ---- */

typedef struct {
    push_errand_t errand;
    push_log_name_t log;
    uint32_t number;
    bool left;
} leaving_t;

static void settle(push_cluster_t *cluster, push_errand_t *errand)
{
    leaving_t *leaving = (leaving_t *)errand;

    push_follow_left(cluster->store, push_log_text(&leaving->log),
                     leaving->number, leaving->left);
    free(leaving);
}

/* The courier's thread.  Without memory, others find the log LEAVING. */
static void unfollowed(push_post_t *post)
{
    leaving_t *leaving = calloc(1, sizeof(*leaving));

    if (leaving) {
        leaving->errand.run = settle;
        leaving->log = push_log_name((char)post->id[0], post->user);
        leaving->number = post->fence;
        leaving->left = post->request.failure == PUSH_FAILURE_NONE;
        push_steward_add(post->cluster->steward, &leaving->errand);
    }
}

static void send_unfollow(push_cluster_t *cluster, push_text_t log,
                          uint32_t errand)
{
    unsigned partition = push_log_partition(cluster->store, log);
    const unsigned char kind[PUSH_CONTEXT_BYTES] = {(unsigned char)log.at[0]};
    const push_unfollow_call_t call = {.home = push_cluster_home(cluster,
                                                                 partition),
                                       .owner = push_cluster_owner(cluster),
                                       .log = log};
    push_post_t *post = push_post_begin(cluster, partition);

    if (!post) {
        push_follow_left(cluster->store, log, errand, false);
        return;
    }
    push_library_unfollow(&post->request.command, &call);
    push_post_about(post, (push_text_t){log.at + 1, log.len - 1}, kind,
                    errand);
    post->over = unfollowed;
    push_post_send(post);
}

void push_linger_leave(push_cluster_t *cluster, push_text_t log)
{
    push_follow_t follow;

    if (push_follow_leave(cluster->store, log, &follow) == PUSH_OK
        && follow.mine) {
        send_unfollow(cluster, log, follow.errand);
    }
}

static void leave_idle(push_cluster_t *cluster, unsigned partition)
{
    push_follow_walk_t walk = {.partition = partition,
                               .what = PUSH_FOLLOW_IDLE};
    push_follow_view_t views[BATCH];
    unsigned count;

    while (!walk.done
           && push_follow_walk(cluster->store, &walk, views, BATCH, &count)
                  == PUSH_OK) {
        for (unsigned i = 0; i < count; i++) {
            push_linger_leave(cluster,
                              (push_text_t){views[i].log,
                                            (uint32_t)views[i].log_len});
        }
    }
}

/* ---- records that would fall due ---- */

/*
 * Redis keeps a record for the retention since it was written.  So all are
 * written again in a quarter of that, a few shards at a time.
 */
static void refresh(push_cluster_t *cluster, const push_time_t *now)
{
    int64_t quarter = cluster->store->limits.retention / 4;
    int64_t before = now->mono - TICK_MS;
    unsigned from, to;

    if (quarter < TICK_MS) {
        quarter = TICK_MS;
    }
    from = (unsigned)(before * PUSH_SHARDS / quarter % PUSH_SHARDS);
    to = (unsigned)(now->mono * PUSH_SHARDS / quarter % PUSH_SHARDS);
    while (from != to) {
        from = (from + 1) % PUSH_SHARDS;
        push_owned_lag_shard(cluster->store, from);
    }
}

void push_linger_tick(push_cluster_t *cluster, const push_time_t *now)
{
    _Atomic int64_t *next = &cluster->words->linger;
    int64_t due = atomic_load(next);
    unsigned first = (unsigned)(now->mono / TICK_MS) * PARTITIONS;

    if (now->mono < due
        || !atomic_compare_exchange_strong(next, &due, now->mono + TICK_MS)
        || push_cluster_owner(cluster) == PUSH_OWNER_NOBODY) {
        return;
    }
    refresh(cluster, now);
    release_away(cluster, now);
    for (unsigned i = 0; i < PARTITIONS; i++) {
        leave_idle(cluster, (first + i) % PUSH_CLUSTER_PARTITIONS);
    }
}
