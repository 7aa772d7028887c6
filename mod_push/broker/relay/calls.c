#include "broker/relay/calls.h"

void push_relay_wake(push_relay_t *relay)
{
    if (!atomic_exchange(&relay->rung, true)) {
        curl_multi_wakeup(relay->multi);
    }
}

/* In the courier's thread. */
static void is_finished(push_request_t *request)
{
    push_relay_call_t *call = request->data;
    push_relay_t *relay = call->relay;

    call->next = NULL;
    pthread_mutex_lock(&relay->lock);
    *relay->finished_end = call;
    relay->finished_end = &call->next;
    pthread_mutex_unlock(&relay->lock);
    push_relay_wake(relay);
}

push_command_t *push_relay_call_begin(push_relay_t *relay,
                                      push_relay_call_t *call,
                                      unsigned partition)
{
    push_request_init(&call->request, partition);
    call->relay = relay;
    return &call->request.command;
}

void push_relay_call(push_relay_call_t *call)
{
    call->relay->out++;
    call->request.done = is_finished;
    call->request.data = call;
    push_courier_send(call->relay->options.courier, &call->request);
}

void push_relay_calls_finish(push_relay_t *relay)
{
    push_relay_call_t *call;

    pthread_mutex_lock(&relay->lock);
    call = relay->finished;
    relay->finished = NULL;
    relay->finished_end = &relay->finished;
    pthread_mutex_unlock(&relay->lock);
    while (call) {
        push_relay_call_t *next = call->next;

        relay->out--;
        call->over(call);
        call = next;
    }
}
