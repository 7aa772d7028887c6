#ifndef PUSH_SWEEPER_H
#define PUSH_SWEEPER_H

#include "store/upkeep/sweep.h"

/*
 * The thread of a child that sweeps, so that no reactor has to stop for it.
 * The sweepers of all children take turns; see push_store_sweep_due().  It is
 * also who sees first that another segment succeeds this one.
 */

typedef struct push_sweeper_t push_sweeper_t;

/*
 * NULL if the thread cannot be started.  The store is borrowed.  Its last act
 * in a segment that is superseded is to call superseded(store); NULL: nothing.
 */
push_sweeper_t *push_sweeper_start(push_store_t *store,
                                   void (*superseded)(push_store_t *store));

/* Waits for the sweep under way, if there is one. */
void push_sweeper_stop(push_sweeper_t *sweeper);

#endif
