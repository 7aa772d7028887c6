#include "triggers/run/backlog.h"

#include <errno.h>
#include <http_log.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "http/runtime.h"
#include "stream/loop/reactor.h"
#include "triggers/run/ask.h"
#include "triggers/run/work.h"

APLOG_USE_MODULE(push);

#define POLL_MS     750 /* and up to half a second more */
#define POLL_SPREAD 500u
#define POLL_STEP   128 /* looks at many queues fall together */
#define SILENT      3u  /* looks, and a node is taken for dead */
#define PATIENCE    3u  /* times that a start may take */
#define ACK_MS      20  /* until what could not be acknowledged is tried */

void push_backlog_init(push_backlog_t *queue, push_runner_t *runner,
                       unsigned index)
{
    queue->runner = runner;
    queue->index = index;
    queue->rule = push_triggers_rule(runner->options.triggers, index);
    queue->inlet.fd = -1;
    queue->works_end = &queue->works;
    push_jobs_init(&queue->waiting);
    push_jobs_init(&queue->early);
}

void push_backlog_cleanup(push_backlog_t *queue)
{
    push_backlog_close(queue);
    free(queue->known);
}

static push_trigger_figures_t *figures_of(const push_backlog_t *queue)
{
    return &queue->runner->options.figures[queue->index];
}

/* ---- to have it ---- */

static bool is_open(const push_backlog_t *queue)
{
    return queue->inlet.fd >= 0;
}

static void complain(push_backlog_t *queue, push_status_t status, int64_t now)
{
    queue->refused++;
    if (status != PUSH_BUSY && queue->refused > PATIENCE
        && now >= queue->complain_next) {
        queue->complain_next = now + 60000;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0,
                     queue->runner->options.server,
                     "PUSH0243: trigger %s: its queue cannot be opened (%s); "
                     "it is tried again",
                     queue->rule->name,
                     status == PUSH_NO_MEMORY ? "there is no memory"
                                              : "there is no stream free, or "
                                                "no descriptor");
    }
}

static push_status_t open_inlet(push_backlog_t *queue)
{
    const push_inlet_ask_t ask = {.user = queue->rule->user,
                                  .window = PUSH_BACKLOG_WINDOW,
                                  .if_away = true};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = queue};
    push_reservation_t reservation;
    push_status_t status;

    if (!push_runtime_reserve(false, &reservation)) {
        return PUSH_TOO_MANY;
    }
    status = push_inlet_open(&queue->inlet, queue->runner->options.broker,
                             &ask, &reservation);
    if (status == PUSH_OK
        && epoll_ctl(queue->runner->epoll, EPOLL_CTL_ADD, queue->inlet.fd,
                     &event)) {
        push_inlet_close(&queue->inlet);
        status = PUSH_NO_MEMORY;
    }
    return status;
}

static void open_queue(push_backlog_t *queue, int64_t now)
{
    push_status_t status = open_inlet(queue);

    if (status != PUSH_OK) {
        complain(queue, status, now);
        return;
    }
    queue->refused = 0;
    queue->tick = 0;
    queue->filled = now;
    queue->tokens = queue->rule->rate;
    if (queue->rule->pull.only_changed && !queue->known) {
        queue->known = calloc(PUSH_RUNNER_KEYS, sizeof(*queue->known));
    }
    atomic_store(&figures_of(queue)->owner, getpid());
}

/* Either it is seen that this one opens, or it sees that it is to leave: then
 * the reactors may be gone. */
static void open_unless_leaving(push_backlog_t *queue, int64_t now)
{
    push_runner_t *runner = queue->runner;

    atomic_store(&runner->opens, true);
    if (!atomic_load(&runner->leave_by)) {
        open_queue(queue, now);
    }
    atomic_store(&runner->opens, false);
    push_bell_ring(&runner->opened);
}

/*
 * Nobody has it; or a node of which nothing was heard for some time, however
 * slow it may be: it finds that it was overruled.
 */
static bool is_free(push_backlog_t *queue)
{
    push_inlet_view_t view;

    if (push_inlet_read_view(queue->runner->options.broker, queue->rule->user,
                             &view)
        != PUSH_OK) {
        return false;
    }
    queue->silent = view.silent ? queue->silent + 1 : 0;
    return !view.online || queue->silent >= SILENT;
}

