#ifndef PUSH_VIEW_H
#define PUSH_VIEW_H

#include "core/health.h"
#include "core/view.h"
#include "store/shard/store.h"

/* Views of the store for an administrator. */

/* Every device of a user.  PUSH_NOT_FOUND, PUSH_BUSY. */
push_status_t push_view_devices(push_store_t *store, push_text_t user,
                                const push_time_t *now,
                                push_device_visit_t *visit, void *data);

/* One device by its context id.  PUSH_NOT_FOUND, PUSH_BUSY. */
push_status_t push_view_device(push_store_t *store, const unsigned char *id,
                               const push_time_t *now,
                               push_device_visit_t *visit, void *data);

/* Live messages of a log; those that ended are only still remembered. */
uint32_t push_view_messages(const push_heap_t *heap, const push_log_t *log,
                            const push_time_t *now);

/* The reactors of all children that live, by seat.  Takes no lock. */
void push_view_reactors(const push_store_t *store, push_reactor_visit_t *visit,
                        void *data);

/* Takes no lock. */
void push_view_metrics(push_store_t *store, push_metrics_t *metrics);

/*
 * How many shards have a lock that nobody lets go of; takes each for a moment,
 * and where one is stuck up to PUSH_LOCK_WAIT_MS and some more.
 */
unsigned push_view_stuck(push_store_t *store);

void push_view_stats(push_store_t *store, push_stats_view_t *stats);

/* The same but for the messages, which are 0.  Takes no lock of a shard. */
void push_view_figures(const push_store_t *store, push_stats_view_t *stats);

/* Takes no lock of a shard. */
void push_view_health(push_store_t *store, push_health_t *health);

#endif
