#include "broker/node/resync.h"

#include <stdlib.h>
#include <string.h>

#include "broker/node/load.h"
#include "broker/node/loading.h"
#include "broker/node/masters.h"
#include "redis/courier.h"
#include "store/ops/follow_walk.h"

/* Calls under way at once. */
#define CALLS 64

/* After so long errands have their turn, ms. */
#define TURN_MS 500

/* Until what failed is tried again, ms. */
#define PAUSE_MS 200

/* One call of push_resync, with the logs that it asks for. */
typedef struct {
    push_request_t request;
    push_follow_view_t views[PUSH_RESYNC_MAX];
    push_following_t logs[PUSH_RESYNC_MAX];
    unsigned partition;
    unsigned count;
} call_t;

typedef struct {
    push_cluster_t *cluster;
    call_t *calls;
    unsigned count;
    bool failed; /* of the partition: it stays suspect */
} turn_t;

/* ---- one call ---- */

/* False: our number went meanwhile, so it would be nobody who follows. */
static bool begin(const push_cluster_t *cluster, push_request_t *request,
                  const push_resync_call_t *call)
{
    if (call->owner == PUSH_OWNER_NOBODY) {
        return false;
    }
    push_request_init(request, call->home.partition);
    push_library_resync(&request->command, call);
    push_courier_send(cluster->courier, request);
    return true;
}

static bool send(turn_t *turn, call_t *call)
{
    push_cluster_t *cluster = turn->cluster;

    for (unsigned i = 0; i < call->count; i++) {
        const push_follow_view_t *view = &call->views[i];

        call->logs[i] = (push_following_t){.log = {view->log, view->log_len},
                                           .connected = view->connected,
                                           .subscribers = view->subscribers,
                                           .since = view->version};
    }
    return begin(cluster, &call->request,
                 &(push_resync_call_t){
                     push_cluster_home(cluster, call->partition),
                     push_cluster_owner(cluster), call->count, call->logs});
}

/*
 * It is being loaded.  The answer that its errand puts there may be older than
 * what was missed: then the log is behind, and is asked for once more.
 */
static bool leave_to_errand(const turn_t *turn, const push_loading_t *loading)
{
    push_status_t status = push_follow_drop(turn->cluster->store, loading->log,
                                            loading->followed->version);

    return status == PUSH_OK || status == PUSH_NOT_FOUND;
}

/* True: the log lacks nothing that it could have. */
static bool put(const turn_t *turn, const push_loading_t *loading)
{
    push_time_t now = push_clock_now();
    bool again = false;
    push_status_t status = push_loading_put(turn->cluster, loading, &now,
                                            &again);

    switch (status) {
    case PUSH_OK:
        return !again;
    case PUSH_STALE:
        return leave_to_errand(turn, loading);
    case PUSH_NOT_FOUND:
        /* It was left meanwhile, but now Redis counts us as followers again:
         * so it is followed, until it is left in order. */
        return push_load_whole(turn->cluster, loading->log) == PUSH_OK;
    default:
        return false;
    }
}

/* The pieces of a long log behind the first one, whose loading that was. */
static bool put_rest(const turn_t *turn, push_loading_t loading,
                     push_following_t following)
{
    push_cluster_t *cluster = turn->cluster;
    push_followed_t followed = *loading.followed;
    bool well = true;

    loading.rest_of_whole = followed.whole;
    loading.followed = &followed;
    following.rest = true;
    while (well && followed.more) {
        push_resync_reply_t *reply = malloc(sizeof(*reply));
        push_request_t request;

        loading.since = following.since = followed.version;
        well = reply
               && begin(cluster, &request,
                        &(push_resync_call_t){
                            push_cluster_home(cluster, loading.partition),
                            push_cluster_owner(cluster), 1, &following});
        if (well) {
            push_courier_wait(cluster->courier, &request);
            well = request.failure == PUSH_FAILURE_NONE
                   && push_resync_reply(request.reply, reply)
                   && reply->count == 1;
            followed = well ? reply->logs[0] : followed;
            well = well && put(turn, &loading);
            push_request_cleanup(&request);
        }
        free(reply);
    }
    return well;
}

static bool put_all(const turn_t *turn, const call_t *call,
                    const push_resync_reply_t *reply)
{
    bool whole = true;

    for (unsigned i = 0; i < reply->count; i++) {
        const push_following_t *following = &call->logs[i];
        const push_loading_t loading = {.partition = call->partition,
                                        .log = following->log,
                                        .since = following->since,
                                        .followed = &reply->logs[i]};

        whole = put(turn, &loading) && put_rest(turn, loading, *following)
                && whole;
    }
    return whole;
}

/* Another epoch than is known is for a drain to see, which says what it means:
 * the master has lost more than this partition. */
static void learn_epoch(push_cluster_words_t *words, unsigned partition,
                        const unsigned char *epoch)
{
    uint64_t unknown = 0;

    atomic_compare_exchange_strong(&words->epochs[partition], &unknown,
                                   push_masters_epoch(epoch));
}

