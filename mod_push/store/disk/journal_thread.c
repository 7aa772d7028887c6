#include "store/disk/journal_thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/disk/journal_internal.h"
#include "store/disk/report_record.h"
#include "store/disk/save.h"
#include "store/shm/thread.h"
#include "store/shm/clock.h"

/* How often the thread looks around when nothing happens. */
#define TICK_MS 1000

/* Every so many ticks it tidies up. */
#define TICKS_TO_TIDY 5

/* A failure is not reported again for so long. */
#define REPORT_MS 10000

/* So many logs of dead processes are removed at once. */
#define LOGS_MAX 64

/* What is made good is written when so much of it is gathered. */
#define MEND_BYTES ((size_t)1 << 20)

/* The end of a child waits so long for the queue to be let go of. */
#define STOP_MS 1000

static void count_records(push_disk_t *disk, const push_records_t *records)
{
    uint64_t count = 0;

    for (const push_record_t *r = records->first; r; r = r->next) {
        count++;
    }
    atomic_fetch_add(&disk->writes, 1);
    atomic_fetch_add(&disk->records, count);
}

static void report_failure(push_journal_t *journal, const char *why)
{
    push_disk_t *disk = push_journal_disk(journal);
    int64_t now = push_clock_now().mono;
    bool silent = journal->reported && now - journal->reported < REPORT_MS;
    uint32_t well = PUSH_DISK_WELL;

    atomic_fetch_add(&disk->errors, 1);
    if (atomic_compare_exchange_strong(&disk->failing, &well,
                                       silent ? PUSH_DISK_FAILING_SILENTLY
                                              : PUSH_DISK_FAILING)
        && !silent) {
        journal->reported = now;
        journal->options.report(journal->options.data, false, why);
    }
}

static void report_success(push_journal_t *journal)
{
    push_disk_t *disk = push_journal_disk(journal);

    if (atomic_load(&disk->failing)
        && atomic_exchange(&disk->failing, PUSH_DISK_WELL)
               == PUSH_DISK_FAILING) {
        journal->options.report(journal->options.data, true, "");
    }
}

static push_durable_status_t try_write(push_journal_t *journal,
                                       const push_records_t *records,
                                       push_durable_error_t *error)
{
    push_durable_status_t status = PUSH_DURABLE_OK;

    if (!journal->durable) {
        status = push_durable_open(&journal->durable, journal->options.path,
                                   journal->options.size, PUSH_DURABLE_WRITE,
                                   error);
    }
    if (status == PUSH_DURABLE_OK) {
        const push_durable_job_t job = {records, push_clock_now().wall,
                                        push_save_refresh, journal->store};

        status = push_durable_write(journal->durable, &job, error);
    }
    if (status != PUSH_DURABLE_OK) {
        push_durable_close(journal->durable);
        journal->durable = NULL;
    }
    return status;
}

/* Empties the list, whatever comes of it. */
static bool write_records(push_journal_t *journal, push_records_t *records)
{
    push_durable_error_t error;
    bool well = try_write(journal, records, &error) == PUSH_DURABLE_OK;

    if (well) {
        count_records(push_journal_disk(journal), records);
    }
    else {
        push_disk_missing(journal->store,
                          push_journal_lowest(journal->store, records));
        report_failure(journal, error.text);
    }
    push_records_cleanup(records);
    return well;
}

static bool due(const push_journal_t *journal)
{
    return !push_journal_empty(journal)
           && (journal->waiters || journal->stop
               || push_journal_bytes(journal) > PUSH_JOURNAL_MAX / 4
               || push_clock_now().mono - journal->since
                      >= PUSH_JOURNAL_INTERVAL_MS);
}

static int64_t may_sleep(const push_journal_t *journal)
{
    int64_t now = push_clock_now().mono;
    int64_t until = journal->tick;

    if (!push_journal_empty(journal)
        && journal->since + PUSH_JOURNAL_INTERVAL_MS < until) {
        until = journal->since + PUSH_JOURNAL_INTERVAL_MS;
    }
    return until > now ? until - now : 0;
}

/* With the lock: sleeps until a write or a tick is due, or the end. */
static void await(push_journal_t *journal)
{
    int64_t ms = may_sleep(journal);

    while (!due(journal) && !journal->stop && ms > 0) {
        struct timespec at = push_journal_deadline(ms);

        pthread_cond_timedwait(&journal->filled, &journal->lock, &at);
        ms = may_sleep(journal);
    }
}

