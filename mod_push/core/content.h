#ifndef PUSH_CONTENT_H
#define PUSH_CONTENT_H

#include "core/text.h"
#include "core/traceparent.h"
#include "core/types.h"

/* Content and specification of a message that is to be. */

#define PUSH_TOPIC_MAX 32 /* bytes (RFC 8030, section 5.4) */

/* In the length of an event type: PUSH_TRACEPARENT_BYTES follow. */
#define PUSH_MESSAGE_TRACED 128u

/* In the length of a Topic: a predicate stands behind the trace, its length
 * (one byte) first. */
#define PUSH_MESSAGE_WHERE 128u

_Static_assert(PUSH_EVENT_MAX < PUSH_MESSAGE_TRACED
                   && PUSH_TOPIC_MAX < PUSH_MESSAGE_WHERE,
               "the longest texts leave these bits free");

/* The content of a message, as its publisher gave it. */
typedef struct push_content_t {
    push_text_t event; /* event type; empty for none */
    push_text_t type;  /* content type; empty if none was given */
    push_text_t
        trace; /* PUSH_TRACEPARENT_BYTES of core/traceparent.h; empty for none */
    push_text_t data; /* payload, any bytes */
    bool ack_now;     /* the publisher asked for a receipt */
} push_content_t;

/*
 * All that a message is made of, as its publisher asked, checked and complete.
 */
typedef struct push_message_spec_t {
    push_content_t content;
    push_text_t topic;  /* collapse key; empty for none */
    push_text_t device; /* empty: every device of the user */
    push_text_t where;  /* see core/where.h; empty: whatever the device */
    push_urgency_t urgency;
    int64_t ttl; /* ms; 0: only streams that are open now */
} push_message_spec_t;

/* A message as it was kept elsewhere. */
typedef struct push_stored_t {
    uint64_t mid;
    push_text_t topic;
    push_text_t device;
    push_text_t where;
    push_content_t content;
    push_urgency_t urgency;
} push_stored_t;

#endif
