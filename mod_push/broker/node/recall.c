#include "broker/node/recall.h"

#include <string.h>

#include "broker/library/publish_calls.h"
#include "broker/node/loading.h"
#include "broker/node/views.h"
#include "redis/courier.h"
#include "store/ops/life.h"
#include "store/shard/shard.h"

push_status_t push_recall_log(push_cluster_t *cluster,
                              const push_named_log_ref_t *log, uint64_t mid,
                              uint32_t *connected)
{
    push_recall_reply_t reply = {0};
    push_request_t request;
    push_status_t status;

    push_request_init(&request, log->partition);
    push_library_recall(&request.command,
                        &(push_recall_call_t){
                            .home = push_cluster_home(cluster, log->partition),
                            .log = {log->text, log->len},
                            .mid = mid});
    status = push_status_of_failure(
        push_courier_call(cluster->courier, &request));
    if (status == PUSH_OK && !push_recall_reply(request.reply, &reply)) {
        status = PUSH_NO_STATE;
    }
    push_request_cleanup(&request);
    if (connected) {
        *connected = reply.connected;
    }
    return status == PUSH_OK && !reply.found ? PUSH_OVER : status;
}

/* ---- which log it is in ---- */

static bool find_here(push_cluster_t *cluster, uint64_t mid,
                      push_named_log_ref_t *log, push_status_t *status)
{
    unsigned shard = push_mid_shard(mid);
    push_time_t now = push_clock_now();
    push_message_view_t view;
    push_found_t found;
    bool here;

    *status = PUSH_BUSY;
    if (!push_shard_enter(cluster->store, shard)) {
        return false;
    }
    *status = PUSH_NOT_FOUND;
    here = push_life_find(cluster->store, mid, &found);
    if (here) {
        push_life_read(cluster->store, &found, &now, &view);
        push_names_log(cluster, view.kind, view.name, log);
    }
    push_shard_leave(cluster->store, shard);
    return here;
}

static push_status_t find(push_cluster_t *cluster,
                          const push_sought_t *message,
                          push_named_log_ref_t *log)
{
    push_status_t status = PUSH_NOT_FOUND;

    if (!message->addressed) {
        return find_here(cluster, message->mid, log, &status) ? PUSH_OK
                                                              : status;
    }
    push_names_log(cluster, message->audience.kind, message->audience.name,
                   log);
    return log->partition == push_partition_of_mid(message->mid)
               ? PUSH_OK
               : PUSH_NOT_FOUND;
}

/* ---- who will not get it ---- */

typedef struct {
    bool counts; /* it is a user's message */
    uint32_t waiting;
} count_t;

static void take_message(void *data, const push_message_view_t *view)
{
    ((count_t *)data)->counts = view->kind == PUSH_LOG_USER;
}

static void count_waiting(void *data, const push_life_view_t *view)
{
    count_t *count = data;

    count->waiting += count->counts
                      && (view->fate == PUSH_PENDING
                          || view->fate == PUSH_IN_FLIGHT);
}

push_status_t push_node_recall(push_cluster_t *cluster,
                               const push_sought_t *message,
                               const push_time_t *now, uint32_t *recalled)
{
    count_t count = {.counts = false};
    const push_visitor_t visitor = {
        .message = take_message, .life = count_waiting, .data = &count};
    push_named_log_ref_t log;
    push_status_t here, status;

    *recalled = 0;
    status = find(cluster, message, &log);
    if (status != PUSH_OK) {
        return status;
    }
    here = push_views_message(cluster, message, now, &visitor);
    *recalled = count.waiting;
    status = push_recall_log(cluster, &log, message->mid, NULL);
    /* What is neither here nor there may never have been. */
    return status == PUSH_OVER && here == PUSH_NOT_FOUND ? PUSH_NOT_FOUND
                                                         : status;
}
