#include "http/admin/show.h"

#include <http_protocol.h>
#include <inttypes.h>
#include <stdio.h>

#include "broker/whole.h"
#include "http/admin/query.h"
#include "http/json.h"
#include "http/params.h"
#include "http/runtime.h"

/* The views of the broker, as JSON. */

static push_status_t read_view(push_view_t what, const push_visitor_t *visitor)
{
    push_broker_t *broker = push_broker();

    what.now = push_clock_now();
    return broker->view(broker, &what, visitor);
}

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static void set_text(json_t *object, const char *name, push_text_t text)
{
    if (text.len) {
        set(object, name, push_json_text(text));
    }
}

static json_t *context_json(const unsigned char *id)
{
    char text[PUSH_CONTEXT_CHARS];

    push_context_write(id, text);
    return json_stringn(text, sizeof(text));
}

static json_t *mid_json(uint64_t mid)
{
    char text[PUSH_MID_CHARS];

    push_mid_write(mid, text);
    return json_stringn(text, sizeof(text));
}

static int answer(request_rec *r, push_status_t status, json_t *body)
{
    if (status == PUSH_OK) {
        return push_json_send(r, "application/json", body);
    }
    json_decref(body);
    return push_problem_send(r, push_problem_of_status(r->pool, status));
}

/* ---- devices ---- */

static json_t *known(const push_device_view_t *view, uint64_t number)
{
    return view->unheld || view->stale ? json_null()
                                       : json_integer((json_int_t)number);
}

static json_t *device_json(const push_device_view_t *view)
{
    static const char *const names[PUSH_LABELS] = {"device",  "app",
                                                   "address", "app_version",
                                                   "os",      "os_version",
                                                   "locale",  "user_agent"};
    json_t *device = json_object();
    json_t *channels = json_array();

    set(device, "id", context_json(view->id));
    for (int i = 0; i < PUSH_LABELS; i++) {
        set_text(device, names[i], view->labels[i]);
    }
    set(device, "online", json_boolean(view->online));
    set(device, "ack",
        json_string(view->explicit_acks ? "explicit" : "implicit"));
    set(device, "first_seen", json_integer(view->first_seen));
    set(device, "last_seen", json_integer(view->last_seen));
    set(device, "pending", known(view, view->pending));
    set(device, "in_flight", known(view, view->in_flight));
    set(device, "acked_seq", known(view, view->acked));
    set(device, "sent_seq", known(view, view->sent));
    if (view->stale) {
        set(device, "answered", json_false());
    }
    set(device, "last_ack",
        view->last_ack ? json_integer(view->last_ack) : json_null());
    for (unsigned i = 0; i < view->channels_count; i++) {
        json_array_append_new(channels, push_json_text(view->channels[i]));
    }
    set(device, "channels", channels);
    return device;
}

static void add_device(void *data, const push_device_view_t *view)
{
    json_array_append_new(data, device_json(view));
}

int push_show_devices(request_rec *r, const char *part)
{
    push_view_t what = {.kind = PUSH_VIEW_DEVICES};
    const push_problem_t *problem = push_query_user(r, part, &what.user);
    json_t *body;
    json_t *devices;
    push_status_t status;

    if (problem) {
        return push_problem_send(r, problem);
    }
    body = json_object();
    devices = json_array();
    status = read_view(what, &(push_visitor_t){.device = add_device,
                                               .data = devices});
    set(body, "user", push_json_text(what.user));
    set(body, "devices", devices);
    return answer(r, status, body);
}

typedef struct {
    json_t *body;  /* NULL: it was not found */
    json_t *nodes; /* NULL: they were not asked */
} device_t;

static void take_device(void *data, const push_device_view_t *view)
{
    device_t *device = data;

    device->body = device_json(view);
    set_text(device->body, "user", view->user);
}

static void take_device_nodes(void *data, const push_nodes_asked_t *nodes)
{
    ((device_t *)data)->nodes = push_whole_nodes(nodes);
}

