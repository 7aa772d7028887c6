#ifndef PUSH_LOG_H
#define PUSH_LOG_H

#include "core/lane.h"
#include "core/message.h"

/*
 * A log holds what was published to one user, one channel or to all, in four
 * lanes, one an urgency, each in publish order.  Each subscription keeps a
 * cursor in every lane, so a publish costs the same for one reader and for a
 * million.
 *
 * Writers hold the lock of the log's shard.  Readers need none: they find a
 * lane's slots in memory that is not reused while they look (push_heap_t
 * retire), and a slot is empty before its message goes.
 */

typedef enum push_log_kind_t {
    PUSH_LOG_USER = PUSH_NODE_USER,
    PUSH_LOG_CHANNEL = PUSH_NODE_CHANNEL,
    PUSH_LOG_BROADCAST = PUSH_NODE_BROADCAST
} push_log_kind_t;

/* The first member of a user and of a channel. */
typedef struct push_log_t {
    push_node_t node;    /* hash: of its name; kind: a push_log_kind_t */
    uint32_t live_count; /* messages that have not ended */
    uint32_t topics;     /* of them, with a collapse key */
    uint32_t lost_at;    /* of a user's: ticks; see push_user_t */
    int64_t due;         /* mono ms; before this a sweep has nothing to do */
    push_lane_t lanes[PUSH_LANES];
} push_log_t;

static inline push_log_kind_t push_log_kind(const push_log_t *log)
{
    return (push_log_kind_t)push_node_kind(log);
}

/* The outcome of reading one position of a lane. */
typedef enum push_slot_t {
    PUSH_SLOT_MESSAGE,
    PUSH_SLOT_GONE,    /* ended and forgotten */
    PUSH_SLOT_EVICTED, /* dropped before its end */
    PUSH_SLOT_PASSED,  /* before the tail */
    PUSH_SLOT_END      /* nothing there yet */
} push_slot_t;

/* An entry of a log: a message, and the lane and position where it stands. */
typedef struct push_entry_t {
    push_message_t *message;
    unsigned lane;
    uint32_t at;
} push_entry_t;

/* Slots in use in all lanes: at least the number of live messages. */
uint32_t push_log_length(const push_log_t *log);

bool push_log_empty(const push_log_t *log);

/* ---- any reader ---- */

push_slot_t push_log_read(const push_heap_t *heap, const push_log_t *log,
                          unsigned lane, uint32_t at, push_ref_t *ref);

/*
 * Where the message with this mid stands; false if it is not found.  It counts
 * on mids that rise in a lane: of two that were published with keys at the
 * same moment it may miss one.
 */
bool push_log_search(const push_heap_t *heap, const push_log_t *log,
                     uint64_t mid, push_entry_t *entry);

/* ---- with the lock of the log's shard ---- */

/* Makes sure that the next append to the lane cannot fail. */
push_status_t push_log_reserve(push_heap_t *heap, push_log_t *log,
                               unsigned lane);

/* Appends a message that the log owns from here on. */
void push_log_append(push_heap_t *heap, push_log_t *log, push_ref_t ref);

/* The same, of one that is published now: who listens is told. */
void push_log_publish(push_heap_t *heap, push_log_t *log, push_ref_t ref,
                      const push_time_t *now);

/* Ends a message for all who have not acknowledged it; it can still be seen. */
void push_log_end(push_heap_t *heap, push_log_t *log, push_message_t *message,
                  push_fate_t fate, const push_time_t *now);

/* The oldest live message of a lane; false if there is none. */
bool push_log_oldest(const push_heap_t *heap, push_log_t *log, unsigned lane,
                     push_entry_t *entry);

/* Takes a message out; its slot stays, and says why it is empty. */
void push_log_remove(push_heap_t *heap, push_log_t *log, unsigned lane,
                     uint32_t at, push_slot_t why);

/*
 * Messages that could not be stored, count of them, would stand here: readers
 * find that they were dropped.  Allocates nothing that it cannot do without.
 */
void push_log_lose(push_heap_t *heap, push_log_t *log, unsigned lane,
                   uint32_t count);

/*
 * Sees to it that so many positions before the tail read as passed, and not as
 * dropped; of the log of a user, where nothing is dropped without a count.
 */
void push_log_pass(push_log_t *log, unsigned lane, uint32_t count);

/* True if a message with this mid or a later one stands in the lane. */
bool push_log_reaches(const push_heap_t *heap, const push_log_t *log,
                      unsigned lane, uint64_t mid);

/* Live messages of one lane; a walk, unless the others are empty. */
uint32_t push_log_live_in(const push_heap_t *heap, const push_log_t *log,
                          unsigned lane);

/* Gives up the empty slots at the lane's old end. */
void push_log_trim(const push_heap_t *heap, push_log_t *log, unsigned lane);

/*
 * The entry of the live message that a new one of this spec would replace: the
 * one with its collapse key and audience.  False if there is none.
 */
bool push_log_find_topic(const push_heap_t *heap, const push_log_t *log,
                         const push_message_spec_t *spec,
                         const push_time_t *now, push_entry_t *entry);

/* Where the message with this mid stands; false if it is not here. */
bool push_log_find(const push_heap_t *heap, const push_log_t *log,
                   uint64_t mid, push_entry_t *entry);

/* The first position of a lane behind which no mid is below this one. */
uint32_t push_log_seek(const push_heap_t *heap, const push_log_t *log,
                       unsigned lane, uint64_t mid);

/*
 * Ends what has expired, and forgets what ended a while ago or, in a hurry,
 * at all.  Returns how many messages it forgot.
 */
uint32_t push_log_sweep(push_heap_t *heap, push_log_t *log, bool hurry,
                        const push_time_t *now);

/* Drops all messages and slots. */
void push_log_cleanup(push_heap_t *heap, push_log_t *log);

#endif
