#ifndef PUSH_WAL_H
#define PUSH_WAL_H

#include "store/disk/durable.h"

/*
 * A write-ahead log: what has to be on disk before the state itself is
 * written.  Each process that commits has a file of its own, of a fixed size
 * and filled with zeros at first, so that an append is one write and one sync,
 * and needs nobody's lock.
 *
 * Records are keyed and final (a message, its end, a key with its answer), so
 * it does no harm to read one again that the state already has.
 *
 * What is damaged is told from what was never written: every append is a batch
 * between two marks, which carry the lap (how often the log began anew) and
 * the batch's number in it, and all checksums use the key of the state.  Only
 * a log that the state names (PUSH_RECORD_LOG) is judged, since nothing relies
 * on it before it does.
 */

#define PUSH_WAL_SIZE   ((uint64_t)8 << 20)
#define PUSH_WAL_PREFIX "commit."

typedef struct push_wal_t push_wal_t;

/* A new file in the directory; NULL, with errno.  key: of the state. */
push_wal_t *push_wal_create(const char *dir, const uint64_t key[2]);

/* The number that tells the log from all others; never 0. */
uint64_t push_wal_id(const push_wal_t *wal);

/* Closes it, and removes it unless somebody still needs what it holds. */
void push_wal_destroy(push_wal_t *wal, bool needed);

/*
 * Writes the records and syncs; blocks for the disk.  False: there is no room
 * for all of them before push_wal_rewind(), or the disk fails.  Records of
 * other kinds (PUSH_RECORD_REFRESH) are passed over.
 */
bool push_wal_append(push_wal_t *wal, const push_records_t *records);

/* All that was appended is in the state: begins again at the start. */
void push_wal_rewind(push_wal_t *wal);

/* Whose files lie in the directory, at most room of them; returns how many. */
unsigned push_wal_list(const char *dir, uint32_t *pids, unsigned room);

/* Removes the file of a process that is gone. */
void push_wal_remove(const char *dir, uint32_t pid);

/* ---- reading (wal_read.c) ---- */

typedef struct push_wal_source_t {
    const char *dir;
    uint64_t key[2];             /* of the state */
    uint32_t version;            /* of the state: 1 had logs of another form */
    push_durable_visit_t *visit; /* what it sees is intact */
    void *data;
} push_wal_source_t;

typedef enum push_wal_status_t {
    PUSH_WAL_WELL,
    PUSH_WAL_MISSING, /* there is no such file */
    PUSH_WAL_DAMAGED, /* it is not what was written, or is another log */
    PUSH_WAL_STOPPED  /* visit() said so, or no memory */
} push_wal_status_t;

/*
 * Visits every intact record in the log of a process.  id: as the state names
 * it; 0 if it does not: then whatever the file is, it is well.
 */
push_wal_status_t push_wal_read(const push_wal_source_t *source, uint32_t pid,
                                uint64_t id);

#endif
