#ifndef PUSH_MESSAGE_TEXTS_H
#define PUSH_MESSAGE_TEXTS_H

#include "core/message.h"

/* The texts that stand behind a message's header, borrowed from it. */

static inline push_text_t push_message_topic(const push_message_t *m)
{
    return (push_text_t){m->bytes, m->topic_len};
}

static inline push_text_t push_message_device(const push_message_t *m)
{
    return (push_text_t){m->bytes + m->topic_len, m->device_len};
}

static inline push_text_t push_message_event(const push_message_t *m)
{
    return (push_text_t){m->bytes + m->topic_len + m->device_len,
                         m->event_len & ~PUSH_MESSAGE_TRACED};
}

/* PUSH_TRACEPARENT_BYTES, see core/traceparent.h; empty if its publisher gave none. */
static inline push_text_t push_message_trace(const push_message_t *m)
{
    push_text_t event = push_message_event(m);

    return (push_text_t){
        event.at + event.len,
        m->event_len & PUSH_MESSAGE_TRACED ? PUSH_TRACEPARENT_BYTES : 0};
}

/* Bytes before the payload. */
static inline uint32_t push_message_labels(const push_message_t *m)
{
    return (uint32_t)m->topic_len + m->device_len + push_message_event(m).len
           + push_message_trace(m).len + m->type_len;
}

static inline push_text_t push_message_type(const push_message_t *m)
{
    return (push_text_t){m->bytes + push_message_labels(m) - m->type_len,
                         m->type_len};
}

static inline push_text_t push_message_payload(const push_message_t *m)
{
    uint64_t life = atomic_load_explicit(&m->life, memory_order_relaxed);

    return (push_text_t){m->bytes + push_message_labels(m),
                         (uint32_t)(life & PUSH_MESSAGE_MAX)};
}

/* Bytes of all of them. */
static inline uint32_t push_message_size(const push_message_t *m)
{
    return push_message_labels(m) + push_message_payload(m).len;
}

#endif
