#include "core/session.h"

#include <string.h>

#include "core/class_span.h"
#include "core/event.h"
#include "core/fits.h"
#include "core/tally_message.h"
#include "core/times.h"

/*
 * The idea: a session is acked, sent and the window between them, of which the
 * index-th position is seq acked + 1 + index.  An acknowledgement takes
 * positions from the old end, and notes the outcome in messages of the user's
 * log.  To go back, after a reconnect or because a socket took no more, takes
 * positions from the new end and sets each cursor to the lowest that came out;
 * then all of it is pending, and competes by urgency again.  Where numbers
 * cannot be trusted (the client names another message, a process died in the
 * middle) a new session begins with nothing sent: rather twice than not at
 * all.
 *
 * Each of these is a loop of single steps that leave window, acked and sent
 * one apart at most; which step was the last is not known after a death, hence
 * push_session_reset().
 */

/* The message at a position of the device, or NULL if it is forgotten. */
static push_message_t *message_at(const push_heap_t *heap,
                                  const push_device_t *device,
                                  push_position_t position)
{
    const push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[position.subscription];
    push_ref_t ref = PUSH_NONE;

    if (push_log_read(heap, push_subscription_log(heap, subscription),
                      position.lane, position.at, &ref)
        != PUSH_SLOT_MESSAGE) {
        return NULL;
    }
    return push_at(heap, ref);
}

/* The message that was sent as seq; it must be in flight. */
static push_message_t *message_sent_as(const push_heap_t *heap,
                                       const push_device_t *device,
                                       uint64_t seq)
{
    uint32_t index = (uint32_t)(seq - device->acked - 1);

    return message_at(heap, device,
                      push_window_get(heap, &device->window, index));
}

const push_message_t *push_session_message(const push_heap_t *heap,
                                           const push_device_t *device,
                                           uint64_t seq)
{
    return seq > device->acked && seq <= device->sent
               ? message_sent_as(heap, device, seq)
               : NULL;
}

static void gaps_return(push_device_t *device)
{
    for (int i = 0; i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            device->losses.count[i][j] += device->gaps.count[i][j];
        }
    }
    memset(&device->gaps, 0, sizeof(device->gaps));
}

/* Nothing that a restart dropped is still to be told. */
static void forget_restart(push_device_t *device)
{
    for (int i = 0; i < PUSH_LANES; i++) {
        if (device->losses.count[PUSH_GAP_MEMORY][i]) {
            return;
        }
    }
    device->traits &= (uint16_t)~PUSH_DEVICE_STATE_LOST;
}

/* message: NULL if it is forgotten; seq: 0 if it was acknowledged by its mid. */
static void tell_acked(push_heap_t *heap, const push_device_t *device,
                       const push_message_t *message, uint64_t seq,
                       const push_time_t *now)
{
    const push_event_t acked = {.kind = PUSH_EVENT_ACKED,
                                .heap = heap,
                                .message = message,
                                .device = device,
                                .now = now,
                                .seq = seq};

    push_events_tell(heap->events, &acked);
}

/*
 * The channel mostly knows the class: to look at a message that was sent a
 * thousand messages ago takes as long as all the rest of an acknowledgement.
 */
static void tally_acked(const push_heap_t *heap, const push_device_t *device,
                        push_position_t position,
                        const push_message_t *message)
{
    const push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[position.subscription];

    if (position.subscription != PUSH_SUBSCRIPTION_USER) {
        unsigned class = push_class_at(
            heap->classes, push_subscription_log(heap, subscription),
            position.lane, position.at);

        if (class < PUSH_CLASSES) {
            push_tally_class(heap, class, PUSH_TALLY_ACKED, 1);
            return;
        }
        message = message_at(heap, device, position);
    }
    push_tally_message(heap, message, PUSH_TALLY_ACKED);
}

static void take_oldest(push_heap_t *heap, push_device_t *device,
                        const push_time_t *now)
{
    push_position_t position = push_window_take_first(heap, &device->window);
    push_message_t *message = NULL;

    PUSH_FAILPOINT("ack-taken");
    if (position.subscription == PUSH_SUBSCRIPTION_USER) {
        message = message_at(heap, device, position);
        if (message) {
            push_message_settle(heap, message, push_ref_of(heap, device),
                                PUSH_ACKED, now);
        }
    }
    PUSH_FAILPOINT("ack-settled");
    device->acked++;
    device->last_ack = now->wall;
    if (heap->tally) {
        tally_acked(heap, device, position, message);
    }
    push_count_settled(heap, PUSH_BY_OUTCOME_ACKED, position.lane, 1);
    if (push_events_wanted(heap->events, PUSH_EVENT_ACKED)) {
        tell_acked(heap, device, message_at(heap, device, position),
                   device->acked, now);
    }
}

