#ifndef PUSH_STORE_H
#define PUSH_STORE_H

#include "core/commit.h"
#include "core/event.h"
#include "store/shm/clock.h"
#include "store/shm/epoch.h"
#include "store/limits/guard.h"
#include "store/shard/presence.h"
#include "store/shard/records.h"
#include "store/shm/seat.h"

/*
 * A process's view of the shared segment, and the way into its shards.
 *
 * Order of locks: the sweep lock, that of relief, a shard, the retired lists,
 * a slab class, the slab's pages.  No thread holds two shards at once, but for
 * the recount, which holds the sweep lock and takes all shards in ascending
 * order.
 */

typedef struct push_limits_t {
    uint32_t max_pending; /* messages of one mailbox */
    uint32_t history;     /* messages of one channel */
    int64_t retention;    /* ms; a device that is away is remembered */
    uint32_t channels;    /* brought into being by subscribers; 0: auto */
    int64_t idempotency;  /* ms; the window of idempotency keys */
} push_limits_t;

typedef struct push_store_t {
    push_segment_t *segment;
    push_shard_t *shards;
    push_shard_counts_t *counted;   /* of the shards */
    struct push_reports_t *reports; /* see store/shard/report.h */
    struct push_journal_t *journal; /* NULL: nothing is kept on disk */
    /* takes what was noted, once its shard is left; NULL: it is dropped */
    void (*hand_over)(struct push_store_t *store, push_records_t *records,
                      push_commit_t *commit);
    void *_Atomic hander;            /* hand_over's own */
    push_events_t events;            /* who listens, in this process */
    const push_presence_t *presence; /* NULL: nobody asks for it */
    push_classes_t classes;          /* by which it counts */
    push_slab_t slab;
    push_epoch_t epoch;
    push_seats_t seats;
    push_limits_t limits;
    push_guard_t *guard;                /* NULL: nothing is limited */
    struct push_positions_t *positions; /* NULL: PushPositions is off */
    _Atomic uint32_t *visitors;         /* of this process's seat */
    _Atomic uint32_t *checkins;         /* likewise */
    push_counts_t *counts;              /* likewise, of its workers */
    uint32_t tag;                       /* the seat's, or PUSH_SEAT_NOBODY */
    push_heap_t heaps[PUSH_SHARDS];     /* the memory as each shard sees it */
    push_records_t noted[PUSH_SHARDS];  /* to be written; its shard's lock */
} push_store_t;

/* The mapping of the segment, and how its reactors are woken. */
typedef struct push_mapping_t {
    void *base;
    uint64_t size;
    uint32_t seats; /* reactors that there may be at once */
    /* one for each, borrowed for good; see push_seats_t */
    const int *events, *receive, *send;
    push_guard_t *guard; /* may be NULL, as the next */
    struct push_positions_t *positions;
    uint64_t layout; /* push_layout(): who may use the segment */
    /* Of a node of a cluster: the 16 bytes by which that hashes names; NULL:
     * of one machine, its own.  Borrowed by push_store_create(). */
    const unsigned char *hash_key;
} push_mapping_t;

/* A view of a segment that is in use; false if it is not usable. */
bool push_store_open(push_store_t *store, const push_mapping_t *mapping,
                     const push_limits_t *limits);

/* Lays out a segment in zeroed memory; false if it is too small. */
bool push_store_create(push_store_t *store, const push_mapping_t *mapping,
                       const push_limits_t *limits);

/* This process has a seat now, and is counted there when it is in a shard. */
void push_store_sit(push_store_t *store, unsigned seat);

/* ---- with the lock of the shard ---- */

/* Takes a record, or NULL; all of a visit get to the disk together. */
static inline void push_shard_note(push_store_t *store, unsigned shard,
                                   push_record_t *record)
{
    if (record) {
        push_records_append(&store->noted[shard], record);
    }
}

typedef struct push_name_t {
    push_text_t text;
    uint64_t hash;
    unsigned shard;
} push_name_t;

/* The number of a new stream: not 0, which is that of a broken session. */
uint32_t push_store_next_gen(push_store_t *store);

/*
 * The token by which the wire names the seqs that the stream of this number
 * gives (docs/protocol.md, "Acknowledge").  No segment repeats one of another:
 * they are made with a key that no restart keeps.
 */
uint64_t push_store_session(const push_store_t *store, uint32_t gen);

/* Where a user or a channel of this name lives.  Needs no lock. */
push_name_t push_store_name(const push_store_t *store, push_text_t text);

/* NULL if there is none, or (make) no memory for one. */
push_user_t *push_store_user(push_store_t *store, const push_name_t *name,
                             bool make);
push_channel_t *push_store_channel(push_store_t *store,
                                   const push_name_t *name, bool make);

/*
 * Forgets a user who has no device and no message.  What such a user would
 * have been told to have lost, until lost_until, is told to all users of the
 * shard who are not known until then: one too many rather than one too few.
 */
void push_store_drop_user(push_store_t *store, unsigned shard,
                          push_user_t *user);

/* The channel of all devices; needs no lock, never moves. */
push_channel_t *push_store_broadcast(const push_store_t *store);

/* The device context with this id in this shard, or NULL. */
push_device_t *push_store_device(push_store_t *store, unsigned shard,
                                 const unsigned char *id);

/* SHA-256 of the parts, each behind its length, cut to 16 bytes. */
void push_store_digest(const push_text_t *parts, unsigned count,
                       unsigned char *id);

/* What was counted ever, by push_count_t.  Needs no lock. */
void push_store_counts(const push_store_t *store, uint64_t sums[PUSH_COUNTS]);

static inline push_device_t *push_store_device_at(push_store_t *store,
                                                  push_ref_t ref)
{
    return push_at(&store->heaps[0], ref);
}

#endif
