#ifndef PUSH_RELEASER_H
#define PUSH_RELEASER_H

#include "store/shard/store.h"

/*
 * The thread of a process that publishes what was kept for later.  It sleeps
 * until the next is due in any shard; then those of all processes look, and
 * whoever has the lock of the shard does it.
 */
typedef struct push_releaser_t push_releaser_t;

/* NULL: no memory, or errno says why there is no thread. */
push_releaser_t *push_releaser_start(push_store_t *store);

/* Waits for its end; frees it. */
void push_releaser_stop(push_releaser_t *releaser);

#endif
