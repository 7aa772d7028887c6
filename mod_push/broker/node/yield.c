#include "broker/node/yield.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/device_calls.h"
#include "broker/node/leave.h"
#include "broker/node/load.h"
#include "broker/node/post.h"
#include "broker/node/steward.h"
#include "redis/request.h"
#include "store/ops/disown.h"
#include "store/ops/export.h"

/*
 * The idea: a device that is given up is exported and from then on unusable
 * here (YIELDING).  The record goes to Redis without anybody waiting; what came
 * of it an errand of the steward puts into the segment, since that takes the
 * lock of a shard, and the courier waits for none.  If the process dies in
 * between, another child finds the device YIELDING and gives it to nobody: the
 * one that takes over the link at once, since the node that asked waits for a
 * second and does not ask again; else in some seconds (linger.c).
 */

/* While an owner loads the device's log it is asked again for so long; after
 * that the other node forces it.  It looks so often without being told. */
#define TRIES_MS 500
#define TRY_MS   5

#define BATCH 64u

/* ---- errands ---- */

typedef struct {
    push_errand_t errand;
    push_log_name_t user; /* as its log's name */
    unsigned char id[PUSH_CONTEXT_BYTES];
    uint32_t fence;
    unsigned owner; /* to whom */
    int64_t until;  /* push_redis_now(); it is tried, */
    int64_t due;    /* and then the next time */
    uint32_t seen;  /* of the log's bell */
    push_yielded_t yielded;
} matter_t;

static matter_t *matter_of(push_text_t user, const unsigned char *id,
                           void (*run)(push_cluster_t *, push_errand_t *))
{
    matter_t *matter = calloc(1, sizeof(*matter));

    if (matter) {
        matter->errand.run = run;
        matter->user = push_log_name('u', user);
        memcpy(matter->id, id, PUSH_CONTEXT_BYTES);
    }
    return matter;
}

static push_text_t user_of(const matter_t *matter)
{
    return (push_text_t){matter->user.text + 1, matter->user.len - 1};
}

static void settled(push_cluster_t *cluster)
{
    atomic_fetch_sub(&cluster->yielding, 1);
    push_bell_ring(&cluster->settled);
}

static void settle(push_cluster_t *cluster, push_errand_t *errand)
{
    matter_t *matter = (matter_t *)errand;
    push_time_t now = push_clock_now();

    push_store_yielded(cluster->store, user_of(matter), matter->id,
                       &matter->yielded, &now);
    push_leave(cluster, push_log_text(&matter->user));
    atomic_fetch_add(&cluster->yielded, matter->yielded.gone);
    settled(cluster);
    free(matter);
}

/* Whether another node has it, by what Redis says after the call. */
static bool is_elsewhere(const push_post_t *post)
{
    push_save_reply_t reply;

    return post->request.failure == PUSH_FAILURE_NONE
           && push_save_reply(post->request.reply, &reply)
           && reply.owner != PUSH_OWNER_NOBODY
           && reply.owner != push_cluster_owner(post->cluster);
}

/* The courier's thread: what came of the record. */
static void yielded(push_post_t *post)
{
    matter_t *matter = matter_of(post->user, post->id, settle);

    if (!matter) {
        settled(post->cluster);
        return; /* whoever looks for what is stuck does it */
    }
    matter->yielded = (push_yielded_t){
        .fence = post->fence,
        .gone = post->request.failure == PUSH_FAILURE_NONE
                || push_failure_may_have_run(post->request.failure),
        .elsewhere = is_elsewhere(post)};
    push_steward_add(post->cluster->steward, &matter->errand);
}

/* It stays ours, and is found again. */
static void keep(push_cluster_t *cluster, push_errand_t *errand)
{
    matter_t *matter = (matter_t *)errand;
    push_time_t now = push_clock_now();

    push_store_yielded(cluster->store, user_of(matter), matter->id,
                       &matter->yielded, &now);
    settled(cluster);
    free(matter);
}

/*
 * The same at the end of the node.  Should another child come after all, it
 * finds the context YIELDING, and settles that.  Where the call failed it is
 * made again, also if it may have run: by the same fence that does no harm.
 */
