#include "store/ops/delivery.h"

#include <stdatomic.h>
#include <string.h>

#include "core/message_texts.h"
#include "core/tally_message.h"
#include "core/times.h"
#include "core/trace.h"
#include "store/shard/hold.h"
#include "store/shard/shard.h"

/* The device of a stream ref with its shard locked, or NULL and the reason. */
static push_device_t *enter(push_store_t *store,
                            const push_stream_ref_t *stream_ref,
                            push_status_t *status)
{
    push_device_t *device = push_store_device_at(store, stream_ref->device);
    unsigned shard = device->shard % PUSH_SHARDS;

    if (!push_shard_enter(store, shard)) {
        *status = PUSH_BUSY;
        return NULL;
    }
    if (device->gen != stream_ref->gen) {
        push_shard_leave(store, shard);
        *status = PUSH_STALE;
        return NULL;
    }
    *status = PUSH_OK;
    return device;
}

/* Losses of a restart are told as such until they have arrived. */
static void name_gap(push_device_t *device, push_gap_report_t *gap)
{
    if (gap->reason == PUSH_GAP_MEMORY
        && device->traits & PUSH_DEVICE_STATE_LOST) {
        gap->reason = PUSH_GAP_STATE_LOST;
    }
}

static void collect_gaps(push_heap_t *heap, push_device_t *device,
                         const push_time_t *now, push_delivery_t *delivery)
{
    push_gap_report_t *gap = delivery->gaps;

    while (
        push_mailbox_gap(device, &gap->reason, &gap->urgency, &gap->dropped)) {
        push_mailbox_gap_reported(device, gap->reason, gap->urgency);
        name_gap(device, gap);
        gap++;
    }
    delivery->gaps_count = (unsigned)(gap - delivery->gaps);
    for (unsigned i = 0; i < delivery->gaps_count; i++) {
        push_count(heap->counts, PUSH_COUNT_GAPS + delivery->gaps[i].reason,
                   1);
        push_event_of_gap(heap, device, &delivery->gaps[i], now);
    }
}

static void copy_device(const push_heap_t *heap, const push_device_t *device,
                        char *text)
{
    push_text_t id = {NULL, 0};

    if (device->traits & PUSH_DEVICE_MADE_UP) {
        id = push_device_label(heap, device, PUSH_LABEL_DEVICE);
        memcpy(text, id.at, id.len);
    }
    text[id.len] = '\0';
}

push_status_t push_delivery_device(push_store_t *store,
                                   const push_stream_ref_t *stream_ref,
                                   char *text)
{
    push_status_t status;
    const push_device_t *device = enter(store, stream_ref, &status);

    if (device) {
        copy_device(&store->heaps[device->shard], device, text);
        push_shard_leave(store, device->shard);
    }
    return status;
}

static bool window_full(const push_device_t *device)
{
    return device->traits & PUSH_DEVICE_EXPLICIT
           && push_session_in_flight(device) >= device->max_in_flight;
}

/* What is not written in the end is taken back, see push_delivery_cut(). */
static void trace(const push_heap_t *heap, const push_device_t *device,
                  const push_delivery_t *delivery, const push_time_t *now)
{
    push_trace_entry_t event = push_trace_event(PUSH_TRACE_GAP, 0, 0);

    for (unsigned i = 0; i < delivery->gaps_count; i++) {
        event.value += delivery->gaps[i].dropped;
    }
    if (event.value) {
        push_trace_note(heap, device, &event, now);
    }
    for (unsigned i = 0; i < delivery->count; i++) {
        const push_pick_t *pick = &delivery->picks[i];

        event = push_trace_event(PUSH_TRACE_WRITTEN, pick->seq,
                                 pick->message->mid);
        push_trace_note(heap, device, &event, now);
    }
}

