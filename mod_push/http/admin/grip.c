#include "http/admin/grip.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <stdlib.h>
#include <string.h>

#include "http/json.h"
#include "http/publish/body.h"
#include "http/publish/inject.h"
#include "http/runtime.h"

/*
 * An item has the bytes that each format of client is to get.  Those of
 * http-stream are Server-Sent Events here, so they are read back into events,
 * each of which is a message; all items are published together.
 */

#define ITEMS_MAX 100u

typedef struct {
    request_rec *r;
    apr_array_header_t *messages; /* push_injected_t */
    const char *channel;
    const char *event; /* of the event that is read; NULL: none */
    const char *data;  /* likewise, its lines joined */
} items_t;

static const push_problem_t *bad_item(request_rec *r, const char *legal)
{
    return push_problem(r->pool, 422, "bad-item", "%s", legal);
}

/* ---- events ---- */

/* At the empty line behind an event.  "message" is what has no name. */
static const push_problem_t *end_event(items_t *items)
{
    push_injected_t *message;
    json_t *line;
    char *text;

    if (!items->data) {
        items->event = NULL;
        return NULL;
    }
    line = json_pack("{s:s, s:s}", "channel", items->channel, "text",
                     items->data);
    if (line && items->event && strcmp(items->event, "message")) {
        json_object_set_new(line, "event", json_string(items->event));
    }
    text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    if (!text) {
        return push_problem(items->r->pool, 503, "busy", "no memory");
    }
    message = apr_array_push(items->messages);
    *message = (push_injected_t){
        .line = push_text_of(apr_pstrdup(items->r->pool, text))};
    free(text);
    items->event = NULL;
    items->data = NULL;
    return NULL;
}

/* A line without its end, WHATWG HTML, section 9.2.6. */
static const push_problem_t *take_line(items_t *items, char *line)
{
    apr_pool_t *pool = items->r->pool;
    char *value = strchr(line, ':');

    if (!*line) {
        return end_event(items);
    }
    if (value) {
        *value++ = '\0';
        value += *value == ' ';
    }
    if (!strcmp(line, "data")) {
        items->data = items->data ? apr_pstrcat(pool, items->data, "\n",
                                                value ? value : "", NULL)
                      : value     ? value
                                  : "";
    }
    else if (!strcmp(line, "event")) {
        items->event = value && *value ? value : NULL;
    }
    else if (*line && strcmp(line, "id") && strcmp(line, "retry")) {
        return bad_item(items->r,
                        "http-stream: content is Server-Sent Events");
    }
    return NULL;
}

static const push_problem_t *take_content(items_t *items, const char *content)
{
    char *at = apr_pstrdup(items->r->pool, content);
    const push_problem_t *problem = NULL;

    while (*at && !problem) {
        size_t len = strcspn(at, "\r\n");
        size_t end = at[len] == '\r' && at[len + 1] == '\n' ? 2 : at[len] != 0;
        char *next = at + len + end;

        at[len] = '\0';
        problem = take_line(items, at);
        at = next;
    }
    return problem ?: end_event(items);
}

/* ---- items ---- */

static const push_problem_t *take_item(items_t *items, const json_t *item)
{
    const json_t *formats = json_object_get(item, "formats");
    const json_t *stream = json_object_get(formats ? formats : item,
                                           "http-stream");
    const char *content = json_string_value(
        json_object_get(stream, "content"));
    const char *action = json_string_value(json_object_get(stream, "action"));

    items->channel = json_string_value(json_object_get(item, "channel"));
    if (!items->channel) {
        return bad_item(items->r, "channel: the name of a channel");
    }
    if (!stream) {
        return bad_item(items->r, "formats: http-stream; no other alone is "
                                  "supported");
    }
    if (action && strcmp(action, "send")) {
        return bad_item(items->r, "action: send; no other is supported");
    }
    return content ? take_content(items, content)
                   : bad_item(items->r, "http-stream: content, a text");
}

static const push_problem_t *take_items(items_t *items, const json_t *body)
{
    const json_t *list = json_object_get(body, "items");
    const push_problem_t *problem = NULL;

    if (!json_is_array(list) || !json_array_size(list)
        || json_array_size(list) > ITEMS_MAX) {
        return push_problem(items->r->pool, 400, "bad-json",
                            "items: 1 to %u of them", ITEMS_MAX);
    }
    for (size_t i = 0; i < json_array_size(list) && !problem; i++) {
        problem = take_item(items, json_array_get(list, i));
    }
    return problem;
}

static const push_problem_t *read_items(items_t *items)
{
    push_text_t text;
    const push_problem_t *problem = push_body_read(
        items->r, (apr_size_t)push_settings(items->r)->max_message_size,
        &text);
    json_t *body;

    if (problem) {
        return problem;
    }
    body = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    problem = body ? take_items(items, body)
                   : push_problem(items->r->pool, 400, "bad-json",
                                  "the body is no JSON object");
    json_decref(body);
    return problem;
}

static const push_problem_t *publish(items_t *items)
{
    push_injected_t *messages =
        (push_injected_t *)(void *)items->messages->elts;
    size_t count = (size_t)items->messages->nelts;
    const push_injector_t by = {.broker = push_broker(),
                                .settings = push_settings(items->r),
                                .pool = items->r->pool};

    push_inject(&by, messages, count);
    for (size_t i = 0; i < count; i++) {
        if (messages[i].problem) {
            return messages[i].problem;
        }
    }
    return NULL;
}

int push_grip_publish(request_rec *r, const char *none)
{
    items_t items = {.r = r};
    const push_problem_t *problem;

    (void)none;
    items.messages = apr_array_make(r->pool, 4, sizeof(push_injected_t));
    problem = read_items(&items) ?: publish(&items);
    if (problem) {
        return push_problem_send(r, problem);
    }
    ap_set_content_type(r, "text/plain");
    ap_rputs("Published\n", r);
    return OK;
}
