#ifndef PUSH_OPS_LATER_H
#define PUSH_OPS_LATER_H

#include "core/view.h"
#include "store/shard/store.h"

/*
 * Publishing later: what is kept until its time, and published then, once.
 *
 * What is kept may take a quarter of the memory, since nothing makes room
 * there: whoever is not refused gets it published.
 */

#define PUSH_LATER_PART 4u

/* Whether the publication is for later, as of publication->now. */
static inline bool push_is_later(const push_publication_t *publication)
{
    return publication->at > publication->now.wall;
}

/*
 * Keeps a publication until publication->at, whatever the key says; on disk
 * the key, if answer->keyed, joins it.  What is kept with the same Topic for
 * the same audience is replaced.  answer->receipt.mid is its id.
 * PUSH_NO_MEMORY, PUSH_BUSY: nothing was changed.
 */
push_status_t push_store_schedule(push_store_t *store,
                                  const push_publication_t *publication,
                                  push_commit_t *commit,
                                  push_answer_t *answer);

/*
 * Publishes all that is due, and forgets what has been over long enough.
 * False: a shard was busy, and is to be looked at again.
 */
bool push_store_release(push_store_t *store, const push_time_t *now);

/*
 * Looks whether there is something with this id, kept or over; false too if
 * its shard is busy.
 */
bool push_store_is_later(push_store_t *store, uint64_t id);

/*
 * Takes back what is kept.  PUSH_NOT_FOUND, also if it is for others;
 * PUSH_OVER: it was published, or is over otherwise; PUSH_BUSY; PUSH_NO_STATE:
 * it is recalled, but may come back after a restart.
 */
push_status_t push_store_unschedule(push_store_t *store,
                                    const push_sought_t *sought,
                                    const push_time_t *now);

/* One, with visitor->later.  PUSH_NOT_FOUND, PUSH_BUSY. */
push_status_t push_view_later(push_store_t *store, const push_sought_t *sought,
                              const push_visitor_t *visitor);

#endif
