#include "core/trace.h"

#include <string.h>

static push_ref_t *link_of(const push_heap_t *heap, push_device_t *device)
{
    return &push_device_subscriptions(heap, device)[PUSH_SUBSCRIPTION_USER]
                .since;
}

void push_trace_begin(push_heap_t *heap, push_device_t *device,
                      const push_time_t *now)
{
    push_ref_t *link = link_of(heap, device);
    push_trace_t *trace;
    push_ref_t ref = PUSH_NONE;

    if (*link > PUSH_TRACE_NO_ROOM) {
        return;
    }
    *link = PUSH_TRACE_NO_ROOM;
    if (heap->traces && *heap->traces < heap->traces_max) {
        ref = heap->alloc(heap, sizeof(*trace), PUSH_PART);
    }
    if (ref) {
        trace = push_at(heap, ref);
        memset(trace, 0, sizeof(*trace));
        trace->base = now->wall;
        PUSH_FAILPOINT("trace-made");
        *link = ref;
        (*heap->traces)++;
    }
}

void push_trace_end(push_heap_t *heap, push_device_t *device)
{
    push_ref_t *link = link_of(heap, device);
    push_ref_t ref;

    if (!push_device_subscriptions_count(device)) {
        return;
    }
    ref = *link;
    *link = PUSH_NONE;
    if (ref > PUSH_TRACE_NO_ROOM) {
        PUSH_FAILPOINT("trace-unlinked");
        heap->release(heap, ref);
        *heap->traces -= *heap->traces > 0;
    }
}

static bool was_written(const push_trace_t *trace, uint64_t mid)
{
    for (unsigned i = 0; i < PUSH_TRACE_KEPT && i < trace->count; i++) {
        unsigned what = trace->entries[i].what >> 28;

        if ((what == PUSH_TRACE_WRITTEN || what == PUSH_TRACE_AGAIN)
            && trace->entries[i].value == mid) {
            return true;
        }
    }
    return false;
}

void push_trace_note(const push_heap_t *heap, const push_device_t *device,
                     const push_trace_entry_t *event, const push_time_t *now)
{
    push_trace_t *trace = push_trace_of(heap, device);
    push_trace_entry_t entry = *event;
    int64_t at;

    if (!trace) {
        return;
    }
    at = now->wall - trace->base;
    entry.at = at < 0 ? 0 : at > UINT32_MAX ? UINT32_MAX : (uint32_t)at;
    if (entry.what >> 28 == PUSH_TRACE_WRITTEN
        && was_written(trace, entry.value)) {
        entry.what = (uint32_t)PUSH_TRACE_AGAIN << 28
                     | (entry.what & PUSH_TRACE_SEQ);
    }
    trace->entries[trace->count % PUSH_TRACE_KEPT] = entry;
    trace->count++;
}

void push_trace_cut(const push_heap_t *heap, const push_device_t *device,
                    uint64_t seq)
{
    push_trace_t *trace = push_trace_of(heap, device);
    unsigned most = PUSH_TRACE_KEPT;

    while (trace && trace->count && most--) {
        uint32_t what =
            trace->entries[(trace->count - 1) % PUSH_TRACE_KEPT].what;

        if ((what >> 28 != PUSH_TRACE_WRITTEN
             && what >> 28 != PUSH_TRACE_AGAIN)
            || (what & PUSH_TRACE_SEQ) <= (seq & PUSH_TRACE_SEQ)) {
            break;
        }
        trace->count--;
    }
}

void push_trace_copy(const push_heap_t *heap, const push_device_t *device,
                     push_trace_view_t *view)
{
    const push_trace_t *trace = push_trace_of(heap, device);
    uint32_t first;

    memset(view, 0, sizeof(*view));
    view->no_room = push_trace_ref(heap, device) == PUSH_TRACE_NO_ROOM;
    if (!trace) {
        return;
    }
    view->on = true;
    view->base = trace->base;
    view->count = trace->count < PUSH_TRACE_KEPT ? trace->count
                                                 : PUSH_TRACE_KEPT;
    first = trace->count - view->count;
    for (unsigned i = 0; i < view->count; i++) {
        view->entries[i] = trace->entries[(first + i) % PUSH_TRACE_KEPT];
    }
}

const char *push_trace_name(push_trace_what_t what)
{
    static const char *const names[PUSH_TRACE_WHATS] = {
        "came",    "settings",  "went",  "written", "written-again",
        "blocked", "unblocked", "acked", "gap-told"};

    return (unsigned)what < PUSH_TRACE_WHATS ? names[what] : "unknown";
}
