#include "triggers/event.h"

#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/moment.h"
#include "core/traceparent.h"

typedef struct {
    apr_pool_t *pool;
    push_trigger_event_t *event;
} reading_t;

static push_text_t text_of(const json_t *string)
{
    return (push_text_t){json_string_value(string),
                         (uint32_t)json_string_length(string)};
}

/* ---- attributes ---- */

static bool is_name(const char *name)
{
    return *name
           && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789")];
}

static bool has_control(push_text_t text)
{
    uint32_t i = 0;

    while (i < text.len && (unsigned char)text.at[i] >= 0x20
           && text.at[i] != 0x7f) {
        i++;
    }
    return i < text.len;
}

/* Attributes are strings, integers and booleans, under plain names. */
static const char *check_attribute(apr_pool_t *pool, const char *name,
                                   const json_t *value)
{
    if (!strcmp(name, "data") || !strcmp(name, "data_base64")) {
        return NULL;
    }
    if (!strcmp(name, "push")) {
        return "push: is reserved";
    }
    if (!is_name(name)) {
        return apr_psprintf(pool, "%s: names of attributes are a-z 0-9", name);
    }
    return json_is_string(value) || json_is_integer(value)
                   || json_is_boolean(value)
               ? NULL
               : apr_psprintf(pool, "%s: a string, an integer, true or false",
                              name);
}

/* An attribute that is null is not there. */
static const char *check_attributes(apr_pool_t *pool, json_t *object)
{
    const char *error = NULL;
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, name, value)
    {
        if (json_is_null(value) && strcmp(name, "data")) {
            json_object_del(object, name);
        }
        else {
            error = error ?: check_attribute(pool, name, value);
        }
    }
    return error;
}

/* A string of 1 to PUSH_EVENT_NAME_MAX bytes; given: whether it must be. */
static const char *take_name(const reading_t *reading, const char *name,
                             bool given, push_text_t *text)
{
    const json_t *value = json_object_get(reading->event->json, name);

    *text = value ? text_of(value) : (push_text_t){"", 0};
    if (!value && !given) {
        return NULL;
    }
    if (!json_is_string(value) || !text->len || text->len > PUSH_EVENT_NAME_MAX
        || has_control(*text)) {
        return apr_psprintf(reading->pool,
                            "%s: %s1 to %u bytes of UTF-8 without controls",
                            name, given ? "" : "if given, ",
                            PUSH_EVENT_NAME_MAX);
    }
    return NULL;
}

static const char *check_version(const reading_t *reading)
{
    const json_t *version = json_object_get(reading->event->json,
                                            "specversion");

    return json_is_string(version)
                   && !strcmp(json_string_value(version), "1.0")
               ? NULL
               : "specversion: 1.0";
}

/* ---- time ---- */

static json_t *time_json(int64_t wall)
{
    char text[PUSH_MOMENT_CHARS + 1];

    push_moment_write(wall, text);
    return json_string(text);
}

static const char *take_time(const reading_t *reading, int64_t now)
{
    json_t *object = reading->event->json;
    int64_t at;

    if (!json_object_get(object, "time")) {
        json_object_set_new(object, "time", time_json(now));
    }
    reading->event->time = text_of(json_object_get(object, "time"));
    return push_moment_read(reading->event->time.at, reading->event->time.len,
                            &at)
               ? NULL
               : "time: RFC 3339, as 2026-11-30T13:00:00Z";
}

/* ---- what else is looked at ---- */

static void take_trace(const reading_t *reading)
{
    push_trigger_event_t *event = reading->event;
    char trace[PUSH_TRACEPARENT_BYTES];

    event->traceparent = text_of(json_object_get(event->json, "traceparent"));
    if (!event->traceparent.len
        || !push_traceparent_parse(event->traceparent.at,
                                   event->traceparent.len, trace)) {
        json_object_del(event->json, "traceparent");
        event->traceparent = (push_text_t){"", 0};
    }
}

