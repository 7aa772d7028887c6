#include "feeds/listener.h"

#include <string.h>

#include "core/channel.h"
#include "core/fits.h"
#include "feeds/note.h"
#include "store/shm/clock.h"

/*
 * All of it runs with a shard locked, in the middle of a publish or an
 * acknowledgement: while nobody follows a feed it costs a load, else some
 * copying.
 *
 * A receipt says what became of a message for one device, once: what was
 * acknowledged, evicted or refused for one device is noted when that happens,
 * and the end of a message is noted for the devices that have no such outcome
 * yet.  Of a channel nobody knows who has not read on, so its end is noted
 * once.  A dead letter is noted at the end alone, when no device has
 * acknowledged the message and none can any more.
 */

static void put(push_feed_listener_t *listener, const push_note_t *note)
{
    if (!push_feed_queue_put(listener->queue, note, push_note_size(note))) {
        atomic_fetch_add_explicit(&listener->dropped, 1, memory_order_relaxed);
    }
}

static int64_t moment(const push_event_t *event)
{
    return event->now ? event->now->wall : push_clock_now().wall;
}

static bool wants_receipt(const push_feed_listener_t *listener,
                          const push_message_t *message)
{
    return message->traits & PUSH_TRAIT_RECEIPT
           && push_feed_heard(listener, PUSH_FEED_RECEIPTS);
}

static void add_device(push_note_t *note, const push_heap_t *heap,
                       const push_device_t *device)
{
    const push_user_t *user = push_at(heap, device->user);

    note->has_device = true;
    memcpy(note->device, device->id, sizeof(note->device));
    push_note_add_text(note, PUSH_NOTE_USER,
                       (push_text_t){user->name, user->name_len});
}

static void note_receipt(push_feed_listener_t *listener,
                         const push_event_t *event,
                         const push_device_t *device, push_fate_t fate)
{
    push_note_t note;

    push_note_init(&note, PUSH_FEED_RECEIPTS, fate);
    note.at = moment(event);
    push_note_add_message(&note, event->heap, event->message);
    if (device) {
        add_device(&note, event->heap, device);
    }
    else if (note.kind != PUSH_LOG_USER) {
        const push_channel_t *channel = push_at(event->heap,
                                                event->message->log);

        note.subscribers = atomic_load(&channel->subscribers);
    }
    put(listener, &note);
}

/* ---- the end of a message to a user ---- */

static bool is_dead_letter(const push_feed_listener_t *listener,
                           const push_event_t *event)
{
    return (event->fate == PUSH_EXPIRED || event->fate == PUSH_EVICTED)
           && push_feed_heard(listener, PUSH_FEED_DEADLETTERS);
}

/*
 * How the message ends for this device; PUSH_LIVE: it was never for it, as the
 * stream was not open that a message with TTL 0 is for.
 */
static push_fate_t end_for(const push_event_t *event,
                           const push_device_t *device, bool *settled)
{
    const push_outcome_t *outcome = push_message_outcome(
        event->heap, event->message, push_ref_of(event->heap, device));

    *settled = outcome != NULL;
    if (outcome) {
        return (push_fate_t)outcome->fate;
    }
    return push_device_wants(event->heap, device, event->message)
                   && !push_device_missed(device, event->message)
               ? event->fate
               : PUSH_LIVE;
}

static void note_end_for_user(push_feed_listener_t *listener,
                              const push_event_t *event)
{
    const push_user_t *user = push_at(event->heap, event->message->log);
    bool receipts = wants_receipt(listener, event->message);
    bool dead = is_dead_letter(listener, event);
    unsigned concerned = 0;
    push_ref_t ref = user->devices;
    push_note_t letter;

    push_note_init(&letter, PUSH_FEED_DEADLETTERS, event->fate);
    letter.at = moment(event);
    push_note_add_message(&letter, event->heap, event->message);
    while (ref) {
        const push_device_t *device = push_at(event->heap, ref);
        bool settled;
        push_fate_t fate = end_for(event, device, &settled);

        if (fate == PUSH_ACKED) {
            dead = false;
        }
        else if (fate != PUSH_LIVE) {
            push_note_add_missed(&letter, device->id, fate);
        }
        if (receipts && !settled && fate != PUSH_LIVE) {
            note_receipt(listener, event, device, fate);
        }
        concerned += fate != PUSH_LIVE;
        ref = device->sibling;
    }
    if (receipts && !concerned) {
        note_receipt(listener, event, NULL, event->fate);
    }
    if (dead) {
        put(listener, &letter);
    }
}

