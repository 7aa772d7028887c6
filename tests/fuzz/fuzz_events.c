/*
 * CloudEvents as POST <admin>/events brings them: lines of headers (of the
 * query where they begin with '?'), an empty line, and the body.  What is
 * taken keeps to every limit, and is the same event when it comes out of a
 * queue; what is not is a problem that says so.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "http/events/read.h"
#include "triggers/errand.h"

#include "fuzz.h"

#define MAX_SIZE 1000

static bool same(push_text_t one, push_text_t other)
{
    return one.len == other.len
           && (!one.len || !memcmp(one.at, other.at, one.len));
}

static void check_name(push_text_t name)
{
    REQUIRE(name.len >= 1 && name.len <= PUSH_EVENT_NAME_MAX);
    REQUIRE(!memchr(name.at, '\0', name.len));
}

static void check_queued(apr_pool_t *pool, const push_trigger_event_t *event)
{
    push_errand_t errand = {.rule = "r", .to = json_array()};
    const char *text = push_errand_write(pool, event, &errand);
    push_trigger_event_t again;
    push_errand_t read;

    REQUIRE(text != NULL);
    json_decref(errand.to);
    REQUIRE(push_errand_read(pool, (push_text_t){text, (uint32_t)strlen(text)},
                             &again, &read));
    REQUIRE(same(event->type, again.type) && same(event->source, again.source)
            && same(event->id, again.id) && event->depth == again.depth
            && same(event->subject, again.subject));
    push_trigger_event_cleanup(&again);
}

static void check_event(apr_pool_t *pool, const push_trigger_event_t *event)
{
    check_name(event->type);
    check_name(event->source);
    check_name(event->id);
    REQUIRE(event->type.len < 5 || memcmp(event->type.at, "push.", 5));
    REQUIRE(event->depth <= PUSH_EVENT_DEPTH_MAX);
    REQUIRE(event->subject.len <= PUSH_EVENT_NAME_MAX);
    REQUIRE(!json_object_get(event->json, "push"));
    push_trigger_event_at(event, pool, "data");
    push_trigger_event_at(event, pool, "data.0.a");
    check_queued(pool, event);
}

/* Of the query or of the headers. */
static void take_line(push_events_input_t *input, apr_table_t *headers,
                      char *line)
{
    char *value = strchr(line, *line == '?' ? '=' : ':');

    if (!value) {
        return;
    }
    *value++ = '\0';
    if (*line != '?') {
        apr_table_addn(headers, line, value + strspn(value, " "));
    }
    else if (!strcmp(line, "?type")) {
        input->type = value;
    }
    else if (!strcmp(line, "?source")) {
        input->source = value;
    }
    else if (!strcmp(line, "?id")) {
        input->id = value;
    }
    else if (!strcmp(line, "?subject")) {
        input->subject = value;
    }
}

static void take_lines(push_events_input_t *input, apr_table_t *headers,
                       char *text, size_t size)
{
    const char *behind = text + size;
    char *line = text;

    while (*line && *line != '\n') {
        char *end = line + strcspn(line, "\n");
        bool last = !*end;

        *end = '\0';
        take_line(input, headers, line);
        line = last ? end : end + 1;
    }
    line += *line == '\n';
    input->body = (push_text_t){line, (uint32_t)(behind - line)};
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    push_events_input_t input = {
        .here = "/push/events", .now = 1700000000000, .size_most = MAX_SIZE};
    apr_table_t *headers;
    apr_array_header_t *events;
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    headers = apr_table_make(pool, 4);
    events = apr_array_make(pool, 1, sizeof(push_trigger_event_t));
    take_lines(&input, headers,
               apr_pstrmemdup(pool, (const char *)bytes, size), size);
    input.headers = headers;
    input.content_type = apr_table_get(headers, "Content-Type");
    if (push_events_read(pool, &input, events)) {
        events->nelts = 0;
    }
    REQUIRE(events->nelts <= PUSH_EVENTS_MAX);
    for (int i = 0; i < events->nelts; i++) {
        check_event(pool, &APR_ARRAY_IDX(events, i, push_trigger_event_t));
    }
    apr_pool_destroy(pool);
    return 0;
}
