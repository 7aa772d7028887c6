#include "core/user.h"

#include "core/fits.h"
#include "core/event.h"
#include "core/gone.h"
#include "core/tally_message.h"

static push_device_t *device_at(const push_heap_t *heap, push_ref_t ref)
{
    return ref ? push_at(heap, ref) : NULL;
}

#define EACH_DEVICE(heap, user, device)                                       \
    for (push_device_t *device = device_at(heap, (user)->devices); device;    \
         device = device_at(heap, device->sibling))

/* Every device has sent or skipped what is before this, for good. */
static uint32_t settled_before(const push_heap_t *heap,
                               const push_user_t *user, unsigned lane)
{
    uint32_t lowest = push_lane_head(&user->log.lanes[lane]);

    EACH_DEVICE(heap, user, device)
    {
        push_position_t position = {
            PUSH_SUBSCRIPTION_USER, (uint16_t)lane,
            push_device_subscriptions(heap, device)->cursor[lane]};
        uint32_t at = push_window_lowest(heap, &device->window, position);

        if (push_before(at, lowest)) {
            lowest = at;
        }
    }
    return lowest;
}

void push_user_note_lost(push_user_t *user, push_urgency_t urgency,
                         int64_t until, const push_time_t *now)
{
    user->lost[urgency]++;
    if (user->lost_until < until) {
        user->lost_until = until;
    }
    user->log.lost_at = (uint32_t)(now->mono / PUSH_LOST_TICK);
}

static void note_lost(push_user_t *user, const push_message_t *message,
                      const push_time_t *now)
{
    push_user_note_lost(user, push_message_urgency(message),
                        push_message_until(message), now);
}

/* The lane's oldest live message, if no device waits for it any more. */
static bool oldest_settled(const push_heap_t *heap, push_user_t *user,
                           unsigned lane, push_entry_t *entry)
{
    return push_log_oldest(heap, &user->log, lane, entry)
           && push_before(entry->at, settled_before(heap, user, lane));
}

uint32_t push_user_forget_settled(push_heap_t *heap, push_user_t *user,
                                  const push_time_t *now)
{
    uint32_t forgotten = 0;
    push_entry_t entry;

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        while (oldest_settled(heap, user, lane, &entry)) {
            note_lost(user, entry.message, now);
            push_gone_note(heap, entry.message, PUSH_GONE_SETTLED, now);
            push_log_remove(heap, &user->log, lane, entry.at, PUSH_SLOT_GONE);
            forgotten++;
        }
        push_log_trim(heap, &user->log, lane);
    }
    return forgotten;
}

static bool acknowledged(const push_heap_t *heap,
                         const push_message_t *message)
{
    push_ref_t ref = message->outcomes;

    while (ref) {
        const push_outcome_t *outcome = push_at(heap, ref);

        if (outcome->fate == PUSH_ACKED) {
            return true;
        }
        ref = outcome->next;
    }
    return false;
}

/* A message that somebody received has done its work; the rest was evicted. */
static bool drop_oldest(push_heap_t *heap, push_user_t *user, unsigned lane,
                        const push_time_t *now)
{
    push_entry_t entry;

    if (!oldest_settled(heap, user, lane, &entry)) {
        return false;
    }
    note_lost(user, entry.message, now);
    if (acknowledged(heap, entry.message)) {
        push_gone_note(heap, entry.message, PUSH_GONE_SETTLED, now);
        push_log_remove(heap, &user->log, lane, entry.at, PUSH_SLOT_GONE);
        push_log_trim(heap, &user->log, lane);
        return true;
    }
    if (!entry.message->outcomes) {
        push_tally_message(heap, entry.message, PUSH_TALLY_EVICTED);
        push_count_settled(heap, PUSH_BY_OUTCOME_EVICTED, lane, 1);
    }
    push_log_end(heap, &user->log, entry.message, PUSH_EVICTED, now);
    return true;
}

/*
 * Where it is stored each lane has the limit for itself, and what is kept there
 * is kept here, since a device may come for it.
 */
