#include "http/events/read.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <strings.h>

#include "codec/base64.h"
#include "core/text.h"

#define BATCH      "application/cloudevents-batch+json"
#define STRUCTURED "application/cloudevents+json"

typedef struct {
    apr_pool_t *pool;
    const push_events_input_t *input;
    apr_array_header_t *events;
} reading_t;

/* ---- content types ---- */

/* Parameters of the media type do not matter. */
static bool is_type(const char *given, const char *type)
{
    size_t len = given ? strcspn(given, "; \t") : 0;

    return given && len == strlen(type) && !strncasecmp(given, type, len);
}

/* What is not said, and what curl says of any body, may be JSON. */
static bool is_json(const char *given)
{
    size_t len = given ? strcspn(given, "; \t") : 0;

    return !given || is_type(given, "application/json")
           || is_type(given, "application/x-www-form-urlencoded")
           || (len > 5 && !strncasecmp(given + len - 5, "+json", 5));
}

bool push_events_batched(const char *content_type)
{
    return is_type(content_type, BATCH);
}

/* ---- one event ---- */

static const push_problem_t *bad(const reading_t *reading, const char *detail)
{
    return push_problem(reading->pool, 400, "bad-event", "%s", detail);
}

/* In a batch, which one it is. */
static const push_problem_t *bad_event(const reading_t *reading,
                                       const char *detail)
{
    return push_events_batched(reading->input->content_type)
               ? push_problem(reading->pool, 400, "bad-event",
                              "event %d of the batch: %s",
                              reading->events->nelts + 1, detail)
               : bad(reading, detail);
}

static apr_status_t give_back(void *event)
{
    push_trigger_event_cleanup(event);
    return APR_SUCCESS;
}

/* The trace of the request is that of an event which has none. */
static void add_trace(const reading_t *reading, json_t *object)
{
    const char *trace = apr_table_get(reading->input->headers, "traceparent");

    if (trace && json_is_object(object)
        && !json_object_get(object, "traceparent")) {
        json_object_set_new(object, "traceparent", json_string(trace));
    }
}

static const push_problem_t *check_event(const reading_t *reading,
                                         const push_trigger_event_t *event)
{
    if (event->type.len >= 5 && !memcmp(event->type.at, "push.", 5)) {
        return bad_event(reading,
                         "type: names that begin with push. are reserved");
    }
    if (json_dumpb(event->json, NULL, 0, JSON_COMPACT)
        > (size_t)reading->input->size_most) {
        return push_problem(reading->pool, 413, "too-large",
                            "event: at most %" APR_INT64_T_FMT
                            " bytes (PushMaxMessageSize)",
                            reading->input->size_most);
    }
    return NULL;
}

/* Takes the object. */
static const push_problem_t *add_event(const reading_t *reading,
                                       json_t *object)
{
    push_trigger_event_t *event = apr_pcalloc(reading->pool, sizeof(*event));
    const push_problem_t *problem;
    const char *error;

    add_trace(reading, object);
    error = push_trigger_event_init(reading->pool, object, reading->input->now,
                                    event);
    if (error) {
        return bad_event(reading, error);
    }
    apr_pool_cleanup_register(reading->pool, event, give_back,
                              apr_pool_cleanup_null);
    problem = check_event(reading, event);
    APR_ARRAY_PUSH(reading->events, push_trigger_event_t) = *event;
    return problem;
}

/* ---- structured, and batched ---- */

/* Integers that a double would spoil are refused, not changed. */
static json_t *parse(const reading_t *reading, const char *what,
                     const push_problem_t **problem)
{
    push_text_t body = reading->input->body;
    json_error_t error;
    json_t *value = json_loadb(body.len ? body.at : "", body.len,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                               &error);

    *problem = value ? NULL
                     : push_problem(reading->pool, 400, "bad-json",
                                    "%s: JSON (RFC 8259) with integers of 64 "
                                    "bits at most: %s",
                                    what, error.text);
    return value;
}

static const push_problem_t *read_structured(const reading_t *reading)
{
    const push_problem_t *problem;
    json_t *object = parse(reading, "event", &problem);

    return problem ?: add_event(reading, object);
}

static const push_problem_t *read_batch(const reading_t *reading)
{
    const push_problem_t *problem;
    json_t *list = parse(reading, "batch", &problem);
    json_t *each;
    size_t i;

    if (problem) {
        return problem;
    }
    if (!json_is_array(list) || json_array_size(list) > PUSH_EVENTS_MAX) {
        json_decref(list);
        return push_problem(reading->pool, 400, "bad-event",
                            "batch: an array of at most %d events",
                            PUSH_EVENTS_MAX);
    }
    json_array_foreach(list, i, each)
    {
        problem = problem ?: add_event(reading, json_incref(each));
    }
    json_decref(list);
    return problem;
}

