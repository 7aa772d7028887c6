#include "broker/node/recall.h"

#include "broker/library/publish_calls.h"
#include "broker/node/loading.h"
#include "redis/courier.h"

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
