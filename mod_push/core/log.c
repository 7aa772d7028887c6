#include "core/log.h"

#include <string.h>

#include "core/event.h"
#include "core/gone.h"
#include "core/message_texts.h"

#define ROOM_MIN 4u

/* Positions that may be compared are never so far apart. */
#define LONG_AGO (1u << 30)

static push_ring_t *ring_of(const push_heap_t *heap, const push_lane_t *lane)
{
    push_ref_t ref = atomic_load_explicit(&lane->ring, memory_order_acquire);

    return ref ? push_at(heap, ref) : NULL;
}

static uint32_t slot_get(const push_ring_t *ring, uint32_t at)
{
    return atomic_load_explicit(&ring->slots[at & ring->mask],
                                memory_order_acquire);
}

static void slot_set(push_ring_t *ring, uint32_t at, uint32_t value)
{
    atomic_store_explicit(&ring->slots[at & ring->mask], value,
                          memory_order_release);
}

static push_message_t *message_at(const push_heap_t *heap,
                                  const push_ring_t *ring, uint32_t at)
{
    uint32_t slot = slot_get(ring, at);

    return slot > PUSH_HOLE_EVICTED ? push_at(heap, slot) : NULL;
}

uint32_t push_log_length(const push_log_t *log)
{
    uint32_t length = 0;

    for (int i = 0; i < PUSH_LANES; i++) {
        length += push_lane_head(&log->lanes[i])
                  - push_lane_tail(&log->lanes[i]);
    }
    return length;
}

bool push_log_empty(const push_log_t *log)
{
    return push_log_length(log) == 0;
}

/*
 * The head is loaded before the ring: a ring that holds the head's slots is
 * published before the head.  The tail is loaded after the slot: while the
 * tail has not passed it, the slot was not yet reused.
 */
push_slot_t push_log_read(const push_heap_t *heap, const push_log_t *log,
                          unsigned lane, uint32_t at, push_ref_t *ref)
{
    const push_lane_t *l = &log->lanes[lane];
    uint32_t head = push_lane_head(l);
    uint32_t slot;

    if (!push_before(at, head)) {
        return PUSH_SLOT_END;
    }
    if (push_before(at, push_lane_tail(l))) {
        return PUSH_SLOT_PASSED;
    }
    slot = slot_get(ring_of(heap, l), at);
    if (push_before(at, push_lane_tail(l))) {
        return PUSH_SLOT_PASSED;
    }
    if (slot <= PUSH_HOLE_EVICTED) {
        return slot == PUSH_HOLE_GONE ? PUSH_SLOT_GONE : PUSH_SLOT_EVICTED;
    }
    *ref = slot;
    return PUSH_SLOT_MESSAGE;
}

static push_status_t ring_grow(push_heap_t *heap, push_lane_t *lane)
{
    push_ring_t *old = ring_of(heap, lane);
    uint32_t room = old ? (old->mask + 1) * 2 : ROOM_MIN;
    push_ref_t ref = heap->alloc(
        heap, sizeof(push_ring_t) + room * sizeof(uint32_t), PUSH_PART);
    push_ring_t *ring;

    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    ring = push_at(heap, ref);
    ring->mask = room - 1;
    if (old) {
        for (uint32_t at = lane->tail; at != lane->head; at++) {
            slot_set(ring, at, slot_get(old, at));
        }
    }
    PUSH_FAILPOINT("ring-grow-full");
    atomic_store_explicit(&lane->ring, ref, memory_order_release);
    PUSH_FAILPOINT("ring-grow-swapped");
    if (old) {
        heap->retire(heap, push_ref_of(heap, old));
    }
    return PUSH_OK;
}

push_status_t push_log_reserve(push_heap_t *heap, push_log_t *log,
                               unsigned lane)
{
    push_lane_t *l = &log->lanes[lane];
    const push_ring_t *ring = ring_of(heap, l);

    if (ring && l->head - l->tail <= ring->mask) {
        return PUSH_OK;
    }
    push_log_trim(heap, log, lane);
    if (ring && l->head - l->tail <= ring->mask) {
        return PUSH_OK;
    }
    return ring_grow(heap, l);
}

static void due_by(push_log_t *log, int64_t until)
{
    if (until < log->due) {
        log->due = until;
    }
}