/*
 * With the lock: what is queued now, or is being made good, stays announced;
 * the rest is on disk.
 */
static void withdraw(push_journal_t *journal)
{
    if (journal->entry) {
        atomic_store(&journal->entry->unsaved, journal->lowest);
        if (journal->mending) {
            push_disk_lower(&journal->entry->unsaved, journal->mending);
        }
        push_journal_show_waiting(journal);
    }
}

/* With the lock, after a write: the log may begin anew if all is written. */
static void rewind_log(push_journal_t *journal)
{
    const push_disk_t *disk = push_journal_disk(journal);

    if (journal->log && journal->logged <= journal->settled
        && !journal->mending && !atomic_load(&disk->failing)
        && !atomic_load(&disk->missing)) {
        push_wal_rewind(journal->log);
        journal->log_full = false;
    }
}

/* With the lock: true if the records name the log now. */
static bool name_log(const push_journal_t *journal, push_records_t *records)
{
    const push_named_log_t log = {
        (uint32_t)getpid(), journal->log ? push_wal_id(journal->log) : 0};
    push_record_t *record = journal->log && !journal->log_named
                                ? push_named_log_make(&log)
                                : NULL;

    if (record) {
        push_records_append(records, record);
    }
    return record;
}

static void write_queue(push_journal_t *journal)
{
    push_records_t records = {0};
    uint64_t lot;
    bool named, well;

    while (journal->syncing) {
        pthread_cond_wait(&journal->written, &journal->lock);
    }
    lot = journal->handed;
    push_records_join(&records, &journal->queue);
    push_records_join(&records, &journal->fresh);
    journal->lowest = 0;
    named = name_log(journal, &records);
    pthread_mutex_unlock(&journal->lock);
    well = write_records(journal, &records);
    pthread_mutex_lock(&journal->lock);
    journal->log_named |= named && well;
    journal->failures += !well;
    journal->settled = lot;
    if (journal->synced < lot) {
        journal->synced = lot;
    }
    withdraw(journal);
    if (well && !journal->syncing) {
        rewind_log(journal);
    }
    pthread_cond_broadcast(&journal->written);
}

/* Who waits for the state does not wait until all is made good. */
static void attend(push_journal_t *journal)
{
    pthread_mutex_lock(&journal->lock);
    if (due(journal)) {
        write_queue(journal);
    }
    pthread_mutex_unlock(&journal->lock);
}

/*
 * Shard by shard, since a shard is locked while it is copied; but not each in
 * a transaction of its own: LMDB syncs twice for one, and all children share
 * its writer.
 */
static bool write_shards(push_journal_t *journal, uint64_t from)
{
    push_records_t records = {0};

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        if (!push_save_shard(journal->store, i, from, &records)) {
            push_records_cleanup(&records);
            return false;
        }
        if (records.bytes >= MEND_BYTES
            || (i == PUSH_SHARDS - 1 && records.first)) {
            if (!write_records(journal, &records)) {
                return false;
            }
            attend(journal);
        }
    }
    return true;
}

/* Until it is over, our entry says from where on. */
static bool mend(push_journal_t *journal, uint64_t from)
{
    bool well;

    pthread_mutex_lock(&journal->lock);
    journal->mending = from;
    pthread_mutex_unlock(&journal->lock);
    well = write_shards(journal, from);
    if (!well) {
        push_disk_missing(journal->store, from);
    }
    pthread_mutex_lock(&journal->lock);
    journal->mending = 0;
    pthread_mutex_unlock(&journal->lock);
    return well;
}

static bool probe(push_journal_t *journal)
{
    push_records_t records = {0};
    push_record_t *record = push_probe_make();

    if (!record) {
        return false;
    }
    push_records_append(&records, record);
    return write_records(journal, &records);
}

static void dir_of(const push_journal_t *journal, char *room)
{
    const char *slash = strrchr(journal->options.path, '/');

    snprintf(room, PATH_MAX, "%.*s",
             slash ? (int)(slash - journal->options.path) : 1,
             slash ? journal->options.path : ".");
}

