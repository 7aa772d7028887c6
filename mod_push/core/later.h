#ifndef PUSH_LATER_H
#define PUSH_LATER_H

#include "core/heap.h"
#include "core/publication.h"

/*
 * A publication that is kept until its time comes.  It is no message before
 * that: it stands in no log, has no recipient, and its TTL has not begun.
 * When it is over, its texts go at once; who it was, and what became of it, is
 * remembered for a while.
 */

/* The farthest that one may be ahead, ms: 30 days. */
#define PUSH_LATER_MAX 2592000000LL

/* One with TTL 0 is still published so long after its time, ms. */
#define PUSH_LATER_GRACE 60000

/* How it stands. */
typedef enum push_later_state_t {
    PUSH_LATER_KEPT,
    PUSH_LATER_PUBLISHED,
    PUSH_LATER_RECALLED,
    PUSH_LATER_REPLACED, /* by a later one of the same Topic and devices */
    PUSH_LATER_EXPIRED,  /* the server was not there in time */
    PUSH_LATER_REFUSED,  /* as its publisher would have been, at its time */
    PUSH_LATER_STATES
} push_later_state_t;

typedef struct push_later_t {
    push_node_t node;       /* hash: push_later_hash() */
    push_ref_t body;        /* a push_later_body_t; PUSH_NONE: it is over */
    uint32_t position;      /* in the queue of its shard, from 1; 0: in none */
    _Atomic uint32_t state; /* push_later_state_t */
    uint64_t id;            /* as a mid; no message ever has it */
    uint64_t message;       /* its mid, once it was given; 0: none yet */
    int64_t at;             /* wall ms: when it is published */
    int64_t next;           /* wall ms: to publish it, or to forget it */
} push_later_t;

/* What is to be published, in one piece; its texts follow. */
#define PUSH_LATER_TEXTS 8

typedef struct push_later_body_t {
    uint32_t size; /* of all of it, bytes */
    uint8_t kind;  /* push_log_kind_t */
    uint8_t urgency;
    uint8_t traits; /* PUSH_LATER_RECEIPT, _RELAYED */
    uint8_t unused;
    int64_t ttl;                     /* ms from its time on */
    uint32_t lens[PUSH_LATER_TEXTS]; /* of the texts, see later.c */
} push_later_body_t;

#define PUSH_LATER_RECEIPT 1u
#define PUSH_LATER_RELAYED 2u

/* Bytes of the body that push_later_write() makes. */
size_t push_later_size(const push_publication_t *publication);

/* Writes it to a place of that size, aligned to 8 bytes. */
void push_later_write(const push_publication_t *publication,
                      push_later_body_t *body);

/*
 * The publication, but for what the node knows; its texts are borrowed from
 * the body.  False: size bytes are no body that was written.
 */
bool push_later_read(const push_later_body_t *body, size_t size,
                     push_publication_t *publication);

/*
 * By what it is found: what has a Topic by that, its audience and its
 * predicate, since the next one has to find it; what has none by its id.  The
 * key is the segment's.
 */
uint32_t push_later_hash(const uint64_t key[2],
                         const push_publication_t *publication, uint64_t id);

/* Whether one would replace the other: both are for the same devices. */
bool push_later_same_topic(const push_publication_t *one,
                           const push_publication_t *other);

/* wall ms: after this it is of no use any more. */
static inline int64_t push_later_end(int64_t at, int64_t ttl)
{
    return at + (ttl ? ttl : PUSH_LATER_GRACE);
}

static inline push_later_state_t push_later_state(const push_later_t *later)
{
    return (push_later_state_t)atomic_load_explicit(&later->state,
                                                    memory_order_relaxed);
}

/* "kept", "published", …: the words of the wire. */
const char *push_later_name(push_later_state_t state);

#endif