/* ---- what is on no channel ---- */

/* False: nobody asks for it. */
static bool is_heard(const push_feed_listener_t *listener, uint32_t bit,
                     const push_event_t *event)
{
    const push_user_t *user;

    if (!(listener->wanted & bit)) {
        return false;
    }
    user = push_at(event->heap, event->message->log);
    return push_log_kind(&user->log) == PUSH_LOG_USER && *user->name != '$';
}

static void note_untold(push_feed_listener_t *listener,
                        const push_event_t *event, push_fate_t fate)
{
    push_note_t note;

    push_note_init(&note, PUSH_FEED_RECEIPTS, fate);
    note.untold = true;
    note.at = moment(event);
    push_note_add_message(&note, event->heap, event->message);
    put(listener, &note);
}

/* A device is told that it lost messages. */
static void note_gap(push_feed_listener_t *listener, const push_event_t *event)
{
    const push_user_t *user = push_at(event->heap, event->device->user);
    push_note_t note;

    if (!(listener->wanted & PUSH_HEARD_GAP) || *user->name == '$') {
        return;
    }
    push_note_init(&note, PUSH_FEED_PRESENCE, PUSH_LIVE);
    note.untold = true;
    note.at = moment(event);
    note.gap = (uint8_t)event->gap->reason;
    note.urgency = (uint8_t)event->gap->urgency;
    note.dropped = event->gap->dropped;
    push_note_add_context(&note, event->heap, event->device);
    put(listener, &note);
}

static uint32_t bit_of(push_fate_t fate)
{
    return fate == PUSH_REPLACED   ? PUSH_HEARD_REPLACED
           : fate == PUSH_RECALLED ? PUSH_HEARD_RECALLED
                                   : 0;
}

/* ---- events ---- */

static void note_end(push_feed_listener_t *listener, const push_event_t *event)
{
    const push_log_t *log = push_at(event->heap, event->message->log);
    bool receipt = wants_receipt(listener, event->message);

    if (is_heard(listener, bit_of(event->fate), event)) {
        note_untold(listener, event, event->fate);
    }
    if (push_log_kind(log) != PUSH_LOG_USER) {
        if (receipt) {
            note_receipt(listener, event, NULL, event->fate);
        }
    }
    else if (receipt || is_dead_letter(listener, event)) {
        note_end_for_user(listener, event);
    }
}

/* What had ended before it was acknowledged has had its receipt. */
static void note_ack(push_feed_listener_t *listener, const push_event_t *event)
{
    if (event->message && wants_receipt(listener, event->message)
        && push_message_fate(event->message) == PUSH_LIVE) {
        note_receipt(listener, event, event->device, PUSH_ACKED);
    }
}

void push_feed_listener_tell(void *data, const push_event_t *event)
{
    push_feed_listener_t *listener = data;

    if (event->kind == PUSH_EVENT_PUBLISHED) {
        if (is_heard(listener, PUSH_HEARD_PUBLISHED, event)) {
            note_untold(listener, event, PUSH_LIVE);
        }
    }
    else if (event->kind == PUSH_EVENT_ACKED) {
        note_ack(listener, event);
    }
    else if (event->kind == PUSH_EVENT_GAP) {
        note_gap(listener, event);
    }
    else if (event->kind == PUSH_EVENT_ENDED) {
        note_end(listener, event);
    }
    else if (wants_receipt(listener, event->message)) {
        note_receipt(listener, event, event->device, event->fate);
    }
}
