#ifndef PUSH_KEPT_H
#define PUSH_KEPT_H

#include <stddef.h>

#include "server/state.h"

/*
 * All that outlives a graceful restart: kept by httpd's parent process, to its
 * end.  The module itself does not outlive it, and the one that finds this may
 * be another version: so all that is here stays at its place in every version,
 * and is only appended to.
 */

#define PUSH_KEPT_FORMAT 1u
#define PUSH_KEPT_SEATS  512

typedef struct push_kept_t {
    uint32_t format; /* PUSH_KEPT_FORMAT, or another one's */
    uint32_t seats;
    void *base; /* the segment */
    uint64_t size;
    void *guard;
    uint64_t guard_size;         /* 0: unknown */
    int events[PUSH_KEPT_SEATS]; /* one each, of every seat */
    int receive[PUSH_KEPT_SEATS];
    int send[PUSH_KEPT_SEATS];
    push_state_kept_t state;
    /* ---- where the segment's layout is ours ---- */
    void *cluster; /* push_cluster_words_t; NULL: this server is alone */
    uint64_t cluster_size;
    void *positions; /* push_positions_t; NULL: PushPositions was never on */
    uint64_t positions_size;
} push_kept_t;

_Static_assert(offsetof(push_kept_t, base) == 8
                   && offsetof(push_kept_t, events) == 40
                   && offsetof(push_kept_t, state) == 6184
                   && offsetof(push_state_kept_t, lock) == 1048,
               "other versions know what is kept");

/*
 * The record that the version before this one, or this one, has kept; NULL:
 * none.
 */
push_kept_t *push_kept_find(void);

/* A new one, all zero, that the next generation will find. */
push_kept_t *push_kept_create(void);

/*
 * The descriptors of the next seat: what wakes it, and where it gets streams.
 */
bool push_kept_add_seat(push_kept_t *kept);

/*
 * Another one takes its place: its children are told, and the parent holds
 * none of it any more.
 */
void push_kept_supersede(push_kept_t *kept);

#endif