static void add_to(uint32_t *count, uint32_t more)
{
    *count = more < UINT32_MAX - *count ? *count + more : UINT32_MAX;
}

/* The gaps told have arrived, if what was sent behind them has. */
static void settle_gaps(push_device_t *device, push_slide_t *slide)
{
    if (device->acked < device->gap_seq) {
        return;
    }
    for (int i = 0; slide && i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            add_to(&slide->gaps, device->gaps.count[i][j]);
        }
    }
    memset(&device->gaps, 0, sizeof(device->gaps));
    forget_restart(device);
}

void push_session_slide(push_heap_t *heap, push_device_t *device,
                        const push_time_t *now)
{
    push_slide_t *slide;

    take_oldest(heap, device, now);
    slide = push_window_slide(heap, &device->window);
    if (slide) {
        add_to(&slide->assumed, 1);
    }
    settle_gaps(device, slide);
}

/* The client says that it has received all up to seq. */
static void acknowledge(push_heap_t *heap, push_device_t *device, uint64_t seq,
                        const push_time_t *now)
{
    push_slide_t *slide;

    while (device->acked < seq) {
        take_oldest(heap, device, now);
        settle_gaps(device, NULL);
    }
    slide = push_window_slide(heap, &device->window);
    if (slide && device->acked - seq < slide->assumed) {
        slide->assumed = (uint32_t)(device->acked - seq);
        slide->gaps = slide->assumed ? slide->gaps : 0;
    }
}

/*
 * Messages above seq that only count as acknowledged may not have been
 * received.  Nobody knows any more which they were.
 */
static void count_assumed(push_heap_t *heap, push_device_t *device,
                          uint64_t seq)
{
    push_slide_t *slide = push_window_slide(heap, &device->window);
    uint32_t *lost = &device->losses.count[PUSH_GAP_MAILBOX][PUSH_NORMAL];

    if (!slide || seq >= device->acked) {
        return;
    }
    add_to(lost, device->acked - seq < slide->assumed
                     ? (uint32_t)(device->acked - seq)
                     : slide->assumed);
    add_to(lost, slide->gaps);
    PUSH_FAILPOINT("assumed-counted");
    slide->assumed = 0;
    slide->gaps = 0;
}

/*
 * A message that comes back may have been dropped while it was in flight.  The
 * cursor had passed it, so the loss is counted here; if the message is still
 * there, its later loss is found not yet counted.
 */
static void count_loss(const push_heap_t *heap, push_device_t *device,
                       push_position_t position)
{
    push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[position.subscription];
    const push_log_t *log = push_subscription_log(heap, subscription);
    push_ref_t ref = PUSH_NONE;
    push_slot_t slot = push_log_read(heap, log, position.lane, position.at,
                                     &ref);

    if (slot == PUSH_SLOT_EVICTED) {
        device->losses.count[PUSH_GAP_MEMORY][position.lane]++;
    }
    else if (slot == PUSH_SLOT_PASSED
             && push_before(position.at, log->lanes[position.lane].evicted)) {
        device->losses.count[PUSH_GAP_MEMORY][position.lane]++;
    }
    else if (slot == PUSH_SLOT_MESSAGE) {
        subscription->reported[position.lane] = position.at;
    }
}

void push_session_return(push_heap_t *heap, push_device_t *device,
                         uint64_t keep)
{
    push_subscription_t *subscriptions = push_device_subscriptions(heap,
                                                                   device);

    if (device->sent > keep && device->gap_seq > keep) {
        gaps_return(device);
    }
    while (device->sent > keep) {
        push_position_t position = push_window_last(heap, &device->window);
        uint32_t *cursor =
            &subscriptions[position.subscription].cursor[position.lane];

        count_loss(heap, device, position);
        if (push_before(position.at, *cursor)) {
            *cursor = position.at;
        }
        PUSH_FAILPOINT("return-cursor");
        push_window_drop_last(heap, &device->window);
        PUSH_FAILPOINT("return-dropped");
        device->sent--;
    }
}