static bool receive(turn_t *turn, call_t *call)
{
    push_resync_reply_t *reply = malloc(sizeof(*reply));
    bool whole;

    push_courier_wait(turn->cluster->courier, &call->request);
    whole = reply && call->request.failure == PUSH_FAILURE_NONE
            && push_resync_reply(call->request.reply, reply)
            && reply->count == call->count && put_all(turn, call, reply);
    if (whole) {
        learn_epoch(turn->cluster->words, call->partition,
                    reply->origin.epoch);
    }
    free(reply);
    push_request_cleanup(&call->request);
    return whole;
}

/* ---- one partition ---- */

static void receive_all(turn_t *turn)
{
    for (unsigned i = 0; i < turn->count; i++) {
        turn->failed |= !receive(turn, &turn->calls[i]);
    }
    turn->count = 0;
}

static call_t *next_call(turn_t *turn, unsigned partition)
{
    call_t *call;

    if (turn->count == CALLS) {
        receive_all(turn);
    }
    call = &turn->calls[turn->count];
    call->partition = partition;
    call->count = 0;
    return call;
}

/* Those that are about to be left would be followed again. */
static void ask(turn_t *turn, unsigned partition,
                const push_follow_view_t *views, unsigned count)
{
    call_t *call = next_call(turn, partition);

    for (unsigned i = 0; i < count; i++) {
        if (views[i].state != PUSH_FOLLOW_LEAVING) {
            call->views[call->count++] = views[i];
        }
    }
    if (!call->count) {
        return;
    }
    if (send(turn, call)) {
        turn->count++;
    }
    else {
        turn->failed = true;
    }
}

/* Calls visit() for all followed logs; false: a shard is stuck. */
static bool walk(turn_t *turn, unsigned partition,
                 void (*visit)(turn_t *, unsigned, const push_follow_view_t *,
                               unsigned))
{
    push_follow_walk_t walk = {.partition = partition};
    push_follow_view_t *views = malloc(PUSH_RESYNC_MAX * sizeof(*views));
    push_status_t status = views ? PUSH_OK : PUSH_NO_MEMORY;

    while (status == PUSH_OK && !walk.done) {
        unsigned count = 0;

        status = push_follow_walk(turn->cluster->store, &walk, views,
                                  PUSH_RESYNC_MAX, &count);
        if (status == PUSH_OK) {
            visit(turn, partition, views, count);
        }
    }
    free(views);
    return status == PUSH_OK;
}

/* What was noted as dropped while the partition was suspect. */
static void see_behind(turn_t *turn, unsigned partition,
                       const push_follow_view_t *views, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (views[i].state == PUSH_FOLLOW_LIVE && views[i].behind) {
            push_partition_suspected(turn->cluster->words, partition);
            return;
        }
    }
}

static bool mend(turn_t *turn, unsigned partition)
{
    push_cluster_words_t *words = turn->cluster->words;
    unsigned suspicion = push_partition_suspicion(words, partition);

    turn->failed = false;
    if (!walk(turn, partition, ask)) {
        turn->failed = true;
    }
    receive_all(turn);
    if (turn->failed) {
        return false;
    }
    /* Entries are applied again from here on: who lacks one is seen now. */
    if (push_partition_mended(words, partition, suspicion)
        && !walk(turn, partition, see_behind)) {
        push_partition_suspected(words, partition);
    }
    return true;
}

/* A partition that cannot be had does not hold up those of other masters. */
static bool mend_some(turn_t *turn, push_resync_t *resync)
{
    int64_t until = push_redis_now() + TURN_MS;
    unsigned mended = 0;
    bool well = true;

    for (unsigned i = 0; i < PUSH_PARTITIONS && push_redis_now() < until;
         i++) {
        unsigned partition = resync->next;

        resync->next = (partition + 1) % PUSH_PARTITIONS;
        if (push_partition_suspect(turn->cluster->words, partition)) {
            well = mend(turn, partition) && well;
            mended++;
        }
    }
    if (!well) {
        resync->not_before = push_redis_now() + PAUSE_MS;
    }
    return well && mended;
}

static bool any_suspect(const push_cluster_words_t *words)
{
    unsigned i = 0;

    while (i < PUSH_PARTITIONS && !push_partition_suspect(words, i)) {
        i++;
    }
    return i < PUSH_PARTITIONS;
}

bool push_resync_some(push_cluster_t *cluster, push_resync_t *resync)
{
    turn_t turn = {.cluster = cluster};
    bool more = false;

    if (push_cluster_owner(cluster) == PUSH_OWNER_NOBODY
        || push_redis_now() < resync->not_before
        || !any_suspect(cluster->words)) {
        return false;
    }
    turn.calls = calloc(CALLS, sizeof(*turn.calls));
    if (turn.calls) {
        more = mend_some(&turn, resync) && any_suspect(cluster->words);
    }
    free(turn.calls);
    return more;
}
