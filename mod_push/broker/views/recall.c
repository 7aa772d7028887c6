#include "broker/views/recall.h"

#include "broker/node/loading.h"
#include "broker/node/recall.h"
#include "broker/views/views.h"

typedef struct {
    const push_cluster_t *cluster;
    push_named_log_ref_t log; /* len 0: nobody has said it */
    bool counts;              /* it is a user's message */
    uint32_t waiting;
} count_t;

static void take_message(void *data, const push_message_view_t *view)
{
    count_t *count = data;

    push_names_log(count->cluster, view->kind, view->name, &count->log);
    count->counts = view->kind == PUSH_LOG_USER;
}

static void count_waiting(void *data, const push_life_view_t *view)
{
    count_t *count = data;

    if (count->counts
        && (view->fate == PUSH_PENDING || view->fate == PUSH_IN_FLIGHT)) {
        count->waiting += view->count;
    }
}

/* What no node has may be in Redis: then its audience has to be said. */
static bool say_log(count_t *count, const push_sought_t *message)
{
    if (!count->log.len && message->addressed) {
        push_names_log(count->cluster, message->audience.kind,
                       message->audience.name, &count->log);
    }
    return count->log.len
           && count->log.partition == push_partition_of_mid(message->mid);
}

push_status_t push_views_recall(push_cluster_t *cluster,
                                const push_sought_t *message,
                                const push_time_t *now, uint32_t *recalled)
{
    count_t count = {.cluster = cluster};
    const push_visitor_t visitor = {
        .message = take_message, .life = count_waiting, .data = &count};
    push_status_t seen = push_views_message(cluster, message, now, &visitor);
    push_status_t status;

    *recalled = count.waiting;
    if (!say_log(&count, message)) {
        return seen == PUSH_OK ? PUSH_NOT_FOUND : seen;
    }
    status = push_recall_log(cluster, &count.log, message->mid, NULL);
    /* What is neither here nor there may never have been. */
    return status == PUSH_OVER && seen == PUSH_NOT_FOUND ? PUSH_NOT_FOUND
                                                         : status;
}
