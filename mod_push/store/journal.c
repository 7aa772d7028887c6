#include "store/journal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/disk.h"
#include "store/durable.h"
#include "store/save.h"

/* How often the thread looks around when nothing happens. */
#define TICK_MS 1000

/* Every so many ticks it tidies up. */
#define TICKS_TO_TIDY 5

/* A publisher waits so long for room in the queue. */
#define THROTTLE_MS 100

/* The end of a child waits so long for the queue to be let go of. */
#define STOP_MS 1000

/* A failure is not reported again for so long. */
#define REPORT_MS 10000

struct push_journal_t {
    push_store_t *store;
    push_journal_options_t options;
    push_journal_place_t *place; /* ours, or NULL */
    pthread_t thread;

    pthread_mutex_t lock; /* guards all from here on */
    pthread_cond_t filled;
    pthread_cond_t written;
    push_records_t queue;
    uint64_t lowest;   /* mid in the queue; 0: none */
    int64_t since;     /* mono ms; when the first one joined it */
    uint64_t handed;   /* lots that joined it */
    uint64_t settled;  /* of them, that were written or given up */
    uint64_t failures; /* writes that failed */
    unsigned waiters;
    bool stop;

    /* ---- the journal's thread only ---- */
    push_durable_t *durable;
    int64_t reported; /* mono ms */
    int64_t tick;     /* mono ms of the next one */
    unsigned ticks;
};

/* What this thread noted and has not handed over yet. */
static _Thread_local push_records_t noted;

/* The last lot of this thread, and how many writes had failed before. */
static _Thread_local uint64_t last_lot;
static _Thread_local uint64_t failures_before;

static push_disk_t *disk_of(const push_store_t *store)
{
    return &store->segment->disk;
}

/* ---- from workers and reactors into the queue ---- */

void push_journal_note(push_record_t *record)
{
    push_records_append(&noted, record);
}

static uint64_t lowest_of(const push_store_t *store,
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
    if (journal->place) {
        push_disk_lower(&journal->place->unsaved, lowest);
    }
}

void push_journal_hand_over(push_store_t *store)
{
    push_journal_t *journal = store->journal;
    uint64_t lowest;

    if (!noted.first) {
        return;
    }
    if (!journal) {
        push_records_cleanup(&noted);
        return;
    }
    lowest = lowest_of(store, &noted);
    pthread_mutex_lock(&journal->lock);
    if (journal->queue.bytes + noted.bytes > PUSH_JOURNAL_MAX) {
        push_disk_missing(store, lowest);
        journal->failures++;
        pthread_mutex_unlock(&journal->lock);
        push_records_cleanup(&noted);
        return;
    }
    announce(journal, lowest);
    if (!journal->queue.first) {
        journal->since = push_clock_now().mono;
        pthread_cond_signal(&journal->filled);
    }
    push_records_join(&journal->queue, &noted);
    last_lot = ++journal->handed;
    pthread_mutex_unlock(&journal->lock);
}

static struct timespec deadline_in(int64_t ms)
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
                   && atomic_load(&disk_of(store)->failing)
               ? PUSH_NO_STATE
               : PUSH_OK;
}

void push_journal_throttle(push_store_t *store)
{
    push_journal_t *journal = store->journal;
    struct timespec at;

    if (!journal) {
        return;
    }
    pthread_mutex_lock(&journal->lock);
    at = deadline_in(THROTTLE_MS);
    while (journal->queue.bytes >= PUSH_JOURNAL_MAX / 2
           && !pthread_cond_clockwait(&journal->written, &journal->lock,
                                      CLOCK_MONOTONIC, &at)) {
    }
    pthread_mutex_unlock(&journal->lock);
}

void push_journal_begin(const push_store_t *store)
{
    push_journal_t *journal = store->journal;

    if (journal) {
        pthread_mutex_lock(&journal->lock);
        failures_before = journal->failures;
        pthread_mutex_unlock(&journal->lock);
        last_lot = 0;
    }
}

push_status_t push_journal_wait(push_store_t *store)
{
    push_journal_t *journal = store->journal;
    push_status_t status;

    if (!journal || journal->options.durability != PUSH_DURABILITY_COMMIT) {
        return PUSH_OK;
    }
    pthread_mutex_lock(&journal->lock);
    journal->waiters++;
    if (journal->settled < last_lot) {
        pthread_cond_signal(&journal->filled);
    }
    while (journal->settled < last_lot) {
        pthread_cond_wait(&journal->written, &journal->lock);
    }
    journal->waiters--;
    status = journal->failures == failures_before ? PUSH_OK : PUSH_NO_STATE;
    pthread_mutex_unlock(&journal->lock);
    return status;
}

push_durability_t push_journal_durability(const push_store_t *store)
{
    return store->journal ? store->journal->options.durability
                          : PUSH_DURABILITY_MEMORY;
}

size_t push_journal_waiting(push_store_t *store)
{
    push_journal_t *journal = store->journal;
    size_t bytes = 0;

    if (journal) {
        pthread_mutex_lock(&journal->lock);
        bytes = journal->queue.bytes;
        pthread_mutex_unlock(&journal->lock);
    }
    return bytes;
}

/*
 * A heap's ended(): a message that leaves before its time must not come back
 * after a restart.
 */
static void on_end(push_heap_t *heap, const void *message, int fate)
{
    const push_store_t *store = heap->memory;
    push_time_t now = push_clock_now();
    push_record_t *record = push_save_message(store, message,
                                              (push_fate_t)fate, &now);

    if (record) {
        push_journal_note(record);
    }
}