/* In a cluster the id alone does not say where its record is. */
static const push_problem_t *no_device(request_rec *r, const push_view_t *what,
                                       const json_t *nodes)
{
    bool silent = json_array_size(json_object_get(nodes, "silent"));

    if (what->of != PUSH_OF_ALL && !nodes) {
        return push_query_nodes_found(r->pool, what->of, PUSH_NOT_FOUND);
    }
    if (what->of != PUSH_OF_ALL || what->user.len || !nodes) {
        return push_problem_of_status(r->pool, PUSH_NOT_FOUND);
    }
    return push_problem(r->pool, 404, "not-found",
                        "path: no node has a device with this id%s; one that "
                        "none has is found where ?user= says whose it is",
                        silent ? " (some did not answer)" : "");
}

int push_show_device(request_rec *r, const char *id)
{
    unsigned char context[PUSH_CONTEXT_BYTES];
    push_view_t what = {.kind = PUSH_VIEW_DEVICE, .id = context};
    const push_problem_t *problem = push_query_device(r, &what);
    push_status_t status = PUSH_NOT_FOUND;
    device_t device = {NULL, NULL};
    const push_visitor_t visitor = {
        .device = take_device, .nodes = take_device_nodes, .data = &device};

    if (problem) {
        return push_problem_send(r, problem);
    }
    if (push_context_parse(id, strlen(id), context)) {
        status = read_view(what, &visitor);
    }
    if (status == PUSH_NOT_FOUND) {
        problem = no_device(r, &what, device.nodes);
        json_decref(device.nodes);
        return push_problem_send(r, problem);
    }
    if (device.nodes) {
        device.body = device.body ?: json_object();
        set(device.body, "nodes", device.nodes);
    }
    return answer(r, status, device.body);
}

/* ---- messages ---- */

/* More devices than this are only counted. */
#define LIVES_MAX 1000u

typedef struct {
    json_t *body;
    json_t *devices;
    json_int_t counts[PUSH_FATES];
} life_t;

static json_t *audience_json(const push_message_view_t *view)
{
    json_t *audience = json_object();

    if (view->kind == PUSH_LOG_BROADCAST) {
        set(audience, "broadcast", json_true());
        return audience;
    }
    set(audience, view->kind == PUSH_LOG_USER ? "user" : "channel",
        push_json_text(view->name));
    set_text(audience, "device", view->device);
    return audience;
}

static void set_trace(json_t *object, push_text_t trace)
{
    char text[PUSH_TRACEPARENT_CHARS];

    if (trace.len) {
        push_traceparent_write(trace.at, text);
        set(object, "traceparent", json_stringn(text, sizeof(text)));
    }
}

static void take_message(void *data, const push_message_view_t *view)
{
    json_t *body = ((life_t *)data)->body;

    set(body, "id", mid_json(view->mid));
    set(body, "audience", audience_json(view));
    set(body, "urgency", json_string(push_urgency_name(view->urgency)));
    set_text(body, "topic", view->topic);
    set_text(body, "event", view->event);
    set_trace(body, view->trace);
    set(body, "size", json_integer(view->size));
    set(body, "state", json_string(push_fate_name(view->fate)));
    set(body, "created", json_integer(view->created));
    set(body, view->fate == PUSH_LIVE ? "expires" : "ended",
        json_integer(view->ends));
    if (view->fate == PUSH_LIVE) {
        set(body, "ttl",
            json_integer((view->ends - view->created + 500) / 1000));
    }
}

static void take_life(void *data, const push_life_view_t *view)
{
    life_t *life = data;
    json_t *device;

    life->counts[view->fate] += view->count;
    if (!view->id || json_array_size(life->devices) == LIVES_MAX) {
        return;
    }
    device = json_object();
    set(device, "device", context_json(view->id));
    set(device, "state", json_string(push_fate_name(view->fate)));
    if (view->at) {
        set(device, "at", json_integer(view->at));
    }
    if (view->stale) {
        set(device, "answered", json_false());
    }
    json_array_append_new(life->devices, device);
}

static void take_message_nodes(void *data, const push_nodes_asked_t *nodes)
{
    set(((life_t *)data)->body, "nodes", push_whole_nodes(nodes));
}

