#include "stream/loop/beat.h"

/*
 * A write moves a stream to the end of its list, so those that are due stand
 * at the head, at no cost for traffic.  A thousand streams that connected in
 * the same second would beat in the same second for ever: so in one look only
 * half as many again as the mean are beaten, the rest in the next ones, and
 * after a few rounds they are spread over the interval.
 */

/* No beat is put off for longer than this, ms. */
#define SPREAD_MS 400u

/* In one look, up to so many tenths of the mean are beaten. */
#define PEAK 15u

/*
 * True if a stands in for the interval better than b: the longest that is no
 * longer, else the shortest.
 */
static bool nearer(uint32_t interval, uint32_t a, uint32_t b)
{
    if (a > interval) {
        return a < b;
    }
    return b > interval || a > b;
}

unsigned push_beat_for(push_beats_t *beats, uint32_t interval)
{
    unsigned nearest = 0;

    for (unsigned i = 0; i < beats->count; i++) {
        if (beats->lists[i].interval == interval) {
            return i;
        }
        if (nearer(interval, beats->lists[i].interval,
                   beats->lists[nearest].interval)) {
            nearest = i;
        }
    }
    if (beats->count == PUSH_BEATS_MAX) {
        return nearest;
    }
    beats->lists[beats->count] = (push_beat_t){
        .interval = interval, .first = PUSH_NO_STREAM, .last = PUSH_NO_STREAM};
    return beats->count++;
}

void push_beat_leave(push_beats_t *beats, push_stream_table_t *streams,
                     uint32_t index)
{
    const push_stream_t *stream = push_stream_table_at(streams, index);
    push_beat_t *list = &beats->lists[stream->beat];

    if (stream->beat_prev == PUSH_NO_STREAM) {
        list->first = stream->beat_next;
    }
    else {
        push_stream_table_at(streams, stream->beat_prev)->beat_next =
            stream->beat_next;
    }
    if (stream->beat_next == PUSH_NO_STREAM) {
        list->last = stream->beat_prev;
    }
    else {
        push_stream_table_at(streams, stream->beat_next)->beat_prev =
            stream->beat_prev;
    }
    list->count--;
}

void push_beat_join(push_beats_t *beats, push_stream_table_t *streams,
                    uint32_t index, uint32_t now)
{
    push_stream_t *stream = push_stream_table_at(streams, index);
    push_beat_t *list = &beats->lists[stream->beat];

    stream->written = now;
    stream->beat_next = PUSH_NO_STREAM;
    stream->beat_prev = list->last;
    if (list->last == PUSH_NO_STREAM) {
        list->first = index;
    }
    else {
        push_stream_table_at(streams, list->last)->beat_next = index;
    }
    list->last = index;
    list->count++;
}

void push_beat_touch(push_beats_t *beats, push_stream_table_t *streams,
                     uint32_t index, uint32_t now)
{
    push_beat_leave(beats, streams, index);
    push_beat_join(beats, streams, index, now);
}

uint32_t push_beat_next(const push_beats_t *beats,
                        const push_stream_table_t *streams, unsigned which,
                        uint32_t now, uint32_t *budget)
{
    const push_beat_t *list = &beats->lists[which];
    uint32_t idle;

    if (list->first == PUSH_NO_STREAM) {
        return PUSH_NO_STREAM;
    }
    idle = now - push_stream_table_at(streams, list->first)->written;
    if (idle < list->interval) {
        return PUSH_NO_STREAM;
    }
    if (idle < list->interval + SPREAD_MS) {
        if (!*budget) {
            return PUSH_NO_STREAM;
        }
        (*budget)--;
    }
    return list->first;
}

uint32_t push_beat_budget(const push_beats_t *beats, unsigned which,
                          uint32_t elapsed)
{
    const push_beat_t *list = &beats->lists[which];

    return 1
           + (uint32_t)((uint64_t)list->count * PEAK * elapsed / 10
                        / list->interval);
}

uint32_t push_beat_wait(const push_beats_t *beats,
                        const push_stream_table_t *streams, uint32_t now,
                        uint32_t limit)
{
    uint32_t wait = limit;

    for (unsigned i = 0; i < beats->count; i++) {
        const push_beat_t *list = &beats->lists[i];
        uint32_t idle;

        if (list->first == PUSH_NO_STREAM) {
            continue;
        }
        idle = now - push_stream_table_at(streams, list->first)->written;
        if (idle >= list->interval) {
            return PUSH_BEAT_TICK;
        }
        if (list->interval - idle < wait) {
            wait = list->interval - idle;
        }
    }
    return wait < PUSH_BEAT_TICK ? PUSH_BEAT_TICK : wait;
}
