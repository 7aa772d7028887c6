#include "triggers/run/outcome.h"

#include <apr_strings.h>
#include <http_log.h>

#include "triggers/run/dead.h"
#include "triggers/run/identity.h"
#include "triggers/run/work.h"

APLOG_USE_MODULE(push);

#define COMPLAIN_MS 60000 /* between two lines of the log on one trigger */

/* ms; a retry is at least so late that it is kept for later: a queue that is
   full takes that, and nothing else (core/user.h) */
#define LATER_MS 100

/* ---- what it comes to ---- */

/* The last attempt, or there is no time for another one, is the end. */
static void decide(push_job_t *job)
{
    push_work_t *work = job->work;
    const push_rule_t *rule = work->queue->rule;

    if (job->verdict != PUSH_VERDICT_LATER) {
        return;
    }
    job->after = push_verdict_delay(work->errand.attempt,
                                    push_runner_random(work->queue->runner),
                                    job->after);
    if (work->errand.attempt + 1 >= rule->attempts
        || push_clock_now().wall + job->after >= work->since + rule->age) {
        job->verdict = PUSH_VERDICT_DEAD;
    }
}

unsigned push_outcome_count(push_job_t *job)
{
    decide(job);
    switch (job->verdict) {
    case PUSH_VERDICT_DONE:
        job->messages = (unsigned)json_array_size(job->to);
        break;
    case PUSH_VERDICT_NOTHING:
        job->messages = 0;
        break;
    default:
        job->messages = 1;
    }
    return job->messages;
}

/* ---- the answer ---- */

static push_field_t field_of(const push_job_t *job, push_fetch_field_t field)
{
    const char *value = job->fetch->fields[field];

    return (push_field_t){.name = push_fetch_field_name(field),
                          .kind = "bad-header",
                          .text = push_text_of(value),
                          .given = *value != '\0'};
}

/* What PushMessage says, before the answer's own headers. */
static void set_defaults(const push_job_t *job, apr_pool_t *pool,
                         push_publication_t *asked)
{
    const push_rule_message_t *message = &job->work->queue->rule->message;

    asked->spec.urgency = message->urgency;
    if (message->event) {
        asked->spec.content.event = push_text_of(message->event);
    }
    if (message->topic) {
        asked->spec.topic = push_text_of(
            push_template_fill(message->topic, pool, &job->work->event));
    }
}

static const push_problem_t *take_urgency(const push_job_t *job,
                                          apr_pool_t *pool,
                                          push_publication_t *asked)
{
    push_field_t field = field_of(job, PUSH_FETCH_URGENCY);

    return field.given ? push_fields_urgency(pool, asked, &field) : NULL;
}

static const push_problem_t *take_ttl(const push_job_t *job, apr_pool_t *pool,
                                      push_publication_t *asked)
{
    const push_runner_t *runner = job->work->queue->runner;
    push_field_t field = field_of(job, PUSH_FETCH_TTL);
    int64_t ttl = job->work->queue->rule->message.ttl;
    uint64_t seconds = 0;

    if (field.given
        && (field.text.len > 10
            || !push_number_parse(field.text.at, field.text.len, &seconds))) {
        return push_problem(pool, 400, "bad-header",
                            "TTL: seconds, a number from 0 to 9999999999");
    }
    push_fields_ttl(runner->options.settings, asked,
                    field.given ? (int64_t)seconds : -1);
    if (!field.given && ttl >= 0) {
        asked->spec.ttl = ttl;
    }
    return NULL;
}

static const push_problem_t *take_fields(const push_job_t *job,
                                         apr_pool_t *pool,
                                         push_publication_t *asked)
{
    push_field_t topic = field_of(job, PUSH_FETCH_TOPIC);
    push_field_t event = field_of(job, PUSH_FETCH_EVENT);
    push_field_t type = field_of(job, PUSH_FETCH_TYPE);
    push_field_t trace = field_of(job, PUSH_FETCH_TRACE);

    if (!trace.given && job->work->event.traceparent.len) {
        trace.text = job->work->event.traceparent;
        trace.given = true;
    }
    /* A trace that is none is nobody's loss. */
    (void)push_fields_trace(pool, asked, &trace);
    return take_urgency(job, pool, asked)
        ?: take_ttl(job, pool, asked)
        ?: push_fields_topic(pool, asked, &topic)
        ?: push_fields_event(pool, asked, &event)
        ?: push_fields_type(pool, asked, &type);
}

