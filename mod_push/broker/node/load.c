#include "broker/node/load.h"

#include <stdlib.h>
#include <string.h>

#include "broker/node/loading.h"
#include "broker/node/masters.h"
#include "core/checkin.h"
#include "redis/courier.h"

/* How long a worker waits for a log that another thread is bringing. */
#define LOAD_MS 3000

/* It looks so often without being told: the other one may have died. */
#define POLL_MS 20

/* Of one answer: lanes have one each, but other versions may give more. */
#define MARKS_MAX 16u

push_log_name_t push_log_name(char kind, push_text_t name)
{
    push_log_name_t made = {.text = {kind}, .len = 1};
    unsigned len = name.len < PUSH_NAME_MAX ? name.len : PUSH_NAME_MAX;

    if (len) {
        memcpy(made.text + 1, name.at, len);
    }
    made.len += len;
    return made;
}

/* Those by which a node proves that it delivers are of no more use. */
int64_t push_device_keep(const push_cluster_t *cluster, push_text_t user)
{
    static const char probe[] = PUSH_PROBE_USER;
    int64_t retention = cluster->store->limits.retention;
    bool is_probe = user.len >= sizeof(probe) - 1
                    && !memcmp(user.at, probe, sizeof(probe) - 1);

    return is_probe && retention > 4 * PUSH_PROBE_RETENTION
               ? 4 * PUSH_PROBE_RETENTION
               : retention;
}

push_bell_t *push_load_bell(push_cluster_t *cluster, push_text_t log)
{
    unsigned shard = push_log_name_hash(cluster->store, log).shard;

    return &cluster->words->loads[shard % PUSH_LOAD_BELLS];
}

/* ---- from an answer to the segment ---- */

/* Marks of all pieces are kept, for the import of a device. */
static bool keep_marks(push_load_t *load, const push_loading_t *loading,
                       const push_time_t *now)
{
    unsigned room = load->marks_count + MARKS_MAX;
    push_dropped_t *marks;

    marks = realloc(load->marks, room * sizeof(*marks));
    if (!marks) {
        return false;
    }
    load->marks = marks;
    load->marks_count += push_loading_marks(
        loading, now, marks + load->marks_count, MARKS_MAX);
    return true;
}

/* Puts one piece into the log; the next one is asked for from its end. */
static push_status_t put(push_cluster_t *cluster, push_load_t *load,
                         const push_followed_t *followed)
{
    const push_loading_t loading = {
        .partition = push_log_partition(cluster->store, load->log),
        .log = load->log,
        .errand = load->follow.errand,
        .since = load->follow.since,
        .rest_of_whole = load->taken && load->whole,
        .followed = followed};
    push_time_t now = push_clock_now();
    push_status_t status = PUSH_NO_MEMORY;
    bool again = false;

    if (keep_marks(load, &loading, &now)) {
        status = push_loading_put(cluster, &loading, &now, &again);
    }
    if (status == PUSH_OK && !followed->more) {
        push_bell_ring(push_load_bell(cluster, load->log));
    }
    if (status == PUSH_OK) {
        load->whole = load->taken ? load->whole : followed->whole;
        load->taken = true;
        load->follow.since = followed->version;
        load->follow.mine = followed->more;
        load->follow.state = followed->more || again ? PUSH_FOLLOW_LOADING
                                                     : PUSH_FOLLOW_LIVE;
    }
    return status;
}

/* Another errand is at it, or has to be: then that one is waited for. */
static push_status_t leave_to_others(push_load_t *load, push_status_t status)
{
    if (status != PUSH_STALE && status != PUSH_NOT_FOUND) {
        return status;
    }
    load->follow.mine = false;
    load->follow.state = PUSH_FOLLOW_LOADING;
    return PUSH_OK;
}

push_status_t push_load_take(push_cluster_t *cluster, push_load_t *load,
                             const push_followed_t *followed)
{
    return load->follow.mine
               ? leave_to_others(load, put(cluster, load, followed))
               : PUSH_OK;
}

/* ---- asking ---- */

push_following_t push_load_following(push_cluster_t *cluster,
                                     const push_load_t *load)
{
    push_follow_view_t view = {.log_len = 0};

    if (push_follow_read(cluster->store, load->log, &view) != PUSH_OK) {
        view = (push_follow_view_t){.log_len = 0};
    }
    return (push_following_t){.log = load->log,
                              .connected = view.connected + 1,
                              .subscribers = view.subscribers + 1,
                              .since = load->follow.since};
}

static void let_go_of_answer(push_load_t *load)
{
    if (load->asked) {
        push_request_cleanup(&load->request);
        load->asked = false;
    }
}

/* rest: behind a piece that was not all of it.  False: our number went, so it
 * would be nobody who follows. */
