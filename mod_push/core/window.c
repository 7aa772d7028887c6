#include "core/window.h"

#include "core/log.h"

#define ROOM_MIN 2u

static push_runs_t *ring_of(const push_heap_t *heap,
                            const push_window_t *window)
{
    push_ref_t ref = atomic_load_explicit(&window->runs, memory_order_relaxed);

    return ref ? push_at(heap, ref) : NULL;
}

/* There must be one. */
static push_runs_t *ring_at(const push_heap_t *heap,
                            const push_window_t *window)
{
    return push_at(heap, window->runs);
}

static uint32_t used_of(const push_runs_t *ring)
{
    return ring ? ring->span & 0xffffu : 0;
}

static uint32_t start_of(const push_runs_t *ring)
{
    return ring->span >> 16;
}

static void set_span(push_runs_t *ring, uint32_t start, uint32_t used)
{
    atomic_store_explicit(&ring->span, start << 16 | used,
                          memory_order_relaxed);
}

static push_run_t *run_at(push_runs_t *ring, uint32_t index)
{
    return &ring->runs[(start_of(ring) + index) % ring->room];
}

uint32_t push_window_runs(const push_heap_t *heap, const push_window_t *window)
{
    return used_of(ring_of(heap, window));
}

push_run_t *push_window_run(const push_heap_t *heap,
                            const push_window_t *window, uint32_t index)
{
    return run_at(ring_at(heap, window), index);
}

push_slide_t *push_window_slide(const push_heap_t *heap,
                                const push_window_t *window)
{
    push_runs_t *ring = ring_of(heap, window);

    return ring ? &ring->slide : NULL;
}

static bool continues(const push_run_t *run, push_position_t position)
{
    return run->first.subscription == position.subscription
           && run->first.lane == position.lane
           && run->first.at + run->count == position.at;
}

/* The new ring is whole before it replaces the old one. */
static push_status_t window_grow(push_heap_t *heap, push_window_t *window)
{
    push_runs_t *old = ring_of(heap, window);
    uint32_t room = old ? old->room * 2 : ROOM_MIN;
    push_runs_t *ring;
    push_ref_t ref;

    if (room > PUSH_RUNS_MAX) {
        return PUSH_NO_MEMORY;
    }
    ref = heap->alloc(heap, sizeof(*ring) + room * sizeof(push_run_t),
                      PUSH_PART);
    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    ring = push_at(heap, ref);
    ring->room = room;
    ring->slide = old ? old->slide : (push_slide_t){0};
    for (uint32_t i = 0; i < used_of(old); i++) {
        ring->runs[i] = *run_at(old, i);
    }
    set_span(ring, 0, used_of(old));
    PUSH_FAILPOINT("runs-grow-full");
    atomic_store_explicit(&window->runs, ref, memory_order_relaxed);
    PUSH_FAILPOINT("runs-grow-swapped");
    if (old) {
        heap->release(heap, push_ref_of(heap, old));
    }
    return PUSH_OK;
}

push_status_t push_window_append(push_heap_t *heap, push_window_t *window,
                                 push_position_t position)
{
    push_runs_t *ring = ring_of(heap, window);
    uint32_t used = used_of(ring);

    if (used) {
        push_run_t *run = run_at(ring, used - 1);

        if (continues(run, position)) {
            run->count++;
            return PUSH_OK;
        }
    }
    if (!ring || used == ring->room) {
        if (window_grow(heap, window) != PUSH_OK) {
            return PUSH_NO_MEMORY;
        }
        ring = ring_at(heap, window);
    }
    *run_at(ring, used) = (push_run_t){position, 1};
    PUSH_FAILPOINT("runs-append-written");
    set_span(ring, start_of(ring), used + 1);
    return PUSH_OK;
}

push_position_t push_window_take_first(push_heap_t *heap,
                                       push_window_t *window)
{
    push_runs_t *ring = ring_at(heap, window);
    push_run_t *run = run_at(ring, 0);
    push_position_t position = run->first;

    run->first.at++;
    PUSH_FAILPOINT("runs-first-half-taken");
    run->count--;
    if (!run->count) {
        PUSH_FAILPOINT("runs-first-empty");
        set_span(ring, (start_of(ring) + 1) % ring->room, used_of(ring) - 1);
        if (!used_of(ring)) {
            push_window_cleanup(heap, window);
        }
    }
    return position;
}

push_position_t push_window_last(const push_heap_t *heap,
                                 const push_window_t *window)
{
    push_runs_t *ring = ring_at(heap, window);
    const push_run_t *run = run_at(ring, used_of(ring) - 1);
    push_position_t position = run->first;

    position.at += run->count - 1;
    return position;
}

void push_window_drop_last(push_heap_t *heap, push_window_t *window)
{
    push_runs_t *ring = ring_at(heap, window);
    push_run_t *run = run_at(ring, used_of(ring) - 1);

    run->count--;
    if (!run->count) {
        PUSH_FAILPOINT("runs-last-empty");
        set_span(ring, start_of(ring), used_of(ring) - 1);
        if (!used_of(ring)) {
            push_window_cleanup(heap, window);
        }
    }
}

push_position_t push_window_get(const push_heap_t *heap,
                                const push_window_t *window, uint32_t index)
{
    push_runs_t *ring = ring_at(heap, window);
    const push_run_t *run = run_at(ring, 0);
    push_position_t position;

    for (uint32_t i = 1; index >= run->count; i++) {
        index -= run->count;
        run = run_at(ring, i);
    }
    position = run->first;
    position.at += index;
    return position;
}

bool push_window_find(const push_heap_t *heap, const push_window_t *window,
                      push_position_t position, uint32_t *index)
{
    push_runs_t *ring = ring_of(heap, window);

    *index = 0;
    for (uint32_t i = 0; i < used_of(ring); i++) {
        const push_run_t *run = run_at(ring, i);

        if (run->first.subscription == position.subscription
            && run->first.lane == position.lane
            && position.at - run->first.at < run->count) {
            *index += position.at - run->first.at;
            return true;
        }
        *index += run->count;
    }
    return false;
}

bool push_window_holds(const push_heap_t *heap, const push_window_t *window,
                       push_position_t position)
{
    uint32_t index;

    return push_window_find(heap, window, position, &index);
}

uint32_t push_window_lowest(const push_heap_t *heap,
                            const push_window_t *window,
                            push_position_t position)
{
    push_runs_t *ring = ring_of(heap, window);

    for (uint32_t i = 0; i < used_of(ring); i++) {
        const push_run_t *run = run_at(ring, i);

        if (run->first.subscription == position.subscription
            && run->first.lane == position.lane) {
            return push_before(run->first.at, position.at) ? run->first.at
                                                           : position.at;
        }
    }
    return position.at;
}

/* An idle device keeps no runs. */
void push_window_cleanup(push_heap_t *heap, push_window_t *window)
{
    push_ref_t ref = window->runs;

    if (ref) {
        atomic_store_explicit(&window->runs, PUSH_NONE, memory_order_relaxed);
        PUSH_FAILPOINT("runs-cleanup-unlinked");
        heap->release(heap, ref);
    }
}