static const push_problem_t *take_audience(const json_t *target,
                                           apr_pool_t *pool,
                                           push_publication_t *asked)
{
    const json_t *user = json_object_get(target, "user");
    const json_t *channel = json_object_get(target, "channel");
    const json_t *device = json_object_get(target, "device");
    const push_address_t to = {
        .user = {.name = "PushTo user",
                 .kind = "bad-parameter",
                 .text = push_text_of(json_string_value(user)),
                 .given = user != NULL},
        .channel = {.name = "PushTo channel",
                    .kind = "bad-parameter",
                    .text = push_text_of(json_string_value(channel)),
                    .given = channel != NULL},
        .broadcast = {.name = "PushTo broadcast",
                      .kind = "bad-parameter",
                      .given = !user && !channel},
        .device = {.name = "PushTo device",
                   .kind = "bad-parameter",
                   .text = push_text_of(json_string_value(device)),
                   .given = device != NULL}};

    return push_fields_audience(pool, asked, &to);
}

static const push_problem_t *make_answer(push_job_t *job, apr_pool_t *pool,
                                         const json_t *target,
                                         push_publication_t *asked)
{
    const push_fetch_t *fetch = job->fetch;
    const push_work_t *work = job->work;

    set_defaults(job, pool, asked);
    asked->spec.content.data = (push_text_t){fetch->body,
                                             (uint32_t)fetch->body_len};
    asked->key = push_text_of(apr_pstrcat(
        pool, "trigger:",
        push_identity_of(pool, work->queue->rule, &work->event, target),
        NULL));
    return take_fields(job, pool, asked) ?: take_audience(target, pool, asked);
}

/* ---- the next attempt, and the last ---- */

static const char *write_errand(push_job_t *job, apr_pool_t *pool,
                                unsigned attempt)
{
    push_work_t *work = job->work;
    push_errand_t errand = {
        .rule = work->queue->rule->name, .to = job->to, .attempt = attempt};

    return push_errand_write(pool, &work->event, &errand);
}

static void make_retry(push_job_t *job, apr_pool_t *pool,
                       push_publication_t *asked)
{
    push_work_t *work = job->work;
    const push_rule_t *rule = work->queue->rule;
    unsigned attempt = work->errand.attempt + 1;
    int64_t at = push_clock_now().wall
                 + (job->after > LATER_MS ? job->after : LATER_MS);

    json_object_set_new(work->event.json, PUSH_WORK_SINCE,
                        json_integer(work->since));
    json_object_set_new(work->event.json, PUSH_WORK_AFTER, json_integer(at));
    asked->audience.kind = PUSH_LOG_USER;
    asked->audience.name = push_text_of(rule->user);
    asked->at = at;
    asked->spec.ttl = work->since + rule->age + PUSH_RULE_GRACE - at;
    asked->spec.urgency = rule->message.urgency;
    asked->spec.content.type = push_text_of(PUSH_ERRAND_TYPE);
    asked->spec.content.data = push_text_of(write_errand(job, pool, attempt));
    asked->key = push_text_of(
        apr_psprintf(pool, "retry:%s:%u:%" APR_INT64_T_FMT,
                     push_identity_of(pool, rule, &work->event, job->to),
                     attempt, work->since));
}

static void make_dead(push_job_t *job, apr_pool_t *pool,
                      push_publication_t *asked)
{
    push_work_t *work = job->work;
    const push_rule_t *rule = work->queue->rule;

    asked->audience.kind = PUSH_LOG_USER;
    asked->audience.name = push_text_of(push_dead_user(pool, rule));
    asked->spec.ttl = PUSH_DEAD_TTL;
    asked->spec.urgency = PUSH_NORMAL;
    asked->spec.content.event = push_text_of("dead");
    asked->spec.content.type = push_text_of(PUSH_ERRAND_TYPE);
    json_object_set_new(work->event.json, PUSH_WORK_ERROR,
                        json_string(job->why));
    json_object_set_new(work->event.json, PUSH_WORK_SINCE,
                        json_integer(work->since));
    asked->spec.content.data = push_text_of(
        write_errand(job, pool, work->errand.attempt));
    asked->key = push_text_of(apr_psprintf(
        pool, "dead:%s:%" APR_INT64_T_FMT,
        push_identity_of(pool, rule, &work->event, job->to), work->since));
}

