#ifndef PUSH_COMMIT_H
#define PUSH_COMMIT_H

#include "core/types.h"

/* How durable an accepted message is (PushDurability). */
typedef enum push_durability_t {
    PUSH_DURABILITY_UNSET,
    PUSH_DURABILITY_MEMORY,
    PUSH_DURABILITY_INTERVAL,
    PUSH_DURABILITY_COMMIT
} push_durability_t;

/*
 * A commit collects what one caller waits for until it is on disk.  It lies in
 * the caller's memory, all zero at first, and is passed to each call whose
 * effect is to be waited for.  Any thread may wait, one at a time.  Only the
 * broker and the store look into it.
 */
typedef struct push_commit_t {
    uint64_t lot;      /* the last one that was handed over */
    uint64_t failures; /* writes that had failed before the first one */
    bool handed;       /* some lot was handed over, or refused */
    bool refused;      /* some lot came when the journal was retired */
    bool waited;       /* status is what the wait gave */
    push_status_t status;
} push_commit_t;

#endif
