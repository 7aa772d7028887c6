#ifndef PUSH_RETIRED_H
#define PUSH_RETIRED_H

#include <stdatomic.h>

#include "core/heap.h"
#include "store/shm/lock.h"

#define PUSH_EPOCHS 3

/* Retired objects, perhaps still being read; see store/shm/epoch.h. */
typedef struct push_retired_t {
    push_lock_t lock;
    _Atomic uint64_t epoch;
    push_ref_t lists[PUSH_EPOCHS];
    _Atomic uint32_t waiting; /* objects in all lists */
    uint32_t damaged;         /* 1: not repaired since an owner died */
} push_retired_t;

#endif
