#include "core/event.h"

bool push_events_listen(push_events_t *events, const push_listener_t *listener)
{
    for (unsigned i = 0; i < PUSH_LISTENERS_MAX; i++) {
        if (!events->listeners[i].kinds) {
            events->listeners[i] = *listener;
            events->kinds |= listener->kinds;
            return true;
        }
    }
    return false;
}

/* The function stays there: a thread may be about to call it. */
void push_events_ignore(push_events_t *events, const push_listener_t *listener)
{
    unsigned kinds = 0;

    for (unsigned i = 0; i < PUSH_LISTENERS_MAX; i++) {
        push_listener_t *at = &events->listeners[i];

        if (at->tell == listener->tell && at->data == listener->data) {
            at->kinds = 0;
        }
        kinds |= at->kinds;
    }
    events->kinds = kinds;
}

void push_events_tell(const push_events_t *events, const push_event_t *event)
{
    for (unsigned i = 0; i < PUSH_LISTENERS_MAX; i++) {
        const push_listener_t *at = &events->listeners[i];

        if (at->kinds & PUSH_EVENT_BIT(event->kind)) {
            at->tell(at->data, event);
        }
    }
}
