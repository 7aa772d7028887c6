#include "broker/node/saver.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/library/device_calls.h"
#include "broker/node/anew.h"
#include "broker/node/followers.h"
#include "broker/node/linger.h"
#include "broker/node/load.h"
#include "broker/node/loading.h"
#include "broker/node/masters.h"
#include "broker/node/owned.h"
#include "broker/node/post.h"
#include "redis/courier.h"
#include "store/disk/record.h"
#include "store/ops/disown.h"
#include "store/ops/export.h"
#include "store/shm/thread.h"

/*
 * The idea: a device says by a trait that its record lags behind; the trait
 * goes when the device joins the queue, and comes back if the record could not
 * be written.  So the queue holds each device about once, what is lost with a
 * process is noted again by the next change, and all that is under way may
 * fail.  Records are taken when their turn comes, and sent without waiting; what
 * came of them comes back as an outcome, since the courier's thread must not
 * wait for a shard.
 */

#define TICK_MS    250
#define UNDER_WAY  1024u /* records that were sent and not answered */
#define BACKOFF_MS 500   /* after one that was not written */
#define LAST_MS    1000  /* for what is queued when the saver ends */

/* What came of a call about a device. */
typedef struct outcome_t {
    struct outcome_t *next;
    push_log_name_t user; /* as its log's name */
    unsigned char id[PUSH_CONTEXT_BYTES];
    uint32_t fence;
    enum {
        NOT_WRITTEN, /* again, later */
        TAKEN,       /* another node has it, with this fence */
        NOBODYS,     /* it was given up, with this fence */
        OTHERWISE,   /* it is ours, but by another fence than this one */
        BEHIND,      /* Redis has lost the claim by which it is ours */
        GONE,        /* Redis knows nothing of it */
        OURS         /* it was claimed anew, with this fence */
    } what;
} outcome_t;

struct push_saver_t {
    push_cluster_t *cluster;
    push_followers_t *followers; /* NULL: no memory for it */
    pthread_t thread;
    pthread_mutex_t lock; /* guards all from here on */
    pthread_cond_t changed;
    push_records_t queue;
    outcome_t *outcomes;
    unsigned under_way;
    int64_t rests_until; /* mono ms */
    bool stop;
};

/* ---- any thread: into the queue ---- */

static bool is_device(const push_record_t *record)
{
    return record->how == PUSH_RECORD_REFRESH
           && record->key[0] == PUSH_RECORD_DEVICE;
}

/* The store's hand_over; only devices are kept in Redis by this way. */
static void hand_over(push_store_t *store, push_records_t *records,
                      push_commit_t *commit)
{
    push_saver_t *saver = atomic_load(&store->hander);
    push_records_t devices = {0};
    push_record_t *record = push_records_take(records);

    (void)commit;
    for (; record; record = push_records_take(records)) {
        if (is_device(record)) {
            push_records_append(&devices, record);
        }
        else {
            free(record);
        }
    }
    if (saver && devices.first) {
        pthread_mutex_lock(&saver->lock);
        push_records_join(&saver->queue, &devices);
        pthread_cond_signal(&saver->changed);
        pthread_mutex_unlock(&saver->lock);
    }
    push_records_cleanup(&devices);
}

/* ---- the courier's thread: what came of it ---- */

static void add_outcome(push_saver_t *saver, const push_post_t *post, int what,
                        uint32_t fence)
{
    outcome_t *outcome = calloc(1, sizeof(*outcome));

    if (outcome) {
        outcome->user = push_log_name('u', post->user);
        memcpy(outcome->id, post->id, PUSH_CONTEXT_BYTES);
        outcome->what = what;
        outcome->fence = fence;
    }
    pthread_mutex_lock(&saver->lock);
    if (outcome) {
        outcome->next = saver->outcomes;
        saver->outcomes = outcome;
    }
    saver->under_way--;
    pthread_cond_signal(&saver->changed);
    pthread_mutex_unlock(&saver->lock);
}

static void end_one(push_saver_t *saver)
{
    pthread_mutex_lock(&saver->lock);
    saver->under_way--;
    pthread_cond_signal(&saver->changed);
    pthread_mutex_unlock(&saver->lock);
}

/*
 * A fence only rises, so by a lower one nobody has taken it from us: a replica
 * took over that had not got our claim.
 */
static bool is_behind(const push_save_reply_t *reply, uint32_t fence)
{
    return (int32_t)(fence - reply->fence) > 0;
}

