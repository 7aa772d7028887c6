#include "core/channel.h"

/* The lane whose oldest message is the oldest of all; its place in spot. */
static bool oldest(push_heap_t *heap, push_log_t *log, push_spot_t *spot)
{
    spot->message = NULL;
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        push_message_t *message;
        push_ref_t ref = PUSH_NONE;
        uint32_t at;

        push_log_trim(heap, log, lane);
        at = push_lane_tail(&log->lanes[lane]);
        if (push_log_read(heap, log, lane, at, &ref) != PUSH_SLOT_MESSAGE) {
            continue;
        }
        message = push_at(heap, ref);
        if (!spot->message || message->mid < spot->message->mid) {
            *spot = (push_spot_t){message, lane, at};
        }
    }
    return spot->message != NULL;
}

/*
 * What has ended takes slots of its lane until all before it has gone: at most
 * so many for each message that may be kept, since who publishes with a Topic
 * walks them all.
 */
#define SLOTS_EACH 16u

/* Whoever has not read it yet is told; see push_lane_t's evicted. */
static void forget(push_heap_t *heap, push_log_t *log, const push_spot_t *spot,
                   const push_time_t *now)
{
    push_slot_t why = push_message_alive(spot->message, now->mono)
                          ? PUSH_SLOT_EVICTED
                          : PUSH_SLOT_GONE;

    push_log_remove(heap, log, spot->lane, spot->at, why);
    push_log_trim(heap, log, spot->lane);
}

/* The limit is for what is live; what has ended goes before it counts. */
static void keep_within(push_heap_t *heap, push_log_t *log, uint32_t limit,
                        const push_time_t *now)
{
    uint64_t slots = (uint64_t)limit * SLOTS_EACH;
    push_spot_t spot;

    while (push_log_length(log) > limit && oldest(heap, log, &spot)
           && (log->live > limit || push_log_length(log) > slots
               || !push_message_alive(spot.message, now->mono))) {
        forget(heap, log, &spot, now);
    }
}

static void replace(push_heap_t *heap, push_log_t *log,
                    const push_spot_t *older, const push_time_t *now)
{
    if (older->message) {
        push_log_end(heap, log, older->message, PUSH_REPLACED, now);
    }
}

push_status_t push_channel_publish(push_heap_t *heap, push_channel_t *channel,
                                   push_publish_t *publish)
{
    const push_draft_t *draft = publish->draft;
    push_receipt_t *receipt = &publish->receipt;
    push_log_t *log = &channel->log;
    push_spot_t older;
    push_ref_t ref;

    if (!push_log_find_topic(heap, log, draft, &publish->now, &older)) {
        older.message = NULL;
    }
    receipt->recipients = draft->ttl ? channel->subscribers
                                     : channel->connected;
    receipt->connected = channel->connected;
    if (!draft->ttl && !receipt->connected) {
        replace(heap, log, &older, &publish->now);
        return PUSH_OK;
    }
    if (push_log_reserve(heap, log, draft->urgency) != PUSH_OK) {
        return PUSH_NO_MEMORY;
    }
    ref = push_message_create(heap, draft, receipt->mid, publish->now.mono);
    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    push_log_publish(heap, log, ref, &publish->now);
    replace(heap, log, &older, &publish->now);
    if (older.message && push_log_length(log) > publish->limit) {
        forget(heap, log, &older, &publish->now);
    }
    keep_within(heap, log, publish->limit, &publish->now);
    return PUSH_OK;
}