/* With the lock of the device's shard. */
static void collect(push_store_t *store, push_device_t *device,
                    const push_time_t *now, push_delivery_t *delivery)
{
    push_batch_t batch = {.picks = delivery->picks,
                          .max = PUSH_DELIVERY_MAX,
                          .bytes = PUSH_DELIVERY_BYTES,
                          .written = delivery->written,
                          .arrived = delivery->arrived};
    push_heap_t *heap = &store->heaps[device->shard];
    uint64_t first = device->sent + 1;

    push_session_open(store, device);
    push_mailbox_collect(heap, device, now, &batch);
    delivery->count = batch.count;
    delivery->more = batch.more;
    delivery->full = batch.full;
    delivery->sent = device->sent;
    delivery->closed = window_full(device);
    delivery->rerouted = device->traits & PUSH_DEVICE_REROUTED;
    delivery->gaps_count = 0;
    if (batch.count) {
        device->traits |= PUSH_DEVICE_ADVANCED;
    }
    if (delivery->rerouted) {
        device->traits &= (uint16_t)~PUSH_DEVICE_REROUTED;
    }
    if (batch.count || !delivery->hold_gaps) {
        collect_gaps(heap, device, now, delivery);
    }
    if (delivery->gaps_count) {
        device->gap_seq = first;
    }
    push_session_close(store, device);
    if (push_trace_of(heap, device)) {
        trace(heap, device, delivery, now);
    }
    copy_device(heap, device, delivery->device);
}

/* As enter(), of a device whose stream may go on. */
static push_device_t *enter_open(push_store_t *store,
                                 const push_stream_ref_t *stream_ref,
                                 push_status_t *status)
{
    push_device_t *device = enter(store, stream_ref, status);

    if (device
        && device->traits & (PUSH_DEVICE_DISMISSED | PUSH_DEVICE_REVOKED)) {
        push_shard_leave(store, device->shard);
        *status = PUSH_STALE;
        return NULL;
    }
    return device;
}

push_status_t push_delivery_begin(push_store_t *store,
                                  const push_stream_ref_t *stream_ref,
                                  const push_time_t *now,
                                  push_delivery_t *delivery)
{
    push_status_t status;
    push_device_t *device = enter_open(store, stream_ref, &status);

    if (device) {
        collect(store, device, now, delivery);
        push_shard_leave(store, device->shard);
    }
    return status;
}

/* The oldest message of an urgency took its time until it was written. */
static void count_latency(const push_written_t *written, unsigned urgency)
{
    const push_message_t *message = written->sums.oldest[urgency];
    push_sample_t sample = {.urgency = urgency,
                            .us = push_message_age(message, &written->at),
                            .wall = written->at.wall};
    unsigned bucket = push_count_time(written->counts, PUSH_TIME_WRITE_LATENCY,
                                      urgency, sample.us);
    push_text_t trace = push_message_trace(message);

    if (trace.len && written->exemplars) {
        memcpy(sample.trace, trace.at, sizeof(sample.trace));
        push_exemplar_note(written->exemplars, bucket, &sample);
    }
}

static void count_written(const push_written_t *written)
{
    const push_written_sums_t *sums = &written->sums;

    for (unsigned i = 0; i < PUSH_LANES; i++) {
        if (sums->messages[i]) {
            push_count(written->counts, PUSH_COUNT_WRITTEN + i,
                       sums->messages[i]);
            push_count(written->counts, PUSH_COUNT_WRITTEN_BYTES + i,
                       sums->bytes[i]);
        }
        if (sums->oldest[i]) {
            count_latency(written, i);
        }
    }
}

static void tell_written(push_store_t *store,
                         const push_stream_ref_t *stream_ref,
                         unsigned messages, uint64_t seq)
{
    if (messages && push_events_wanted(&store->events, PUSH_EVENT_WRITTEN)) {
        const push_event_t written = {
            .kind = PUSH_EVENT_WRITTEN,
            .device = push_store_device_at(store, stream_ref->device),
            .seq = seq,
            .messages = messages};

        push_events_tell(&store->events, &written);
    }
}