/* All that is in flight is about to be pending again. */
static void count_rewritten(const push_heap_t *heap,
                            const push_device_t *device)
{
    uint32_t count = (uint32_t)push_session_in_flight(device);

    for (uint32_t i = 0; i < count; i++) {
        push_count(heap->counts,
                   PUSH_COUNT_REWRITTEN
                       + push_window_get(heap, &device->window, i).lane,
                   1);
    }
}

/* A session in which seq of the last acknowledged message is seq. */
static void begin_at(push_heap_t *heap, push_device_t *device, uint64_t seq)
{
    count_assumed(heap, device, seq);
    count_rewritten(heap, device);
    push_session_return(heap, device, device->acked);
    gaps_return(device);
    device->acked = seq;
    PUSH_FAILPOINT("begin-acked");
    device->sent = seq;
}

/*
 * All that may have been in flight is pending again.  A user's log says itself
 * what was acknowledged; of a channel the window says what was not, so it goes
 * only after all cursors.
 */
static void rewind_cursors(const push_heap_t *heap, push_device_t *device,
                           unsigned index)
{
    push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[index];

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        push_position_t position = {(uint16_t)index, (uint16_t)lane,
                                    subscription->cursor[lane]};
        uint32_t at;

        if (index == PUSH_SUBSCRIPTION_USER) {
            at = push_lane_tail(
                &push_subscription_log(heap, subscription)->lanes[lane]);
        }
        else {
            at = push_window_lowest(heap, &device->window, position);
        }
        if (push_before(at, subscription->cursor[lane])) {
            subscription->cursor[lane] = at;
        }
        if (push_before(subscription->cursor[lane],
                        subscription->reported[lane])) {
            subscription->reported[lane] = subscription->cursor[lane];
        }
        PUSH_FAILPOINT("reset-cursor");
    }
}

void push_session_reset(push_heap_t *heap, push_device_t *device)
{
    for (unsigned i = 0; i < push_device_subscriptions_count(device); i++) {
        rewind_cursors(heap, device, i);
    }
    gaps_return(device);
    count_assumed(heap, device, 0);
    PUSH_FAILPOINT("reset-gaps");
    push_window_cleanup(heap, &device->window);
    device->acked = 0;
    device->sent = 0;
    device->stale = 0;
    device->gap_seq = 0;
}

/* ---- what the message of another session tells ---- */

/* It was received, although nobody knows as which seq. */
static void acknowledge_at(push_heap_t *heap, push_device_t *device,
                           push_position_t position, push_message_t *message,
                           const push_time_t *now)
{
    push_ref_t ref = push_ref_of(heap, device);

    if (position.subscription == PUSH_SUBSCRIPTION_USER) {
        if (push_message_outcome(heap, message, ref)) {
            return;
        }
        push_message_settle(heap, message, ref, PUSH_ACKED, now);
        PUSH_FAILPOINT("received-settled");
    }
    device->last_ack = now->wall;
    if (heap->tally) {
        tally_acked(heap, device, position, message);
    }
    push_count_settled(heap, PUSH_BY_OUTCOME_ACKED, position.lane, 1);
    if (push_events_wanted(heap->events, PUSH_EVENT_ACKED)) {
        tell_acked(heap, device, message, 0, now);
    }
}

/* A message that stands before one that was received may have been sent. */
static bool may_have_come(const push_heap_t *heap, const push_device_t *device,
                          unsigned index, const push_message_t *message,
                          const push_time_t *now)
{
    return push_message_alive(message, now->mono)
           && !push_device_missed(device, message)
           && (index != PUSH_SUBSCRIPTION_USER
               || push_device_named(heap, device, message))
           && push_device_fits(heap, device, message);
}

/*
 * All before the entry in its lane has come, too, or was told as a gap.  The
 * log of a user says of each message what was acknowledged; in another log the
 * cursor does.
 */