static void saved(push_post_t *post)
{
    push_cluster_t *cluster = post->cluster;
    push_save_reply_t reply;

    if (post->request.failure != PUSH_FAILURE_NONE
        || !push_save_reply(post->request.reply, &reply)) {
        add_outcome(cluster->saver, post, NOT_WRITTEN, 0);
    }
    else if (reply.outcome == PUSH_SAVED) {
        end_one(cluster->saver);
    }
    else if (reply.outcome == PUSH_SAVED_GONE) {
        add_outcome(cluster->saver, post, GONE, 0);
    }
    else if (reply.owner == push_cluster_owner(cluster)) {
        add_outcome(cluster->saver, post, OTHERWISE, post->fence);
    }
    else if (is_behind(&reply, post->fence)) {
        add_outcome(cluster->saver, post, BEHIND, post->fence);
    }
    else {
        /* Where the fence is ours nobody has claimed it, but our number is
         * another one than it was. */
        bool ours = reply.fence == post->fence;

        add_outcome(cluster->saver, post,
                    ours || reply.owner == PUSH_OWNER_NOBODY ? NOBODYS : TAKEN,
                    ours ? UINT32_MAX : reply.fence);
    }
}

static void claimed(push_post_t *post)
{
    push_claim_reply_t reply;

    if (post->request.failure != PUSH_FAILURE_NONE
        || !push_claim_reply(post->request.reply, &reply)) {
        add_outcome(post->cluster->saver, post, NOT_WRITTEN, 0);
    }
    else if (reply.outcome == PUSH_CLAIMED
             || reply.outcome == PUSH_CLAIMED_NEW) {
        push_partition_counted(post->cluster->words,
                               post->request.command.partition,
                               &reply.followed);
        add_outcome(post->cluster->saver, post, OURS, reply.fence);
    }
    else {
        add_outcome(post->cluster->saver, post, TAKEN, UINT32_MAX);
    }
}

/* ---- the saver's thread ---- */

static push_text_t name_in(const push_log_name_t *log)
{
    return (push_text_t){log->text + 1, log->len - 1};
}

static push_device_call_t device_call(const push_cluster_t *cluster,
                                      const push_log_name_t *log,
                                      const unsigned char *id, uint32_t fence)
{
    unsigned partition = push_log_partition(cluster->store,
                                            push_log_text(log));

    return (
        push_device_call_t){.home = push_cluster_home(cluster, partition),
                            .log = push_log_text(log),
                            .context = id,
                            .owner = push_cluster_owner(cluster),
                            .fence = fence,
                            .keep = push_device_keep(cluster, name_in(log))};
}

/* NULL: no memory for it, or nobody would write it, as we have no number. */
static push_post_t *begin_post(push_cluster_t *cluster,
                               const push_device_call_t *device)
{
    return device->owner == PUSH_OWNER_NOBODY
               ? NULL
               : push_post_begin(cluster, device->home.partition);
}

static void send(push_saver_t *saver, push_post_t *post)
{
    pthread_mutex_lock(&saver->lock);
    saver->under_way++;
    pthread_mutex_unlock(&saver->lock);
    push_post_send(post);
}

static push_save_call_t save_call(const push_cluster_t *cluster,
                                  const push_log_name_t *log,
                                  const unsigned char *id,
                                  const push_export_t *exported)
{
    return (push_save_call_t){.device = device_call(cluster, log, id,
                                                    exported->fence),
                              .online = exported->online,
                              .record = exported->record};
}

/* One device, as it is now. */
static void save(push_saver_t *saver, const push_record_t *record)
{
    push_cluster_t *cluster = saver->cluster;
    const unsigned char *id = record->key + 1;
    push_time_t now = push_clock_now();
    push_export_t exported;
    push_log_name_t log;
    push_save_call_t call;
    push_post_t *post;

    if (!push_owned_user(cluster->store, record->shard, id, &log)
        || push_store_export(cluster->store, name_in(&log), id, &now,
                             &exported)
               != PUSH_OK) {
        return;
    }
    call = save_call(cluster, &log, id, &exported);
    post = begin_post(cluster, &call.device);
    if (post) {
        push_library_save(&post->request.command, &call);
        push_post_about(post, name_in(&log), id, exported.fence);
        post->over = saved;
        send(saver, post);
    }
    else {
        push_owned_lags(cluster->store, name_in(&log), id);
    }
    push_export_cleanup(&exported);
}