void push_log_append(push_heap_t *heap, push_log_t *log, push_ref_t ref)
{
    push_message_t *message = push_at(heap, ref);
    push_lane_t *lane = &log->lanes[push_message_urgency(message)];
    uint32_t head = lane->head;

    message->log = push_ref_of(heap, log);
    message->traits |= push_log_kind(log) == PUSH_LOG_CHANNEL
                           ? PUSH_TRAIT_CHANNEL
                           : 0u;
    due_by(log, push_message_until(message));
    log->live_count++;
    log->topics += push_message_has_topic(message);
    slot_set(ring_of(heap, lane), head, ref);
    PUSH_FAILPOINT("append-slot");
    atomic_store(&lane->head, head + 1);
    PUSH_FAILPOINT("append-head");
}

void push_log_publish(push_heap_t *heap, push_log_t *log, push_ref_t ref,
                      const push_time_t *now)
{
    push_log_append(heap, log, ref);
    push_event_of_message(heap, PUSH_EVENT_PUBLISHED, push_at(heap, ref),
                          PUSH_LIVE, now);
}

/* It is live no more; now may be NULL. */
static void count_out(push_heap_t *heap, push_log_t *log,
                      const push_message_t *message, push_fate_t fate,
                      const push_time_t *now)
{
    if (push_message_fate(message) == PUSH_LIVE) {
        push_event_of_message(heap, PUSH_EVENT_ENDED, message, fate, now);
        log->live_count--;
        log->topics -= push_message_has_topic(message);
    }
}

void push_log_end(push_heap_t *heap, push_log_t *log, push_message_t *message,
                  push_fate_t fate, const push_time_t *now)
{
    count_out(heap, log, message, fate, now);
    PUSH_FAILPOINT("end-counted");
    push_message_end(heap, message, fate, now);
    due_by(log, push_message_until(message));
}

bool push_log_oldest(const push_heap_t *heap, push_log_t *log, unsigned lane,
                     push_entry_t *entry)
{
    push_lane_t *l = &log->lanes[lane];
    const push_ring_t *ring = ring_of(heap, l);

    if (push_before(l->first_live, l->tail)) {
        l->first_live = l->tail;
    }
    for (; l->first_live != l->head; l->first_live++) {
        push_message_t *message = message_at(heap, ring, l->first_live);

        if (message && push_message_fate(message) == PUSH_LIVE) {
            *entry = (push_entry_t){message, lane, l->first_live};
            return true;
        }
    }
    return false;
}

void push_log_remove(push_heap_t *heap, push_log_t *log, unsigned lane,
                     uint32_t at, push_slot_t why)
{
    push_ring_t *ring = ring_of(heap, &log->lanes[lane]);
    push_ref_t ref = slot_get(ring, at);
    const push_message_t *message = push_at(heap, ref);

    count_out(heap, log, message, PUSH_EVICTED, NULL);
    PUSH_FAILPOINT("remove-counted");
    slot_set(ring, at,
             why == PUSH_SLOT_EVICTED ? PUSH_HOLE_EVICTED : PUSH_HOLE_GONE);
    PUSH_FAILPOINT("remove-slot");
    push_message_release(heap, ref);
}

void push_log_trim(const push_heap_t *heap, push_log_t *log, unsigned lane)
{
    push_lane_t *l = &log->lanes[lane];
    const push_ring_t *ring = ring_of(heap, l);
    uint32_t tail = l->tail;

    while (tail != l->head) {
        uint32_t slot = slot_get(ring, tail);

        if (slot > PUSH_HOLE_EVICTED) {
            break;
        }
        tail++;
        if (slot == PUSH_HOLE_EVICTED) {
            atomic_store(&l->evicted, tail);
        }
    }
    if (tail - l->evicted > LONG_AGO) {
        atomic_store(&l->evicted, tail - LONG_AGO);
    }
    PUSH_FAILPOINT("trim-evicted");
    atomic_store(&l->tail, tail);
}

/* The order lets a reader find too many dropped rather than too few. */
static void lose_all(push_lane_t *lane, uint32_t count)
{
    uint32_t head = lane->head + count;

    atomic_store(&lane->evicted, head);
    PUSH_FAILPOINT("cluster-lose-evicted");
    atomic_store(&lane->tail, head);
    PUSH_FAILPOINT("cluster-lose-tail");
    atomic_store(&lane->head, head);
}

