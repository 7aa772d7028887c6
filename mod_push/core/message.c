#include "core/message.h"

#include <string.h>

#include "core/tally.h"

/* How long the end of a message can still be asked for. */
#define LINGER_MS 60000

static uint64_t life_of(int64_t until, uint64_t size)
{
    return (uint64_t)until << 24 | size;
}

/* TTL 0 gives the reactors this long to find the open streams. */
#define NOW_MS 1000

static char *put_text(char *at, const push_text_t *text)
{
    if (text->len) {
        memcpy(at, text->at, text->len);
    }
    return at + text->len;
}

size_t push_message_stored_size(const push_stored_t *stored)
{
    const push_content_t *content = &stored->content;

    return PUSH_MESSAGE_HEADER + stored->topic.len + stored->device.len
           + content->event.len + content->trace.len + content->type.len
           + (stored->where.len ? 1 + stored->where.len : 0)
           + content->data.len;
}

/* Looked at once, so that no writing has to. */
static uint8_t traits_of(const push_stored_t *stored)
{
    const push_text_t *data = &stored->content.data;
    unsigned traits = (unsigned)stored->urgency
                      | (stored->content.ack_now ? PUSH_TRAIT_RECEIPT : 0u);

    if (!push_text_valid(data->at, data->len)) {
        return (uint8_t)(traits | PUSH_TRAIT_BINARY);
    }
    if (push_text_has(data->at, data->len, '\r')) {
        traits |= PUSH_TRAIT_LINES | PUSH_TRAIT_RETURNS;
    }
    if (push_text_has(data->at, data->len, '\n')) {
        traits |= PUSH_TRAIT_LINES;
    }
    return (uint8_t)traits;
}

static void put_texts(push_message_t *message, const push_stored_t *stored)
{
    const push_content_t *content = &stored->content;
    char *at;

    message->topic_len = (uint8_t)(stored->topic.len
                                   | (stored->where.len ? PUSH_MESSAGE_WHERE
                                                        : 0));
    message->device_len = (uint8_t)stored->device.len;
    message->event_len = (uint8_t)(content->event.len
                                   | (content->trace.len ? PUSH_MESSAGE_TRACED
                                                         : 0));
    message->type_len = (uint8_t)content->type.len;
    at = put_text(message->bytes, &stored->topic);
    at = put_text(at, &stored->device);
    at = put_text(at, &content->event);
    at = put_text(at, &content->trace);
    if (stored->where.len) {
        *at++ = (char)stored->where.len;
        at = put_text(at, &stored->where);
    }
    at = put_text(at, &content->type);
    put_text(at, &content->data);
}

/* Found once, so that whoever counts it finds it there. */
static uint32_t mark_of(const push_heap_t *heap, const push_stored_t *stored)
{
    return heap->tally
               ? heap->classes->mark
                     | push_class_for(heap->classes, stored->content.event,
                                      stored->where)
               : 0;
}

push_ref_t push_message_restore(push_heap_t *heap, const push_stored_t *stored,
                                int64_t until)
{
    uint32_t size = stored->content.data.len;
    push_message_t *message;
    push_ref_t ref;

    if (size > PUSH_MESSAGE_MAX) {
        return PUSH_NONE;
    }
    ref = heap->alloc(heap, push_message_stored_size(stored), PUSH_MESSAGE);
    if (!ref) {
        return PUSH_NONE;
    }
    message = push_at(heap, ref);
    memset(message, 0, PUSH_MESSAGE_HEADER);
    message->retired = mark_of(heap, stored);
    message->mid = stored->mid;
    message->life = life_of(until, size);
    message->refs = 1;
    message->fate = PUSH_LIVE;
    message->traits = traits_of(stored);
    put_texts(message, stored);
    return ref;
}

push_ref_t push_message_create(push_heap_t *heap,
                               const push_message_spec_t *spec, uint64_t mid,
                               const push_time_t *now)
{
    const push_stored_t stored = {.mid = mid,
                                  .topic = spec->topic,
                                  .device = spec->device,
                                  .where = spec->where,
                                  .content = spec->content,
                                  .urgency = spec->urgency};
    int64_t until = now->mono + (spec->ttl ? spec->ttl : NOW_MS);
    push_ref_t ref = push_message_restore(heap, &stored, until);

    if (ref) {
        push_message_t *message = push_at(heap, ref);

        atomic_store_explicit(&message->ended_after, (uint32_t)now->us,
                              memory_order_relaxed);
        message->traits |= spec->ttl ? 0 : PUSH_TRAIT_NOW;
    }
    return ref;
}

/* What the two clocks may differ by, µs, of the same moment. */
#define SAME_US 5000

/* The mid says it on the other clock, and to the ms. */
int64_t push_message_age(const push_message_t *message, const push_time_t *now)
{
    uint32_t published = atomic_load_explicit(&message->ended_after,
                                              memory_order_relaxed);
    int64_t exact = (uint32_t)((uint32_t)now->us - published);
    int64_t about = (now->wall - push_mid_ms(message->mid)) * 1000;

    about = about < 0 ? 0 : about;
    return exact - about < SAME_US && about - exact < SAME_US ? exact : about;
}

static void forget_outcomes(push_heap_t *heap, push_message_t *message)
{
    push_ref_t ref = message->outcomes;

    message->outcomes = PUSH_NONE;
    PUSH_FAILPOINT("release-outcomes");
    while (ref) {
        push_ref_t next = ((push_outcome_t *)push_at(heap, ref))->next;

        heap->release(heap, ref);
        ref = next;
    }
}