/* Redis has lost it: whoever claims it now has it; or lost that we have. */
static void claim(push_saver_t *saver, const outcome_t *outcome)
{
    push_cluster_t *cluster = saver->cluster;
    char device[PUSH_DEVICE_MAX + 1];
    push_claim_call_t call = {
        .device = device_call(cluster, &outcome->user, outcome->id, 0),
        .following = {.log = push_log_text(&outcome->user)},
        .counts_only = true,
        .force = outcome->what == BEHIND,
        .quiet = true, /* who has it by now may have its client */
        .max_devices = PUSH_DEVICES_MAX};
    push_follow_view_t view;
    push_post_t *post;

    if (!push_owned_device(cluster->store, name_in(&outcome->user),
                           outcome->id, device)) {
        return;
    }
    if (push_follow_read(cluster->store, push_log_text(&outcome->user), &view)
        == PUSH_OK) {
        call.following.connected = view.connected;
        call.following.subscribers = view.subscribers;
    }
    call.id = (push_text_t){device, (uint32_t)strlen(device)};
    post = begin_post(cluster, &call.device);
    if (post) {
        push_library_claim(&post->request.command, &call);
        push_post_about(post, name_in(&outcome->user), outcome->id, 0);
        post->over = claimed;
        send(saver, post);
    }
    else {
        push_owned_lags(cluster->store, name_in(&outcome->user), outcome->id);
    }
}

/*
 * A claim of our own was quicker; or the answer of one was lost, or the claim
 * itself, which only another claim mends.
 */
static void see_fence(push_saver_t *saver, const outcome_t *outcome)
{
    push_store_t *store = saver->cluster->store;
    push_text_t user = name_in(&outcome->user);
    push_owned_view_t view;

    if (push_store_owned(store, user, outcome->id, &view) == PUSH_OK
        && view.state == PUSH_OWNED && view.fence == outcome->fence) {
        claim(saver, outcome);
    }
    else {
        push_owned_lags(store, user, outcome->id);
    }
}

static void rest(push_saver_t *saver)
{
    pthread_mutex_lock(&saver->lock);
    saver->rests_until = push_clock_now().mono + BACKOFF_MS;
    pthread_mutex_unlock(&saver->lock);
}

static void take_outcome(push_saver_t *saver, const outcome_t *outcome)
{
    push_store_t *store = saver->cluster->store;
    push_text_t user = name_in(&outcome->user);
    push_time_t now = push_clock_now();

    switch (outcome->what) {
    case TAKEN:
    case NOBODYS:
        push_store_disown(
            store, user, outcome->id,
            &(push_taken_t){outcome->fence, outcome->what == TAKEN}, &now);
        break;
    case OTHERWISE:
    case BEHIND:
        see_fence(saver, outcome);
        break;
    case GONE:
        claim(saver, outcome);
        break;
    case OURS:
        push_store_refence(store, user, outcome->id, outcome->fence);
        push_owned_lags(store, user, outcome->id);
        break;
    default:
        push_owned_lags(store, user, outcome->id);
        rest(saver);
        break;
    }
}

static void take_outcomes(push_saver_t *saver, outcome_t *outcome)
{
    while (outcome) {
        outcome_t *next = outcome->next;

        take_outcome(saver, outcome);
        free(outcome);
        outcome = next;
    }
}

/* The link's child, for all of the node. */
static void mark_anew(push_cluster_t *cluster)
{
    push_anew_t anew = {.partition = 0};

    while (push_cluster_leads(cluster)
           && push_anew_next(cluster->words, anew.partition, &anew)) {
        push_owned_lag(cluster->store, anew.partition);
        push_anew_done(cluster->words, &anew);
    }
}

/* What is to be done next. */
typedef struct {
    push_record_t *record;
    outcome_t *outcomes;
    bool ends;
} work_t;

