#include "triggers/run/runner.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "store/shm/thread.h"
#include "triggers/run/ask.h"
#include "triggers/run/outcome.h"
#include "triggers/run/backlog.h"
#include "triggers/run/timers.h"

/*
 * A turn: what came is read and begun, what has ended is published, all of it
 * with one wait for the disk, and what is over is acknowledged, once for each
 * queue.  A message is over when its answers are kept; or its next attempt,
 * which is a message of the same queue for later; or a dead letter.  So at any
 * moment in which this process may die, what was not finished is in the queue,
 * and what was published has a key by which it is not published twice.
 *
 * Requests for the same target of a trigger run one after the other, so that
 * an older answer never comes behind a newer one.
 */

#define EVENTS_MAX   64
#define STUCK_MS     250  /* until what could not be published is tried */
#define PART_MS      1000 /* it is looked so often without a ring */
#define FIRST_SPREAD 400u /* ms; children do not all look at once */

/* ---- what has ended ---- */

static void take_ended(push_runner_t *runner)
{
    int left;
    CURLMsg *message = curl_multi_info_read(runner->multi, &left);

    while (message) {
        push_fetch_t *fetch = NULL;
        CURLcode result = message->data.result;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                          (char **)&fetch);
        push_ask_end(fetch->data, result);
        push_jobs_add(&runner->done, fetch->data);
        message = curl_multi_info_read(runner->multi, &left);
    }
}

static void take_stuck(push_runner_t *runner, int64_t now)
{
    push_job_t *job;

    if (!runner->stuck.first || now < runner->stuck_until) {
        return;
    }
    job = push_jobs_take(&runner->stuck);
    while (job) {
        push_jobs_add(&runner->done, job);
        job = push_jobs_take(&runner->stuck);
    }
}

static unsigned count_messages(push_runner_t *runner)
{
    unsigned count = 0;

    for (push_job_t *job = runner->done.first; job; job = job->next) {
        count += push_outcome_count(job);
    }
    return count;
}

/* One whose answer is bad is made again, as a dead letter. */
static unsigned make_messages(push_runner_t *runner, push_injected_t *messages)
{
    unsigned count = 0;

    for (push_job_t *job = runner->done.first; job; job = job->next) {
        if (!push_outcome_make(job, runner->turn, messages + count)) {
            push_outcome_count(job);
            push_outcome_make(job, runner->turn, messages + count);
        }
        count += job->messages;
    }
    return count;
}

static void settle_jobs(push_runner_t *runner, const push_injected_t *messages,
                        int64_t now)
{
    push_jobs_t done = runner->done;
    push_job_t *job;

    push_jobs_init(&runner->done);
    job = push_jobs_take(&done);
    while (job) {
        push_settled_t settled = push_outcome_settle(job, messages);

        messages += job->messages;
        if (settled == PUSH_SETTLED) {
            push_backlog_over(job);
        }
        else if (settled == PUSH_SETTLED_DEAD) {
            push_jobs_add(&runner->done, job);
        }
        else {
            push_jobs_add(&runner->stuck, job);
            runner->stuck_until = now + STUCK_MS;
        }
        job = push_jobs_take(&done);
    }
}

/* All that is done, with one wait for the disk. */
static void publish_done(push_runner_t *runner, int64_t now)
{
    const push_injector_t injector = {.broker = runner->options.broker,
                                      .settings = runner->options.settings,
                                      .pool = runner->turn};

    while (runner->done.first) {
        unsigned count = count_messages(runner);
        push_injected_t *messages = apr_palloc(
            runner->turn, (count ? count : 1) * sizeof(*messages));

        count = make_messages(runner, messages);
        push_inject(&injector, messages, count);
        settle_jobs(runner, messages, now);
    }
}

/* ---- turns ---- */

static bool leaves(const push_runner_t *runner)
{
    return atomic_load(&runner->leave_by) != 0;
}

static void read_queues(push_runner_t *runner)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(runner->epoll, events, EVENTS_MAX, 0);

    for (int i = 0; i < count; i++) {
        push_backlog_read(events[i].data.ptr);
    }
}

/* Each time another one is the first that may begin. */
static void start_queues(push_runner_t *runner, const push_time_t *now)
{
    unsigned count = runner->queues_count;

    for (unsigned i = 0; i < count; i++) {
        push_backlog_start(&runner->queues[(runner->queues_first + i) % count],
                           now);
    }
    runner->queues_first = (runner->queues_first + 1) % count;
}

static void take_new(push_runner_t *runner, const push_time_t *now)
{
    for (unsigned i = 0; i < runner->queues_count; i++) {
        push_backlog_poll(&runner->queues[i], now->mono);
        push_timers_turn(&runner->queues[i], now);
    }
    read_queues(runner);
    start_queues(runner, now);
}

static void turn(push_runner_t *runner)
{
    push_time_t now = push_clock_now();

    apr_pool_clear(runner->turn);
    if (!leaves(runner)) {
        take_new(runner, &now);
    }
    take_ended(runner);
    take_stuck(runner, now.mono);
    publish_done(runner, now.mono);
    for (unsigned i = 0; i < runner->queues_count; i++) {
        push_backlog_settle(&runner->queues[i]);
    }
    if (!leaves(runner)) {
        start_queues(runner, &now);
    }
}