/* Children have steps of their own, and each queue another one of them. */
static int64_t next_look(push_runner_t *runner, int64_t now)
{
    int64_t at = now + POLL_MS
                 + (int64_t)(push_runner_random(runner) % POLL_SPREAD);

    return at - at % POLL_STEP + (int64_t)(runner->secret[0] % POLL_STEP);
}

void push_backlog_poll(push_backlog_t *queue, int64_t now)
{
    if (is_open(queue) || now < queue->look_next) {
        return;
    }
    queue->look_next = next_look(queue->runner, now);
    if (!push_runtime_superseded() && is_free(queue)) {
        open_unless_leaving(queue, now);
    }
}

static void drop_works(push_backlog_t *queue)
{
    while (queue->works) {
        push_work_t *work = queue->works;

        queue->works = work->next;
        push_work_destroy(work);
    }
    queue->works_end = &queue->works;
}

/* Those of the queue leave the list. */
static void drop_from(push_jobs_t *jobs, const push_backlog_t *queue)
{
    push_jobs_t kept;
    push_job_t *job = push_jobs_take(jobs);

    push_jobs_init(&kept);
    while (job) {
        if (job->work->queue == queue) {
            push_ask_release(job);
        }
        else {
            push_jobs_add(&kept, job);
        }
        job = push_jobs_take(jobs);
    }
    push_jobs_init(jobs);
    if (kept.first) {
        *jobs = kept;
    }
}

static void drop_running(push_backlog_t *queue)
{
    push_runner_t *runner = queue->runner;

    for (unsigned i = 0; i < PUSH_RUNNER_KEYS; i++) {
        push_job_t **at = &runner->targets[i];

        while (*at) {
            push_job_t *job = *at;

            if (job->work->queue != queue) {
                at = &job->next_target;
                continue;
            }
            *at = job->next_target;
            if (job->runs) {
                push_ask_abort(job);
            }
        }
    }
}

void push_backlog_close(push_backlog_t *queue)
{
    int64_t self = getpid();

    if (!is_open(queue)) {
        return;
    }
    push_inlet_close(&queue->inlet);
    drop_running(queue);
    drop_from(&queue->runner->done, queue);
    drop_from(&queue->runner->stuck, queue);
    push_jobs_init(&queue->waiting);
    push_jobs_init(&queue->early);
    drop_works(queue);
    atomic_store(&figures_of(queue)->running, 0);
    atomic_compare_exchange_strong(&figures_of(queue)->owner, &self, 0);
}

/* ---- what comes ---- */

void push_backlog_read(push_backlog_t *queue)
{
    push_sse_block_t block;

    if (!push_inlet_read(&queue->inlet)) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, queue->runner->options.server,
                     "PUSH0244: trigger %s: its queue is another child's now",
                     queue->rule->name);
        push_backlog_close(queue);
        return;
    }
    while (push_inlet_next(&queue->inlet, &block)) {
        if (!push_work_begin(queue, &block)) {
            push_backlog_close(queue); /* it comes again */
            return;
        }
    }
}

/* ---- what is begun ---- */

/* What was to come later, and is due. */
static void take_early(push_backlog_t *queue, int64_t wall)
{
    push_jobs_t early = queue->early;
    push_job_t *job;

    if (!early.first) {
        return;
    }
    push_jobs_init(&queue->early);
    job = push_jobs_take(&early);
    while (job) {
        push_jobs_add(job->work->due <= wall ? &queue->waiting : &queue->early,
                      job);
        job = push_jobs_take(&early);
    }
}

/* PushRate: so many may begin now. */
static bool take_token(push_backlog_t *queue, int64_t mono)
{
    double rate = queue->rule->rate;

    if (!queue->rule->rate) {
        return true;
    }
    queue->tokens += rate * (double)(mono - queue->filled) / 1000;
    queue->filled = mono;
    if (queue->tokens > rate) {
        queue->tokens = rate;
    }
    if (queue->tokens < 1) {
        return false;
    }
    queue->tokens--;
    return true;
}

static push_job_t **target_of(push_job_t *job)
{
    return &job->work->queue->runner->targets[job->key % PUSH_RUNNER_KEYS];
}