/* Headers bring it as text. */
static const char *take_depth(const reading_t *reading)
{
    const json_t *value = json_object_get(reading->event->json, "pushdepth");
    const char *text = json_string_value(value);
    json_int_t depth = json_integer_value(value);

    if (text) {
        depth = *text >= '0' && *text <= '9' && !text[1] ? *text - '0' : -1;
    }
    if (json_is_boolean(value) || depth < 0 || depth > PUSH_EVENT_DEPTH_MAX) {
        return apr_psprintf(reading->pool,
                            "pushdepth: 0 to %u: an event that came through "
                            "more triggers goes in a circle",
                            PUSH_EVENT_DEPTH_MAX);
    }
    reading->event->depth = (unsigned)depth;
    return NULL;
}

static const char *check_data(const reading_t *reading)
{
    const json_t *object = reading->event->json;
    const json_t *base64 = json_object_get(object, "data_base64");

    if (base64 && json_object_get(object, "data")) {
        return "data_base64: goes without data";
    }
    return !base64 || json_is_string(base64) ? NULL : "data_base64: a string";
}

static const char *read_event(const reading_t *reading, int64_t now)
{
    push_trigger_event_t *event = reading->event;

    if (!json_is_object(event->json)) {
        return "event: one JSON object (CloudEvents 1.0)";
    }
    take_trace(reading);
    return check_attributes(reading->pool, event->json)
        ?: check_version(reading)
        ?: take_name(reading, "type", true, &event->type)
        ?: take_name(reading, "source", true, &event->source)
        ?: take_name(reading, "id", true, &event->id)
        ?: take_name(reading, "subject", false, &event->subject)
        ?: take_time(reading, now)
        ?: take_depth(reading)
        ?: check_data(reading);
}

const char *push_trigger_event_init(apr_pool_t *pool, json_t *object,
                                    int64_t now, push_trigger_event_t *event)
{
    const reading_t reading = {pool, event};
    const char *error;

    *event = (push_trigger_event_t){.json = object};
    error = read_event(&reading, now);
    if (error) {
        push_trigger_event_cleanup(event);
    }
    return error;
}

void push_trigger_event_cleanup(push_trigger_event_t *event)
{
    json_decref(event->json);
    *event = (push_trigger_event_t){0};
}

/* ---- paths ---- */

static const json_t *nth(const json_t *array, const char *name, size_t len)
{
    size_t index = 0;

    if (!len || len > 9) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9') {
            return NULL;
        }
        index = index * 10 + (size_t)(name[i] - '0');
    }
    return json_array_get(array, index);
}

static const json_t *find(const json_t *at, const char *path)
{
    while (at) {
        size_t len = strcspn(path, ".");

        at = json_is_array(at) ? nth(at, path, len)
                               : json_object_getn(at, path, len);
        if (!path[len]) {
            break;
        }
        path += len + 1;
    }
    return at;
}

/* As few digits as say it exactly. */
static const char *real_text(apr_pool_t *pool, double value)
{
    char text[40];

    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value) {
        snprintf(text, sizeof(text), "%.17g", value);
    }
    return apr_pstrdup(pool, text);
}

static const char *dumped(apr_pool_t *pool, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *copy = text ? apr_pstrdup(pool, text) : NULL;

    free(text);
    return copy;
}

const char *push_trigger_event_at(const push_trigger_event_t *event,
                                  apr_pool_t *pool, const char *path)
{
    const json_t *value = find(event->json, path);

    if (!value) {
        return NULL;
    }
    switch (json_typeof(value)) {
    case JSON_NULL:
        return NULL;
    case JSON_STRING:
        return json_string_value(value);
    case JSON_INTEGER:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT,
                            (apr_int64_t)json_integer_value(value));
    case JSON_REAL:
        return real_text(pool, json_real_value(value));
    default:
        return dumped(pool, value);
    }
}
