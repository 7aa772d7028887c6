#include "triggers/run/ask.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "core/hash.h"
#include "triggers/run/identity.h"
#include "triggers/run/work.h"

#define KNOWN (PUSH_RUNNER_KEYS) /* contents of answers that are remembered */

/* ---- fetches ---- */

static push_fetch_t *take_fetch(push_runner_t *runner)
{
    push_fetch_t *fetch = runner->spare;

    if (fetch) {
        runner->spare = fetch->next;
    }
    return fetch ? fetch : push_fetch_create();
}

void push_ask_release(push_job_t *job)
{
    push_runner_t *runner = job->work->queue->runner;

    if (job->fetch) {
        job->fetch->next = runner->spare;
        runner->spare = job->fetch;
        job->fetch = NULL;
    }
}

static push_trigger_figures_t *figures_of(const push_backlog_t *queue)
{
    return &queue->runner->options.figures[queue->index];
}

static void count_running(push_backlog_t *queue, int more)
{
    queue->running += (unsigned)more;
    queue->runner->running += (unsigned)more;
    atomic_store(&figures_of(queue)->running, queue->running);
}

/* ---- the request ---- */

static void dead(push_job_t *job, const char *why)
{
    job->verdict = PUSH_VERDICT_DEAD;
    job->why = why;
}

static void say_string(push_job_t *job, const char *name, const char *value)
{
    if (value) {
        push_fetch_header(job->fetch, name, push_text_of(value));
    }
}

/* Of one target its names; of devices that are alike, what they are. */
static void say_for_whom(push_job_t *job)
{
    static const struct {
        const char *name;
        push_label_t label;
    } labels[] = {{"Push-App", PUSH_LABEL_APP},
                  {"Push-App-Version", PUSH_LABEL_APP_VERSION},
                  {"Push-OS", PUSH_LABEL_OS},
                  {"Push-OS-Version", PUSH_LABEL_OS_VERSION},
                  {"Accept-Language", PUSH_LABEL_LOCALE}};
    const json_t *first = json_array_get(job->to, 0);
    bool one = json_array_size(job->to) == 1;

    for (size_t i = 0; job->labels && i < sizeof(labels) / sizeof(*labels);
         i++) {
        push_fetch_header(job->fetch, labels[i].name,
                          job->labels[labels[i].label]);
    }
    if (one || job->labels) {
        say_string(job, "Push-User",
                   json_string_value(json_object_get(first, "user")));
    }
    if (one) {
        say_string(job, "Push-Device",
                   json_string_value(json_object_get(first, "device")));
        say_string(job, "Push-Channel",
                   json_string_value(json_object_get(first, "channel")));
    }
}

static void say_event(push_job_t *job)
{
    const push_work_t *work = job->work;

    say_string(job, "Push-Trigger", work->queue->rule->name);
    push_fetch_header(job->fetch, "Push-Event-Type", work->event.type);
    push_fetch_header(job->fetch, "Push-Event-Id", work->event.id);
    push_fetch_header(job->fetch, "Push-Event-Source", work->event.source);
    push_fetch_header(job->fetch, "traceparent", work->event.traceparent);
}

/* ---- signatures and webhooks ---- */

/* The event as it came. */
static const char *body_of(push_work_t *work)
{
    json_t *event = json_copy(work->event.json);
    char *text;
    const char *body;

    json_object_del(event, "push");
    json_object_del(event, PUSH_WORK_SINCE);
    json_object_del(event, PUSH_WORK_AFTER);
    text = json_dumps(event, JSON_COMPACT);
    body = text ? apr_pstrdup(work->pool, text) : NULL;
    free(text);
    json_decref(event);
    return body;
}

/* to: whom it is asked for; NULL: a webhook, which is for no target. */
static void sign(push_job_t *job, const json_t *to, push_text_t body)
{
    const push_backlog_t *queue = job->work->queue;
    const push_signer_t *signer =
        &queue->runner->options.signers[queue->index];
    int64_t now = push_clock_now().wall / 1000;
    apr_pool_t *pool = job->work->pool;
    const char *id = push_identity_of(pool, queue->rule, &job->work->event,
                                      to);
    char signature[PUSH_SIGNATURE_MAX];

    say_string(job, "webhook-id", id);
    say_string(job, "webhook-timestamp",
               apr_psprintf(pool, "%" APR_INT64_T_FMT, now));
    if (signer->count && push_signer_sign(signer, id, now, body, signature)) {
        say_string(job, "webhook-signature", signature);
    }
}

static bool make_post(push_job_t *job)
{
    const char *body = body_of(job->work);

    if (!body) {
        return false;
    }
    push_fetch_post(job->fetch, push_text_of(body));
    say_string(job, "Content-Type", "application/cloudevents+json");
    sign(job, NULL, push_text_of(body));
    return true;
}