void push_message_release(push_heap_t *heap, push_ref_t ref)
{
    push_message_t *message = push_at(heap, ref);

    if (atomic_fetch_sub(&message->refs, 1) == 1) {
        forget_outcomes(heap, message);
        PUSH_FAILPOINT("release-message");
        heap->retire(heap, ref);
    }
}

bool push_message_hold(push_message_t *message)
{
    uint16_t refs = atomic_load(&message->refs);

    do {
        if (!refs || refs == UINT16_MAX) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&message->refs, &refs,
                                           (uint16_t)(refs + 1)));
    return true;
}

static uint32_t ms_since_publish(const push_message_t *message,
                                 const push_time_t *now)
{
    int64_t after = now->wall - push_mid_ms(message->mid);

    return after < 0 ? 0 : after > UINT32_MAX ? UINT32_MAX : (uint32_t)after;
}

/* What a class is told by, borrowed from the message. */
static push_message_spec_t spec_of(const push_message_t *message)
{
    push_message_spec_t spec = {.where = {"", 0}};
    push_text_t *event = &spec.content.event;
    const char *at;

    event->at = message->bytes + (message->topic_len & ~PUSH_MESSAGE_WHERE)
                + message->device_len;
    event->len = message->event_len & ~PUSH_MESSAGE_TRACED;
    at = event->at + event->len;
    if (message->event_len & PUSH_MESSAGE_TRACED) {
        at += PUSH_TRACEPARENT_BYTES;
    }
    if (message->topic_len & PUSH_MESSAGE_WHERE) {
        spec.where = (push_text_t){at + 1, (unsigned char)*at};
    }
    return spec;
}

/* What was evicted is counted by who knows whether it was a loss. */
static void count_end(const push_heap_t *heap, const push_message_t *message,
                      push_fate_t fate)
{
    const push_message_spec_t spec = spec_of(message);
    push_urgency_t urgency = push_message_urgency(message);

    if (fate == PUSH_EXPIRED) {
        push_tally(heap, &spec, PUSH_TALLY_EXPIRED, 1);
        push_count_settled(heap, PUSH_BY_OUTCOME_EXPIRED, urgency, 1);
    }
    else if (fate == PUSH_REPLACED) {
        push_tally(heap, &spec, PUSH_TALLY_REPLACED, 1);
        push_count_settled(heap, PUSH_BY_OUTCOME_REPLACED, urgency, 1);
    }
    else if (fate == PUSH_RECALLED) {
        push_tally(heap, &spec, PUSH_TALLY_RECALLED, 1);
        push_count_settled(heap, PUSH_BY_OUTCOME_RECALLED, urgency, 1);
    }
}

void push_message_end(push_heap_t *heap, push_message_t *message,
                      push_fate_t fate, const push_time_t *now)
{
    if (push_message_fate(message) != PUSH_LIVE) {
        return;
    }
    atomic_store_explicit(&message->ended_after,
                          ms_since_publish(message, now),
                          memory_order_relaxed);
    atomic_store(&message->fate, (uint8_t)fate);
    PUSH_FAILPOINT("end-fate");
    atomic_store(&message->life, life_of(now->mono + LINGER_MS,
                                         message->life & PUSH_MESSAGE_MAX));
    count_end(heap, message, fate);
}

/* In place of a count: the successor's mid was given before its own. */
#define NO_COUNT UINT16_MAX

/*
 * Both are of one shard, and the moment of the end is that of the successor:
 * only its count within the millisecond is to be kept.
 */
void push_message_replaced(push_message_t *message, uint64_t by)
{
    message->successor = NO_COUNT;
    if (by > message->mid) {
        message->ended_after = (uint32_t)(push_mid_ms(by)
                                          - push_mid_ms(message->mid));
        message->successor = (uint16_t)(by >> 12 & 1023u);
    }
}

uint64_t push_message_successor(const push_message_t *message)
{
    uint64_t ms = (uint64_t)push_mid_ms(message->mid) + message->ended_after;

    if (message->successor == NO_COUNT) {
        return 0;
    }
    return ms << 22 | (uint64_t)message->successor << 12
           | (message->mid & 0xfff);
}

bool push_message_settle(push_heap_t *heap, push_message_t *message,
                         push_ref_t device, push_fate_t fate,
                         const push_time_t *now)
{
    push_outcome_t *outcome;
    push_ref_t ref;

    if (push_message_fate(message) != PUSH_LIVE
        || push_message_outcome(heap, message, device)) {
        return true;
    }
    ref = heap->alloc(heap, sizeof(*outcome), PUSH_PART);
    if (!ref) {
        return false;
    }
    outcome = push_at(heap, ref);
    outcome->device = device;
    outcome->fate = fate;
    outcome->after = ms_since_publish(message, now);
    outcome->next = message->outcomes;
    PUSH_FAILPOINT("settle-outcome");
    message->outcomes = ref;
    return true;
}

const push_outcome_t *push_message_outcome(const push_heap_t *heap,
                                           const push_message_t *message,
                                           push_ref_t device)
{
    push_ref_t ref = message->outcomes;

    while (ref) {
        const push_outcome_t *outcome = push_at(heap, ref);

        if (outcome->device == device) {
            return outcome;
        }
        ref = outcome->next;
    }
    return NULL;
}

void push_message_forget_device(push_heap_t *heap, push_message_t *message,
                                push_ref_t device)
{
    push_ref_t *link = &message->outcomes;

    while (*link) {
        push_outcome_t *outcome = push_at(heap, *link);
        push_ref_t ref = *link;

        if (outcome->device == device) {
            *link = outcome->next;
            heap->release(heap, ref);
        }
        else {
            link = &outcome->next;
        }
    }
}
