#include "http/admin/explain.h"

#include <apr_strings.h>

#include "broker/whole.h"
#include "core/explain.h"
#include "http/admin/query.h"
#include "http/checks.h"
#include "http/json.h"
#include "http/runtime.h"

/* The question as parameters, and the answer as JSON. */

static const push_problem_t *bad(const push_params_t *params,
                                 const char *detail)
{
    return push_problem(params->pool, 400, "bad-parameter", "%s", detail);
}

static const push_problem_t *parse_message(const push_params_t *params,
                                           push_question_t *question)
{
    const char *text = NULL;
    const push_problem_t *problem = push_params_one(params, "message", &text);

    if (problem || !text) {
        return problem;
    }
    if (strlen(text) != PUSH_MID_CHARS
        || !push_mid_parse(text, strlen(text), &question->mid)
        || !question->mid) {
        return bad(params, "message: the 11 characters of a message's id");
    }
    return NULL;
}

static const push_problem_t *parse_user(const push_params_t *params,
                                        push_question_t *question)
{
    const char *text = NULL;
    const push_problem_t *problem = push_params_one(params, "user", &text);

    if (problem) {
        return problem;
    }
    question->user = push_text_of(text);
    return text && push_name_valid(question->user)
               ? NULL
               : bad(params, "user: 1-255 bytes of UTF-8 without controls");
}

static const push_problem_t *parse_device(const push_params_t *params,
                                          push_question_t *question)
{
    const char *text = NULL;
    const push_problem_t *problem = push_params_one(params, "device", &text);

    if (problem || !text) {
        return problem;
    }
    question->device = push_text_of(text);
    return push_device_valid(text, strlen(text))
               ? NULL
               : bad(params, "device: the id of a device or of a context, "
                             "1-128 of A-Z a-z 0-9 . _ ~ -");
}

/* Of the message: the user is whose devices are asked about. */
static const push_problem_t *parse_audience(const push_params_t *params,
                                            push_question_t *question,
                                            push_sought_t *message)
{
    const push_problem_t *problem = push_query_channel(params, message);

    if (!problem && message->addressed) {
        question->audience = &message->audience;
    }
    return problem;
}

static const push_problem_t *parse(request_rec *r, push_question_t *question,
                                   push_sought_t *message)
{
    push_params_t params;

    return push_params_parse(r, &params)
        ?: parse_message(&params, question)
        ?: parse_user(&params, question)
        ?: parse_device(&params, question)
        ?: parse_audience(&params, question, message);
}

/* ---- the answer ---- */

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static json_t *text_json(const char *text)
{
    return push_json_text(push_text_of(text));
}

static json_t *steps_json(const push_explanation_t *explanation)
{
    json_t *steps = json_array();

    for (unsigned i = 0; i < explanation->count; i++) {
        const push_step_t *from = &explanation->steps[i];
        json_t *step = json_object();

        set(step, "at", from->at ? json_integer(from->at) : json_null());
        set(step, "what", json_string(from->what));
        set(step, "text", text_json(from->text));
        json_array_append_new(steps, step);
    }
    return steps;
}

static json_t *entry_json(const push_trace_view_t *trace,
                          const push_trace_entry_t *entry)
{
    push_trace_what_t what = (push_trace_what_t)(entry->what >> 28);
    json_t *event = json_object();
    char mid[PUSH_MID_CHARS];

    set(event, "at", json_integer(trace->base + entry->at));
    set(event, "what", json_string(push_trace_name(what)));
    if (entry->what & PUSH_TRACE_SEQ) {
        set(event, "seq", json_integer(entry->what & PUSH_TRACE_SEQ));
    }
    if (what == PUSH_TRACE_WRITTEN || what == PUSH_TRACE_AGAIN) {
        push_mid_write(entry->value, mid);
        set(event, "message", json_stringn(mid, sizeof(mid)));
    }
    else if (what == PUSH_TRACE_CAME) {
        set(event, "cursor", json_integer((json_int_t)entry->value));
    }
    else if (what == PUSH_TRACE_WENT) {
        set(event, "why",
            json_string(push_went_name((push_went_t)entry->value)));
    }
    else if (what == PUSH_TRACE_GAP) {
        set(event, "dropped", json_integer((json_int_t)entry->value));
    }
    else if (what == PUSH_TRACE_SETTINGS) {
        set(event, "lowest",
            json_string(
                push_urgency_name((push_urgency_t)(entry->value & 3))));
        set(event, "ack",
            json_string(entry->value & 256 ? "explicit" : "implicit"));
        set(event, "max_in_flight",
            json_integer((json_int_t)(entry->value >> 16)));
    }
    return event;
}

