#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <stdbool.h>

#include "core/families.h"
#include "core/heap.h"

/*
 * The core's memory in plain memory, watched.  No object is ever reused, so
 * that whoever keeps a reference for too long is found: around and after its
 * life an object is filled with a pattern that must stay, and under ASan and
 * valgrind even a read there is an error.
 */

typedef struct watched_heap_t {
    push_heap_t heap; /* what the core gets */
    push_counts_t counts;
    unsigned char *arena;
    size_t room, used; /* bytes */
    uint32_t *objects; /* reference of each object ever made */
    uint32_t objects_count;
    uint32_t objects_room;
    uint32_t live;     /* objects, neither released nor retired */
    uint32_t *retired; /* references, not yet reclaimed */
    uint32_t retired_count;
    uint32_t retired_room;
    uint32_t fail_in; /* the allocation that will fail: 1 is the next */
    bool failed;      /* it did */
} watched_heap_t;

void watched_heap_init(watched_heap_t *watched);

/* What was counted there. */
uint64_t core_counted(const watched_heap_t *watched, push_total_t total);

/* The n-th allocation from now on fails, once; 0: none does. */
void watched_heap_fail_at(watched_heap_t *watched, uint32_t n);

/* All readers have moved on: nobody may look at what was retired. */
void watched_heap_reclaim(watched_heap_t *watched);

/* Fails the test if anything was written outside of a live object. */
void watched_heap_check(watched_heap_t *watched);

/* As above, and gives all back; fails the test if an object is left. */
void watched_heap_cleanup(watched_heap_t *watched);

/* True under valgrind, where everything takes fifty times as long. */
bool watched_by_valgrind(void);

/* Gives all back without a look: after a failure, or a test of threads. */
void watched_heap_destroy(watched_heap_t *watched);

#endif
