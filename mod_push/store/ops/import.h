#ifndef PUSH_IMPORT_H
#define PUSH_IMPORT_H

#include "store/ops/follow.h"
#include "store/ops/import_record.h"
#include "store/shard/owned.h"

/*
 * From the record of a device, and its session where it is exact, to a context
 * in a segment that is in use.
 */

typedef struct push_import_t {
    push_text_t user;
    const unsigned char *id; /* PUSH_CONTEXT_BYTES */
    push_text_t record;
    push_text_t session;         /* empty: a new one begins */
    uint32_t fence;              /* that the claim gave */
    const push_dropped_t *marks; /* of the user's log, as loaded */
    unsigned marks_count;
} push_import_t;

/*
 * Makes the context, ours and without a stream.  Before it the logs of its
 * user and of all channels that the record names (push_import_channels()) must
 * be LIVE; a channel that is not (it was given up) is left out and begins anew
 * if the client asks for it.  A context that is here already stands, with the
 * new fence, if nobody can have had it meanwhile (its fence is one below);
 * else it becomes what the record says.
 *
 * PUSH_STALE: the record is none of this user and id, or of a version that
 * this node cannot read; PUSH_NOT_FOUND: its user's log is not LIVE;
 * PUSH_NO_MEMORY, PUSH_BUSY.  Then nothing was changed.
 */
push_status_t push_store_import(push_store_t *store,
                                const push_import_t *import,
                                const push_time_t *now);

#endif
