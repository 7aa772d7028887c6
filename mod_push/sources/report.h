#ifndef PUSH_SOURCES_REPORT_H
#define PUSH_SOURCES_REPORT_H

#include "sources/worker.h"

/*
 * What a worker hands over, and what it tells the log: each trouble once when
 * it begins and once when it is over.  By the worker's thread.
 */

/* Hands over; false if some of them have to wait, by push_report_pause(). */
bool push_report_take(push_worker_t *worker, apr_pool_t *pool,
                      push_source_item_t *items, size_t count);

/* Refused ones are kept at the source, in this place, with ids (the key of an
 * item). */
void push_report_refused(const push_worker_t *worker,
                         const push_source_item_t *items, size_t count,
                         const char *place);

/* It cannot be reached, or does not do what it must. */
void push_report_away(push_worker_t *worker, const char *why);

/* It is reached, and so much waits there; -1: nobody knows. */
void push_report_well(push_worker_t *worker, int64_t waiting);

/* Waits, longer each time until something was safe again; true: it ends. */
bool push_report_pause(push_worker_t *worker);

#endif