static void keep_lane_within(push_heap_t *heap, push_user_t *user,
                             const push_publish_t *publish)
{
    unsigned lane = publish->spec->urgency;

    while (user->log.live_count > publish->limit
           && push_log_live_in(heap, &user->log, lane) > publish->limit
           && drop_oldest(heap, user, lane, &publish->now)) {
    }
}

/* Keeps what waits for devices that may still appear within the limit. */
static void keep_within(push_heap_t *heap, push_user_t *user,
                        const push_publish_t *publish)
{
    unsigned urgency = publish->spec->urgency;

    if (push_user_is_queue(user) && !user->devices) {
        return; /* all of it waits */
    }
    if (publish->stored) {
        keep_lane_within(heap, user, publish);
        return;
    }
    while (user->log.live_count > publish->limit) {
        unsigned lane = PUSH_LANES;

        while (lane > urgency
               && !drop_oldest(heap, user, lane - 1, &publish->now)) {
            lane--;
        }
        if (lane == urgency) {
            break;
        }
    }
}

/* True if nothing that is kept may make room for this urgency. */
static bool kept_is_above(const push_heap_t *heap, push_user_t *user,
                          const push_publish_t *publish)
{
    bool queue = push_user_is_queue(user);
    push_entry_t entry;

    for (unsigned lane = publish->spec->urgency; lane < PUSH_LANES && !queue;
         lane++) {
        if (push_log_oldest(heap, &user->log, lane, &entry)) {
            return false;
        }
    }
    return user->log.live_count >= publish->limit && !(queue && publish->kept);
}

static bool addressed(const push_heap_t *heap, const push_device_t *device,
                      const push_message_t *message)
{
    return push_device_wants(heap, device, message)
           && (!(message->traits & PUSH_TRAIT_NOW)
               || device->traits & PUSH_DEVICE_ONLINE);
}

typedef struct {
    push_user_t *user;
    push_message_t *message;
    push_entry_t older; /* what the message replaces, if anything */
    push_publish_t *publish;
    push_status_t refusal; /* why the last mailbox refused, if one did */
} offer_t;

/* Of a queue, where nothing makes room: what was accepted before has some. */
static bool has_room(const push_heap_t *heap, const offer_t *o,
                     const push_device_t *device)
{
    const push_publish_t *publish = o->publish;

    return publish->stored || publish->kept
           || push_mailbox_below(heap, device, publish->limit, &publish->now);
}

/* A mailbox has room, makes room, or will have it by the replacement. */
static push_status_t offer(push_heap_t *heap, const offer_t *o,
                           push_device_t *device)
{
    push_position_t older = {PUSH_SUBSCRIPTION_USER, (uint16_t)o->older.lane,
                             o->older.at};
    const push_time_t *now = &o->publish->now;

    if (o->older.message
        && push_user_fate(heap, device, o->older.message, older, now)
               == PUSH_PENDING) {
        return PUSH_OK;
    }
    if (push_user_is_queue(o->user)) {
        return has_room(heap, o, device) ? PUSH_OK : PUSH_MAILBOX_FULL;
    }
    return push_mailbox_make_room(heap, device,
                                  push_message_urgency(o->message),
                                  o->publish->limit, now);
}

/*
 * The mailbox has no room for it.  A publisher is told so; of what is stored
 * already nobody is, so it is a loss of the device.
 */
static void refuse(push_heap_t *heap, const offer_t *o, push_device_t *device)
{
    uint32_t *lost = &device->losses.count[PUSH_GAP_MAILBOX]
                                          [push_message_urgency(o->message)];
    bool stored = o->publish->stored;

    *lost += stored;
    PUSH_FAILPOINT("refusal-counted");
    if (!push_message_settle(heap, o->message, push_ref_of(heap, device),
                             PUSH_REFUSED, &o->publish->now)) {
        *lost -= stored;
    }
}

