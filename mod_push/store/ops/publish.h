#ifndef PUSH_PUBLISH_H
#define PUSH_PUBLISH_H

#include "core/publication.h"
#include "store/shard/store.h"

/*
 * Publishing: from a checked publication to the mailboxes, and the wake-ups.
 */

/*
 * Publishes, whatever the key says; on disk the key, if answer->keyed, joins
 * its message.  PUSH_NO_MEMORY, PUSH_MAILBOX_FULL: nothing was changed.
 * PUSH_BUSY: a lock could not be had; nothing was changed.  PUSH_NO_STATE: this
 * is a node of a cluster, where the order is given elsewhere.
 */
push_status_t push_store_publish(push_store_t *store,
                                 const push_publication_t *publication,
                                 push_commit_t *commit, push_answer_t *answer);

/*
 * The same with the lock of the audience's shard, and publish->receipt.mid set:
 * PUSH_OK, PUSH_NO_MEMORY, PUSH_MAILBOX_FULL.
 */
push_status_t push_store_publish_locked(push_store_t *store,
                                        const push_publication_t *publication,
                                        push_publish_t *publish);

/* Where the audience lives; everybody is in shard 0. */
push_name_t push_store_place(const push_store_t *store,
                             const push_audience_t *audience);

/* A mid for a message to this audience. */
uint64_t push_store_next_mid(push_store_t *store,
                             const push_audience_t *audience,
                             const push_time_t *now);

#endif