/* ---- the journal's thread ---- */

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
    push_disk_t *disk = disk_of(journal->store);
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
    push_disk_t *disk = disk_of(journal->store);

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
                                        push_save_look, journal->store};

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
        count_records(disk_of(journal->store), records);
    }
    else {
        push_disk_missing(journal->store, lowest_of(journal->store, records));
        report_failure(journal, error.text);
    }
    push_records_cleanup(records);
    return well;
}

static bool due(const push_journal_t *journal)
{
    return journal->queue.first
           && (journal->waiters || journal->stop
               || journal->queue.bytes > PUSH_JOURNAL_MAX / 4
               || push_clock_now().mono - journal->since
                      >= PUSH_JOURNAL_INTERVAL_MS);
}

static int64_t may_sleep(const push_journal_t *journal)
{
    int64_t now = push_clock_now().mono;
    int64_t until = journal->tick;

    if (journal->queue.first
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
        struct timespec at = deadline_in(ms);

        pthread_cond_clockwait(&journal->filled, &journal->lock,
                               CLOCK_MONOTONIC, &at);
        ms = may_sleep(journal);
    }
}

/* With the lock: what is queued now stays announced, the rest is on disk. */
static void withdraw(push_journal_t *journal)
{
    if (journal->place) {
        atomic_store(&journal->place->unsaved, journal->lowest);
    }
}

/* With the lock, which it lets go meanwhile. */
static void write_queue(push_journal_t *journal)
{
    push_records_t records = {0};
    uint64_t lot = journal->handed;
    bool well;

    push_records_join(&records, &journal->queue);
    journal->lowest = 0;
    pthread_mutex_unlock(&journal->lock);
    well = write_records(journal, &records);
    pthread_mutex_lock(&journal->lock);
    journal->failures += !well;
    journal->settled = lot;
    withdraw(journal);
    pthread_cond_broadcast(&journal->written);
}

/* Shard by shard, since a shard is locked while it is copied. */
static bool write_shards(push_journal_t *journal, uint64_t from)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_records_t records = {0};

        if (!push_save_shard(journal->store, i, from, &records)) {
            push_records_cleanup(&records);
            return false;
        }
        if (records.first && !write_records(journal, &records)) {
            return false;
        }
    }
    return true;
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

/* Whoever takes this up announces it, so that it survives us. */
static void make_good(push_journal_t *journal)
{
    push_disk_t *disk = disk_of(journal->store);
    uint64_t from = atomic_load(&disk->missing);

    if (!from || (atomic_load(&disk->failing) && !probe(journal))) {
        return;
    }
    from = atomic_load(&disk->missing);
    if (journal->place) {
        push_disk_lower(&journal->place->unsaved, from);
    }
    if (atomic_compare_exchange_strong(&disk->missing, &from, 0)) {
        if (!write_shards(journal, from)) {
            push_disk_missing(journal->store, from);
            return;
        }
        report_success(journal);
    }
}

static void tick(push_journal_t *journal)
{
    push_records_t nothing = {0};

    journal->tick = push_clock_now().mono + TICK_MS;
    make_good(journal);
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

/* ---- start and stop ---- */

static bool start_thread(push_journal_t *journal)
{
    sigset_t all, before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&journal->thread, NULL, run, journal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = status;
    return !status;
}

bool push_journal_start(push_store_t *store,
                        const push_journal_options_t *options)
{
    push_journal_t *journal = calloc(1, sizeof(*journal));

    if (!journal) {
        return false;
    }
    journal->store = store;
    journal->options = *options;
    journal->place = push_disk_claim(store);
    journal->tick = push_clock_now().mono;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_cond_init(&journal->filled, NULL);
    pthread_cond_init(&journal->written, NULL);
    if (!start_thread(journal)) {
        free(journal);
        return false;
    }
    store->journal = journal;
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        store->heaps[i].ended = on_end;
    }
    return true;
}

/* What the sweeps have not come to yet. */
static void write_the_rest(push_journal_t *journal)
{
    push_records_t records = {0};

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        push_save_changed(journal->store, i, &records);
    }
    pthread_mutex_lock(&journal->lock);
    push_records_join(&journal->queue, &records);
    if (journal->queue.first) {
        write_queue(journal);
    }
    pthread_mutex_unlock(&journal->lock);
}

/*
 * The prefork MPM ends a child from a signal handler, which may have stopped
 * its only worker anywhere.
 */
static bool ask_to_stop(push_journal_t *journal)
{
    struct timespec at = deadline_in(STOP_MS);

    if (pthread_mutex_clocklock(&journal->lock, CLOCK_MONOTONIC, &at)) {
        return false;
    }
    journal->stop = true;
    pthread_cond_signal(&journal->filled);
    pthread_mutex_unlock(&journal->lock);
    return true;
}

void push_journal_stop(push_store_t *store)
{
    push_journal_t *journal = store->journal;

    if (!journal || !ask_to_stop(journal)) {
        return;
    }
    pthread_join(journal->thread, NULL);
    write_the_rest(journal);
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        store->heaps[i].ended = NULL;
    }
    store->journal = NULL;
    push_durable_close(journal->durable);
    if (journal->place) {
        atomic_store(&journal->place->unsaved, 0);
        atomic_store(&journal->place->pid, 0);
    }
    pthread_mutex_destroy(&journal->lock);
    pthread_cond_destroy(&journal->filled);
    pthread_cond_destroy(&journal->written);
    free(journal);
}
