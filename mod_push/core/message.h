#ifndef PUSH_MESSAGE_H
#define PUSH_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/content.h"
#include "core/heap.h"
#include "core/ids.h"

/*
 * A message as it is stored: once, whatever the number of its recipients, and
 * as it was published.  Behind the header stand its collapse key, the device
 * it is meant for, its event type, the trace it is part of, its predicate and
 * its content type (all mostly empty), and its payload.  How it looks on a wire is for the codecs (codec/),
 * which write the payload straight from here where they can.
 */
typedef struct push_message_t {
    uint32_t retired;      /* the heap's link; till then its class's mark */
    push_ref_t log;        /* where it was published to; never changes */
    uint64_t mid;          /* never changes */
    _Atomic uint64_t life; /* end (mono ms) << 24 | payload; log's lock */
    push_ref_t outcomes;   /* what became of it, per device; log's lock */
    /* ms from publish to end, if it has ended, else when it was published:
     * low bits of push_time_t.us, see push_message_age(); log's lock */
    _Atomic uint32_t ended_after;
    _Atomic uint16_t refs; /* 1 for its log, 1 for each partial write */
    uint16_t successor;    /* see push_message_successor(); log's lock */
    _Atomic uint8_t fate;  /* push_fate_t; log's lock to change */
    uint8_t traits;        /* urgency and PUSH_TRAIT_*; never change */
    uint8_t topic_len;     /* and PUSH_MESSAGE_WHERE; never changes */
    uint8_t device_len;    /* never changes */
    uint8_t event_len;     /* and PUSH_MESSAGE_TRACED; never changes */
    uint8_t type_len;      /* never changes */
    char bytes[];
} push_message_t;

#define PUSH_TRAIT_URGENCY 3u
#define PUSH_TRAIT_NOW     4u   /* TTL 0: only for streams open at publish */
#define PUSH_TRAIT_RECEIPT 8u   /* the publisher wants to know */
#define PUSH_TRAIT_BINARY  16u  /* the payload is no text */
#define PUSH_TRAIT_LINES   32u  /* it is text with a CR or LF in it */
#define PUSH_TRAIT_CHANNEL 64u  /* its log is that of a channel */
#define PUSH_TRAIT_RETURNS 128u /* of PUSH_TRAIT_LINES: with a CR in it */

#define PUSH_MESSAGE_HEADER offsetof(push_message_t, bytes)
#define PUSH_MESSAGE_MAX    ((1u << 24) - 1) /* bytes of a payload */

/* The fate of a message for one device; in the list of the message. */
typedef struct push_outcome_t {
    push_ref_t next;
    push_ref_t device;
    uint32_t after; /* ms from publish */
    uint32_t fate;
} push_outcome_t;

_Static_assert(sizeof(push_outcome_t) == 16, "an outcome is 16 bytes");
/* Header, and at most two slots of its lane's ring. */
#define PUSH_MESSAGE_OVERHEAD (PUSH_MESSAGE_HEADER + 8)

_Static_assert(PUSH_MESSAGE_OVERHEAD <= 64,
               "a queued message costs at most 64 bytes beyond its texts");

/* PUSH_NONE when there is no memory; not yet in any log. */
push_ref_t push_message_create(push_heap_t *heap,
                               const push_message_spec_t *spec, uint64_t mid,
                               const push_time_t *now);

/* The same for such a message; it expires at until (mono ms). */
push_ref_t push_message_restore(push_heap_t *heap, const push_stored_t *stored,
                                int64_t until);

/* Bytes that push_message_restore() allocates. */
size_t push_message_stored_size(const push_stored_t *stored);

/* One holder less; the last one retires it. */
void push_message_release(push_heap_t *heap, push_ref_t ref);

/* One holder more; false if it is on its way out already. */
bool push_message_hold(push_message_t *message);

static inline push_urgency_t push_message_urgency(const push_message_t *m)
{
    return (push_urgency_t)(m->traits & PUSH_TRAIT_URGENCY);
}

static inline push_fate_t push_message_fate(const push_message_t *m)
{
    return (push_fate_t)atomic_load_explicit(&m->fate, memory_order_relaxed);
}

static inline bool push_message_has_topic(const push_message_t *m)
{
    return m->topic_len & ~PUSH_MESSAGE_WHERE;
}

/* When it expires or, once it has ended, when it may be forgotten. */
static inline int64_t push_message_until(const push_message_t *m)
{
    return (int64_t)(atomic_load_explicit(&m->life, memory_order_relaxed)
                     >> 24);
}

static inline bool push_message_alive(const push_message_t *m, int64_t now)
{
    return push_message_fate(m) == PUSH_LIVE && push_message_until(m) > now;
}

/*
 * µs since it was published, as well as that is known: of one that was
 * restored to the ms.  Needs no lock: what ends meanwhile is as one restored.
 */
int64_t push_message_age(const push_message_t *message,
                         const push_time_t *now);

/* Ends it for everybody who has not acknowledged it; a no-op if it has. */
void push_message_end(push_heap_t *heap, push_message_t *message,
                      push_fate_t fate, const push_time_t *now);

/* It ends because the message with this mid, of its log, replaces it. */
void push_message_replaced(push_message_t *message, uint64_t by);

/* Of one that was replaced: the mid of what replaced it; 0: not known. */
uint64_t push_message_successor(const push_message_t *message);

/*
 * Notes what became of it for one device; the first note stands.  False, and
 * nothing noted, when there is no memory.
 */
bool push_message_settle(push_heap_t *heap, push_message_t *message,
                         push_ref_t device, push_fate_t fate,
                         const push_time_t *now);

/* The note for a device, or NULL. */
const push_outcome_t *push_message_outcome(const push_heap_t *heap,
                                           const push_message_t *message,
                                           push_ref_t device);

/* Forgets the notes of a device that goes away. */
void push_message_forget_device(push_heap_t *heap, push_message_t *message,
                                push_ref_t device);

#endif
