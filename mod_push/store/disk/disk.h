#ifndef PUSH_DISK_H
#define PUSH_DISK_H

#include "store/shard/store.h"

/*
 * The state on disk as all processes know it (push_disk_t): from which mid on
 * something may lack there.  Each process that writes has an entry in the
 * segment, in which it says so of its queue; when it died, its entry says what
 * is missing.  No locks.
 */

typedef enum push_disk_failing_t {
    PUSH_DISK_WELL,
    PUSH_DISK_FAILING,         /* and somebody said so */
    PUSH_DISK_FAILING_SILENTLY /* it was said a short while ago */
} push_disk_failing_t;

/* Live messages from this mid on, and all else, are to be written again. */
void push_disk_missing(push_store_t *store, uint64_t mid);

/* Makes it the lower one of the two; 0 is none. */
void push_disk_lower(_Atomic uint64_t *mid, uint64_t to);

/* An entry for this process; NULL if there is none. */
push_journal_entry_t *push_disk_claim(const push_store_t *store);

/* The process is gone, and what it left has been taken up. */
bool push_disk_forgotten(const push_store_t *store, uint32_t pid);

/* Bytes that wait in all processes. */
uint64_t push_disk_waiting(const push_store_t *store);

/* Takes up what processes left that died; one sweep at a time. */
void push_disk_reap(push_store_t *store);

#endif
