#include "http/admin/assign.h"

#include <string.h>

#include "http/admin/query.h"
#include "http/endpoint.h"
#include "http/json.h"
#include "http/publish/body.h"
#include "http/runtime.h"

/* What one request may have. */
#define LINES_MAX  10000
#define BODY_BYTES ((apr_size_t)8 << 20)

/* ---- who, and what ---- */

/* The server's own users and channels are none of this. */
static const push_problem_t *check_name(apr_pool_t *pool, const char *member,
                                        push_text_t name)
{
    if (!push_name_valid(name)) {
        return push_problem(pool, 400, "bad-parameter",
                            "%s: 1-255 bytes of UTF-8 without controls",
                            member);
    }
    return *name.at == '$'
               ? push_problem(pool, 400, "bad-parameter",
                              "%s: one that begins with $ is the server's own",
                              member)
               : NULL;
}

static const push_problem_t *check_names(apr_pool_t *pool,
                                         const push_assignment_t *asked)
{
    return check_name(pool, "user", asked->user)
               ?: check_name(pool, "channel", asked->channel);
}

/* users/<user>/channels/<channel>, or a query with both. */
static const push_problem_t *read_one(request_rec *r, const char *channel,
                                      push_assignment_t *asked)
{
    const char *user = NULL;
    push_params_t params;
    const push_problem_t *problem = NULL;

    memset(asked, 0, sizeof(*asked));
    asked->most = (uint32_t)push_settings(r)->max_channels_user;
    if (channel) {
        user = APR_ARRAY_IDX(push_endpoint_parts(r), 1, const char *);
    }
    else {
        problem = push_params_parse(r, &params)
                      ?: push_params_one(&params, "user", &user)
                      ?: push_params_one(&params, "channel", &channel);
    }
    asked->user = push_text_of(user);
    asked->channel = push_text_of(channel);
    return problem ?: check_names(r->pool, asked);
}

static const push_problem_t *problem_of(apr_pool_t *pool,
                                        const push_assignment_t *asked)
{
    switch (asked->status) {
    case PUSH_ALONE:
        return push_problem(pool, 501, "not-in-a-cluster",
                            "channel: the server subscribes nobody in a "
                            "cluster (PushCluster); devices subscribe "
                            "themselves there");
    case PUSH_NOT_FOUND:
        return push_problem(pool, 404, "not-found",
                            "channel: the server does not subscribe this "
                            "user to it");
    case PUSH_TOO_MANY_SUBSCRIPTIONS:
        return push_problem(
            pool, 429, "too-many-channels",
            "channel: the server subscribes this user to as "
            "many as may be: %u",
            asked->most < PUSH_ASSIGNED_MAX ? asked->most : PUSH_ASSIGNED_MAX);
    default:
        return push_problem_of_status(pool, asked->status);
    }
}

static int answer_one(request_rec *r, const push_assignment_t *asked,
                      bool subscribed)
{
    return push_json_send(r, "application/json",
                          json_pack("{s:o, s:o, s:b}", "user",
                                    push_json_text(asked->user), "channel",
                                    push_json_text(asked->channel),
                                    "subscribed", (int)subscribed));
}

static int change(request_rec *r, const char *channel, bool subscribe)
{
    push_broker_t *broker = push_broker();
    push_assignment_t asked;
    const push_problem_t *problem = read_one(r, channel, &asked);

    if (!problem) {
        asked.subscribe = subscribe;
        broker->assign(broker, &asked, 1);
        problem = problem_of(r->pool, &asked);
    }
    return problem ? push_problem_send(r, problem)
                   : answer_one(r, &asked, subscribe);
}

int push_assign(request_rec *r, const char *channel)
{
    return change(r, channel, true);
}

int push_unassign(request_rec *r, const char *channel)
{
    return change(r, channel, false);
}

/* ---- how it stands ---- */

typedef struct {
    json_t *list;
    push_text_t wanted; /* is it among them? */
    bool found;
} channels_t;

static void take_channel(void *data, const push_channel_view_t *view)
{
    channels_t *channels = data;

    channels->found |= view->name.len == channels->wanted.len
                       && !memcmp(view->name.at, channels->wanted.at,
                                  view->name.len);
    if (channels->list) {
        json_array_append_new(channels->list, push_json_text(view->name));
    }
}

static push_status_t look(push_text_t user, channels_t *channels)
{
    push_broker_t *broker = push_broker();
    const push_view_t what = {.kind = PUSH_VIEW_ASSIGNED, .user = user};
    const push_visitor_t visitor = {.channel = take_channel, .data = channels};

    return broker->view(broker, &what, &visitor);
}

int push_show_assigned(request_rec *r, const char *user)
{
    channels_t channels = {.list = json_array()};
    push_assignment_t asked = {.status = PUSH_OK};
    const push_problem_t *problem = push_query_user(r, user, &asked.user);

    if (!problem) {
        asked.status = look(asked.user, &channels);
        problem = problem_of(r->pool, &asked);
    }
    if (problem) {
        json_decref(channels.list);
        return push_problem_send(r, problem);
    }
    return push_json_send(r, "application/json",
                          json_pack("{s:o, s:o}", "user",
                                    push_json_text(asked.user), "channels",
                                    channels.list));
}