/* Room for a slot: at worst that of the oldest message, which goes. */
static void make_room(push_heap_t *heap, push_log_t *log, unsigned lane)
{
    push_lane_t *l = &log->lanes[lane];

    if (push_log_reserve(heap, log, lane) != PUSH_OK) {
        push_log_remove(heap, log, lane, l->tail, PUSH_SLOT_EVICTED);
        push_log_trim(heap, log, lane);
    }
}

void push_log_lose(push_heap_t *heap, push_log_t *log, unsigned lane,
                   uint32_t count)
{
    push_lane_t *l = &log->lanes[lane];

    push_log_trim(heap, log, lane);
    for (; count && l->tail != l->head; count--) {
        make_room(heap, log, lane);
        if (l->tail == l->head) {
            break;
        }
        slot_set(ring_of(heap, l), l->head, PUSH_HOLE_EVICTED);
        PUSH_FAILPOINT("cluster-lose-slot");
        atomic_store(&l->head, l->head + 1);
    }
    if (count) {
        lose_all(l, count);
    }
}

void push_log_pass(push_log_t *log, unsigned lane, uint32_t count)
{
    push_lane_t *l = &log->lanes[lane];

    if (l->tail - l->evicted < count) {
        atomic_store(&l->evicted, l->tail - count);
    }
}

bool push_log_reaches(const push_heap_t *heap, const push_log_t *log,
                      unsigned lane, uint64_t mid)
{
    const push_lane_t *l = &log->lanes[lane];
    const push_ring_t *ring = ring_of(heap, l);

    for (uint32_t at = l->head; at != l->tail; at--) {
        const push_message_t *message = message_at(heap, ring, at - 1);

        if (message) {
            return message->mid >= mid;
        }
    }
    return false;
}

uint32_t push_log_live_in(const push_heap_t *heap, const push_log_t *log,
                          unsigned lane)
{
    const push_lane_t *l = &log->lanes[lane];
    const push_ring_t *ring = ring_of(heap, l);
    uint32_t count = 0;

    if (l->head - l->tail == push_log_length(log)) {
        return log->live_count;
    }
    for (uint32_t at = l->tail; at != l->head; at++) {
        const push_message_t *message = message_at(heap, ring, at);

        count += message && push_message_fate(message) == PUSH_LIVE;
    }
    return count;
}

/* Steps to the next message of the log; false behind the last. */
static bool log_next(const push_heap_t *heap, const push_log_t *log,
                     push_entry_t *entry)
{
    for (; entry->lane < PUSH_LANES; entry->lane++) {
        const push_lane_t *lane = &log->lanes[entry->lane];
        const push_ring_t *ring = ring_of(heap, lane);

        entry->at = entry->message ? entry->at + 1 : lane->tail;
        for (; entry->at != lane->head; entry->at++) {
            entry->message = message_at(heap, ring, entry->at);
            if (entry->message) {
                return true;
            }
        }
        entry->message = NULL;
    }
    return false;
}

static bool same_text(push_text_t one, push_text_t other)
{
    return one.len == other.len
           && (!one.len || !memcmp(one.at, other.at, one.len));
}

/* Of the same Topic, and for the same devices. */
static bool same_topic(const push_message_t *message,
                       const push_message_spec_t *spec)
{
    return push_message_has_topic(message)
           && same_text(push_message_topic(message), spec->topic)
           && same_text(push_message_device(message), spec->device)
           && same_text(push_message_where(message), spec->where);
}

bool push_log_find_topic(const push_heap_t *heap, const push_log_t *log,
                         const push_message_spec_t *spec,
                         const push_time_t *now, push_entry_t *entry)
{
    *entry = (push_entry_t){0};
    if (!spec->topic.len || !log->topics) {
        return false;
    }
    while (log_next(heap, log, entry)) {
        if (push_message_alive(entry->message, now->mono)
            && same_topic(entry->message, spec)) {
            return true;
        }
    }
    return false;
}

