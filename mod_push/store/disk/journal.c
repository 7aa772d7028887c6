#include "store/disk/journal.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/times.h"
#include "store/disk/journal_internal.h"
#include "store/shm/lock.h"
#include "store/shm/clock.h"

/*
 * The idea of the group commit: who publishes puts a lot of records on the
 * list of what is fresh and waits until lots up to its own are synced.  The
 * first who waits while nobody writes takes all that is fresh, writes it to
 * the log with one sync, without the lock, and wakes the others; what joins
 * meanwhile is the next batch.  From there the records join the queue, which
 * the journal's thread writes into the state.  Where the log is full, fails or
 * is not named by the state yet, all wait for that thread instead.
 *
 * A transaction of LMDB for each commit took 1,530 us a publish, and 64
 * publishers together made 7,000 a second, since LMDB syncs twice and has one
 * writer at a time; with the log it is 160 to 400 us and 10,700 to 16,000, on
 * a disk whose sync takes 0.16 to 2 ms.
 *
 * Before records join, the lowest mid of them stands in the process's entry in
 * the segment: should the process die, it is known from where on the segment
 * has to be written again.
 */

/* A publisher waits so long for room in the queue. */
#define THROTTLE_MS 100

/* ---- from workers and reactors into the queue ---- */

uint64_t push_journal_lowest(const push_store_t *store,
                             const push_records_t *records)
{
    const push_record_t *record = records->first;
    uint64_t lowest = push_mid_now(&store->segment->clock);

    for (; record; record = record->next) {
        if (record->mid && record->mid < lowest) {
            lowest = record->mid;
        }
    }
    return lowest;
}

/* Before the records are queued: whoever finds us dead knows of them. */
static void announce(push_journal_t *journal, uint64_t lowest)
{
    if (!journal->lowest || lowest < journal->lowest) {
        journal->lowest = lowest;
    }
    if (journal->entry) {
        push_disk_lower(&journal->entry->unsaved, lowest);
    }
}

/* With the lock: the records join the queue, if there is room. */
static void join(push_journal_t *journal, push_records_t *records,
                 uint64_t lowest)
{
    if (push_journal_bytes(journal) + records->bytes > PUSH_JOURNAL_MAX) {
        push_disk_missing(journal->store, lowest);
        journal->failures++;
        return;
    }
    announce(journal, lowest);
    if (push_journal_empty(journal)) {
        journal->since = push_clock_now().mono;
        pthread_cond_signal(&journal->filled);
    }
    push_records_join(&journal->fresh, records);
    push_journal_show_waiting(journal);
    journal->handed++;
}

/* With the lock: from the first lot on, what fails may be the commit's. */
static void begin(const push_journal_t *journal, push_commit_t *commit)
{
    if (!commit->handed) {
        commit->handed = true;
        commit->failures = journal->failures;
    }
}

void push_journal_hand_over(push_store_t *store, push_records_t *records,
                            push_commit_t *commit)
{
    push_commit_t nobody = {0};
    push_journal_t *journal = store->journal;
    uint64_t lowest;

    if (journal) {
        commit = commit ? commit : &nobody;
        lowest = push_journal_lowest(store, records);
        pthread_mutex_lock(&journal->lock);
        begin(journal, commit);
        if (!journal->over) {
            join(journal, records, lowest);
        }
        commit->refused |= journal->over;
        commit->lot = journal->handed;
        pthread_mutex_unlock(&journal->lock);
    }
    push_records_cleanup(records);
}

