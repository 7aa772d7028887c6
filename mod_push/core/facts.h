#ifndef PUSH_FACTS_H
#define PUSH_FACTS_H

#include "core/device.h"
#include "core/gone.h"
#include "core/nodes.h"
#include "core/publication.h"
#include "core/trace.h"

/*
 * What is known of a message, a user and one of the user's devices at one
 * moment, copied out of the store, for core/explain.h to decide from.
 */

/* The question: why did this message not arrive, or why is there silence? */
typedef struct push_question_t {
    uint64_t mid;                    /* 0: no message is named */
    const push_audience_t *audience; /* of the message; NULL: not said */
    push_text_t user;
    push_text_t device; /* its label or context id as text; empty: all */
    push_time_t now;
    push_nodes_asked_t *nodes; /* set where all nodes are asked; or NULL */
} push_question_t;

/* How the server knows a mid. */
typedef enum push_known_t {
    PUSH_KNOWN_HERE,   /* it stands in a log */
    PUSH_KNOWN_GONE,   /* a note is left: why it is in none any more */
    PUSH_KNOWN_NOT,    /* nothing is known but its mid */
    PUSH_KNOWN_BEFORE, /* likewise; given before this memory was made */
    PUSH_KNOWN_NEVER   /* this server has not given it yet */
} push_known_t;

/* A very long predicate is cut. */
#define PUSH_FACTS_WHERE_ROOM 321

typedef struct push_message_facts_t {
    uint64_t mid; /* 0: no message is asked about */
    push_known_t known;
    /* here, and partly gone */
    push_log_kind_t kind;
    char name[PUSH_NAME_MAX + 1];     /* of its user or channel; empty: ? */
    char device[PUSH_DEVICE_MAX + 1]; /* that it is meant for, or empty */
    push_urgency_t urgency;
    bool now_only;                     /* TTL 0 */
    char where[PUSH_FACTS_WHERE_ROOM]; /* its predicate, as text; or empty */
    push_fate_t fate;
    int64_t ends;       /* wall ms; its TTL's end, or when it did end */
    uint64_t successor; /* if it was replaced */
    /* gone */
    push_gone_why_t gone;
    int64_t gone_at; /* wall ms */
    bool foreign;    /* its mid is of no log that the device reads */
} push_message_facts_t;

typedef struct push_device_facts_t {
    bool known;
    bool stale; /* as was last written: its node does not answer */
    unsigned char id[PUSH_CONTEXT_BYTES];
    char label[PUSH_DEVICE_MAX + 1];
    char app[PUSH_APP_MAX + 1];
    uint16_t traits; /* PUSH_DEVICE_* */
    push_went_t went;
    push_urgency_t lowest;
    int64_t first_seen; /* wall ms */
    int64_t last_seen;  /* wall ms; of an open stream: when it came */
    int64_t last_ack;   /* wall ms; 0: never */
    int64_t blocked;    /* wall ms; 0: its socket is not full */
    uint64_t acked, sent;
    uint32_t max_in_flight;
    int64_t oldest_sent; /* wall ms of the oldest in flight; 0: none */
    uint32_t pending;    /* of any urgency */
    uint32_t filtered;   /* of them, below its lowest urgency */
    uint32_t lost;       /* dropped, and to be told */
    bool published;      /* something stands in a log that it reads */
    /* of the message */
    bool wants;    /* its label is the message's, or that has none */
    bool follows;  /* the log; true of the user's own */
    int64_t since; /* wall ms; 0: not known */
    bool joined_late;
    push_fate_t fate;
    int64_t fate_at; /* wall ms; 0: not known */
    bool held;       /* it is, or was at its end, in flight */
    uint64_t seq;    /* as which, if it is held */
} push_device_facts_t;

typedef struct push_facts_t {
    int64_t now; /* wall ms */
    char user[PUSH_NAME_MAX + 1];
    char asked[PUSH_DEVICE_MAX + 1]; /* the device asked for, or empty */
    unsigned devices;                /* of the user, in all */
    uint32_t max_pending, history;   /* the limits */
    push_message_facts_t message;
    push_device_facts_t device;
    push_trace_view_t trace;
} push_facts_t;

static inline bool push_facts_online(const push_facts_t *facts)
{
    return facts->device.traits & PUSH_DEVICE_ONLINE;
}

static inline uint64_t push_facts_in_flight(const push_facts_t *facts)
{
    return facts->device.sent - facts->device.acked;
}

#endif
