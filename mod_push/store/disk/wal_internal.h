#ifndef PUSH_WAL_INTERNAL_H
#define PUSH_WAL_INTERNAL_H

#include <stddef.h>
#include <string.h>

#include "core/hash.h"
#include "store/disk/wal.h"

/*
 * The bytes of a write-ahead log, for wal.c and wal_read.c alone:
 *
 *   PUSH_WAL_BEGIN   mark  records …  mark   mark  records …  mark   …
 *   a mark: LOG      HEAD             TAIL
 *
 * Behind the last batch stands what was there before: zeros, or batches of
 * the lap before.  Everything begins at a multiple of PUSH_WAL_UNIT.
 */

#define PUSH_WAL_UNIT  8u
#define PUSH_WAL_BEGIN 4096u /* where the first batch is */

#define PUSH_WAL_LOG    0x474f4c50u /* "PLOG" */
#define PUSH_WAL_HEAD   0x41484350u /* "PCHA" */
#define PUSH_WAL_TAIL   0x54484350u /* "PCHT" */
#define PUSH_WAL_RECORD 0x43455250u /* "PREC" */

typedef struct push_wal_mark_t {
    uint32_t magic;
    uint32_t len;    /* bytes of the batch's records, padded */
    uint32_t lap;    /* from 1 on; 0: of the log itself */
    uint32_t number; /* of the batch in its lap, from 1 on */
    uint64_t id;     /* of the log */
    uint64_t sum;    /* of the fields above */
} push_wal_mark_t;

typedef struct push_wal_frame_t {
    uint32_t magic;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t lap;
    int64_t expires;
    uint64_t sum; /* of the log's id, the fields above, key and value */
} push_wal_frame_t;

static inline size_t push_wal_padded(size_t len)
{
    return (len + PUSH_WAL_UNIT - 1) / PUSH_WAL_UNIT * PUSH_WAL_UNIT;
}

static inline uint64_t push_wal_mark_sum(const push_wal_mark_t *mark,
                                         const uint64_t key[2])
{
    return push_hash(key, mark, offsetof(push_wal_mark_t, sum));
}

/* bytes: key and value.  id: of the log. */
static inline uint64_t push_wal_frame_sum(const push_wal_frame_t *frame,
                                          const void *bytes,
                                          const uint64_t key[2], uint64_t id)
{
    uint64_t chain[2] = {key[0], key[1] ^ id};

    chain[0] = push_hash(chain, frame, offsetof(push_wal_frame_t, sum));
    return push_hash(chain, bytes, (size_t)frame->key_len + frame->value_len);
}

#endif
