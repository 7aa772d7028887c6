#include "http/publish/inject.h"

#include <apr_strings.h>
#include <string.h>

#include "core/families.h"
#include "core/times.h"
#include "http/identity/scope.h"
#include "http/publish/line.h"

typedef struct {
    const push_injector_t *by;
    push_injected_t *messages;
    size_t settled; /* all before it are */
    push_time_t now;
    push_commit_t commit; /* of those that are not */
} inject_t;

static void refuse(const inject_t *i, push_injected_t *message,
                   const push_problem_t *problem)
{
    message->problem = problem;
    push_count_shared(i->by->broker->counts,
                      PUSH_COUNT_REJECTED
                          + push_label_value(PUSH_FAMILY_REJECTED,
                                             problem->name),
                      1);
}

static const push_problem_t *limited(const inject_t *i, push_rate_kind_t kind)
{
    push_count_shared(i->by->broker->counts, PUSH_COUNT_LIMITED + kind, 1);
    return push_problem(i->by->pool, 429, "rate",
                        kind == PUSH_RATE_USER
                            ? "user: more messages a second than may be "
                              "(PushUserRate)"
                            : "publisher: more publishes a second than may "
                              "be (PushPublisherRate)");
}

/* ---- what is asked before the store ---- */

static const push_problem_t *parse(const inject_t *i, push_injected_t *message)
{
    const push_problem_t *problem;

    if (!message->line.len) {
        return NULL;
    }
    problem = push_line_parse(i->by->pool, i->by->settings, message->line,
                              &message->asked);
    if (!problem && !message->asked.key.len) {
        message->asked.key = message->key;
    }
    return problem;
}

static bool is_allowed(const push_injector_t *by,
                       const push_audience_t *audience)
{
    static const char *const kinds[] = {[PUSH_LOG_USER] = "user",
                                        [PUSH_LOG_CHANNEL] = "channel",
                                        [PUSH_LOG_BROADCAST] = NULL};
    const char *name = apr_pstrmemdup(
        by->pool, audience->name.len ? audience->name.at : "",
        audience->name.len);

    if (!by->allowed) {
        return true;
    }
    for (int at = 0; at < by->allowed->nelts && *name != '$'; at++) {
        if (push_scope_allows(APR_ARRAY_IDX(by->allowed, at, const char *),
                              kinds[audience->kind], name)) {
            return true;
        }
    }
    return false;
}

static const push_problem_t *check_audience(const inject_t *i,
                                            const push_audience_t *audience)
{
    static const char *const names[] = {[PUSH_LOG_USER] = "user",
                                        [PUSH_LOG_CHANNEL] = "channel",
                                        [PUSH_LOG_BROADCAST] = "broadcast"};

    return is_allowed(i->by, audience)
               ? NULL
               : push_problem(i->by->pool, 403, "forbidden",
                              "%s: %.*s%sis not allowed (%s)",
                              names[audience->kind], (int)audience->name.len,
                              audience->name.len ? audience->name.at : "",
                              audience->name.len ? " " : "",
                              i->by->allowed_by);
}

/* A broker that paces asks for the user's later. */
static const push_problem_t *check_rate(const inject_t *i,
                                        push_publication_t *asked)
{
    const push_settings_t *settings = i->by->settings;
    push_broker_t *broker = i->by->broker;
    int64_t user_rate = asked->audience.kind == PUSH_LOG_USER
                            ? settings->user_rate
                            : 0;
    push_rate_t rate;

    if (i->by->who.len && settings->publisher_rate
        && !broker->take(broker, PUSH_RATE_PUBLISHER, i->by->who,
                         (uint32_t)settings->publisher_rate, &rate)) {
        return limited(i, PUSH_RATE_PUBLISHER);
    }
    asked->rate = broker->paces ? (uint32_t)user_rate : 0;
    return user_rate && !broker->paces
                   && !broker->take(broker, PUSH_RATE_USER,
                                    asked->audience.name, (uint32_t)user_rate,
                                    &rate)
               ? limited(i, PUSH_RATE_USER)
               : NULL;
}

/* No key has a newline. */
static void own_key(const push_injector_t *by, push_publication_t *asked)
{
    if (by->who.len && asked->key.len) {
        asked->key = push_text_of(
            apr_psprintf(by->pool, "%.*s\n%.*s", (int)by->who.len, by->who.at,
                         (int)asked->key.len, asked->key.at));
    }
}

/* ---- the store ---- */

static const push_problem_t *problem_of(const inject_t *i,
                                        push_status_t status)
{
    return status == PUSH_LIMITED
               ? limited(i, PUSH_RATE_USER)
               : push_problem_of_status(i->by->pool, status);
}

/* Waits once for all that are begun, up to the one at end. */
static void settle(inject_t *i, size_t end)
{
    push_broker_t *broker = i->by->broker;

    for (; i->settled < end; i->settled++) {
        push_injected_t *message = &i->messages[i->settled];
        push_status_t status;

        if (message->problem) {
            continue;
        }
        status = broker->settle(broker, &i->commit, &message->answer);
        if (status == PUSH_OK) {
            push_count_time_shared(broker->counts, PUSH_TIME_PUBLISH_DURATION,
                                   0, push_clock_us() - i->now.us, 1);
        }
        else {
            refuse(i, message, problem_of(i, status));
        }
    }
    i->commit = (push_commit_t){0};
}

static push_status_t begin(inject_t *i, push_injected_t *message)
{
    push_broker_t *broker = i->by->broker;

    message->asked.now = i->now;
    return broker->publish(broker, &message->asked, &i->commit,
                           &message->answer);
}

static void take(inject_t *i, size_t at)
{
    push_injected_t *message = &i->messages[at];
    const push_problem_t *problem = parse(i, message)
        ?: check_audience(i, &message->asked.audience)
        ?: check_rate(i, &message->asked);
    push_status_t status;

    if (problem) {
        refuse(i, message, problem);
        return;
    }
    message->problem = NULL;
    own_key(i->by, &message->asked);
    status = begin(i, message);
    if (status == PUSH_KEY_BUSY && i->settled < at) {
        /* The first with this key may be one of those before. */
        settle(i, at);
        status = begin(i, message);
    }
    if (status != PUSH_OK) {
        refuse(i, message, problem_of(i, status));
    }
}

/* What is refused for now alone. */
static bool waits(const push_problem_t *problem)
{
    return problem
           && (problem->status == 429 || problem->status == 503
               || !strcmp(problem->name, "idempotency-key-busy"));
}

size_t push_inject(const push_injector_t *injector, push_injected_t *messages,
                   size_t count)
{
    inject_t i = {.by = injector, .messages = messages};
    size_t published = 0;

    i.now = push_clock_now();
    for (size_t at = 0; at < count; at++) {
        if (at && injector->in_order && waits(messages[at - 1].problem)) {
            messages[at].problem = messages[at - 1].problem;
        }
        else {
            take(&i, at);
        }
    }
    settle(&i, count);
    for (size_t at = 0; at < count; at++) {
        published += !messages[at].problem;
    }
    return published;
}