/* The job of the same target that is under way, or NULL. */
static push_job_t *under_way(push_job_t *job)
{
    push_job_t *other = *target_of(job);

    while (other
           && (!job->key || other->key != job->key
               || other->work->queue != job->work->queue)) {
        other = other->next_target;
    }
    return other;
}

static void add_behind(push_job_t *first, push_job_t *job)
{
    while (first->behind) {
        first = first->behind;
    }
    first->behind = job;
}

static void begin(push_job_t *job)
{
    push_job_t **target = target_of(job);
    push_status_t status = push_ask_begin(job);

    job->next_target = *target;
    *target = job;
    job->runs = status == PUSH_OK;
    if (status == PUSH_NO_MEMORY) {
        job->verdict = PUSH_VERDICT_LATER;
        job->why = "there was no memory for the request";
    }
    if (!job->runs) {
        push_jobs_add(&job->work->queue->runner->done, job);
    }
}

void push_backlog_start(push_backlog_t *queue, const push_time_t *now)
{
    take_early(queue, now->wall);
    while (queue->waiting.first && queue->running < PUSH_BACKLOG_RUNNING
           && queue->runner->running < PUSH_RUNNER_RUNNING) {
        push_job_t *job = queue->waiting.first;
        push_job_t *other = under_way(job);

        if (!other && !take_token(queue, now->mono)) {
            return;
        }
        push_jobs_take(&queue->waiting);
        if (other) {
            add_behind(other, job);
        }
        else {
            begin(job);
        }
    }
}

/* ---- what is over ---- */

void push_backlog_over(push_job_t *job)
{
    push_backlog_t *queue = job->work->queue;
    push_job_t **at = target_of(job);
    push_job_t *next = job->behind;

    while (*at && *at != job) {
        at = &(*at)->next_target;
    }
    if (*at) {
        *at = job->next_target;
    }
    if (queue->known && job->content && job->verdict == PUSH_VERDICT_DONE) {
        uint64_t *known = queue->known[job->key % PUSH_RUNNER_KEYS];

        known[0] = job->key;
        known[1] = job->content;
    }
    push_ask_release(job);
    job->work->open--;
    if (next) {
        /* First in the line, with what waits behind it. */
        next->next = queue->waiting.first;
        queue->waiting.end = queue->waiting.first ? queue->waiting.end
                                                  : &next->next;
        queue->waiting.first = next;
    }
}

/*
 * Two children may open a queue at once, and the one that lost it may be the
 * last to have put its name here, and takes it away again.
 */
static void note_owner(const push_backlog_t *queue)
{
    int64_t self = getpid();

    if (atomic_load(&figures_of(queue)->owner) != self) {
        atomic_store(&figures_of(queue)->owner, self);
    }
}

static void note_oldest(const push_backlog_t *queue)
{
    atomic_store(&figures_of(queue)->oldest,
                 queue->works ? push_mid_ms(queue->works->mid) : 0);
}

void push_backlog_settle(push_backlog_t *queue)
{
    push_status_t status = PUSH_OK;

    if (!is_open(queue)) {
        return;
    }
    while (queue->works && !queue->works->open) {
        push_work_t *work = queue->works;

        queue->over = work->seq;
        queue->works = work->next;
        queue->works_end = queue->works ? queue->works_end : &queue->works;
        push_work_destroy(work);
    }
    note_owner(queue);
    note_oldest(queue);
    status = push_inlet_ack(&queue->inlet, queue->over);
    if (status == PUSH_STALE || status == PUSH_NOT_FOUND) {
        push_backlog_close(queue);
    }
}

int64_t push_backlog_until(const push_backlog_t *queue, const push_time_t *now)
{
    int64_t until = is_open(queue) ? now->mono + 1000 : queue->look_next;

    if (is_open(queue) && queue->over > queue->inlet.acked) {
        until = now->mono + ACK_MS;
    }
    for (const push_job_t *job = queue->early.first; job; job = job->next) {
        int64_t due = now->mono + job->work->due - now->wall;

        until = due < until ? due : until;
    }
    if (queue->waiting.first && queue->rule->rate
        && queue->running < PUSH_BACKLOG_RUNNING) {
        int64_t token = now->mono + 1 + 1000 / queue->rule->rate;

        until = token < until ? token : until;
    }
    return until;
}
