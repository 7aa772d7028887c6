#ifndef PUSH_WAL_H
#define PUSH_WAL_H

#include "store/record.h"

/*
 * A write-ahead log: what was promised to be on disk before the state itself
 * is written.  Each process that commits has a file of its own, of a fixed
 * size and filled with zeros at first, so that an append is one write and one
 * sync, and needs nobody's lock.
 *
 * Records are keyed and final (a message, its end, a key with its answer), so
 * it does no harm to read one again that the state already has, or that was
 * overwritten in part: what does not match its checksum is skipped.
 */

#define PUSH_WAL_SIZE   ((uint64_t)8 << 20)
#define PUSH_WAL_PREFIX "commit."

typedef struct push_wal_t push_wal_t;

/* A new file in the directory; NULL, with errno. */
push_wal_t *push_wal_create(const char *dir);

/* Closes it, and removes it unless somebody still needs what it holds. */
void push_wal_destroy(push_wal_t *wal, bool needed);

/*
 * Writes the records and syncs; blocks for the disk.  False: there is no room
 * for all of them before push_wal_rewind(), or the disk fails.  Records of
 * other kinds (PUSH_RECORD_LOOK) are passed over.
 */
bool push_wal_append(push_wal_t *wal, const push_records_t *records);

/* All that was appended is in the state: begins again at the start. */
void push_wal_rewind(push_wal_t *wal);

/* Whose files lie in the directory, at most room of them; returns how many. */
unsigned push_wal_list(const char *dir, uint32_t *pids, unsigned room);

/* Removes the file of a process that is gone. */
void push_wal_remove(const char *dir, uint32_t pid);

/*
 * Visits every intact record in all files of the directory; borrowed until
 * visit() returns.  False: visit() said so, or no memory.
 */
typedef struct push_wal_item_t {
    push_text_t key;
    push_text_t value;
    int64_t expires;
} push_wal_item_t;

typedef bool push_wal_visit_t(void *data, const push_wal_item_t *item);

bool push_wal_read(const char *dir, push_wal_visit_t *visit, void *data);

#endif