/* Makes room in every mailbox, or notes who refuses. */
static void admit(push_heap_t *heap, offer_t *o)
{
    push_receipt_t *receipt = &o->publish->receipt;

    EACH_DEVICE(heap, o->user, device)
    {
        push_status_t status;

        if (!addressed(heap, device, o->message)) {
            continue;
        }
        status = offer(heap, o, device);
        if (status != PUSH_OK) {
            o->refusal = status;
            refuse(heap, o, device);
            receipt->refused++;
            continue;
        }
        receipt->recipients++;
        receipt->connected += (device->traits & PUSH_DEVICE_ONLINE) != 0;
    }
}

/* True if the only one it is for, now or later, has no room for it. */
static bool turned_away(const push_heap_t *heap, const offer_t *o)
{
    const push_receipt_t *receipt = &o->publish->receipt;

    if (receipt->recipients || o->publish->stored) {
        return false;
    }
    return receipt->refused == 1
           || (!o->user->devices && !o->older.message
               && kept_is_above(heap, o->user, o->publish));
}

/* Who refused it, now that it is published all the same. */
static void tell_refusals(push_heap_t *heap, const offer_t *o)
{
    if (!o->publish->receipt.refused
        || !push_events_wanted(heap->events, PUSH_EVENT_DROPPED)) {
        return;
    }
    EACH_DEVICE(heap, o->user, device)
    {
        if (push_message_outcome(heap, o->message,
                                 push_ref_of(heap, device))) {
            push_event_of_drop(heap, o->message, device, PUSH_REFUSED,
                               &o->publish->now);
        }
    }
}

static void replace(push_heap_t *heap, const offer_t *o)
{
    if (o->older.message) {
        push_log_end(heap, &o->user->log, o->older.message, PUSH_REPLACED,
                     &o->publish->now);
        push_message_replaced(o->older.message, o->publish->receipt.mid);
    }
}

static push_status_t admit_or_refuse(push_heap_t *heap, offer_t *o)
{
    push_publish_t *publish = o->publish;

    push_log_find_topic(heap, &o->user->log, publish->spec, &publish->now,
                        &o->older);
    admit(heap, o);
    if (turned_away(heap, o) && o->refusal == PUSH_NO_MEMORY) {
        publish->receipt.refused = 0;
        return PUSH_NO_MEMORY;
    }
    if (turned_away(heap, o)) {
        publish->receipt.refused = 1;
        return PUSH_MAILBOX_FULL;
    }
    return PUSH_OK;
}

push_status_t push_user_publish(push_heap_t *heap, push_user_t *user,
                                push_publish_t *publish)
{
    const push_message_spec_t *spec = publish->spec;
    offer_t o = {.user = user, .publish = publish};
    push_status_t status;
    push_ref_t ref;

    if (push_log_reserve(heap, &user->log, spec->urgency) != PUSH_OK) {
        return PUSH_NO_MEMORY;
    }
    ref = push_message_create(heap, spec, publish->receipt.mid, &publish->now);
    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    o.message = push_at(heap, ref);
    status = admit_or_refuse(heap, &o);
    if (status != PUSH_OK) {
        push_message_release(heap, ref);
        return status;
    }
    if (!spec->ttl && !publish->receipt.connected) {
        push_gone_note_nobody(heap, PUSH_NODE_USER, user->log.node.hash,
                              publish->receipt.mid);
        push_message_release(heap, ref);
        replace(heap, &o);
        return PUSH_OK;
    }
    push_log_publish(heap, &user->log, ref, &publish->now);
    tell_refusals(heap, &o);
    /* Only now: should this process die between, both are delivered. */
    replace(heap, &o);
    keep_within(heap, user, publish);
    return PUSH_OK;
}

/*
 * What was acknowledged says so: what was passed without that was not sent,
 * whatever the device says of itself meanwhile.
 */
static bool is_filtered(const push_heap_t *heap, const push_device_t *device,
                        const push_message_t *message,
                        push_position_t position)
{
    const push_subscription_t *subscription = push_device_subscriptions(
        heap, device);

    return message->topic_len & PUSH_MESSAGE_WHERE
           && !push_window_holds(heap, &device->window, position)
           && (!push_device_fits(heap, device, message)
               || (push_message_fate(message) == PUSH_LIVE
                   && !push_device_missed(device, message)
                   && push_before(position.at,
                                  subscription->cursor[position.lane])));
}

