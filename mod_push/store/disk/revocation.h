#ifndef PUSH_REVOCATION_H
#define PUSH_REVOCATION_H

#include "store/disk/record.h"
#include "store/shard/store.h"

/*
 * Revocations as the guard knows them, and on disk where there is a state:
 * so they hold over a full restart.  store->guard is not NULL, but where it
 * is said that it may be.
 */

/*
 * Refuses the user's tokens that were issued up to now, until they are all
 * over (mono ms).  PUSH_BUSY; PUSH_TOO_MANY: no entry is left.  commit is for
 * push_revocation_wait(); NULL: nobody waits.
 */
push_status_t push_revocation_add(push_store_t *store, push_text_t user,
                                  const push_time_t *now, int64_t until,
                                  push_commit_t *commit);

/*
 * Blocks until what was added is on disk, or could not be written.
 * PUSH_NO_STATE: with `commit` it could not; it holds while the server runs.
 */
push_status_t push_revocation_wait(push_store_t *store, push_commit_t *commit);

/* ---- the journal's thread, and the start ---- */

/*
 * All that are remembered, in PUSH_SHARDS parts; with no shard locked.  False
 * if one is busy, or for want of memory.  The guard may be NULL.
 */
bool push_revocation_save(push_store_t *store, unsigned part,
                          push_records_t *records);

/* As push_durable_refresh_t, of a record by push_revoked_refresh(). */
bool push_revocation_refresh(push_store_t *store, const push_record_t *record,
                             push_record_t **found);

/* Puts one back that lasts for so many ms; false: no entry is left. */
bool push_revocation_restore(push_store_t *store,
                             const push_revoked_record_t *record,
                             int64_t until);

#endif