int push_show_assignment(request_rec *r, const char *channel)
{
    channels_t channels = {.list = NULL};
    push_assignment_t asked;
    const push_problem_t *problem = read_one(r, channel, &asked);

    if (!problem) {
        channels.wanted = asked.channel;
        asked.status = look(asked.user, &channels);
        if (asked.status == PUSH_OK && !channels.found) {
            asked.status = PUSH_NOT_FOUND;
        }
        problem = problem_of(r->pool, &asked);
    }
    return problem ? push_problem_send(r, problem)
                   : answer_one(r, &asked, true);
}

/* ---- many at once ---- */

/* One line: its place, what it asks for, or why it does not. */
typedef struct {
    push_assignment_t asked;
    const push_problem_t *problem;
} line_t;

static push_text_t text_of(const json_t *value)
{
    return (push_text_t){json_string_value(value),
                         (uint32_t)json_string_length(value)};
}

static const push_problem_t *check_member(apr_pool_t *pool, const char *name,
                                          json_t *value)
{
    static const char *const known[] = {"user", "channel", "subscribe"};
    bool is_flag = !strcmp(name, known[2]);

    if (strcmp(name, known[0]) && strcmp(name, known[1]) && !is_flag) {
        return push_problem(pool, 400, "bad-member",
                            "%s: not one of user, channel and subscribe",
                            name);
    }
    return is_flag ? json_is_boolean(value)
                         ? NULL
                         : push_problem(pool, 400, "bad-member",
                                        "subscribe: true or false")
           : json_is_string(value)
               ? NULL
               : push_problem(pool, 400, "bad-member", "%s: a string", name);
}

/* The object lives as long as the pool: its texts are borrowed. */
static apr_status_t forget(void *object)
{
    json_decref(object);
    return APR_SUCCESS;
}

static const push_problem_t *read_line(request_rec *r, push_text_t text,
                                       push_assignment_t *asked)
{
    json_t *line = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    const push_problem_t *problem = NULL;
    const char *name;
    json_t *value;

    if (!json_is_object(line)) {
        json_decref(line);
        return push_problem(r->pool, 400, "bad-json",
                            "line: one JSON object, with no member twice");
    }
    apr_pool_cleanup_register(r->pool, line, forget, apr_pool_cleanup_null);
    json_object_foreach(line, name, value)
    {
        problem = problem ?: check_member(r->pool, name, value);
    }
    asked->user = text_of(json_object_get(line, "user"));
    asked->channel = text_of(json_object_get(line, "channel"));
    value = json_object_get(line, "subscribe");
    asked->subscribe = !value || json_is_true(value);
    return problem ?: check_names(r->pool, asked);
}

/* The next line that is not empty; false: there is none. */
static bool next_line(push_text_t *rest, push_text_t *line)
{
    while (rest->len) {
        const char *end = memchr(rest->at, '\n', rest->len);
        uint32_t len = end ? (uint32_t)(end - rest->at) : rest->len;
        uint32_t taken = len + (end != NULL);

        *line = (push_text_t){rest->at, len};
        rest->at += taken;
        rest->len -= taken;
        if (len && line->at[len - 1] == '\r') {
            line->len = --len;
        }
        if (len) {
            return true;
        }
    }
    return false;
}

static const push_problem_t *read_lines(request_rec *r,
                                        apr_array_header_t *lines)
{
    uint32_t most = (uint32_t)push_settings(r)->max_channels_user;
    push_text_t rest, text;
    const push_problem_t *problem = push_body_read(r, BODY_BYTES, &rest);

    while (!problem && next_line(&rest, &text)) {
        line_t *line = apr_array_push(lines);

        memset(line, 0, sizeof(*line));
        line->asked.most = most;
        line->problem = read_line(r, text, &line->asked);
        if (lines->nelts > LINES_MAX) {
            problem = push_problem(r->pool, 413, "too-large",
                                   "body: at most %d lines", LINES_MAX);
        }
    }
    return problem;
}

/* Those that may be asked for, all in one call. */
static void change_all(request_rec *r, const apr_array_header_t *lines)
{
    push_broker_t *broker = push_broker();
    line_t *line = (void *)lines->elts;
    push_assignment_t *list = apr_palloc(
        r->pool, ((apr_size_t)lines->nelts + 1) * sizeof(*list));
    unsigned count = 0;

    for (int i = 0; i < lines->nelts; i++) {
        if (!line[i].problem) {
            list[count++] = line[i].asked;
        }
    }
    broker->assign(broker, list, count);
    count = 0;
    for (int i = 0; i < lines->nelts; i++) {
        if (!line[i].problem) {
            line[i].problem = problem_of(r->pool, &list[count++]);
        }
    }
}

int push_assign_lines(request_rec *r, const char *none)
{
    apr_array_header_t *lines = apr_array_make(r->pool, 64, sizeof(line_t));
    const push_problem_t *problem = read_lines(r, lines);
    json_t *failed;

    (void)none;
    if (problem) {
        return push_problem_send(r, problem);
    }
    change_all(r, lines);
    failed = json_array();
    for (int i = 0; i < lines->nelts; i++) {
        problem = APR_ARRAY_IDX(lines, i, line_t).problem;
        if (problem) {
            json_array_append_new(
                failed, json_pack("{s:i, s:o}", "line", i + 1, "problem",
                                  push_problem_json(r->pool, problem)));
        }
    }
    return push_json_send(
        r, "application/json",
        json_pack("{s:i, s:o}", "done",
                  lines->nelts - (int)json_array_size(failed), "failed",
                  failed));
}
