#ifndef PUSH_STORE_REPORT_H
#define PUSH_STORE_REPORT_H

#include "store/shard/store.h"
#include "store/shm/reports.h"

/*
 * Reports: the figures of all shards and seats, minute by minute.  The lock of
 * reports is the last in the order: nothing is locked while it is held.
 */

/* False: it cannot be had in good time. */
bool push_report_enter(push_store_t *store);
void push_report_leave(push_store_t *store);

/* All that was counted ever, by who counts at this moment. */
void push_report_sums(const push_store_t *store, push_sums_t *sums);

/* With the lock: what happened in the minute and on the day that are open. */
void push_report_open(const push_store_t *store, push_period_t step,
                      push_figures_t *figures);

/* The steps since 1970 at the beginning of which that one stands. */
int64_t push_report_open_time(const push_store_t *store, push_period_t step);

/* ---- takes the lock ---- */

/* One sweep at a time; see push_reports_close(). */
bool push_report_close(push_store_t *store, const push_time_t *now,
                       int64_t *minute);

/*
 * This process counts by the names from now on.  PUSH_BUSY: by none; PUSH_OVER:
 * another process has given them their classes, see push_reports_rename().
 */
push_status_t push_report_rename(push_store_t *store, push_naming_t *naming);

/* PUSH_BUSY; PUSH_NO_MEMORY.  Rows in order of their times. */
push_status_t push_report_read(push_store_t *store,
                               const push_report_query_t *query,
                               push_report_visit_t *visit, void *data);

#endif