static void departed(push_post_t *post)
{
    push_cluster_t *cluster = post->cluster;
    bool gone = post->request.failure == PUSH_FAILURE_NONE;
    matter_t *matter = gone ? NULL : matter_of(post->user, post->id, keep);

    if (matter) {
        matter->yielded.fence = post->fence;
        push_steward_add(cluster->steward, &matter->errand);
        return;
    }
    atomic_fetch_add(&cluster->yielded, gone);
    settled(cluster);
}

/* ---- the record goes out ---- */

static push_device_call_t device_call(const push_cluster_t *cluster,
                                      const push_log_name_t *log,
                                      const push_yield_to_t *to)
{
    unsigned partition = push_log_partition(cluster->store,
                                            push_log_text(log));

    return (push_device_call_t){.home = push_cluster_home(cluster, partition),
                                .log = push_log_text(log),
                                .context = to->id,
                                .owner = push_cluster_owner(cluster),
                                .fence = to->fence,
                                .keep = push_device_keep(cluster, to->user)};
}

/* over: NULL if nothing is here that has to know. */
static push_status_t send(push_cluster_t *cluster,
                          const push_yield_call_t *call,
                          const push_yield_to_t *to,
                          void (*over)(push_post_t *post))
{
    push_post_t *post = push_post_begin(cluster, call->device.home.partition);

    if (!post) {
        return PUSH_NO_MEMORY;
    }
    push_library_yield(&post->request.command, call);
    push_post_about(post, to->user, to->id, call->device.fence);
    post->over = over;
    push_post_send(post);
    return PUSH_OK;
}

static push_status_t send_absent(push_cluster_t *cluster,
                                 const push_yield_to_t *to)
{
    push_log_name_t log = push_log_name('u', to->user);
    const push_yield_call_t call = {.device = device_call(cluster, &log, to),
                                    .to = to->owner,
                                    .absent = true};

    return send(cluster, &call, to, NULL);
}

static push_status_t send_export(push_cluster_t *cluster,
                                 const push_yield_to_t *to,
                                 const push_export_t *exported)
{
    push_log_name_t log = push_log_name('u', to->user);
    push_yield_call_t call = {.device = device_call(cluster, &log, to),
                              .to = to->owner,
                              .exact = exported->session.len != 0,
                              .record = exported->record,
                              .session = exported->session,
                              .unfollow = to->last};
    push_status_t status;

    call.device.fence = exported->fence;
    atomic_fetch_add(&cluster->yielding, 1);
    status = send(cluster, &call, to, to->last ? departed : yielded);
    if (status != PUSH_OK) {
        settled(cluster);
    }
    return status;
}

push_status_t push_yield(push_cluster_t *cluster, const push_yield_to_t *to)
{
    push_time_t now = push_clock_now();
    push_export_t exported;
    push_status_t status = push_store_yield(cluster->store, to->user, to->id,
                                            &now, &exported);

    if (status == PUSH_OK) {
        status = send_export(cluster, to, &exported);
        if (status != PUSH_OK) {
            push_store_yielded(cluster->store, to->user, to->id,
                               &(push_yielded_t){.fence = exported.fence},
                               &now);
        }
        push_export_cleanup(&exported);
    }
    return status;
}

unsigned push_yield_some(push_cluster_t *cluster, push_owned_walk_t *walk,
                         bool last)
{
    push_owned_ref_t refs[BATCH];
    unsigned count = push_owned_walk(cluster->store, walk, refs, BATCH);
    unsigned ours = 0;

    for (unsigned i = 0; i < count; i++) {
        const push_yield_to_t to = {.user = {refs[i].user, refs[i].user_len},
                                    .id = refs[i].id,
                                    .owner = PUSH_OWNER_NOBODY,
                                    .fence = refs[i].fence,
                                    .last = last};

        ours += push_yield(cluster, &to) != PUSH_NOT_FOUND;
    }
    return ours;
}