push_fate_t push_user_fate(const push_heap_t *heap,
                           const push_device_t *device,
                           const push_message_t *message,
                           push_position_t position, const push_time_t *now)
{
    const push_subscription_t *subscription = push_device_subscriptions(
        heap, device);
    const push_outcome_t *outcome;

    outcome = push_message_outcome(heap, message, push_ref_of(heap, device));
    if (outcome) {
        return (push_fate_t)outcome->fate;
    }
    if (is_filtered(heap, device, message, position)) {
        return PUSH_FILTERED;
    }
    if (push_message_fate(message) != PUSH_LIVE) {
        return push_message_fate(message);
    }
    if (push_message_until(message) <= now->mono) {
        return PUSH_EXPIRED;
    }
    if (push_window_holds(heap, &device->window, position)) {
        return PUSH_IN_FLIGHT;
    }
    if (push_device_missed(device, message)) {
        return PUSH_EXPIRED;
    }
    return push_before(position.at, subscription->cursor[position.lane])
               ? PUSH_ACKED
               : PUSH_PENDING;
}

void push_user_evict(push_heap_t *heap, push_user_t *user,
                     const push_entry_t *entry, const push_time_t *now)
{
    push_position_t position = {PUSH_SUBSCRIPTION_USER, (uint16_t)entry->lane,
                                entry->at};

    EACH_DEVICE(heap, user, device)
    {
        push_fate_t fate = push_user_fate(heap, device, entry->message,
                                          position, now);

        if ((fate == PUSH_PENDING || fate == PUSH_IN_FLIGHT)
            && push_device_wants(heap, device, entry->message)) {
            device->losses.count[PUSH_GAP_MEMORY][entry->lane]++;
        }
    }
    PUSH_FAILPOINT("evict-counted");
    if (push_message_alive(entry->message, now->mono)) {
        note_lost(user, entry->message, now);
        push_tally_message(heap, entry->message, PUSH_TALLY_EVICTED);
        push_count_settled(heap, PUSH_BY_OUTCOME_EVICTED, entry->lane, 1);
    }
    push_gone_note(heap, entry->message,
                   push_gone_why(entry->message, PUSH_GONE_MEMORY, now), now);
    push_log_remove(heap, &user->log, entry->lane, entry->at, PUSH_SLOT_GONE);
}

void push_user_adopt(push_heap_t *heap, push_user_t *user,
                     push_device_t *device, const push_time_t *now)
{
    device->user = push_ref_of(heap, user);
    device->sibling = user->devices;
    PUSH_FAILPOINT("adopt-sibling");
    user->devices = push_ref_of(heap, device);
    user->devices_count++;
    push_subscription_init(heap, push_device_subscriptions(heap, device),
                           device->user, 0);
    for (int i = 0; i < PUSH_LANES; i++) {
        if (user->lost_until <= now->mono) {
            user->lost[i] = 0;
        }
        device->losses.count[PUSH_GAP_MAILBOX][i] = user->lost[i];
    }
}

void push_user_drop(push_heap_t *heap, push_user_t *user,
                    push_device_t *device)
{
    push_ref_t gone = push_ref_of(heap, device);
    push_ref_t *link = &user->devices;
    push_ref_t ref;

    while (*link != gone) {
        link = &device_at(heap, *link)->sibling;
    }
    *link = device->sibling;
    PUSH_FAILPOINT("drop-unlinked");
    user->devices_count--;
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &user->log.lanes[lane];

        for (uint32_t at = l->tail; at != l->head; at++) {
            if (push_log_read(heap, &user->log, lane, at, &ref)
                == PUSH_SLOT_MESSAGE) {
                push_message_forget_device(heap, push_at(heap, ref), gone);
            }
        }
    }
}