/* ---- binary, and what the query describes ---- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Of a header: percent-decoded (section 3.1.3.2); NULL: no text. */
static json_t *header_json(apr_pool_t *pool, const char *value)
{
    char *text = apr_palloc(pool, strlen(value) + 1);
    char *at = text;

    while (*value) {
        if (*value == '%' && hex_of(value[1]) >= 0 && hex_of(value[2]) >= 0) {
            *at++ = (char)(hex_of(value[1]) << 4 | hex_of(value[2]));
            value += 3;
        }
        else {
            *at++ = *value++;
        }
    }
    return memchr(text, '\0', (size_t)(at - text))
               ? NULL
               : json_stringn(text, (size_t)(at - text));
}

typedef struct {
    const reading_t *reading;
    json_t *object;
    const push_problem_t *problem;
} headers_t;

static int take_header(void *data, const char *name, const char *value)
{
    headers_t *headers = data;
    apr_pool_t *pool = headers->reading->pool;
    json_t *text;

    if (strncasecmp(name, "ce-", 3)) {
        return 1;
    }
    text = header_json(pool, value);
    if (!text) {
        headers->problem = push_problem(pool, 400, "bad-header",
                                        "%s: UTF-8, percent-encoded where it "
                                        "is not ASCII",
                                        name);
        return 0;
    }
    name = apr_pstrdup(pool, name + 3);
    for (char *at = (char *)(uintptr_t)name; *at; at++) {
        *at += *at >= 'A' && *at <= 'Z' ? 'a' - 'A' : 0;
    }
    json_object_set_new(headers->object, name, text);
    return 1;
}

static json_t *base64_json(const reading_t *reading)
{
    push_text_t body = reading->input->body;
    char *text = apr_palloc(reading->pool, push_base64_size(body.len));

    push_base64_encode(body.at, body.len, text);
    return json_stringn(text, push_base64_size(body.len));
}

/* The body as the event's data: JSON, a text, or neither. */
static const push_problem_t *add_data(const reading_t *reading, json_t *object)
{
    push_text_t body = reading->input->body;
    const push_problem_t *problem = NULL;

    if (!body.len) {
        return NULL;
    }
    if (is_json(reading->input->content_type)) {
        json_t *data = parse(reading, "data", &problem);

        json_object_set_new(object, "data", data);
    }
    else if (push_text_valid(body.at, body.len)) {
        json_object_set_new(object, "data", json_stringn(body.at, body.len));
    }
    else {
        json_object_set_new(object, "data_base64", base64_json(reading));
    }
    return problem;
}

/* What says that it is JSON says nothing new. */
static void add_data_type(const reading_t *reading, json_t *object)
{
    const char *type = reading->input->content_type;

    if (type && (!is_json(type) || !is_type(type, "application/json"))
        && !is_type(type, "application/x-www-form-urlencoded")) {
        json_object_set_new(object, "datacontenttype", json_string(type));
    }
}

static const push_problem_t *finish(const reading_t *reading, json_t *object)
{
    const push_problem_t *problem = add_data(reading, object);

    add_data_type(reading, object);
    if (problem) {
        json_decref(object);
        return problem;
    }
    return add_event(reading, object);
}

static const push_problem_t *read_binary(const reading_t *reading)
{
    headers_t headers = {.reading = reading, .object = json_object()};

    apr_table_do(take_header, &headers, reading->input->headers, NULL);
    if (!headers.problem
        && (json_object_get(headers.object, "data")
            || json_object_get(headers.object, "data_base64"))) {
        headers.problem = bad(reading, "ce-data: the data is the body");
    }
    if (headers.problem) {
        json_decref(headers.object);
        return headers.problem;
    }
    return finish(reading, headers.object);
}

/* So many hexadecimal digits that nobody else makes the same. */
static const char *made_up_id(apr_pool_t *pool)
{
    unsigned char bytes[16];
    char *text = apr_palloc(pool, 2 * sizeof(bytes) + 1);

    apr_generate_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        apr_snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    return text;
}

static void set(json_t *object, const char *name, const char *value)
{
    if (value) {
        json_object_set_new(object, name, json_string(value));
    }
}

/* A request that is repeated under one Idempotency-Key is one event. */
static const push_problem_t *read_plain(const reading_t *reading)
{
    const push_events_input_t *input = reading->input;
    json_t *object = json_object();

    set(object, "specversion", "1.0");
    set(object, "type", input->type);
    set(object, "source", input->source ?: input->here);
    set(object, "id",
        input->id ?: apr_table_get(input->headers, "Idempotency-Key")
                  ?: made_up_id(reading->pool));
    set(object, "subject", input->subject);
    return finish(reading, object);
}

const push_problem_t *push_events_read(apr_pool_t *pool,
                                       const push_events_input_t *input,
                                       apr_array_header_t *events)
{
    const reading_t reading = {pool, input, events};

    if (is_type(input->content_type, BATCH)) {
        return read_batch(&reading);
    }
    if (is_type(input->content_type, STRUCTURED)) {
        return read_structured(&reading);
    }
    if (apr_table_get(input->headers, "ce-specversion")) {
        return read_binary(&reading);
    }
    return input->type
               ? read_plain(&reading)
               : push_problem(pool, 400, "bad-event",
                              "event: Content-Type " STRUCTURED " or " BATCH
                              ", headers ce-specversion, ce-type, ce-source "
                              "and ce-id, or the parameter type");
}
