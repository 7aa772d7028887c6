#include "http/subscribe/receive.h"

#include "http/checks.h"
#include "http/endpoint.h"
#include "http/runtime.h"
#include "http/subscribe/open.h"
#include "stream/handover.h"

/*
 * A foreign page cannot read a stream that it opens, but opening it takes over
 * from the visitor's own and acknowledges.  Where the visitor's browser would
 * not say by itself who it is, there is nothing to gain by that.  A WebSocket
 * it can read, and no browser asks before: so whatever it brings along.
 */
static const push_problem_t *check_page(request_rec *r,
                                        const push_subscriber_t *subscriber)
{
    if (subscriber->wait.websocket) {
        return push_check_page(r);
    }
    if (r->header_only || subscriber->by_ticket || push_token_is_bearer(r)
        || (push_settings(r)->user_kind == PUSH_USER_QUERY
            && !push_endpoint_is_admin(r))) {
        return NULL;
    }
    return push_check_page(r);
}

int push_receive(request_rec *r)
{
    push_subscriber_t subscriber;
    const push_problem_t *problem = push_subscriber_parse(r, &subscriber)
        ?: check_page(r, &subscriber)
        ?: push_open_refusal(r, &subscriber);

    if (problem) {
        return push_problem_send(r, problem);
    }
    if (r->header_only) {
        push_open_head(r, &subscriber);
        return OK;
    }
    subscriber.checkin.waited = push_handover_waited(r);
    return push_open(r, &subscriber);
}

int push_ack(request_rec *r)
{
    push_subscriber_t subscriber;
    const push_problem_t *problem = push_check_forgery(r);
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    push_status_t status;

    if (!problem && push_runtime_superseded()) {
        problem = push_problem_superseded(r->pool);
    }
    if (!problem) {
        problem = push_subscriber_parse_ack(r, &subscriber);
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    status = broker->ack(broker, &subscriber.checkin, &now);
    if (status != PUSH_OK) {
        return push_problem_send(r, push_problem_of_status(r->pool, status));
    }
    r->status = HTTP_NO_CONTENT;
    return OK;
}
