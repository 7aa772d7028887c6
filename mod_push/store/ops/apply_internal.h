#ifndef PUSH_APPLY_INTERNAL_H
#define PUSH_APPLY_INTERNAL_H

#include "store/ops/apply.h"
#include "store/shard/copy.h"

/* What apply.c and follow.c share; nobody else includes it. */

/* How entries of one shard are applied. */
typedef struct push_applying_t {
    push_store_t *store;
    unsigned shard;
    push_urgency_t lowest; /* there is memory for what is as urgent */
    bool lose;    /* what finds no memory is lost; else PUSH_APPLY_BUSY */
    bool starved; /* something found none */
} push_applying_t;

/* The lowest urgency for which there is memory; may make room. */
push_urgency_t push_apply_lowest(push_store_t *store, const push_time_t *now);

/* ---- with the lock of the log's shard ---- */

/* Makes its object where it is missing and that is wanted.  NULL: it is not
 * here; no such log can be; no memory. */
push_log_t *push_log_named(push_store_t *store, push_text_t log,
                           const push_name_t *name, bool make);

/* Applies one entry, whatever the log's version and state are. */
push_apply_t push_apply_to(const push_applying_t *applying, push_log_t *log,
                           const push_applied_t *entry,
                           const push_time_t *now);

/* All up to this tick is in the log. */
void push_apply_reached(push_store_t *store, push_log_copy_t *copy,
                        uint64_t tick);

/* A living process is about to load or leave it. */
bool push_apply_attended(const push_store_t *store,
                         const push_log_copy_t *copy);

#endif
