#ifndef PUSH_JOURNAL_INTERNAL_H
#define PUSH_JOURNAL_INTERNAL_H

#include <pthread.h>
#include <time.h>

#include "store/disk/disk.h"
#include "store/disk/durable.h"
#include "store/disk/journal.h"
#include "store/disk/wal.h"

/*
 * The journal, as journal.c (the side of those who publish) and
 * journal_thread.c (the side of the disk) share it; nobody else includes this
 * header.
 *
 * A lot is what was handed over at once.  With `commit` it is fresh until it
 * is in the write-ahead log, which the first publisher that waits writes for
 * all; every lot is queued until the thread has written it into the state.
 */

struct push_journal_t {
    push_store_t *store;
    push_journal_options_t options;
    push_journal_entry_t *entry; /* ours, or NULL */
    pthread_t thread;

    pthread_mutex_t lock; /* guards all from here on */
    pthread_cond_t filled;
    pthread_cond_t written;
    push_records_t fresh; /* on no disk */
    push_records_t queue; /* not in the state */
    uint64_t lowest;      /* mid in both; 0: none */
    int64_t since;        /* mono ms; when the first one joined them */
    uint64_t handed;      /* lots that were handed over */
    uint64_t synced;      /* of them, on disk or given up */
    uint64_t logged;      /* the last one in the write-ahead log */
    uint64_t settled;     /* in the state or given up */
    uint64_t failures;    /* writes that failed */
    uint64_t mending;     /* from this mid on all is written again; 0: not */
    unsigned waiters;     /* for the state, not for the log */
    bool stop;
    bool over;       /* nothing joins them any more */
    bool syncing;    /* somebody writes the log, without the lock */
    bool log_full;   /* until the state has all that it holds */
    bool log_named;  /* the state names it; before, nothing relies on it */
    push_wal_t *log; /* NULL: there is none */

    /* ---- the journal's thread only ---- */
    push_durable_t *durable;
    int64_t reported; /* mono ms */
    int64_t tick;     /* mono ms of the next one */
    unsigned ticks;
};

static inline push_disk_t *push_journal_disk(const push_journal_t *journal)
{
    return &journal->store->segment->disk;
}

static inline bool push_journal_empty(const push_journal_t *journal)
{
    return !journal->queue.first && !journal->fresh.first;
}

static inline size_t push_journal_bytes(const push_journal_t *journal)
{
    return journal->queue.bytes + journal->fresh.bytes;
}

/* With the lock: what waits has changed. */
static inline void push_journal_show_waiting(const push_journal_t *journal)
{
    if (journal->entry) {
        atomic_store(&journal->entry->waiting, push_journal_bytes(journal));
    }
}

/* So many ms from now, as pthread_cond_timedwait() takes it. */
struct timespec push_journal_deadline(int64_t ms);

/* The lowest mid of the records; behind all mids if they have none. */
uint64_t push_journal_lowest(const push_store_t *store,
                             const push_records_t *records);

#endif