int push_show_message(request_rec *r, const char *text)
{
    push_view_t what = {.kind = PUSH_VIEW_MESSAGE};
    const push_problem_t *problem = push_query_message(r, text, &what.message);
    life_t life = {NULL, NULL, {0}};
    const push_visitor_t visitor = {.message = take_message,
                                    .life = take_life,
                                    .nodes = take_message_nodes,
                                    .data = &life};
    push_status_t status;
    json_t *counts;

    if (problem) {
        return push_problem_send(r, problem);
    }
    life.body = json_object();
    life.devices = json_array();
    counts = json_object();
    status = read_view(what, &visitor);
    for (int i = PUSH_PENDING; i < PUSH_FATES; i++) {
        set(counts, push_fate_name((push_fate_t)i),
            json_integer(life.counts[i]));
    }
    set(life.body, "counts", counts);
    set(life.body, "devices", life.devices);
    return answer(r, status, life.body);
}

int push_recall_message(request_rec *r, const char *text)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    push_sought_t sought;
    const push_problem_t *problem = push_query_message(r, text, &sought);
    push_status_t status;
    uint32_t recalled = 0;
    json_t *body;

    if (problem) {
        return push_problem_send(r, problem);
    }
    status = broker->recall(broker, &sought, &now, &recalled);
    body = json_object();
    set(body, "id", mid_json(sought.mid));
    set(body, "recalled", json_integer(recalled));
    return answer(r, status, body);
}

/* ---- the whole ---- */

static void set_number(json_t *object, const char *name, uint64_t value)
{
    set(object, name, json_integer((json_int_t)value));
}

int push_show_stats(request_rec *r, const char *none)
{
    push_broker_t *broker = push_broker();
    const push_problem_t *problem;
    push_whole_t whole;
    push_params_t params;
    unsigned of = PUSH_OF_ALL;

    (void)none;
    problem = push_params_parse(r, &params) ?: push_query_nodes(&params, &of);
    if (!problem) {
        problem = push_query_nodes_found(r->pool, of,
                                         broker->whole(broker, of, &whole));
    }
    return problem ? push_problem_send(r, problem)
                   : answer(r, PUSH_OK, push_whole_stats(&whole));
}

/* ---- is all of it sound? ---- */

static json_t *texts_json(const push_check_t *check)
{
    json_t *texts = json_array();

    for (unsigned i = 0; i < PUSH_WRONG_MAX && i < check->wrong; i++) {
        json_array_append_new(texts, json_string(check->texts[i]));
    }
    return texts;
}

static void take_copy(void *data, const push_copy_view_t *view)
{
    json_t *body = data;
    char digest[17];

    snprintf(digest, sizeof(digest), "%016" PRIx64, view->digest);
    set_number(body, "messages", view->messages);
    set(body, "digest", json_string(digest));
    if (view->copied) {
        set(body, "live", json_boolean(view->current));
        set(body, "behind", json_boolean(view->behind));
        set(body, "asked", json_boolean(view->asked));
        set_number(body, "version", view->version);
    }
}

static int show_copy(request_rec *r, const push_sought_t *log)
{
    json_t *body = json_object();
    const push_visitor_t visitor = {.copy = take_copy, .data = body};

    return answer(
        r,
        read_view((push_view_t){.kind = PUSH_VIEW_COPY, .message = *log},
                  &visitor),
        body);
}

int push_show_check(request_rec *r, const char *none)
{
    push_broker_t *broker = push_broker();
    push_sought_t log;
    const push_problem_t *problem = push_query_log(r, &log);
    push_check_t check;
    json_t *body;

    (void)none;
    if (problem) {
        return push_problem_send(r, problem);
    }
    if (log.addressed) {
        return show_copy(r, &log);
    }
    body = json_object();
    broker->check(broker, &check);
    set(body, "sound", json_boolean(!check.wrong && !check.skipped));
    set_number(body, "wrong", check.wrong);
    set_number(body, "leaked", check.leaked);
    set_number(body, "skipped", check.skipped);
    set(body, "texts", texts_json(&check));
    set_number(body, "objects", check.objects);
    set_number(body, "users", check.users);
    set_number(body, "devices", check.devices);
    set_number(body, "channels", check.channels);
    set_number(body, "keys", check.keys);
    set_number(body, "scheduled", check.laters);
    set_number(body, "assigned", check.assigned);
    set_number(body, "messages", check.messages);
    set_number(body, "outcomes", check.outcomes);
    set_number(body, "holds", check.holds);
    if (check.copies) {
        set_number(body, "copies", check.copies);
        set_number(body, "behind", check.behind);
    }
    return answer(r, PUSH_OK, body);
}
