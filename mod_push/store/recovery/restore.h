#ifndef PUSH_RESTORE_H
#define PUSH_RESTORE_H

#include "store/disk/record.h"
#include "store/shard/store.h"

/*
 * From records to objects: all records are collected first, then put into an
 * empty segment that nobody else uses yet, with no lock taken.  Where the
 * segment is too small for all messages, the most urgent and newest stay, and
 * every device that would have got one of the others is told by a gap.
 */

typedef struct push_restored_t {
    uint64_t messages, devices, keys, revocations;
    uint64_t laters;     /* publications that are kept */
    uint64_t assigned;   /* users whom the server subscribes to channels */
    uint64_t unassigned; /* those for whom there is no memory */
    uint64_t expired;    /* records whose time ended meanwhile */
    uint64_t dropped;    /* messages that the segment has no room for */
    uint64_t invalid;    /* records that contradict themselves */
} push_restored_t;

typedef struct push_restore_t push_restore_t;

/* NULL: no memory. */
push_restore_t *push_restore_create(const push_time_t *now);
void push_restore_destroy(push_restore_t *restore);

/* Copies a record; false: no memory.  Keys of other kinds are passed over. */
bool push_restore_add(push_restore_t *restore, push_text_t key,
                      push_text_t value, int64_t expires);

/* Forgets all records that were added. */
void push_restore_forget(push_restore_t *restore);

/* The version and the secrets; NULL until their record was added. */
const push_meta_record_t *push_restore_meta(const push_restore_t *restore);

/* Nobody knows what else there was: every device is told so by a gap. */
void push_restore_torn(push_restore_t *restore);

/* Puts all of them into the segment of store. */
void push_restore_apply(push_restore_t *restore, push_store_t *store,
                        push_restored_t *restored);

#endif