/* Null where the device has none; "no room" says that it should have. */
static json_t *trace_json(const push_trace_view_t *trace)
{
    json_t *events;

    if (!trace->on) {
        return trace->no_room ? json_string("no room") : json_null();
    }
    events = json_array();
    for (unsigned i = 0; i < trace->count; i++) {
        json_array_append_new(events, entry_json(trace, &trace->entries[i]));
    }
    return events;
}

static void set_device(json_t *body, const push_device_facts_t *device)
{
    char id[PUSH_CONTEXT_CHARS];

    if (!device->known) {
        return;
    }
    push_context_write(device->id, id);
    set(body, "id", json_stringn(id, sizeof(id)));
    set(body, "device", text_json(device->label));
    if (*device->app) {
        set(body, "app", text_json(device->app));
    }
    if (device->stale) {
        set(body, "answered", json_false());
    }
}

static void set_explanation(json_t *body, const push_facts_t *facts,
                            const push_explanation_t *explanation)
{
    set(body, "verdict", text_json(explanation->verdict));
    set(body, "cause", json_string(push_cause_name(explanation->cause)));
    set(body, "steps", steps_json(explanation));
    if (facts->device.known) {
        set(body, "trace", trace_json(&facts->trace));
    }
}

/*
 * Of several devices: one chain each, and for all of them that of the first
 * that has not got what it should have.
 */
static void set_devices(request_rec *r, json_t *body,
                        const push_facts_t *facts, unsigned count)
{
    push_explanation_t *e = apr_palloc(r->pool, sizeof(*e));
    push_explanation_t *worst = apr_palloc(r->pool, sizeof(*worst));
    json_t *devices = json_array();
    unsigned arrived = 0;

    for (unsigned i = 0; i < count; i++) {
        json_t *device = json_object();

        push_explain(&facts[i], e);
        if (!i || (worst->arrived && !e->arrived)) {
            *worst = *e;
        }
        arrived += e->arrived;
        set_device(device, &facts[i].device);
        set_explanation(device, &facts[i], e);
        json_array_append_new(devices, device);
    }
    set(body, "verdict",
        text_json(apr_psprintf(
            r->pool,
            facts->message.mid
                ? "%u of %u devices of user %s have it. %s"
                : "%u of %u devices of user %s have all they should. %s",
            arrived, count, facts->user, worst->verdict)));
    set(body, "cause", json_string(push_cause_name(worst->cause)));
    set(body, "steps", steps_json(worst));
    set(body, "devices", devices);
}

/* Then its devices make no difference. */
static bool is_of_no_device(const push_facts_t *facts)
{
    const push_message_facts_t *m = &facts->message;

    return m->mid
           && (m->known == PUSH_KNOWN_NEVER
               || (m->known == PUSH_KNOWN_HERE && m->kind == PUSH_LOG_USER
                   && strcmp(m->name, facts->user)));
}

static void set_one(request_rec *r, json_t *body, const push_facts_t *facts)
{
    push_explanation_t *e = apr_palloc(r->pool, sizeof(*e));

    push_explain(facts, e);
    if (!is_of_no_device(facts)) {
        set_device(body, &facts->device);
    }
    set_explanation(body, facts, e);
}

int push_show_explanation(request_rec *r, const char *none)
{
    push_broker_t *broker = push_broker();
    push_nodes_asked_t nodes = {.answered_count = 0};
    push_question_t question = {.now = push_clock_now(), .nodes = &nodes};
    push_sought_t message = {0};
    const push_problem_t *problem = parse(r, &question, &message);
    push_facts_t *facts;
    push_status_t status;
    unsigned count;
    json_t *body;

    (void)none;
    if (problem) {
        return push_problem_send(r, problem);
    }
    facts = apr_palloc(r->pool, PUSH_DEVICES_MAX * sizeof(*facts));
    status = broker->explain(broker, &question, facts, &count);
    if (status != PUSH_OK) {
        return push_problem_send(r, push_problem_of_status(r->pool, status));
    }
    body = json_object();
    if (count > 1 && !is_of_no_device(facts)) {
        set_devices(r, body, facts, count);
    }
    else {
        set_one(r, body, facts);
    }
    set(body, "user", push_json_text(question.user));
    if (nodes.answered_count + nodes.silent_count) {
        set(body, "nodes", push_whole_nodes(&nodes));
    }
    return push_json_send(r, "application/json", body);
}
