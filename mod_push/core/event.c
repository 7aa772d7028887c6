#include "core/event.h"

/* What all of them want to be told. */
static void sum_up(push_events_t *events)
{
    unsigned kinds[] = {0, 0};

    events->enabled = NULL;
    for (unsigned i = 0; i < PUSH_LISTENERS_MAX; i++) {
        const push_listener_t *at = &events->listeners[i];

        kinds[at->enabled != NULL] |= at->kinds;
        if (at->kinds && at->enabled) {
            events->enabled = at->enabled;
        }
    }
    events->kinds = kinds[0];
    events->optional = kinds[1];
}

bool push_events_listen(push_events_t *events, const push_listener_t *listener)
{
    if (listener->enabled && events->enabled
        && listener->enabled != events->enabled) {
        return false;
    }
    for (unsigned i = 0; i < PUSH_LISTENERS_MAX; i++) {
        if (!events->listeners[i].kinds) {
            events->listeners[i] = *listener;
            sum_up(events);
            return true;
        }
    }
    return false;
}

/* The function stays there: a thread may be about to call it. */
void push_events_ignore(push_events_t *events, const push_listener_t *listener)
{
    for (unsigned i = 0; i < PUSH_LISTENERS_MAX; i++) {
        push_listener_t *at = &events->listeners[i];

        if (at->tell == listener->tell && at->data == listener->data) {
            at->kinds = 0;
        }
    }
    sum_up(events);
}

void push_events_tell(const push_events_t *events, const push_event_t *event)
{
    for (unsigned i = 0; i < PUSH_LISTENERS_MAX; i++) {
        const push_listener_t *at = &events->listeners[i];

        if (at->kinds & PUSH_EVENT_BIT(event->kind)
            && push_listener_enabled(at->enabled)) {
            at->tell(at->data, event);
        }
    }
}

void push_event_of_message(push_heap_t *heap, push_event_kind_t kind,
                           const struct push_message_t *message,
                           push_fate_t fate, const push_time_t *now)
{
    if (push_events_wanted(heap->events, kind)) {
        const push_event_t event = {.kind = kind,
                                    .heap = heap,
                                    .message = message,
                                    .now = now,
                                    .fate = fate};

        push_events_tell(heap->events, &event);
    }
}

void push_event_of_drop(push_heap_t *heap,
                        const struct push_message_t *message,
                        const struct push_device_t *device, push_fate_t fate,
                        const push_time_t *now)
{
    if (push_events_wanted(heap->events, PUSH_EVENT_DROPPED)) {
        const push_event_t event = {.kind = PUSH_EVENT_DROPPED,
                                    .heap = heap,
                                    .message = message,
                                    .device = device,
                                    .now = now,
                                    .fate = fate};

        push_events_tell(heap->events, &event);
    }
}

void push_event_of_device(push_heap_t *heap, push_event_kind_t kind,
                          const struct push_device_t *device,
                          const push_time_t *now)
{
    if (push_events_wanted(heap->events, kind)) {
        const push_event_t event = {
            .kind = kind, .heap = heap, .device = device, .now = now};

        push_events_tell(heap->events, &event);
    }
}

void push_event_of_gap(push_heap_t *heap, const struct push_device_t *device,
                       const push_gap_report_t *gap, const push_time_t *now)
{
    if (push_events_wanted(heap->events, PUSH_EVENT_GAP)) {
        const push_event_t event = {.kind = PUSH_EVENT_GAP,
                                    .heap = heap,
                                    .device = device,
                                    .now = now,
                                    .gap = gap};

        push_events_tell(heap->events, &event);
    }
}
