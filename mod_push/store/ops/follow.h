#ifndef PUSH_FOLLOW_H
#define PUSH_FOLLOW_H

#include "store/ops/apply.h"
#include "store/shard/copy.h"

/*
 * Logs that this node follows: begun, loaded whole, loaded again from their
 * version.  What is under way stands in the segment, so what a process began
 * that died is found (push_follow_walk()) and begun by another one.
 * Each function takes the lock of the log's shard; log is as in
 * push_applied_t.
 */

/* What push_follow_begin() and push_follow_leave() found. */
typedef struct push_follow_t {
    push_follow_state_t state; /* as it is now */
    bool mine; /* this call began it: load, or end, with this errand */
    uint32_t errand;
    uint64_t since; /* tick; what is loaded has to begin behind it */
} push_follow_t;

/*
 * The log is followed from here on: mine says that the caller has to ask for
 * it (push_follow, push_claim or push_resync with `since`) and to load it.
 * Else it is LIVE, or another errand is at it (LOADING, LEAVING): ask again
 * soon.  An errand whose process died, or that ended without success, is taken
 * over.  A log that is LIVE but behind is begun too, from its version on; it
 * stays LIVE for its readers.  PUSH_BUSY, PUSH_NO_MEMORY.
 */
push_status_t push_follow_begin(push_store_t *store, push_text_t log,
                                push_follow_t *follow);

/* So many messages were dropped of a lane for its limit, the newest at tick. */
typedef struct push_dropped_t {
    uint64_t tick;
    uint32_t lane;
    uint32_t count;
    int64_t until; /* mono ms; then all of them would have expired */
} push_dropped_t;

/* An answer about a log, or a piece of it. */
typedef struct push_loaded_t {
    push_text_t log;
    uint32_t errand; /* of push_follow_begin(); 0: of a resync, see there */
    uint64_t since;  /* tick, 0: the beginning; it has all behind it, */
    uint64_t tick;   /* up to this one */
    bool whole;    /* what is behind `from` and not among the entries ended */
    uint64_t from; /* tick; of the first piece 0, of the next where it began */
    bool more;     /* another piece follows, since this one's tick */
    push_applied_t *entries; /* messages and recalls; put into order here */
    unsigned count;
    const push_dropped_t *marks;
    unsigned marks_count;
} push_loaded_t;

/*
 * Puts what is loaded into the log: messages in the order of their ticks, then
 * recalls; what the log has already is passed over.  Behind the last piece the
 * log is LIVE, and not behind unless more was dropped meanwhile: *again says
 * so, and then push_follow_begin() gives a new errand.  A resync (errand 0) is
 * of a log that is LIVE, and of no errand.  PUSH_STALE: another errand took
 * over, or the log's version is below `since`, or (of a resync) it is not LIVE:
 * nothing was changed.  PUSH_NOT_FOUND: the log went meanwhile.  PUSH_BUSY: it
 * is to be called again.
 */
push_status_t push_follow_load(push_store_t *store,
                               const push_loaded_t *loaded,
                               const push_time_t *now, bool *again);

/*
 * The errand ended without an answer: another may begin it.  The log is as it
 * was: LOADING, or LIVE and behind.
 */
push_status_t push_follow_fail(push_store_t *store, push_text_t log,
                               uint32_t errand);

/* Entries of the log up to tick were not applied: it is behind from now on. */
push_status_t push_follow_drop(push_store_t *store, push_text_t log,
                               uint64_t tick);

#endif