static void acknowledge_lane(push_heap_t *heap, push_device_t *device,
                             unsigned index, const push_entry_t *last,
                             const push_time_t *now)
{
    push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[index];
    uint32_t *cursor = &subscription->cursor[last->lane];
    push_position_t position = {(uint16_t)index, (uint16_t)last->lane,
                                *cursor};
    uint32_t tail = push_lane_tail(
        &push_subscription_log(heap, subscription)->lanes[last->lane]);

    if (push_before(last->at, *cursor)) {
        return;
    }
    if (push_before(position.at, tail)) {
        position.at = tail;
    }
    for (; push_before(position.at, last->at); position.at++) {
        push_message_t *message = message_at(heap, device, position);

        if (message && may_have_come(heap, device, index, message, now)) {
            acknowledge_at(heap, device, position, message, now);
        }
    }
    acknowledge_at(heap, device, position, last->message, now);
    if (index != PUSH_SUBSCRIPTION_USER) {
        PUSH_FAILPOINT("received-cursor");
        *cursor = last->at + 1;
    }
}

/* Which subscription has the message, if it is meant for the device. */
static bool find_received(const push_heap_t *heap, const push_device_t *device,
                          uint64_t mid, unsigned *index, push_entry_t *entry)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);

    *index = PUSH_SUBSCRIPTION_USER;
    if (push_log_find(heap, push_subscription_log(heap, subscriptions), mid,
                      entry)) {
        return push_device_wants(heap, device, entry->message);
    }
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        *index = i;
        if (subscriptions[i].log && mid >= subscriptions[i].joined
            && push_log_search(heap,
                               push_subscription_log(heap, &subscriptions[i]),
                               mid, entry)) {
            return true;
        }
    }
    return false;
}

void push_session_received(push_heap_t *heap, push_device_t *device,
                           uint64_t mid, const push_time_t *now)
{
    push_entry_t entry;
    unsigned index;

    if (find_received(heap, device, mid, &index, &entry)) {
        acknowledge_lane(heap, device, index, &entry, now);
    }
}

/* ---- where the client stands ---- */

/* The cursor is of another session. */
static bool mismatch(push_heap_t *heap, push_device_t *device,
                     const push_cursor_t *cursor)
{
    begin_at(heap, device, 0);
    if (!cursor->has_mid) {
        device->stale = cursor->seq;
    }
    return cursor->has_mid;
}

bool push_session_resume(push_heap_t *heap, push_device_t *device,
                         const push_cursor_t *cursor, const push_time_t *now)
{
    const push_message_t *message;

    if (!cursor || !cursor->seq) {
        device->stale = 0;
        begin_at(heap, device, 0);
        return false;
    }
    if (!cursor->has_mid && cursor->seq == device->stale) {
        return mismatch(heap, device, cursor);
    }
    device->stale = 0;
    if (cursor->seq <= device->acked) {
        begin_at(heap, device, cursor->seq);
        return false;
    }
    if (cursor->seq > device->sent) {
        return mismatch(heap, device, cursor);
    }
    message = message_sent_as(heap, device, cursor->seq);
    if (cursor->has_mid && (!message || message->mid != cursor->mid)) {
        return mismatch(heap, device, cursor);
    }
    acknowledge(heap, device, cursor->seq, now);
    begin_at(heap, device, cursor->seq);
    return false;
}

/* The message whose way is timed may be among those that have arrived. */
static void time_acked(const push_heap_t *heap, const push_device_t *device,
                       uint64_t seq, const push_time_t *now)
{
    const push_slide_t *slide = push_window_slide(heap, &device->window);
    uint32_t index;

    if (!slide || !(device->traits & PUSH_DEVICE_EXPLICIT)) {
        return;
    }
    index = slide->mark - (uint32_t)device->acked - 1;
    if (index < seq - device->acked) {
        push_position_t position = push_window_get(heap, &device->window,
                                                   index);

        push_count_time(heap->counts, PUSH_TIME_ACK_LATENCY, position.lane,
                        (now->mono - (int64_t)slide->mark_at) * 1000);
    }
}

push_status_t push_session_ack(push_heap_t *heap, push_device_t *device,
                               const push_cursor_t *cursor,
                               const push_time_t *now)
{
    const push_message_t *message;

    if (cursor->seq > device->sent) {
        return PUSH_STALE;
    }
    if (cursor->seq > device->acked) {
        message = message_sent_as(heap, device, cursor->seq);
        if (cursor->has_mid && message && message->mid != cursor->mid) {
            return PUSH_STALE;
        }
        time_acked(heap, device, cursor->seq, now);
    }
    acknowledge(heap, device, cursor->seq, now);
    device->stale = 0;
    return PUSH_OK;
}
