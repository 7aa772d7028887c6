#ifndef PUSH_LATER_WORDS_H
#define PUSH_LATER_WORDS_H

#include "core/later.h"
#include "store/shm/bell.h"
#include "store/shm/table.h"

/* Where the segment keeps publications for later; see store/shard/later.h. */

/* A shard's; with its lock, where nothing else is said. */
typedef struct push_later_part_t {
    push_table_t nodes;
    push_ref_t turns; /* a heap of push_later_turn_t; PUSH_NONE: none yet */
    uint32_t count, room;   /* of turns */
    _Atomic uint64_t bytes; /* that bodies take; any thread reads */
    _Atomic int64_t first;  /* wall ms of the first turn, or 0; likewise */
} push_later_part_t;

/* The whole segment's. */
typedef struct push_later_words_t {
    push_bell_t bell;   /* rung where there is something to do before that: */
    _Atomic int64_t at; /* wall ms; when somebody looks next */
} push_later_words_t;

#endif
