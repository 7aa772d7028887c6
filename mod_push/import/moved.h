#ifndef PUSH_IMPORT_MOVED_H
#define PUSH_IMPORT_MOVED_H

#include "store/disk/record.h"

/* Messages by their old mids, and the mids that they have in the cluster. */

typedef struct push_moved_t {
    const push_record_t *record;
    push_message_record_t message; /* taken apart; borrows from the record */
    uint64_t mid;                  /* in the cluster; 0: it is not there */
} push_moved_t;

typedef struct push_moves_t {
    push_moved_t *at; /* by log, then old mid */
    size_t count;
    push_moved_t **by_mid; /* the same by old mid */
} push_moves_t;

/* Borrows the records, all of messages; false: no memory. */
bool push_moves_create(push_moves_t *moves, push_record_t *const *records,
                       size_t count);
void push_moves_cleanup(push_moves_t *moves);

/* NULL if there is none of this old mid. */
const push_moved_t *push_moves_find(const push_moves_t *moves, uint64_t old);

/* A log, and one of its lanes, or PUSH_LANES for all of them. */
typedef struct push_moved_lane_t {
    uint32_t kind; /* push_log_kind_t */
    push_text_t name;
    unsigned lane;
} push_moved_lane_t;

/*
 * Where a cursor stands that was at this old mid: what was below it is below
 * what is returned, and all else is not, also what is yet to come.
 */
uint64_t push_moves_cursor(const push_moves_t *moves,
                           const push_moved_lane_t *lane, uint64_t old);

#endif