static void tally_delivered(const push_heap_t *heap,
                            const push_delivery_t *delivery)
{
    for (unsigned i = 0; heap->tally && i < delivery->count; i++) {
        push_tally_message(heap, delivery->picks[i].message,
                           PUSH_TALLY_DELIVERED);
    }
}

push_status_t push_delivery_poll(push_store_t *store,
                                 const push_stream_ref_t *stream_ref,
                                 const push_time_t *now,
                                 push_delivery_t *delivery,
                                 const push_copier_t *copier)
{
    push_written_t written = {.counts = NULL};
    push_status_t status;
    push_device_t *device = enter_open(store, stream_ref, &status);

    if (!device) {
        return status;
    }
    collect(store, device, now, delivery);
    if (copier->copy(copier->data, delivery, &written.sums)) {
        written.counts = store->heaps[device->shard].counts;
        written.at = push_clock_later(now);
        tally_delivered(&store->heaps[device->shard], delivery);
        count_written(&written);
    }
    else {
        status = PUSH_NO_MEMORY;
    }
    push_shard_leave(store, device->shard);
    if (status == PUSH_OK) {
        tell_written(store, stream_ref, delivery->count, delivery->sent);
    }
    return status;
}

bool push_delivery_cut(push_store_t *store,
                       const push_stream_ref_t *stream_ref, uint64_t seq)
{
    push_status_t status;
    push_device_t *device = enter(store, stream_ref, &status);

    if (!device) {
        return false;
    }
    push_session_open(store, device);
    push_session_return(&store->heaps[device->shard], device, seq);
    push_trace_cut(&store->heaps[device->shard], device, seq);
    push_session_close(store, device);
    push_shard_leave(store, device->shard);
    return true;
}

void push_delivery_written(push_store_t *store,
                           const push_stream_ref_t *stream_ref,
                           const push_written_t *written)
{
    unsigned messages = 0;

    for (unsigned i = 0; i < PUSH_LANES; i++) {
        messages += written->sums.messages[i];
    }
    if (messages) {
        count_written(written);
        tell_written(store, stream_ref, messages, written->seq);
    }
}

bool push_delivery_blocked(push_store_t *store,
                           const push_stream_ref_t *stream_ref, int64_t since)
{
    push_status_t status;
    push_device_t *device = enter(store, stream_ref, &status);

    if (!device) {
        return status != PUSH_BUSY;
    }
    if (device->traits & PUSH_DEVICE_ONLINE && !since != !device->left) {
        const push_time_t now = push_clock_now();
        const push_trace_entry_t event = push_trace_event(
            since ? PUSH_TRACE_BLOCKED : PUSH_TRACE_UNBLOCKED, 0, 0);

        push_trace_note(&store->heaps[device->shard], device, &event, &now);
        device->left = since;
    }
    push_shard_leave(store, device->shard);
    return true;
}

push_stream_state_t push_delivery_state(push_store_t *store,
                                        const push_stream_ref_t *stream_ref)
{
    const push_device_t *device = push_store_device_at(store,
                                                       stream_ref->device);

    if (device->gen != stream_ref->gen) {
        return device->gen ? PUSH_TAKEN_OVER : PUSH_BROKEN_OFF;
    }
    if (device->traits & PUSH_DEVICE_REVOKED) {
        return PUSH_REVOKED;
    }
    return device->traits & PUSH_DEVICE_DISMISSED ? PUSH_DISMISSED
                                                  : PUSH_GOES_ON;
}

int push_delivery_channels(push_store_t *store,
                           const push_stream_ref_t *stream_ref,
                           push_ref_t *channels, int max)
{
    push_status_t status;
    push_device_t *device = enter(store, stream_ref, &status);
    const push_subscription_t *subscriptions;
    int count = 0;

    if (!device) {
        return status == PUSH_BUSY ? -1 : 0;
    }
    device->handoff_owner = device->owner;
    subscriptions = push_device_subscriptions(&store->heaps[0], device);
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        if (count < max) {
            channels[count++] = subscriptions[i].log;
        }
    }
    push_shard_leave(store, device->shard);
    return count;
}