static struct timespec deadline_in(int64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/* With the lock. */
static bool may_send(const push_saver_t *saver)
{
    return saver->queue.first && saver->under_way < UNDER_WAY
           && (saver->stop || saver->rests_until <= push_clock_now().mono);
}

static work_t await(push_saver_t *saver, int64_t ms)
{
    struct timespec until = deadline_in(ms);
    work_t work = {0};

    pthread_mutex_lock(&saver->lock);
    while (!saver->stop && !saver->outcomes && !may_send(saver)
           && !pthread_cond_clockwait(&saver->changed, &saver->lock,
                                      CLOCK_MONOTONIC, &until)) {
    }
    work.outcomes = saver->outcomes;
    saver->outcomes = NULL;
    if (may_send(saver)) {
        work.record = push_records_take(&saver->queue);
    }
    work.ends = saver->stop && !saver->queue.first;
    pthread_mutex_unlock(&saver->lock);
    return work;
}

static void work_on(push_saver_t *saver, const work_t *work)
{
    take_outcomes(saver, work->outcomes);
    if (work->record) {
        save(saver, work->record);
        free(work->record);
    }
}

/* All that was sent is answered, or it is given up. */
static void finish(push_saver_t *saver)
{
    struct timespec until = deadline_in(LAST_MS);
    outcome_t *outcomes;

    pthread_mutex_lock(&saver->lock);
    while (saver->under_way
           && !pthread_cond_clockwait(&saver->changed, &saver->lock,
                                      CLOCK_MONOTONIC, &until)) {
    }
    outcomes = saver->outcomes;
    saver->outcomes = NULL;
    pthread_mutex_unlock(&saver->lock);
    take_outcomes(saver, outcomes);
}

static void *run(void *data)
{
    push_saver_t *saver = data;
    int64_t next = 0;
    work_t work;

    do {
        push_time_t now = push_clock_now();

        if (now.mono >= next) {
            mark_anew(saver->cluster);
            push_linger_tick(saver->cluster, &now);
            if (saver->followers) {
                push_followers_tell(saver->followers);
            }
            next = now.mono + TICK_MS;
        }
        work = await(saver, next - now.mono);
        work_on(saver, &work);
    } while (!work.ends);
    finish(saver);
    return NULL;
}

/* ---- start and stop ---- */

push_saver_t *push_saver_start(push_cluster_t *cluster)
{
    push_saver_t *saver = calloc(1, sizeof(*saver));

    if (!saver) {
        return NULL;
    }
    saver->cluster = cluster;
    pthread_mutex_init(&saver->lock, NULL);
    pthread_cond_init(&saver->changed, NULL);
    cluster->saver = saver;
    atomic_store(&cluster->store->hander, saver);
    cluster->store->hand_over = hand_over;
    saver->followers = push_followers_start(cluster);
    if (!push_thread_start(&saver->thread, run, saver)) {
        cluster->store->hand_over = NULL;
        atomic_store(&cluster->store->hander, NULL);
        push_saver_free(saver);
        return NULL;
    }
    return saver;
}

void push_saver_stop(push_saver_t *saver)
{
    pthread_mutex_lock(&saver->lock);
    saver->stop = true;
    pthread_cond_signal(&saver->changed);
    pthread_mutex_unlock(&saver->lock);
    pthread_join(saver->thread, NULL);
    atomic_store(&saver->cluster->store->hander, NULL);
    push_records_cleanup(&saver->queue);
}

void push_saver_free(push_saver_t *saver)
{
    take_outcomes(saver, saver->outcomes);
    saver->cluster->saver = NULL;
    if (saver->followers) {
        push_followers_stop(saver->followers);
    }
    pthread_cond_destroy(&saver->changed);
    pthread_mutex_destroy(&saver->lock);
    free(saver);
}

/* ---- any thread ---- */

void push_saver_came_back(push_cluster_t *cluster, push_text_t user)
{
    if (cluster->saver) {
        push_followers_came_back(cluster->saver->followers, user);
    }
}

push_status_t push_saver_write(push_cluster_t *cluster, push_text_t user,
                               const unsigned char *id)
{
    push_log_name_t log = push_log_name('u', user);
    push_time_t now = push_clock_now();
    push_export_t exported;
    push_save_call_t call;
    push_save_reply_t reply;
    push_request_t request;
    push_status_t status = push_store_export(cluster->store, user, id, &now,
                                             &exported);

    if (status != PUSH_OK) {
        return status;
    }
    call = save_call(cluster, &log, id, &exported);
    if (call.device.owner == PUSH_OWNER_NOBODY) {
        push_export_cleanup(&exported);
        push_owned_lags(cluster->store, user, id);
        return PUSH_NO_STATE;
    }
    push_request_init(&request, call.device.home.partition);
    request.replicas = cluster->options.replicas;
    push_library_save(&request.command, &call);
    status = push_status_of_failure(
        push_courier_call(cluster->courier, &request));
    if (status == PUSH_OK) {
        status = !push_save_reply(request.reply, &reply) ? PUSH_NO_STATE
                 : reply.outcome == PUSH_SAVED_FENCED
                         && reply.owner != call.device.owner
                         && !is_behind(&reply, exported.fence)
                     ? PUSH_STALE
                 : reply.outcome == PUSH_SAVED ? PUSH_OK
                                               : PUSH_NOT_FOUND;
    }
    if (status != PUSH_OK) {
        push_owned_lags(cluster->store, user, id);
    }
    push_request_cleanup(&request);
    push_export_cleanup(&exported);
    return status;
}