/* A timer that comes again soon asks again soon. */
static bool comes_again(const push_work_t *work)
{
    return work->queue->rule->every
           && work->event.type.len == sizeof(PUSH_TIMER_TYPE) - 1
           && !memcmp(work->event.type.at, PUSH_TIMER_TYPE,
                      work->event.type.len);
}

/* It waited for longer than it may be tried. */
static bool is_late(const push_job_t *job)
{
    const push_work_t *work = job->work;

    return push_clock_now().wall >= work->since + work->queue->rule->age;
}

push_status_t push_ask_begin(push_job_t *job)
{
    push_backlog_t *queue = job->work->queue;
    const push_rule_request_t *request = queue->rule->pull.url
                                             ? &queue->rule->pull
                                             : &queue->rule->post;
    const char *url = push_template_fill(request->url, job->work->pool,
                                         &job->work->event);

    if (is_late(job)) {
        dead(job, "its time (PushRetry age=) was over before it was asked "
                  "for");
        if (comes_again(job->work)) {
            job->verdict = PUSH_VERDICT_NOTHING;
        }
        return PUSH_OVER;
    }
    if (!url) {
        dead(job, "the event lacks a value that the URL has a place for, or "
                  "it is one that a URL cannot have");
        return PUSH_OVER;
    }
    job->fetch = take_fetch(queue->runner);
    if (!job->fetch) {
        return PUSH_NO_MEMORY;
    }
    push_fetch_prepare(
        job->fetch, url, request->timeout,
        (size_t)queue->runner->options.settings->max_message_size);
    job->fetch->data = job;
    say_event(job);
    say_for_whom(job);
    if (request == &queue->rule->pull
        && queue->runner->options.signers[queue->index].count) {
        sign(job, job->to, (push_text_t){"", 0});
    }
    if ((request == &queue->rule->post && !make_post(job))
        || !push_fetch_start(job->fetch, queue->runner->multi)) {
        push_ask_release(job);
        return PUSH_NO_MEMORY;
    }
    count_running(queue, 1);
    return PUSH_OK;
}

/* ---- its end ---- */

/* only=changed: true if the answer is the one of before. */
static bool is_known(const push_job_t *job)
{
    uint64_t(*known)[2] = job->work->queue->known;
    const uint64_t *at = known ? known[job->key % KNOWN] : NULL;

    return at && at[0] == job->key && at[1] == job->content;
}

static void judge_answer(push_job_t *job)
{
    const push_rule_t *rule = job->work->queue->rule;
    const push_fetch_t *fetch = job->fetch;

    if (rule->post.url) {
        job->verdict = PUSH_VERDICT_NOTHING; /* what a webhook answers */
        return;
    }
    if (fetch->over) {
        dead(job, "the answer is larger than a message may be "
                  "(PushMaxMessageSize)");
        return;
    }
    if (rule->pull.only_changed) {
        job->content = push_hash(job->work->queue->runner->secret,
                                 fetch->body ? fetch->body : "",
                                 fetch->body_len)
                       | 1;
        job->unchanged = is_known(job);
        job->verdict = job->unchanged ? PUSH_VERDICT_NOTHING : job->verdict;
    }
}

static const char *words_for(const push_job_t *job, const push_fetched_t *end)
{
    return end->error
               ? apr_pstrdup(job->work->pool, end->error)
               : apr_psprintf(job->work->pool, "it answers %ld", end->status);
}

static void judge(push_job_t *job, const push_fetched_t *end)
{
    job->verdict = push_verdict_of(end->status);
    job->after = end->retry_after;
    if (job->verdict == PUSH_VERDICT_LATER
        || job->verdict == PUSH_VERDICT_DEAD) {
        job->why = words_for(job, end);
        push_trigger_failed(figures_of(job->work->queue), job->why,
                            push_clock_now().wall);
        if (comes_again(job->work)) {
            job->verdict = PUSH_VERDICT_NOTHING;
        }
    }
    else if (job->verdict == PUSH_VERDICT_DONE) {
        judge_answer(job);
    }
}

void push_ask_end(push_job_t *job, CURLcode result)
{
    push_backlog_t *queue = job->work->queue;
    push_fetched_t end = push_fetch_finish(job->fetch, queue->runner->multi,
                                           result);

    job->runs = false;
    count_running(queue, -1);
    push_trigger_count(figures_of(queue),
                       push_trigger_code_of(end.status, end.timed_out),
                       end.us);
    judge(job, &end);
}

void push_ask_abort(push_job_t *job)
{
    push_backlog_t *queue = job->work->queue;

    push_fetch_finish(job->fetch, queue->runner->multi, CURLE_OK);
    job->runs = false;
    count_running(queue, -1);
    push_ask_release(job);
}
