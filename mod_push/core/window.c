#include "core/window.h"

#include <string.h>

#include "core/log.h"

#define ROOM_MIN 2u
#define ROOM_MAX 32768u

static push_run_t *run_at(const push_heap_t *heap, const push_window_t *window,
                          uint32_t index)
{
    push_run_t *runs = push_at(heap, window->runs);

    return &runs[(window->start + index) % window->room];
}

static bool continues(const push_run_t *run, push_place_t place)
{
    return run->first.sub == place.sub && run->first.lane == place.lane
           && run->first.at + run->count == place.at;
}

static push_status_t window_grow(push_heap_t *heap, push_window_t *window)
{
    uint32_t room = window->room ? window->room * 2u : ROOM_MIN;
    push_run_t *runs;
    push_ref_t ref;

    if (room > ROOM_MAX) {
        return PUSH_NO_MEMORY;
    }
    ref = heap->alloc(heap, room * sizeof(push_run_t));
    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    runs = push_at(heap, ref);
    for (uint32_t i = 0; i < window->used; i++) {
        runs[i] = *run_at(heap, window, i);
    }
    if (window->runs) {
        heap->release(heap, window->runs);
    }
    window->runs = ref;
    window->start = 0;
    window->room = (uint16_t)room;
    return PUSH_OK;
}

push_status_t push_window_append(push_heap_t *heap, push_window_t *window,
                                 push_place_t place)
{
    push_run_t *run;

    if (window->used) {
        run = run_at(heap, window, window->used - 1u);
        if (continues(run, place)) {
            run->count++;
            return PUSH_OK;
        }
    }
    if (window->used == window->room && window_grow(heap, window) != PUSH_OK) {
        return PUSH_NO_MEMORY;
    }
    run = run_at(heap, window, window->used++);
    run->first = place;
    run->count = 1;
    return PUSH_OK;
}

/* An idle device keeps no runs. */
static void window_shrink(push_heap_t *heap, push_window_t *window)
{
    if (!window->used) {
        push_window_cleanup(heap, window);
    }
}

push_place_t push_window_take_first(push_heap_t *heap, push_window_t *window)
{
    push_run_t *run = run_at(heap, window, 0);
    push_place_t place = run->first;

    run->first.at++;
    run->count--;
    if (!run->count) {
        window->start = (uint16_t)((window->start + 1u) % window->room);
        window->used--;
        window_shrink(heap, window);
    }
    return place;
}

push_place_t push_window_take_last(push_heap_t *heap, push_window_t *window)
{
    push_run_t *run = run_at(heap, window, window->used - 1u);
    push_place_t place = run->first;

    run->count--;
    place.at += run->count;
    if (!run->count) {
        window->used--;
        window_shrink(heap, window);
    }
    return place;
}

push_place_t push_window_get(const push_heap_t *heap,
                             const push_window_t *window, uint32_t index)
{
    const push_run_t *run = run_at(heap, window, 0);
    push_place_t place;

    for (uint32_t i = 1; index >= run->count; i++) {
        index -= run->count;
        run = run_at(heap, window, i);
    }
    place = run->first;
    place.at += index;
    return place;
}

bool push_window_holds(const push_heap_t *heap, const push_window_t *window,
                       push_place_t place)
{
    for (uint32_t i = 0; i < window->used; i++) {
        const push_run_t *run = run_at(heap, window, i);

        if (run->first.sub == place.sub && run->first.lane == place.lane
            && place.at - run->first.at < run->count) {
            return true;
        }
    }
    return false;
}

uint32_t push_window_lowest(const push_heap_t *heap,
                            const push_window_t *window, push_place_t place)
{
    for (uint32_t i = 0; i < window->used; i++) {
        const push_run_t *run = run_at(heap, window, i);

        if (run->first.sub == place.sub && run->first.lane == place.lane) {
            return push_before(run->first.at, place.at) ? run->first.at
                                                        : place.at;
        }
    }
    return place.at;
}

void push_window_cleanup(push_heap_t *heap, push_window_t *window)
{
    if (window->runs) {
        heap->release(heap, window->runs);
    }
    memset(window, 0, sizeof(*window));
}
