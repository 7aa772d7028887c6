#include "core/channel.h"

#include "core/gone.h"

/*
 * The lane whose oldest message is the oldest of all; *entry is that message.
 */
static bool oldest(push_heap_t *heap, push_log_t *log, push_entry_t *entry)
{
    entry->message = NULL;
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
        if (!entry->message || message->mid < entry->message->mid) {
            *entry = (push_entry_t){message, lane, at};
        }
    }
    return entry->message != NULL;
}

/*
 * A message that has ended keeps its slot until all before it have gone: at
 * most so many for each message that may be kept, since who publishes with a
 * Topic walks them all.
 */
#define SLOTS_EACH 16u

/* A device that has not read it yet is told; see push_lane_t's evicted. */
static void forget(push_heap_t *heap, push_log_t *log,
                   const push_entry_t *entry, const push_time_t *now)
{
    push_slot_t why = push_message_alive(entry->message, now->mono)
                          ? PUSH_SLOT_EVICTED
                          : PUSH_SLOT_GONE;

    push_gone_note(heap, entry->message,
                   push_gone_why(entry->message, PUSH_GONE_HISTORY, now), now);
    push_log_remove(heap, log, entry->lane, entry->at, why);
    push_log_trim(heap, log, entry->lane);
}

/* The limit is for what is live; what has ended goes before it counts. */
static void keep_within(push_heap_t *heap, push_log_t *log, uint32_t limit,
                        const push_time_t *now)
{
    uint64_t slots = (uint64_t)limit * SLOTS_EACH;
    push_entry_t entry;

    while (push_log_length(log) > limit && oldest(heap, log, &entry)
           && (log->live_count > limit || push_log_length(log) > slots
               || !push_message_alive(entry.message, now->mono))) {
        forget(heap, log, &entry, now);
    }
}

/* Where it is stored each lane has the limit for itself; so it has here. */
static void keep_lane_within(push_heap_t *heap, push_log_t *log, unsigned lane,
                             const push_publish_t *publish)
{
    const push_lane_t *l = &log->lanes[lane];
    uint64_t slots = (uint64_t)publish->limit * SLOTS_EACH;
    push_ref_t ref = PUSH_NONE;

    push_log_trim(heap, log, lane);
    while (l->head - l->tail > publish->limit
           && push_log_read(heap, log, lane, l->tail, &ref)
                  == PUSH_SLOT_MESSAGE) {
        push_message_t *message = push_at(heap, ref);
        const push_entry_t entry = {message, lane, l->tail};

        if (push_message_alive(message, publish->now.mono)
            && l->head - l->tail <= slots
            && push_log_live_in(heap, log, lane) <= publish->limit) {
            return;
        }
        forget(heap, log, &entry, &publish->now);
    }
}

static void replace(push_heap_t *heap, push_log_t *log,
                    const push_entry_t *older, const push_publish_t *publish)
{
    if (older->message) {
        push_log_end(heap, log, older->message, PUSH_REPLACED, &publish->now);
        push_message_replaced(older->message, publish->receipt.mid);
    }
}

/* Before it stands there: should the process die now, nothing is wrong. */
static void note_class(push_channel_t *channel, unsigned lane,
                       const push_message_t *message)
{
    push_class_span_t *span = &channel->classes[lane];

    if (atomic_load_explicit(&span->mark, memory_order_relaxed)
        != message->retired) {
        atomic_store_explicit(&span->since,
                              push_lane_head(&channel->log.lanes[lane]),
                              memory_order_relaxed);
        PUSH_FAILPOINT("channel-class");
        atomic_store_explicit(&span->mark, message->retired,
                              memory_order_release);
    }
}

push_status_t push_channel_publish(push_heap_t *heap, push_channel_t *channel,
                                   push_publish_t *publish)
{
    const push_message_spec_t *spec = publish->spec;
    push_receipt_t *receipt = &publish->receipt;
    push_log_t *log = &channel->log;
    push_entry_t older;
    push_ref_t ref;

    if (!push_log_find_topic(heap, log, spec, &publish->now, &older)) {
        older.message = NULL;
    }
    receipt->recipients = spec->ttl ? channel->subscribers
                                    : channel->connected;
    receipt->connected = channel->connected;
    if (!spec->ttl && !receipt->connected) {
        push_gone_note_nobody(heap, push_node_kind(log), log->node.hash,
                              receipt->mid);
        replace(heap, log, &older, publish);
        return PUSH_OK;
    }
    if (push_log_reserve(heap, log, spec->urgency) != PUSH_OK) {
        return PUSH_NO_MEMORY;
    }
    ref = push_message_create(heap, spec, receipt->mid, &publish->now);
    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    note_class(channel, spec->urgency, push_at(heap, ref));
    push_log_publish(heap, log, ref, &publish->now);
    replace(heap, log, &older, publish);
    if (publish->stored) {
        keep_lane_within(heap, log, spec->urgency, publish);
        return PUSH_OK;
    }
    if (older.message && push_log_length(log) > publish->limit) {
        forget(heap, log, &older, &publish->now);
    }
    keep_within(heap, log, publish->limit, &publish->now);
    return PUSH_OK;
}
