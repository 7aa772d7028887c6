#ifndef PUSH_JOURNAL_THREAD_H
#define PUSH_JOURNAL_THREAD_H

#include "store/disk/journal.h"

/*
 * The thread of a journal, from its start to its end: it writes what is queued
 * into the state, and makes good what others could not.
 */

/* False, with errno: nothing is kept.  Sets store->journal. */
bool push_journal_start(push_store_t *store,
                        const push_journal_options_t *options);

/* Writes all that is queued, and every device that changed. */
void push_journal_stop(push_store_t *store);

/*
 * The same while others go on: what they publish from now on is refused, by
 * push_journal_wait().  Nothing of this process touches the files any more.
 * False if somebody does not let go of the queue; push_journal_stop() follows.
 */
bool push_journal_retire(push_store_t *store);

#endif
