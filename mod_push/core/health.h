#ifndef PUSH_CORE_HEALTH_H
#define PUSH_CORE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/commit.h"

/* How it stands, and the state on disk. */
typedef struct push_health_t {
    push_durability_t durability;
    bool kept;        /* there is a state on disk */
    bool failing;     /* it cannot be written */
    bool lagging;     /* what it lacks is being written again */
    bool refusing;    /* nothing can be accepted until it is well */
    uint64_t waiting; /* bytes on their way to it, of this process */
    uint64_t writes, records, errors;
    unsigned memory_percent;
    unsigned died; /* children, in the last minute */
} push_health_t;

/* Whether all that is derived agrees with the objects. */
#define PUSH_WRONG_MAX  8u
#define PUSH_WRONG_TEXT 120u

typedef struct push_check_t {
    /* what was looked at */
    uint64_t users, devices, channels, keys, laters, messages, outcomes, holds;
    uint64_t assigned; /* users whom the server subscribes, or did */
    uint64_t objects;  /* of the slab, in all */
    uint64_t copies;   /* of a cluster's logs */
    uint64_t behind;   /* of them, those that are not whole at the moment */
    /* what is wrong */
    uint64_t wrong;   /* in all; the first of them as texts */
    uint64_t leaked;  /* objects that nothing refers to; not counted above */
    uint64_t skipped; /* shards whose lock was busy */
    char texts[PUSH_WRONG_MAX][PUSH_WRONG_TEXT];
} push_check_t;

#endif
