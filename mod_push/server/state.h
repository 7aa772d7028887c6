#ifndef PUSH_STATE_H
#define PUSH_STATE_H

#include "http/settings.h"
#include "store/shard/store.h"

/*
 * The state on disk, as httpd runs it: the parent recovers it once, at a full
 * start, and keeps its lock over graceful restarts; each child has a journal.
 */

typedef struct push_state_kept_t {
    char dir[512]; /* empty: nothing is kept on disk */
    char file[528];
    uint64_t size;
    int lock;
} push_state_kept_t;

/*
 * In the parent, for a segment that is new.  kept outlives graceful restarts.
 * An HTTP status, after a sentence in the log, if httpd must not start.
 */
int push_state_recover(server_rec *s, const push_global_t *global,
                       push_store_t *store, push_state_kept_t *kept);

/*
 * The same while the children of another segment hold the state: waits until
 * they have written all and let go of it, for seconds at most.  What cannot be
 * had by then, or cannot be used, is done without: kept->dir is empty then.
 * knows: their version lets go by itself.
 */
void push_state_inherit(server_rec *s, const push_global_t *global,
                        push_store_t *store, push_state_kept_t *kept,
                        bool knows);

/*
 * Whether a start could use the directory, as far as that can be seen without
 * touching it; false after a sentence in the log.
 */
bool push_state_check(server_rec *s, const push_global_t *global);

/* In the parent, at a graceful restart: says what will not take effect. */
void push_state_compare(server_rec *s, const push_global_t *global,
                        const push_state_kept_t *kept);

/* In a child: starts and stops its journal. */
void push_state_start(server_rec *s, const push_state_kept_t *kept,
                      push_durability_t durability, push_store_t *store);
void push_state_stop(push_store_t *store);

/*
 * In a child whose segment is superseded: writes all, and lets go of the
 * state.  What is published here from then on is refused.
 */
void push_state_retire(push_store_t *store, push_state_kept_t *kept);

#endif