static int64_t sooner(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* Until then nothing happens by itself. */
static int64_t quiet_until(const push_runner_t *runner)
{
    push_time_t now = push_clock_now();
    int64_t until = now.mono + 1000;

    for (unsigned i = 0; !leaves(runner) && i < runner->queues_count; i++) {
        const push_backlog_t *queue = &runner->queues[i];

        until = sooner(until, push_backlog_until(queue, &now));
        until = sooner(until, push_timers_until(queue, &now));
    }
    if (runner->stuck.first) {
        until = sooner(until, runner->stuck_until);
    }
    if (leaves(runner)) {
        until = sooner(until, atomic_load(&runner->leave_by));
    }
    return until;
}

static void wait_for_more(push_runner_t *runner)
{
    if (leaves(runner)) {
        push_sockets_forget_inlets(&runner->sockets);
    }
    push_sockets_turn(&runner->sockets, quiet_until(runner));
}

static bool is_busy(const push_runner_t *runner)
{
    return runner->running || runner->done.first || runner->stuck.first;
}

static bool goes_on(const push_runner_t *runner)
{
    int64_t by = atomic_load(&runner->leave_by);

    return !by || (is_busy(runner) && push_clock_now().mono < by);
}

static void *run(void *data)
{
    push_runner_t *runner = data;

    while (goes_on(runner)) {
        turn(runner);
        if (goes_on(runner)) {
            wait_for_more(runner);
        }
    }
    for (unsigned i = 0; i < runner->queues_count; i++) {
        push_backlog_close(&runner->queues[i]);
    }
    return NULL;
}

/* ---- any thread ---- */

void push_runner_destroy(push_runner_t *runner)
{
    for (unsigned i = 0; i < runner->queues_count; i++) {
        push_backlog_cleanup(&runner->queues[i]);
    }
    while (runner->spare) {
        push_fetch_t *fetch = runner->spare;

        runner->spare = fetch->next;
        push_fetch_destroy(fetch);
    }
    if (runner->multi) {
        curl_multi_cleanup(runner->multi);
    }
    push_sockets_cleanup(&runner->sockets);
    if (runner->epoll >= 0) {
        close(runner->epoll);
    }
    if (runner->pool) {
        apr_pool_destroy(runner->pool);
    }
    free(runner->queues);
    free(runner);
}

/* No other thread uses what it allocates from. */
static bool make_pools(push_runner_t *runner)
{
    apr_allocator_t *allocator;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return false;
    }
    if (apr_pool_create_ex(&runner->pool, NULL, NULL, allocator)
        != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return false;
    }
    apr_allocator_owner_set(allocator, runner->pool);
    return apr_pool_create(&runner->turn, runner->pool) == APR_SUCCESS;
}

static bool make_queues(push_runner_t *runner)
{
    int64_t now = push_clock_now().mono;
    unsigned count = 0;

    while (push_triggers_rule(runner->options.triggers, count)) {
        count++;
    }
    runner->queues = calloc(count ? count : 1, sizeof(*runner->queues));
    if (!runner->queues) {
        return false;
    }
    while (runner->queues_count < count) {
        push_backlog_t *queue = &runner->queues[runner->queues_count];

        push_backlog_init(queue, runner, runner->queues_count++);
        queue->look_next =
            now + (int64_t)(push_runner_random(runner) % FIRST_SPREAD);
    }
    return true;
}

static void make_random(push_runner_t *runner)
{
    uint64_t random[3] = {0};

    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        random[0] ^= (uint64_t)getpid();
    }
    runner->secret[0] = random[0];
    runner->secret[1] = random[1];
    runner->random = random[2] | 1;
}

static bool make(push_runner_t *runner)
{
    runner->multi = curl_multi_init();
    runner->epoll = epoll_create1(EPOLL_CLOEXEC);
    push_jobs_init(&runner->done);
    push_jobs_init(&runner->stuck);
    make_random(runner);
    if (runner->multi) {
        curl_multi_setopt(runner->multi, CURLMOPT_MAXCONNECTS,
                          (long)PUSH_RUNNER_RUNNING);
    }
    return runner->multi && runner->epoll >= 0
           && push_sockets_init(&runner->sockets, runner->multi, runner->epoll)
           && make_pools(runner) && make_queues(runner);
}

push_runner_t *push_runner_start(const push_runner_options_t *options)
{
    push_runner_t *runner = calloc(1, sizeof(*runner));

    if (!runner) {
        return NULL;
    }
    runner->options = *options;
    runner->sockets = (push_sockets_t){.epoll = -1, .bell = -1};
    if (make(runner)) {
        runner->started = push_thread_start(&runner->thread, run, runner);
    }
    if (!runner->started) {
        push_runner_destroy(runner);
        return NULL;
    }
    return runner;
}

void push_runner_leave(push_runner_t *runner, int64_t by)
{
    atomic_store(&runner->leave_by, by > 0 ? by : 1);
    push_sockets_ring(&runner->sockets);
}

void push_runner_part(push_runner_t *runner)
{
    uint32_t seen = push_bell_read(&runner->opened);

    if (!leaves(runner)) {
        push_runner_leave(runner, 1);
    }
    while (atomic_load(&runner->opens)) {
        push_bell_wait(&runner->opened, seen, PART_MS);
        seen = push_bell_read(&runner->opened);
    }
}

void push_runner_stop(push_runner_t *runner)
{
    if (!leaves(runner)) {
        push_runner_leave(runner, 1);
    }
    pthread_join(runner->thread, NULL);
}
