#include "http/subscribe/present.h"

#include <apr_strings.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "broker/whole.h"
#include "http/json.h"
#include "http/runtime.h"
#include "http/subscribe/subscriber.h"

/*
 * To look who is connected walks all users, so each child remembers its
 * answers for a while, and one thread looks at a time: whoever asks meanwhile
 * waits for it, and mostly gets its answer.  A look that takes long is good
 * for the longer, so that all of it is a tenth of a processor at most.
 */

#define USERS_MAX 1000 /* in an answer */
#define FRESH_MS  1000
#define IDLE      10 /* times as long as it took to look */

/* Answers that a child remembers. */
#define ANSWERS 16u

typedef struct {
    char *channel; /* NULL: none */
    char *text;
    int64_t until; /* mono ms */
} answer_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static answer_t answers[ANSWERS]; /* the lock's */

typedef struct {
    json_t *users;
    json_int_t count;
    json_t *nodes; /* NULL: there is one machine */
} found_t;

static void add_user(void *data, push_text_t user)
{
    found_t *found = data;

    if (found->count++ < USERS_MAX) {
        json_array_append_new(found->users, push_json_text(user));
    }
}

static void take_nodes(void *data, const push_nodes_asked_t *nodes)
{
    ((found_t *)data)->nodes = push_whole_nodes(nodes);
}

/* The answer as text; NULL with a status: it could not be looked at. */
static char *read_users(const char *channel, push_status_t *status)
{
    push_broker_t *broker = push_broker();
    found_t found = {.users = json_array()};
    bool more = false;
    const push_view_t what = {.kind = PUSH_VIEW_PRESENT,
                              .channel = push_text_of(channel),
                              .list = {.more = &more},
                              .now = push_clock_now()};
    const push_visitor_t visitor = {
        .user = add_user, .nodes = take_nodes, .data = &found};
    json_t *body = json_object();
    char *text;

    *status = broker->view(broker, &what, &visitor);
    json_object_set_new(body, "channel", push_json_text(what.channel));
    json_object_set_new(body, "users", found.users);
    json_object_set_new(body, "count", json_integer(found.count));
    if (found.nodes) {
        json_object_set_new(body, "more", json_boolean(more));
        json_object_set_new(body, "nodes", found.nodes);
    }
    text = *status == PUSH_OK ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

/* ---- with the lock ---- */

/* The one of this channel, or else the oldest. */
static answer_t *answer_for(const char *channel)
{
    answer_t *found = &answers[0];

    for (unsigned i = 0; i < ANSWERS; i++) {
        if (answers[i].channel && !strcmp(answers[i].channel, channel)) {
            return &answers[i];
        }
        if (answers[i].until < found->until) {
            found = &answers[i];
        }
    }
    return found;
}

static bool is_fresh(const answer_t *answer, const char *channel)
{
    return answer->channel && !strcmp(answer->channel, channel)
           && push_clock_now().mono < answer->until;
}

static push_status_t refresh(answer_t *answer, const char *channel)
{
    int64_t from = push_clock_now().mono;
    push_status_t status;
    char *text = read_users(channel, &status);
    int64_t now = push_clock_now().mono;

    if (text) {
        free(answer->channel);
        free(answer->text);
        answer->channel = strdup(channel);
        answer->text = text;
        answer->until = now + FRESH_MS + IDLE * (now - from);
    }
    return text || status != PUSH_OK ? status : PUSH_NO_MEMORY;
}

/* ---- the request ---- */

/* A copy of what is known of the channel, at most about a second old. */
static push_status_t ask(apr_pool_t *pool, const char *channel, char **text)
{
    push_status_t status = PUSH_OK;
    answer_t *answer;

    pthread_mutex_lock(&lock);
    answer = answer_for(channel);
    if (!is_fresh(answer, channel)) {
        status = refresh(answer, channel);
    }
    if (status == PUSH_OK) {
        *text = apr_pstrcat(pool, answer->text, "\n", NULL);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

/* Only where it is on, and only to who may follow the channel. */
static const push_problem_t *check(request_rec *r, const char **channel)
{
    push_subscriber_t subscriber;
    const push_problem_t *problem = push_subscriber_parse_channel(
        r, &subscriber, channel);

    if (!problem && !push_runtime()->presence) {
        problem = push_problem(r->pool, 404, "not-found",
                               "path: presence is off (PushPresence)");
    }
    return problem;
}

int push_present(request_rec *r)
{
    const char *channel = NULL;
    const push_problem_t *problem = check(r, &channel);
    char *text = NULL;

    if (!problem && push_runtime_superseded()) {
        problem = push_problem_superseded(r->pool);
    }
    if (!problem) {
        problem = push_problem_of_status(r->pool,
                                         ask(r->pool, channel, &text));
    }
    return problem ? push_problem_send(r, problem)
                   : push_json_send_text(r, "application/json", text,
                                         strlen(text));
}
