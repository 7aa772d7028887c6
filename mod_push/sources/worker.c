#include "sources/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <http_log.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LOCK_MS 500 /* between two looks at the lock */

#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 1000

static push_worker_t *worker_at(const apr_array_header_t *workers, int at)
{
    return APR_ARRAY_IDX(workers, at, push_worker_t *);
}

/* ---- the configuration ---- */

const char *push_workers_wrong(apr_pool_t *pool,
                               const apr_array_header_t *workers)
{
    APR_OPTIONAL_FN_TYPE(push_source_wrong) *wrong = APR_RETRIEVE_OPTIONAL_FN(
        push_source_wrong);
    const char *why = NULL;

    if (!wrong) {
        return workers->nelts
                   ? "a source needs mod_push, which is not loaded or older"
                   : NULL;
    }
    for (int i = 0; i < workers->nelts && !why; i++) {
        why = wrong(pool, &worker_at(workers, i)->options);
    }
    return why;
}

/*
 * One file for all generations of children and all modules: an old child gives
 * its source up before a new one has it.
 */
static int lock_file(apr_pool_t *pool)
{
    static const char key[] = "push_source_lock";
    void *kept = NULL;
    int file;

    apr_pool_userdata_get(&kept, key, pool);
    if (kept) {
        return *(int *)kept;
    }
    file = memfd_create(key, MFD_CLOEXEC);
    if (file >= 0) {
        kept = apr_palloc(pool, sizeof(file));
        *(int *)kept = file;
        apr_pool_userdata_set(kept, key, NULL, pool);
    }
    return file;
}

bool push_workers_prepare(server_rec *server,
                          const apr_array_header_t *workers)
{
    APR_OPTIONAL_FN_TYPE(push_source_declare) *declare =
        APR_RETRIEVE_OPTIONAL_FN(push_source_declare);

    for (int i = 0; i < workers->nelts; i++) {
        push_worker_t *worker = worker_at(workers, i);

        worker->server = server;
        worker->source = declare ? declare(server, &worker->options) : NULL;
        if (!worker->source) {
            return false;
        }
        worker->lock = lock_file(server->process->pool);
        if (worker->lock < 0) {
            ap_log_error(__FILE__, __LINE__, worker->module, APLOG_EMERG,
                         errno, server,
                         "PUSH0272: source %s: cannot make the lock of "
                         "sources",
                         worker->options.name);
            return false;
        }
    }
    return true;
}

/* ---- a worker ---- */

bool push_worker_pause(const push_worker_t *worker, int64_t ms)
{
    struct pollfd stop = {.fd = worker->stop, .events = POLLIN};
    int count;

    do {
        count = poll(&stop, 1, (int)ms);
    } while (count < 0 && errno == EINTR);
    return count > 0;
}

int64_t push_worker_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t push_worker_backoff(unsigned tries)
{
    int64_t most = tries < 5 ? BACKOFF_MIN_MS << tries : BACKOFF_MAX_MS;

    most = most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS;
    return most / 2 + random() % (most / 2);
}

/* The byte of this source; a shared one only makes both slow. */
static bool lock(const push_worker_t *worker, short type)
{
    struct flock range = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = 5381, .l_len = 1};

    for (const char *at = worker->options.name; *at; at++) {
        range.l_start = (range.l_start * 33 + (unsigned char)*at)
                        & 0xffffffffffff;
    }
    return fcntl(worker->lock, F_SETLK, &range) == 0;
}

static void *run(void *data)
{
    push_worker_t *worker = data;
    apr_pool_t *pool;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    while (!push_worker_pause(worker, 0)) {
        if (lock(worker, F_WRLCK)) {
            worker->run(worker, pool);
            lock(worker, F_UNLCK);
        }
        else {
            push_worker_pause(worker, LOCK_MS);
        }
    }
    apr_pool_destroy(pool);
    return NULL;
}

/* No signal reaches it. */
static bool start(push_worker_t *worker)
{
    sigset_t all, before;
    int status;

    worker->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->stop < 0) {
        return false;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status) {
        close(worker->stop);
        errno = status;
    }
    return !status;
}

static apr_status_t stop_all(void *workers)
{
    push_workers_stop(workers);
    return APR_SUCCESS;
}

void push_workers_start(apr_pool_t *child, const apr_array_header_t *workers)
{
    for (int i = 0; i < workers->nelts; i++) {
        push_worker_t *worker = worker_at(workers, i);

        worker->started = start(worker);
        if (!worker->started) {
            ap_log_error(__FILE__, __LINE__, worker->module, APLOG_ERR, errno,
                         worker->server,
                         "PUSH0273: source %s: this child cannot read it: its "
                         "thread cannot be started",
                         worker->options.name);
        }
    }
    apr_pool_cleanup_register(child, workers, stop_all, apr_pool_cleanup_null);
}

/* All are told first: they end at the same time. */
void push_workers_stop(const apr_array_header_t *workers)
{
    for (int i = 0; i < workers->nelts; i++) {
        if (worker_at(workers, i)->started) {
            eventfd_write(worker_at(workers, i)->stop, 1);
        }
    }
    for (int i = 0; i < workers->nelts; i++) {
        push_worker_t *worker = worker_at(workers, i);

        if (worker->started) {
            pthread_join(worker->thread, NULL);
            close(worker->stop);
            worker->started = false;
        }
    }
}
