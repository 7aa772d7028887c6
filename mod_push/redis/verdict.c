#include "redis/client_internal.h"

void push_client_end(push_client_t *client, push_request_t *request,
                     push_failure_t failure)
{
    request->failure = failure;
    request->line = NULL;
    push_request_list_remove(request);
    push_deadlines_remove(&client->deadlines, request);
    push_request_list_append(&client->over, request);
}

void push_client_park(push_client_t *client, push_request_t *request,
                      int64_t ms)
{
    request->line = NULL;
    request->again = push_redis_now() + ms;
    push_request_list_remove(request);
    push_request_list_append(ms ? &client->parked : &client->fresh, request);
}

void push_client_report(push_client_t *client, push_failure_t failure,
                        const push_address_t *address, const char *text)
{
    const push_redis_trouble_t trouble = {failure, address, text};

    if (client->hooks.trouble) {
        client->hooks.trouble(client->hooks.data, &trouble);
    }
}

bool push_reported_now(push_reported_t *reported, push_failure_t failure)
{
    int64_t now = push_redis_now();
    bool another = reported->failure != PUSH_FAILURE_NONE
                   && failure != PUSH_FAILURE_NONE;

    if (failure == reported->failure
        || (another && now - reported->at < PUSH_CALM_MS)) {
        return false;
    }
    *reported = (push_reported_t){failure, now};
    return true;
}