static void yield_stuck(push_cluster_t *cluster, push_errand_t *errand)
{
    push_owned_walk_t walk = {.before = INT64_MIN,
                              .stuck = push_clock_now().mono + 1};

    while (!walk.done) {
        push_yield_some(cluster, &walk, false);
    }
    free(errand);
}

void push_yield_take_over(push_cluster_t *cluster)
{
    push_errand_t *errand = calloc(1, sizeof(*errand));

    if (errand) {
        errand->run = yield_stuck;
        push_steward_add(cluster->steward, errand);
    }
}

/* ---- the link ---- */

/* False: it is not an entry about a user's device. */
static bool read_user(const push_inbox_entry_t *entry, push_text_t *user)
{
    if (entry->log.len < 1 || entry->log.at[0] != 'u') {
        return false;
    }
    *user = (push_text_t){entry->log.at + 1, entry->log.len - 1};
    return true;
}

static push_bell_t *bell_of(push_cluster_t *cluster, push_text_t user)
{
    push_log_name_t log = push_log_name('u', user);

    return push_load_bell(cluster, push_log_text(&log));
}

static void try_to(push_cluster_t *cluster, const push_yield_to_t *to,
                   int64_t until);

void push_yield_answer(push_cluster_t *cluster, const push_yield_to_t *to)
{
    try_to(cluster, to, push_redis_now() + TRIES_MS);
}

static void try_again(push_cluster_t *cluster, push_errand_t *errand)
{
    matter_t *matter = (matter_t *)errand;
    const push_yield_to_t to = {.user = user_of(matter),
                                .id = matter->id,
                                .owner = matter->owner,
                                .fence = matter->fence};

    /* Of many, the first one waits. */
    push_bell_wait(bell_of(cluster, to.user), matter->seen,
                   matter->due - push_redis_now());
    try_to(cluster, &to, matter->until);
    free(matter);
}

/*
 * It was asked for before it came here last: a master that was a replica for a
 * while still has what was told when it was none.
 */
static bool is_stale(const push_cluster_t *cluster, const push_yield_to_t *to)
{
    push_owned_view_t view;

    return push_store_owned(cluster->store, to->user, to->id, &view) == PUSH_OK
           && view.state == PUSH_OWNED && view.fence > to->fence;
}

static void try_to(push_cluster_t *cluster, const push_yield_to_t *to,
                   int64_t until)
{
    uint32_t seen = push_bell_read(bell_of(cluster, to->user));
    push_status_t status;
    matter_t *matter;

    if (is_stale(cluster, to)) {
        return;
    }
    status = push_yield(cluster, to);
    if (status == PUSH_NOT_FOUND) {
        send_absent(cluster, to);
    }
    if (status != PUSH_OVER || push_redis_now() >= until) {
        return; /* busy, or no memory: who asks forces us after a second */
    }
    matter = matter_of(to->user, to->id, try_again);
    if (matter) {
        matter->owner = to->owner;
        matter->fence = to->fence;
        matter->until = until;
        matter->due = push_redis_now() + TRY_MS;
        matter->seen = seen;
        push_steward_add(cluster->steward, &matter->errand);
    }
}

void push_yield_asked(push_cluster_t *cluster, const push_inbox_entry_t *entry)
{
    const push_wait_result_t wanted = {.happened = PUSH_AWAITED_WANTED,
                                       .fence = entry->fence,
                                       .by = (uint16_t)entry->owner};
    push_yield_to_t to = {
        .id = entry->context, .owner = entry->owner, .fence = entry->fence};

    push_awaited_bury(&cluster->words->awaited, &cluster->store->seats,
                      entry->context);
    if (read_user(entry, &to.user)
        && !push_awaited_tell(&cluster->words->awaited, entry->context,
                              &wanted)) {
        push_yield_answer(cluster, &to);
    }
}

void push_yield_forced(push_cluster_t *cluster,
                       const push_inbox_entry_t *entry)
{
    push_time_t now = push_clock_now();
    push_text_t user;

    if (read_user(entry, &user)) {
        push_store_disown(cluster->store, user, entry->context,
                          &(push_taken_t){entry->fence,
                                          entry->owner != PUSH_OWNER_NOBODY},
                          &now);
    }
}
