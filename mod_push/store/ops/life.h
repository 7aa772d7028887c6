#ifndef PUSH_LIFE_H
#define PUSH_LIFE_H

#include "core/view.h"
#include "store/shard/store.h"

/* The life of one message: found by its mid, seen, recalled. */

/* Where a message stands. */
typedef struct push_found_t {
    push_log_t *log;
    push_entry_t entry;
} push_found_t;

/* Finds it; false: no log has it.  With the lock of the mid's shard. */
bool push_life_find(push_store_t *store, uint64_t mid, push_found_t *found);

/* How it looks; texts are borrowed.  With the same lock. */
void push_life_read(const push_store_t *store, const push_found_t *found,
                    const push_time_t *now, push_message_view_t *view);

/*
 * Gives what the publisher of a message would be told now, or that of what is
 * kept for later.  PUSH_NOT_FOUND, PUSH_BUSY.
 */
push_status_t push_store_lookup(push_store_t *store, uint64_t mid,
                                push_receipt_t *receipt);

/*
 * A message, then its life for each device.  PUSH_NOT_FOUND, also where it is
 * for somebody else than is said; PUSH_BUSY.
 * For a channel's message the devices are looked for in all shards.
 */
push_status_t push_view_message(push_store_t *store,
                                const push_sought_t *sought,
                                const push_time_t *now,
                                const push_visitor_t *visitor);

/*
 * Takes back what is not yet acknowledged; recalled counts the devices that
 * will not get it any more.  With `commit` it blocks until that is on disk.
 * PUSH_NOT_FOUND, PUSH_OVER, PUSH_BUSY; PUSH_NO_STATE: it is recalled, but
 * may come back after a restart.
 */
push_status_t push_store_recall(push_store_t *store,
                                const push_sought_t *sought,
                                const push_time_t *now, uint32_t *recalled);

#endif