static bool ask_for(push_cluster_t *cluster, push_load_t *load, bool rest)
{
    unsigned partition = push_log_partition(cluster->store, load->log);
    push_follow_call_t call = {.home = push_cluster_home(cluster, partition),
                               .owner = push_cluster_owner(cluster),
                               .following = push_load_following(cluster,
                                                                load)};

    call.following.rest = rest;
    let_go_of_answer(load);
    if (call.owner == PUSH_OWNER_NOBODY) {
        return false;
    }
    push_request_init(&load->request, partition);
    push_library_follow(&load->request.command, &call);
    push_courier_send(cluster->courier, &load->request);
    load->asked = true;
    load->waited = false;
    return true;
}

push_status_t push_load_begin(push_cluster_t *cluster, push_load_t *load,
                              push_text_t log, bool ask)
{
    push_status_t status;

    *load = (push_load_t){.log = log};
    status = push_follow_begin(cluster->store, log, &load->follow);
    if (status == PUSH_OK && load->follow.mine && ask) {
        ask_for(cluster, load, false); /* if not, whoever waits asks again */
    }
    return status;
}

/* What we asked for ourselves: each answer, until there is no more. */
static push_status_t fetch(push_cluster_t *cluster, push_load_t *load)
{
    push_follow_reply_t reply;
    push_status_t status = PUSH_OK;

    /* What came while it was loaded, or whose errand failed, is asked anew. */
    if ((!load->asked || load->waited)
        && !ask_for(cluster, load, !load->asked && load->taken)) {
        return PUSH_NO_STATE;
    }
    while (status == PUSH_OK && load->follow.mine) {
        push_courier_wait(cluster->courier, &load->request);
        load->waited = true;
        if (load->request.failure != PUSH_FAILURE_NONE
            || !push_follow_reply(load->request.reply, &reply)) {
            return PUSH_NO_STATE;
        }
        push_partition_answered(cluster->words,
                                load->request.command.partition,
                                reply.origin.epoch);
        status = put(cluster, load, &reply.followed);
        if (status == PUSH_OK && load->follow.mine
            && !ask_for(cluster, load, true)) {
            status = PUSH_NO_STATE;
        }
    }
    return status;
}

/* Another thread of this node brings it, or we do if that one gives up. */
static push_status_t await_live(push_cluster_t *cluster, push_load_t *load,
                                int64_t until)
{
    push_bell_t *bell = push_load_bell(cluster, load->log);
    push_status_t status = PUSH_OK;

    while (status == PUSH_OK && !load->follow.mine
           && load->follow.state != PUSH_FOLLOW_LIVE) {
        uint32_t seen = push_bell_read(bell);

        if (push_clock_now().mono >= until) {
            return PUSH_BUSY;
        }
        status = push_follow_begin(cluster->store, load->log, &load->follow);
        if (status == PUSH_OK && !load->follow.mine
            && load->follow.state != PUSH_FOLLOW_LIVE) {
            push_bell_wait(bell, seen, POLL_MS);
        }
    }
    if (status == PUSH_OK && load->follow.mine) {
        /* Another errand: the log may have gone, and come, since we asked. */
        let_go_of_answer(load);
        load->taken = false;
    }
    return status;
}

push_status_t push_load_wait(push_cluster_t *cluster, push_load_t *load)
{
    int64_t until = push_clock_now().mono + LOAD_MS;
    push_status_t status = PUSH_OK;

    while (status == PUSH_OK
           && (load->follow.mine || load->follow.state != PUSH_FOLLOW_LIVE)) {
        if (push_clock_now().mono >= until) {
            return PUSH_BUSY;
        }
        status = load->follow.mine ? fetch(cluster, load)
                                   : await_live(cluster, load, until);
        status = leave_to_others(load, status);
    }
    return status;
}

/*
 * What came while an errand was at it was left to that; if it ended before it
 * had all, its readers would wait for the next message.
 */
static void see_to_rest(push_cluster_t *cluster, push_text_t log)
{
    push_follow_view_t view;

    if (push_follow_read(cluster->store, log, &view) == PUSH_OK
        && view.state == PUSH_FOLLOW_LIVE && view.unattended) {
        push_partition_suspected(cluster->words,
                                 push_log_partition(cluster->store, log));
    }
}

void push_load_end(push_cluster_t *cluster, push_load_t *load)
{
    if (load->asked && !load->waited) {
        push_courier_wait(cluster->courier, &load->request);
    }
    let_go_of_answer(load);
    if (load->follow.mine) {
        push_follow_fail(cluster->store, load->log, load->follow.errand);
        push_bell_ring(push_load_bell(cluster, load->log));
    }
    if (load->follow.mine || load->follow.state != PUSH_FOLLOW_LIVE) {
        see_to_rest(cluster, load->log);
    }
    free(load->marks);
    *load = (push_load_t){.log = load->log};
}

push_status_t push_load_whole(push_cluster_t *cluster, push_text_t log)
{
    push_load_t load;
    push_status_t status = push_load_begin(cluster, &load, log, true);

    if (status == PUSH_OK) {
        status = push_load_wait(cluster, &load);
    }
    push_load_end(cluster, &load);
    return status;
}