/* Logs of the dead, whose queues have been taken up already. */
typedef struct {
    char dir[PATH_MAX];
    uint32_t pids[LOGS_MAX];
    unsigned count;
} old_logs_t;

static void find_old_logs(const push_journal_t *journal, old_logs_t *old)
{
    unsigned all;

    dir_of(journal, old->dir);
    all = push_wal_list(old->dir, old->pids, LOGS_MAX);
    old->count = 0;
    for (unsigned i = 0; i < all; i++) {
        if (push_disk_forgotten(journal->store, old->pids[i])) {
            old->pids[old->count++] = old->pids[i];
        }
    }
}

/* First the state stops naming them, then they go. */
static bool remove_old_logs(push_journal_t *journal, const old_logs_t *old)
{
    push_records_t records = {0};

    for (unsigned i = 0; i < old->count; i++) {
        push_record_t *record = push_named_log_refresh(old->pids[i]);

        if (!record) {
            push_records_cleanup(&records);
            return true;
        }
        push_records_append(&records, record);
    }
    if (records.first && !write_records(journal, &records)) {
        return false;
    }
    for (unsigned i = 0; i < old->count; i++) {
        push_wal_remove(old->dir, old->pids[i]);
    }
    return true;
}

/* The journal that takes this up announces it, so that it survives us. */
static void make_good(push_journal_t *journal)
{
    push_disk_t *disk = push_journal_disk(journal);
    uint64_t from = atomic_load(&disk->missing);
    old_logs_t old;

    if (!from || (atomic_load(&disk->failing) && !probe(journal))) {
        return;
    }
    find_old_logs(journal, &old);
    from = atomic_load(&disk->missing);
    if (journal->entry) {
        push_disk_lower(&journal->entry->unsaved, from);
    }
    if (atomic_compare_exchange_strong(&disk->missing, &from, 0)) {
        if (mend(journal, from) && remove_old_logs(journal, &old)) {
            report_success(journal);
        }
    }
}

static void show_size(const push_journal_t *journal)
{
    push_disk_t *disk = push_journal_disk(journal);
    struct stat file;

    atomic_store(&disk->size, journal->options.size);
    if (!stat(journal->options.path, &file)) {
        atomic_store(&disk->used, (uint64_t)file.st_size);
    }
}

static void tick(push_journal_t *journal)
{
    push_records_t nothing = {0};

    journal->tick = push_clock_now().mono + TICK_MS;
    make_good(journal);
    show_size(journal);
    if (++journal->ticks % TICKS_TO_TIDY == 0 && journal->durable
        && push_durable_tidy(journal->durable, push_clock_now().wall)) {
        write_records(journal, &nothing);
    }
}

static void *run(void *data)
{
    push_journal_t *journal = data;

    pthread_mutex_lock(&journal->lock);
    while (!journal->stop) {
        await(journal);
        if (due(journal)) {
            write_queue(journal);
        }
        if (push_clock_now().mono >= journal->tick) {
            pthread_mutex_unlock(&journal->lock);
            tick(journal);
            pthread_mutex_lock(&journal->lock);
            withdraw(journal);
        }
    }
    pthread_mutex_unlock(&journal->lock);
    return NULL;
}

/*
 * A message was published, or leaves before its time and must not come back
 * after a restart.
 */
static void on_event(void *data, const push_event_t *event)
{
    push_store_t *store = data;
    push_fate_t fate = event->kind == PUSH_EVENT_ENDED ? event->fate
                                                       : PUSH_LIVE;
    push_time_t now = event->now ? *event->now : push_clock_now();

    push_shard_note(store, event->heap->owner,
                    push_save_message(store, event->message, fate, &now));
}

/* ---- start and stop ---- */

static push_listener_t listener_of(push_store_t *store)
{
    return (push_listener_t){.kinds = PUSH_EVENT_BIT(PUSH_EVENT_PUBLISHED)
                                      | PUSH_EVENT_BIT(PUSH_EVENT_ENDED),
                             .tell = on_event,
                             .data = store};
}

/* Without it (a full disk, say) each commit goes into the state itself. */
static void open_log(push_journal_t *journal)
{
    char dir[PATH_MAX];

    if (journal->options.durability == PUSH_DURABILITY_COMMIT) {
        dir_of(journal, dir);
        journal->log = push_wal_create(dir, journal->store->segment->hash_key);
    }
}

