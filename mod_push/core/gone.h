#ifndef PUSH_GONE_H
#define PUSH_GONE_H

#include "core/message.h"

/*
 * The last messages that were taken out of the logs of a shard, and why, for
 * who asks what became of one: each only as its mid and a few words.  A ring,
 * which costs the same whatever happens; it tells nothing to readers, so a
 * death in the middle of a change may leave one entry that is wrong.
 */

/* Why a message is not in its log any more. */
typedef enum push_gone_why_t {
    PUSH_GONE_NOT, /* no entry */
    PUSH_GONE_EXPIRED,
    PUSH_GONE_REPLACED,
    PUSH_GONE_RECALLED,
    PUSH_GONE_MAILBOX, /* PushMaxPending of a user without devices */
    PUSH_GONE_HISTORY, /* PushChannelHistory */
    PUSH_GONE_MEMORY,
    PUSH_GONE_SETTLED, /* for want of memory: no known device waited for it */
    PUSH_GONE_NOBODY   /* it never was in one: TTL 0, and no stream was open */
} push_gone_why_t;

typedef struct push_gone_t {
    uint64_t mid;   /* 0: none */
    uint32_t after; /* ms from publish */
    uint16_t name;  /* the low bits of the hash of its log's name */
    uint8_t kind;   /* push_node_kind_t */
    uint8_t why;    /* push_gone_why_t */
} push_gone_t;

#define PUSH_GONE_KEPT 63u

typedef struct push_gone_ring_t {
    uint64_t count; /* ever noted */
    uint64_t spare;
    push_gone_t kept[PUSH_GONE_KEPT];
} push_gone_ring_t;

_Static_assert(sizeof(push_gone_ring_t) == 1024, "a shard keeps a page of it");

/* ---- with the lock of the shard of this heap ---- */

/* The message is about to leave the log; a no-op for a heap without a ring. */
void push_gone_note(push_heap_t *heap, const push_message_t *message,
                    push_gone_why_t why, const push_time_t *now);

/* The message never got into the log of this name. */
void push_gone_note_nobody(push_heap_t *heap, push_node_kind_t kind,
                           uint32_t name, uint64_t mid);

/* Why it goes that has ended; else as said. */
push_gone_why_t push_gone_why(const push_message_t *message,
                              push_gone_why_t alive, const push_time_t *now);

/* The newest entry of this mid, or NULL. */
const push_gone_t *push_gone_find(const push_gone_ring_t *ring, uint64_t mid);

#endif