struct timespec push_journal_deadline(int64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

push_status_t push_journal_ready(const push_store_t *store)
{
    return store->journal
                   && store->journal->options.durability
                          == PUSH_DURABILITY_COMMIT
                   && atomic_load(&store->segment->disk.failing)
               ? PUSH_NO_STATE
               : PUSH_OK;
}

void push_journal_throttle(push_store_t *store)
{
    push_journal_t *journal = store->journal;
    struct timespec at;

    pthread_mutex_lock(&journal->lock);
    at = push_journal_deadline(THROTTLE_MS);
    while (
        push_journal_bytes(journal) >= PUSH_JOURNAL_MAX / 2
        && !pthread_cond_timedwait(&journal->written, &journal->lock, &at)) {
    }
    pthread_mutex_unlock(&journal->lock);
}

/* ---- waiting for the disk: with the lock ---- */

/*
 * Writes what is fresh into the log, for all who wait.  The lock is let go
 * meanwhile; the records stay ours until they join the queue.
 */
static void lead(push_journal_t *journal)
{
    push_records_t records = {0};
    uint64_t lot = journal->handed;
    int64_t start = push_clock_us();
    bool well;

    push_records_join(&records, &journal->fresh);
    journal->syncing = true;
    pthread_mutex_unlock(&journal->lock);
    well = push_wal_append(journal->log, &records);
    push_count_time_shared(journal->store->counts, PUSH_TIME_SYNC_DURATION, 0,
                           push_clock_us() - start, 1);
    pthread_mutex_lock(&journal->lock);
    journal->syncing = false;
    push_records_join(&journal->queue, &records);
    if (well) {
        journal->synced = lot;
        journal->logged = lot;
    }
    journal->log_full = !well;
    pthread_cond_broadcast(&journal->written);
}

/* Lets the thread write at once. */
static void await_state(push_journal_t *journal)
{
    journal->waiters++;
    pthread_cond_signal(&journal->filled);
    pthread_cond_wait(&journal->written, &journal->lock);
    journal->waiters--;
}

static void await_log(push_journal_t *journal)
{
    if (!journal->log || !journal->log_named || journal->log_full) {
        await_state(journal);
    }
    else if (journal->syncing) {
        pthread_cond_wait(&journal->written, &journal->lock);
    }
    else {
        lead(journal);
    }
}

/* state: the log alone will not do.  Returns whether nothing failed. */
static bool await_lot(push_journal_t *journal, const push_commit_t *commit,
                      bool state)
{
    bool well;

    pthread_mutex_lock(&journal->lock);
    while (state && journal->settled < commit->lot) {
        await_state(journal);
    }
    while (journal->synced < commit->lot) {
        await_log(journal);
    }
    well = journal->failures == commit->failures;
    pthread_mutex_unlock(&journal->lock);
    return well;
}

push_durability_t push_journal_durability(const push_store_t *store)
{
    return store->journal ? store->journal->options.durability
                          : PUSH_DURABILITY_MEMORY;
}

static bool commits(const push_store_t *store)
{
    return push_journal_durability(store) == PUSH_DURABILITY_COMMIT;
}

/* Nothing handed over, nothing to wait for. */
static push_status_t wait_once(push_store_t *store, push_commit_t *commit,
                               bool must_wait, bool state)
{
    if (!commit->handed || commit->waited) {
        return commit->status;
    }
    commit->waited = true;
    if (commit->refused
        || (must_wait && !await_lot(store->journal, commit, state))) {
        commit->status = PUSH_NO_STATE;
    }
    return commit->status;
}

push_status_t push_journal_wait(push_store_t *store, push_commit_t *commit)
{
    return wait_once(store, commit, commits(store), false);
}

push_status_t push_journal_wait_state(push_store_t *store,
                                      push_commit_t *commit)
{
    return wait_once(store, commit, commits(store), true);
}

push_status_t push_journal_wait_written(push_store_t *store,
                                        push_commit_t *commit)
{
    return wait_once(store, commit, true, true);
}

size_t push_journal_waiting(push_store_t *store)
{
    push_journal_t *journal = store->journal;
    size_t bytes = 0;

    if (journal) {
        pthread_mutex_lock(&journal->lock);
        bytes = push_journal_bytes(journal);
        pthread_mutex_unlock(&journal->lock);
    }
    return bytes;
}