/* All deadlines are on the clock that is never set. */
static void init_locks(push_journal_t *journal)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&journal->lock, NULL);
    pthread_cond_init(&journal->filled, &attributes);
    pthread_cond_init(&journal->written, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool push_journal_start(push_store_t *store,
                        const push_journal_options_t *options)
{
    const push_listener_t listener = listener_of(store);
    push_journal_t *journal = calloc(1, sizeof(*journal));

    if (!journal) {
        return false;
    }
    journal->store = store;
    journal->options = *options;
    journal->entry = push_disk_claim(store);
    journal->tick = push_clock_now().mono;
    init_locks(journal);
    open_log(journal);
    if (!push_events_listen(&store->events, &listener)
        || !push_thread_start(&journal->thread, run, journal)) {
        push_events_ignore(&store->events, &listener);
        push_wal_destroy(journal->log, false);
        free(journal);
        return false;
    }
    store->hand_over = push_journal_hand_over;
    store->journal = journal;
    return true;
}

/* From here on nothing joins; then what the sweeps have not come to yet. */
static void write_the_rest(push_journal_t *journal)
{
    push_records_t records = {0};

    pthread_mutex_lock(&journal->lock);
    journal->over = true;
    pthread_mutex_unlock(&journal->lock);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_save_changed(journal->store, i, &records);
    }
    push_report_save_open(journal->store, &records);
    pthread_mutex_lock(&journal->lock);
    push_records_join(&journal->queue, &records);
    if (!push_journal_empty(journal)) {
        write_queue(journal);
    }
    pthread_mutex_unlock(&journal->lock);
}

/* After the rest: true while the log may hold what is nowhere else. */
static bool needs_log(push_journal_t *journal)
{
    const push_disk_t *disk = push_journal_disk(journal);
    push_record_t *record;
    uint64_t failures;

    if (!journal->log || !journal->log_named) {
        return false;
    }
    record = atomic_load(&disk->missing) || atomic_load(&disk->failing)
                 ? NULL
                 : push_named_log_refresh((uint32_t)getpid());
    if (!record) {
        return true;
    }
    pthread_mutex_lock(&journal->lock);
    failures = journal->failures;
    push_records_append(&journal->queue, record);
    write_queue(journal);
    pthread_mutex_unlock(&journal->lock);
    return journal->failures != failures;
}

/*
 * The prefork MPM ends a child from a signal handler, which may have stopped
 * its only worker anywhere.
 */
static bool ask_to_stop(push_journal_t *journal)
{
    if (pthread_mutex_trylock(&journal->lock)
        && push_lock_wait(&journal->lock, STOP_MS)) {
        return false;
    }
    journal->stop = true;
    pthread_cond_signal(&journal->filled);
    pthread_mutex_unlock(&journal->lock);
    return true;
}

/* Writes what there is and leaves the files, once. */
static bool finish(push_journal_t *journal)
{
    push_wal_t *log;
    bool needed;

    if (journal->over) {
        return true;
    }
    if (!ask_to_stop(journal)) {
        return false;
    }
    pthread_join(journal->thread, NULL);
    write_the_rest(journal);
    needed = needs_log(journal);
    pthread_mutex_lock(&journal->lock);
    log = journal->log;
    journal->log = NULL;
    pthread_mutex_unlock(&journal->lock);
    push_wal_destroy(log, needed);
    push_durable_close(journal->durable);
    if (journal->entry) {
        atomic_store(&journal->entry->unsaved, 0);
        atomic_store(&journal->entry->waiting, 0);
        atomic_store(&journal->entry->pid, 0);
    }
    return true;
}

bool push_journal_retire(push_store_t *store)
{
    return !store->journal || finish(store->journal);
}

void push_journal_stop(push_store_t *store)
{
    const push_listener_t listener = listener_of(store);
    push_journal_t *journal = store->journal;

    if (!journal || !finish(journal)) {
        return;
    }
    push_events_ignore(&store->events, &listener);
    store->journal = NULL;
    store->hand_over = NULL;
    pthread_mutex_destroy(&journal->lock);
    pthread_cond_destroy(&journal->filled);
    pthread_cond_destroy(&journal->written);
    free(journal);
}