bool push_log_find(const push_heap_t *heap, const push_log_t *log,
                   uint64_t mid, push_entry_t *entry)
{
    *entry = (push_entry_t){0};
    while (log_next(heap, log, entry)) {
        if (entry->message->mid == mid) {
            return true;
        }
    }
    return false;
}

/* Ends it if it has expired; true if it is to be forgotten now. */
static bool is_over(push_heap_t *heap, push_log_t *log,
                    push_message_t *message, const push_time_t *now)
{
    if (push_message_fate(message) == PUSH_LIVE
        && push_message_until(message) <= now->mono) {
        push_log_end(heap, log, message, PUSH_EXPIRED, now);
    }
    return push_message_fate(message) != PUSH_LIVE
           && push_message_until(message) <= now->mono;
}

uint32_t push_log_seek(const push_heap_t *heap, const push_log_t *log,
                       unsigned lane, uint64_t mid)
{
    const push_lane_t *l = &log->lanes[lane];
    const push_ring_t *ring = ring_of(heap, l);
    uint32_t low = l->tail;
    uint32_t high = l->head;

    while (low != high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t at = middle;

        while (at != high && !message_at(heap, ring, at)) {
            at++;
        }
        if (at == high || message_at(heap, ring, at)->mid >= mid) {
            high = middle;
        }
        else {
            low = at + 1;
        }
    }
    return low;
}

static push_message_t *read_message(const push_heap_t *heap,
                                    const push_log_t *log, unsigned lane,
                                    uint32_t at)
{
    push_ref_t ref = PUSH_NONE;

    return push_log_read(heap, log, lane, at, &ref) == PUSH_SLOT_MESSAGE
               ? push_at(heap, ref)
               : NULL;
}

static bool search_lane(const push_heap_t *heap, const push_log_t *log,
                        unsigned lane, uint64_t mid, push_entry_t *entry)
{
    uint32_t low = push_lane_tail(&log->lanes[lane]);
    uint32_t high = push_lane_head(&log->lanes[lane]);

    while (push_before(low, high)) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t at = middle;
        push_message_t *message = read_message(heap, log, lane, at);

        while (!message && at + 1 != high) {
            message = read_message(heap, log, lane, ++at);
        }
        if (message && message->mid == mid) {
            *entry = (push_entry_t){message, lane, at};
            return true;
        }
        if (!message || message->mid > mid) {
            high = middle;
        }
        else {
            low = at + 1;
        }
    }
    return false;
}

bool push_log_search(const push_heap_t *heap, const push_log_t *log,
                     uint64_t mid, push_entry_t *entry)
{
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        if (search_lane(heap, log, lane, mid, entry)) {
            return true;
        }
    }
    return false;
}

uint32_t push_log_sweep(push_heap_t *heap, push_log_t *log, bool hurry,
                        const push_time_t *now)
{
    push_entry_t entry = {0};
    uint32_t forgotten = 0;

    if (!hurry && now->mono < log->due) {
        return 0;
    }
    log->due = INT64_MAX;
    while (log_next(heap, log, &entry)) {
        if (is_over(heap, log, entry.message, now)
            || (hurry && push_message_fate(entry.message) != PUSH_LIVE)) {
            push_gone_note(heap, entry.message,
                           push_gone_why(entry.message, PUSH_GONE_NOT, now),
                           now);
            push_log_remove(heap, log, entry.lane, entry.at, PUSH_SLOT_GONE);
            forgotten++;
        }
        else {
            due_by(log, push_message_until(entry.message));
        }
    }
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        push_log_trim(heap, log, lane);
    }
    return forgotten;
}

void push_log_cleanup(push_heap_t *heap, push_log_t *log)
{
    for (unsigned i = 0; i < PUSH_LANES; i++) {
        push_lane_t *lane = &log->lanes[i];
        const push_ring_t *ring = ring_of(heap, lane);

        for (uint32_t at = lane->tail; at != lane->head; at++) {
            if (message_at(heap, ring, at)) {
                push_log_remove(heap, log, i, at, PUSH_SLOT_GONE);
            }
        }
        lane->tail = lane->head;
        if (ring) {
            lane->ring = PUSH_NONE;
            PUSH_FAILPOINT("cleanup-ring");
            heap->retire(heap, push_ref_of(heap, ring));
        }
    }
}
