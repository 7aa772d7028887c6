#ifndef PUSH_JOURNAL_H
#define PUSH_JOURNAL_H

#include "store/disk/record.h"
#include "store/shard/store.h"

/*
 * The way of records to the disk.  Each process that serves has one journal:
 * a queue and a thread, which writes all that waits as one.
 *
 *   note   with a shard locked, it remembers a record (push_shard_note())
 *   hand over   when the shard is left: all that was noted in it joins the
 *               queue as one lot, and gets to the disk together
 *   wait   a publisher to whom that was granted waits until it is there: its
 *          push_commit_t knows the lots
 *
 * The objects in the segment are the truth.  What a process had queued when
 * it died, or could not write, is written again from them, by whichever
 * process comes to it: each says in the segment from which mid on its queue
 * is not on disk yet, and `missing` there sums up what is to be made good.
 */

/*
 * A record that is not yet on disk is at most so old, ms, if the disk is well.
 */
#define PUSH_JOURNAL_INTERVAL_MS 500

/* Beyond this, bytes, records are dropped and made good later. */
#define PUSH_JOURNAL_MAX ((size_t)32 << 20)

typedef struct push_journal_options_t {
    const char *path; /* of the file; borrowed for good */
    uint64_t size;    /* bytes it may take */
    push_durability_t durability;
    /* The journal's thread: writing fails from now on, or is well again. */
    void (*report)(void *data, bool well, const char *why);
    void *data;
} push_journal_options_t;

typedef struct push_journal_t push_journal_t;

/* ---- any thread; no-ops where store->journal is NULL ---- */

/*
 * Takes the records, at least one; they join the queue as a lot, which the
 * commit (NULL: nobody's) waits for from now on.  With no shard locked.
 */
void push_journal_hand_over(push_store_t *store, push_records_t *records,
                            push_commit_t *commit);

/* PUSH_NO_STATE: with `commit` nothing can be accepted at the moment. */
push_status_t push_journal_ready(const push_store_t *store);

/* Waits for a moment if the queue is long.  There must be a journal. */
void push_journal_throttle(push_store_t *store);

/*
 * With `commit`, blocks until all that was handed over for the token is on
 * disk.  PUSH_NO_STATE: it may not be, or the journal is retired.  A second
 * wait gives the same again.
 */
push_status_t push_journal_wait(push_store_t *store, push_commit_t *commit);

/* The same for what the write-ahead log does not take: devices. */
push_status_t push_journal_wait_state(push_store_t *store,
                                      push_commit_t *commit);

/* The same with `interval` too: what is rare and must not be forgotten. */
push_status_t push_journal_wait_written(push_store_t *store,
                                        push_commit_t *commit);

push_durability_t push_journal_durability(const push_store_t *store);

/* Bytes that wait in this process. */
size_t push_journal_waiting(push_store_t *store);

#endif