static bool make_answers(push_job_t *job, apr_pool_t *pool,
                         push_injected_t *messages)
{
    for (unsigned i = 0; i < job->messages; i++) {
        const push_problem_t *problem = make_answer(
            job, pool, json_array_get(job->to, i), &messages[i].asked);

        if (problem) {
            job->verdict = PUSH_VERDICT_DEAD;
            job->why = apr_pstrdup(job->work->pool, problem->detail);
            return false;
        }
    }
    return true;
}

bool push_outcome_make(push_job_t *job, apr_pool_t *pool,
                       push_injected_t *messages)
{
    memset(messages, 0, job->messages * sizeof(*messages));
    if (job->verdict == PUSH_VERDICT_DONE) {
        return make_answers(job, pool, messages);
    }
    if (job->verdict == PUSH_VERDICT_LATER) {
        make_retry(job, pool, &messages[0].asked);
    }
    else if (job->verdict == PUSH_VERDICT_DEAD) {
        make_dead(job, pool, &messages[0].asked);
    }
    return true;
}

/* ---- what came of it ---- */

/* The same was published before, of an attempt that nobody knows of. */
static bool was_before(const push_problem_t *problem)
{
    return !strcmp(problem->name, "idempotency-key-reused");
}

static bool may_pass(const push_problem_t *problem)
{
    return problem->status >= 500 || problem->status == 429
           || !strcmp(problem->name, "idempotency-key-busy");
}

/* Not each of them: they are counted, and dead letters say more. */
static void log_failure(const push_job_t *job)
{
    push_backlog_t *queue = job->work->queue;
    int64_t now = push_clock_now().mono;

    if (now < queue->complain_next) {
        return;
    }
    queue->complain_next = now + COMPLAIN_MS;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, queue->runner->options.server,
                 "PUSH0241: trigger %s: an event was given up at attempt %u, "
                 "and is a dead letter now: %s",
                 queue->rule->name, job->work->errand.attempt + 1,
                 job->why ? job->why : "");
}

/* All that it was is kept. */
static void count(const push_job_t *job)
{
    const push_backlog_t *queue = job->work->queue;
    push_trigger_figures_t *figures =
        &queue->runner->options.figures[queue->index];

    switch (job->verdict) {
    case PUSH_VERDICT_DONE:
        atomic_fetch_add(&figures->published, job->messages);
        break;
    case PUSH_VERDICT_NOTHING:
        atomic_fetch_add(&figures->unchanged, job->unchanged);
        break;
    case PUSH_VERDICT_LATER:
        atomic_fetch_add(&figures->retries, 1);
        break;
    case PUSH_VERDICT_DEAD:
        atomic_fetch_add(&figures->dead, 1);
        log_failure(job);
    }
}

push_settled_t push_outcome_settle(push_job_t *job,
                                   const push_injected_t *messages)
{
    for (unsigned i = 0; i < job->messages; i++) {
        const push_problem_t *problem = messages[i].problem;

        if (!problem || was_before(problem)) {
            continue;
        }
        if (may_pass(problem)) {
            return PUSH_SETTLED_LATER;
        }
        job->why = apr_pstrdup(job->work->pool, problem->detail);
        if (job->verdict == PUSH_VERDICT_DONE) {
            job->verdict = PUSH_VERDICT_DEAD;
            return PUSH_SETTLED_DEAD;
        }
        ap_log_error(APLOG_MARK, APLOG_ERR, 0,
                     job->work->queue->runner->options.server,
                     "PUSH0242: trigger %s: an event is lost, as neither its "
                     "next attempt nor a dead letter can be kept: %s",
                     job->work->queue->rule->name, job->why);
    }
    count(job);
    return PUSH_SETTLED;
}
