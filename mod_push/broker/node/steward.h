#ifndef PUSH_STEWARD_H
#define PUSH_STEWARD_H

#include "broker/node/node.h"

/*
 * The steward is a thread of each child for what has to wait for Redis, and
 * has no worker that waits: errands, one by one, and (where this child holds
 * the link) the logs of suspect partitions.
 *
 * Errands are in this process's memory and die with it.  Whatever has to be
 * done all the same is found again from the segment, or asked for again by
 * whoever waits for it.
 */

typedef struct push_errand_t push_errand_t;

struct push_errand_t {
    push_errand_t *next; /* the steward's */
    /* Called once; frees the errand.  It waits for some seconds at most. */
    void (*run)(push_cluster_t *cluster, push_errand_t *errand);
    /* Called instead when the steward ends; NULL: free() does. */
    void (*drop)(push_errand_t *errand);
};

typedef struct push_steward_t push_steward_t;

/* Starts the thread; NULL, with errno. */
push_steward_t *push_steward_start(push_cluster_t *cluster);

/*
 * Joins the thread.  Errands may still be added, which nobody runs, until the
 * courier has stopped; then push_steward_free() drops them and frees it.
 */
void push_steward_stop(push_steward_t *steward);
void push_steward_free(push_steward_t *steward);

/* ---- any thread ---- */

/* Takes the errand. */
void push_steward_add(push_steward_t *steward, push_errand_t *errand);

/* There is something in the segment to be seen to. */
void push_steward_wake(push_steward_t *steward);

#endif
