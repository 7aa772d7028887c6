#include "triggers/run/unacked.h"

#include <string.h>

typedef struct {
    bool goes_on;
    bool acked; /* by some device */
} seen_t;

static void see_message(void *data, const push_message_view_t *view)
{
    ((seen_t *)data)->goes_on = view->fate == PUSH_LIVE;
}

static void see_life(void *data, const push_life_view_t *view)
{
    seen_t *seen = data;

    seen->acked = seen->acked || view->fate == PUSH_ACKED;
}

static push_text_t text_at(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return (push_text_t){json_string_value(value),
                         (uint32_t)json_string_length(value)};
}

static push_status_t look(push_broker_t *broker, const json_t *data,
                          uint64_t mid, seen_t *seen)
{
    const json_t *audience = json_object_get(data, "audience");
    const push_view_t what = {
        .kind = PUSH_VIEW_MESSAGE,
        .message = {.mid = mid,
                    .addressed = true,
                    .audience = {.kind = PUSH_LOG_USER,
                                 .name = text_at(audience, "user")},
                    .device = text_at(audience, "device")},
        .now = push_clock_now()};
    const push_visitor_t visitor = {
        .message = see_message, .life = see_life, .data = seen};

    return broker->view(broker, &what, &visitor);
}

push_status_t push_unacked_check(push_broker_t *broker,
                                 const push_trigger_event_t *event)
{
    const json_t *data = json_object_get(event->json, "data");
    push_text_t message = text_at(data, "message");
    seen_t seen = {.goes_on = false};
    push_status_t status;
    uint64_t mid;

    if (event->type.len != sizeof(PUSH_UNACKED_TYPE) - 1
        || memcmp(event->type.at, PUSH_UNACKED_TYPE, event->type.len)) {
        return PUSH_OK;
    }
    if (!push_mid_parse(message.at, message.len, &mid)) {
        return PUSH_OVER;
    }
    status = look(broker, data, mid, &seen);
    if (status != PUSH_OK) {
        return status == PUSH_NOT_FOUND ? PUSH_OVER : PUSH_BUSY;
    }
    return seen.goes_on && !seen.acked ? PUSH_OK : PUSH_OVER;
}
