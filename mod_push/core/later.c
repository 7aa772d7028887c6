#include "core/later.h"

#include <string.h>

#include "core/hash.h"
#include "core/predicate.h"

/*
 * Where payload and predicate stand among the texts of a body.  Their order is
 * kept on disk, so a new one comes last; no place is free.
 */
#define DATA  6u
#define WHERE 7u

static void texts_of(const push_publication_t *publication,
                     push_text_t texts[PUSH_LATER_TEXTS])
{
    const push_content_t *content = &publication->spec.content;

    memset(texts, 0, PUSH_LATER_TEXTS * sizeof(*texts));
    texts[0] = publication->audience.name;
    texts[1] = publication->spec.device;
    texts[2] = publication->spec.topic;
    texts[3] = content->event;
    texts[4] = content->type;
    texts[5] = content->trace;
    texts[DATA] = content->data;
    texts[WHERE] = publication->spec.where;
}

static void take_texts(push_publication_t *publication,
                       const push_text_t texts[PUSH_LATER_TEXTS])
{
    push_content_t *content = &publication->spec.content;

    publication->audience.name = texts[0];
    publication->spec.device = texts[1];
    publication->spec.topic = texts[2];
    content->event = texts[3];
    content->type = texts[4];
    content->trace = texts[5];
    content->data = texts[DATA];
    publication->spec.where = texts[WHERE];
}

size_t push_later_size(const push_publication_t *publication)
{
    push_text_t texts[PUSH_LATER_TEXTS];
    size_t size = sizeof(push_later_body_t);

    texts_of(publication, texts);
    for (unsigned i = 0; i < PUSH_LATER_TEXTS; i++) {
        size += texts[i].len;
    }
    return size;
}

void push_later_write(const push_publication_t *publication,
                      push_later_body_t *body)
{
    push_text_t texts[PUSH_LATER_TEXTS];
    char *at = (char *)(body + 1);

    *body = (push_later_body_t){
        .size = (uint32_t)push_later_size(publication),
        .kind = (uint8_t)publication->audience.kind,
        .urgency = (uint8_t)publication->spec.urgency,
        .traits = (uint8_t)(publication->spec.content.ack_now
                                ? PUSH_LATER_RECEIPT
                                : 0),
        .ttl = publication->spec.ttl};
    body->traits |= publication->relayed ? PUSH_LATER_RELAYED : 0;
    texts_of(publication, texts);
    for (unsigned i = 0; i < PUSH_LATER_TEXTS; i++) {
        body->lens[i] = texts[i].len;
        if (texts[i].len) {
            memcpy(at, texts[i].at, texts[i].len);
        }
        at += texts[i].len;
    }
}

static bool is_audience(const push_publication_t *publication)
{
    const push_audience_t *audience = &publication->audience;
    push_text_t device = publication->spec.device;

    switch (audience->kind) {
    case PUSH_LOG_USER:
        return audience->name.len != 0;
    case PUSH_LOG_CHANNEL:
        return audience->name.len && !device.len;
    case PUSH_LOG_BROADCAST:
        return !audience->name.len && !device.len;
    default:
        return false;
    }
}

/* The types go to the socket as they are. */
static bool is_legal(const push_publication_t *publication)
{
    const push_message_spec_t *spec = &publication->spec;
    const push_content_t *content = &spec->content;

    return is_audience(publication)
           && publication->audience.name.len <= PUSH_NAME_MAX
           && spec->device.len <= PUSH_DEVICE_MAX
           && spec->topic.len <= PUSH_TOPIC_MAX && spec->ttl >= 0
           && (!spec->where.len || push_predicate_valid(spec->where))
           && (!content->event.len
               || push_event_valid(content->event.at, content->event.len))
           && (!content->type.len
               || push_type_valid(content->type.at, content->type.len))
           && (!content->trace.len
               || content->trace.len == PUSH_TRACEPARENT_BYTES)
           && content->data.len <= PUSH_MESSAGE_MAX;
}

bool push_later_read(const push_later_body_t *body, size_t size,
                     push_publication_t *publication)
{
    push_text_t texts[PUSH_LATER_TEXTS];
    const char *at = (const char *)(body + 1);
    size_t sum = sizeof(*body);

    if (size < sizeof(*body) || body->size > size || body->size < sum
        || body->urgency >= PUSH_LANES) {
        return false;
    }
    for (unsigned i = 0; i < PUSH_LATER_TEXTS; i++) {
        if (body->lens[i] > body->size - sum) {
            return false;
        }
        texts[i] = (push_text_t){at, body->lens[i]};
        at += body->lens[i];
        sum += body->lens[i];
    }
    *publication = (push_publication_t){
        .audience.kind = (push_log_kind_t)body->kind,
        .spec.urgency = (push_urgency_t)body->urgency,
        .spec.ttl = body->ttl,
        .spec.content.ack_now = (body->traits & PUSH_LATER_RECEIPT) != 0,
        .relayed = (body->traits & PUSH_LATER_RELAYED) != 0};
    take_texts(publication, texts);
    return sum == body->size && is_legal(publication);
}

uint32_t push_later_hash(const uint64_t key[2],
                         const push_publication_t *publication, uint64_t id)
{
    const push_message_spec_t *spec = &publication->spec;
    uint64_t chain[2] = {key[0],
                         key[1] + (uint64_t)publication->audience.kind};

    if (!spec->topic.len) {
        return (uint32_t)push_hash(key, &id, sizeof(id));
    }
    chain[0] = push_hash(chain, publication->audience.name.at,
                         publication->audience.name.len);
    chain[0] = push_hash(chain, spec->device.at, spec->device.len);
    if (spec->where.len) {
        chain[0] = push_hash(chain, spec->where.at, spec->where.len);
    }
    return (uint32_t)push_hash(chain, spec->topic.at, spec->topic.len);
}

static bool same(push_text_t one, push_text_t other)
{
    return one.len == other.len
           && (!one.len || !memcmp(one.at, other.at, one.len));
}

bool push_later_same_topic(const push_publication_t *one,
                           const push_publication_t *other)
{
    return one->audience.kind == other->audience.kind
           && same(one->audience.name, other->audience.name)
           && same(one->spec.device, other->spec.device)
           && same(one->spec.where, other->spec.where)
           && same(one->spec.topic, other->spec.topic);
}

const char *push_later_name(push_later_state_t state)
{
    static const char *const names[] = {[PUSH_LATER_KEPT] = "kept",
                                        [PUSH_LATER_PUBLISHED] = "published",
                                        [PUSH_LATER_RECALLED] = "recalled",
                                        [PUSH_LATER_REPLACED] = "replaced",
                                        [PUSH_LATER_EXPIRED] = "expired",
                                        [PUSH_LATER_REFUSED] = "refused"};

    return state < PUSH_LATER_STATES ? names[state] : "unknown";
}
