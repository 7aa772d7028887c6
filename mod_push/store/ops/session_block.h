#ifndef PUSH_SESSION_BLOCK_H
#define PUSH_SESSION_BLOCK_H

#include "core/device.h"
#include "store/shard/store.h"

/*
 * A session as bytes: what one node gives to the next one beside the record of
 * the device, so that the numbering goes on.  Numbers are in the machine's own
 * order, as in records; another version's block is not read, and then a new
 * session begins.
 */

/* One message in flight, in order of seq. */
typedef struct push_flying_t {
    uint64_t mid; /* 0: it is gone */
    uint16_t
        subscription; /* 0: the user's; else 1 + its index in the record */
    uint8_t lane;
    uint8_t lost; /* 1: of one that is gone: it was dropped */
    uint32_t unused;
} push_flying_t;

typedef struct push_session_block_t {
    uint32_t version; /* PUSH_SESSION_BLOCK */
    uint32_t count;   /* in flight: sent - acked */
    uint64_t acked, sent, stale;
    uint64_t session; /* its token, see push_store_session() */
    uint64_t gap_seq;
    push_losses_t gaps; /* told, not known to have arrived; see the record */
    uint32_t assumed, assumed_gaps; /* as push_slide_t's */
    uint32_t present; /* 1: it was said to be online, and is not to be again */
    uint32_t unused;
} push_session_block_t;

#define PUSH_SESSION_BLOCK 2u

/*
 * The block of a device, from malloc(), and its length; NULL: no memory.  With
 * the lock of its shard.  present: whether it tells what was said of it.
 */
unsigned char *push_session_block_make(const push_store_t *store,
                                       const push_device_t *device,
                                       bool present, uint32_t *len);

/* False: it is none that this version made. */
bool push_session_block_read(push_text_t bytes, push_session_block_t *block);

/* The index-th in flight of a block that could be read. */
push_flying_t push_session_block_flying(push_text_t bytes, unsigned index);

#endif
