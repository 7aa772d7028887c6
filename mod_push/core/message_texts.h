#ifndef PUSH_MESSAGE_TEXTS_H
#define PUSH_MESSAGE_TEXTS_H

#include "core/message.h"

/* The texts that stand behind a message's header, borrowed from it. */

static inline push_text_t push_message_topic(const push_message_t *m)
{
    return (push_text_t){m->bytes, m->topic_len & ~PUSH_MESSAGE_WHERE};
}

static inline push_text_t push_message_device(const push_message_t *m)
{
    return (push_text_t){m->bytes + push_message_topic(m).len, m->device_len};
}

static inline push_text_t push_message_event(const push_message_t *m)
{
    return (push_text_t){m->bytes + push_message_topic(m).len + m->device_len,
                         m->event_len & ~PUSH_MESSAGE_TRACED};
}

/* The event that no publisher can give: streams end behind it. */
#define PUSH_CLOSE "push.close"

static inline bool push_message_closes(const push_message_t *m)
{
    push_text_t event = push_message_event(m);

    return event.len == sizeof(PUSH_CLOSE) - 1
           && !memcmp(event.at, PUSH_CLOSE, event.len);
}

/* PUSH_TRACEPARENT_BYTES, see core/traceparent.h; empty if its publisher gave none. */
static inline push_text_t push_message_trace(const push_message_t *m)
{
    push_text_t event = push_message_event(m);

    return (push_text_t){
        event.at + event.len,
        m->event_len & PUSH_MESSAGE_TRACED ? PUSH_TRACEPARENT_BYTES : 0};
}

/* Compiled, see core/where.h; empty if it is for every device. */
static inline push_text_t push_message_where(const push_message_t *m)
{
    push_text_t trace = push_message_trace(m);
    const char *at = trace.at + trace.len;

    return m->topic_len & PUSH_MESSAGE_WHERE
               ? (push_text_t){at + 1, (unsigned char)*at}
               : (push_text_t){at, 0};
}

/* Bytes before the payload. */
static inline uint32_t push_message_labels(const push_message_t *m)
{
    push_text_t where = push_message_where(m);

    return (uint32_t)(where.at - m->bytes) + where.len + m->type_len;
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
