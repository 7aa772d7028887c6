#ifndef PUSH_EXPORT_H
#define PUSH_EXPORT_H

#include "store/shard/owned.h"

/*
 * From a device context of this node to the bytes by which another one goes on
 * with it: its record, the value of push_device_make(), and its session
 * (store/ops/session_block.h).
 */

typedef struct push_export_t {
    push_record_t *made;  /* owns what follows: push_export_cleanup() */
    unsigned char *block; /* likewise */
    push_text_t record;
    push_text_t session; /* empty: only the record was asked for */
    uint32_t fence;
    bool online; /* it has a stream, or had one until now */
} push_export_t;

void push_export_cleanup(push_export_t *exported);

/*
 * What is to be saved of it as it stands, without the session, and notes that
 * it is.  PUSH_NOT_FOUND: it is not here or not ours; PUSH_BUSY;
 * PUSH_NO_MEMORY.
 */
push_status_t push_store_export(push_store_t *store, push_text_t user,
                                const unsigned char *id,
                                const push_time_t *now,
                                push_export_t *exported);

/*
 * The same with the session, for another node (or for nobody): its stream ends
 * as superseded, and nothing changes it from now on (YIELDING: a check-in, an
 * acknowledgement find nothing here) until push_store_yielded() says what came
 * of it.  Called again, it gives the same again.  PUSH_OVER: its user's log is
 * being loaded, ask again.
 */
push_status_t push_store_yield(push_store_t *store, push_text_t user,
                               const unsigned char *id, const push_time_t *now,
                               push_export_t *exported);

/* What came of a yield. */
typedef struct push_yielded_t {
    uint32_t fence; /* of the export */
    bool gone;      /* another node has it, or nobody; else it stays ours */
    bool elsewhere; /* another one has it: what is said of it, that one says */
} push_yielded_t;

/*
 * It goes or, where the call was refused before it did anything, is ours as
 * before.  A no-op if its fence is another one now.
 */
push_status_t push_store_yielded(push_store_t *store, push_text_t user,
                                 const unsigned char *id,
                                 const push_yielded_t *yielded,
                                 const push_time_t *now);

#endif
