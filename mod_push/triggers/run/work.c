#include "triggers/run/work.h"

#include <apr_strings.h>
#include <http_log.h>

#include "core/hash.h"
#include "triggers/run/contexts.h"
#include "triggers/run/identity.h"
#include "triggers/run/unacked.h"

APLOG_USE_MODULE(push);

/* ---- jobs ---- */

static uint64_t key_of(const push_work_t *work, const json_t *to)
{
    push_trigger_event_t none = {0};
    const char *identity = push_identity_of(work->pool, work->queue->rule,
                                            &none, to);

    return push_hash(work->queue->runner->secret, identity,
                     PUSH_IDENTITY_CHARS)
           | 1;
}

/* to is borrowed; the job keeps it. */
static push_job_t *add_job(push_work_t *work, json_t *to)
{
    push_job_t *job = apr_pcalloc(work->pool, sizeof(*job));
    json_t *jobs = json_object_get(work->event.json, "push");

    /* The event gives back what it has, and so this. */
    if (!json_object_get(jobs, "jobs")) {
        json_object_set_new(jobs, "jobs", json_array());
    }
    json_array_append(json_object_get(jobs, "jobs"), to);
    job->work = work;
    job->to = to;
    work->open++;
    return job;
}

static void wait_for_turn(push_backlog_t *queue, push_job_t *job)
{
    push_jobs_add(job->work->due ? &queue->early : &queue->waiting, job);
}

static push_job_t *add_waiting(push_work_t *work, json_t *to)
{
    push_job_t *job = add_job(work, to);

    if (work->queue->rule->pull.url) {
        job->key = key_of(work, to);
    }
    wait_for_turn(work->queue, job);
    return job;
}

/* ---- for whom ---- */

/* Devices of a user by labels that are equal; each of them is a target. */
static void add_contexts(push_work_t *work, const json_t *target)
{
    push_contexts_t found;
    push_status_t status = push_contexts_find(
        work->queue->runner->options.broker, work->pool, target, &found);

    for (unsigned i = 0; status == PUSH_OK && i < found.count; i++) {
        json_t *to = found.groups[i].to;

        add_waiting(work, to)->labels = apr_pmemdup(
            work->pool, found.groups[i].labels,
            sizeof(found.groups[i].labels));
        json_decref(to);
    }
    if (status != PUSH_OK) {
        json_t *to = json_pack("[O]", target);
        push_job_t *job = add_job(work, to);

        job->verdict = PUSH_VERDICT_LATER;
        job->why = "the devices of the user could not be asked for";
        push_jobs_add(&work->queue->runner->done, job);
        json_decref(to);
    }
}

static void add_target(push_work_t *work, json_t *target)
{
    const push_rule_t *rule = work->queue->rule;
    json_t *to;

    if (rule->pull.per == PUSH_PER_CONTEXT
        && json_object_get(target, "user")) {
        add_contexts(work, target);
        return;
    }
    to = json_pack("[O]", target);
    add_waiting(work, to);
    json_decref(to);
}

/* False, and there is nothing more to do: of push.message.unacked. */
static bool still_holds(push_work_t *work)
{
    push_status_t status = push_unacked_check(
        work->queue->runner->options.broker, &work->event);

    if (status == PUSH_BUSY) {
        push_job_t *job = add_job(work, work->errand.to);

        job->verdict = PUSH_VERDICT_LATER;
        job->why = "what became of the message could not be asked for";
        push_jobs_add(&work->queue->runner->done, job);
    }
    return status == PUSH_OK;
}

static void add_jobs(push_work_t *work)
{
    const push_rule_t *rule = work->queue->rule;
    push_broker_t *broker = work->queue->runner->options.broker;
    json_t *here = json_array();

    for (size_t i = 0; i < json_array_size(work->errand.to); i++) {
        json_t *target = json_array_get(work->errand.to, i);

        if (push_contexts_connected(broker, target)) {
            json_array_append(here, target);
        }
    }
    if (!rule->pull.url) {
        add_waiting(work, work->errand.to); /* a webhook is for no target */
    }
    else if (rule->pull.per == PUSH_PER_ONCE && json_array_size(here)) {
        add_waiting(work, here);
    }
    else {
        for (size_t i = 0; i < json_array_size(here); i++) {
            add_target(work, json_array_get(here, i));
        }
    }
    json_decref(here);
}

/* ---- messages ---- */

static int64_t number_of(const push_work_t *work, const char *name)
{
    return json_integer_value(json_object_get(work->event.json, name));
}

static void read_times(push_work_t *work)
{
    work->since = push_mid_ms(work->mid);
    if (work->errand.attempt) {
        work->since = number_of(work, PUSH_WORK_SINCE);
        work->due = number_of(work, PUSH_WORK_AFTER);
    }
}

bool push_work_begin(push_backlog_t *queue, const push_sse_block_t *block)
{
    push_runner_t *runner = queue->runner;
    push_work_t *work;
    apr_pool_t *pool;

    if (apr_pool_create(&pool, runner->pool) != APR_SUCCESS) {
        return false;
    }
    work = apr_pcalloc(pool, sizeof(*work));
    work->pool = pool;
    work->queue = queue;
    work->seq = block->seq;
    work->mid = block->mid;
    *queue->works_end = work;
    queue->works_end = &work->next;
    if (push_errand_read(pool, block->data, &work->event, &work->errand)) {
        read_times(work);
        if (still_holds(work)) {
            add_jobs(work);
        }
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, runner->options.server,
                     "PUSH0240: trigger %s: a message of its queue is no "
                     "event, and is passed over",
                     queue->rule->name);
    }
    return true;
}

void push_work_destroy(push_work_t *work)
{
    push_trigger_event_cleanup(&work->event);
    apr_pool_destroy(work->pool);
}
