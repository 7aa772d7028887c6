#include "http/admin/grip_formats.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "core/message_texts.h"
#include "core/text.h"
#include "http/publish/line.h"
#include "http/runtime.h"
#include "http/verbatim.h"

/* An event that is being read. */
typedef struct {
    push_grip_items_t *items;
    const char *event; /* NULL: none */
    const char *data;  /* likewise; its lines, joined */
} reading_t;

const push_problem_t *push_grip_bad(const push_grip_items_t *items,
                                    const char *detail, ...)
{
    const push_problem_t *problem;
    va_list arguments;

    va_start(arguments, detail);
    problem = push_problem(items->r->pool, 422, "bad-item", "%s",
                           apr_pvsprintf(items->r->pool, detail, arguments));
    va_end(arguments);
    return problem;
}

/* The text NAME, or the bytes that NAME-bin says in base64; .at NULL: neither
 * is there. */
static const push_problem_t *read_bytes(const push_grip_items_t *items,
                                        const json_t *format, const char *name,
                                        push_text_t *bytes)
{
    const char *coded = apr_pstrcat(items->r->pool, name, "-bin", NULL);
    const json_t *text = json_object_get(format, name);
    const json_t *code = json_object_get(format, coded);
    size_t len = json_string_length(code ? code : text);
    char *at = apr_palloc(items->r->pool, len + 1);

    *bytes = (push_text_t){0};
    if (text && code) {
        return push_grip_bad(items, "%s: not beside %s", coded, name);
    }
    if (!text && !code) {
        return NULL;
    }
    if (!json_is_string(code ? code : text)) {
        return push_grip_bad(items, "%s: a text", code ? coded : name);
    }
    if (!code) {
        memcpy(at, json_string_value(text), len);
    }
    else if (!push_base64_decode(json_string_value(code), len, at, &len)) {
        return push_grip_bad(items,
                             "%s: base64 with padding (RFC 4648, "
                             "section 4)",
                             coded);
    }
    at[len] = '\0';
    *bytes = (push_text_t){at, (uint32_t)len};
    return NULL;
}

/* What else Pushpin knows of a format, as content-filters, and what is
 * unknown. */
static const push_problem_t *check_members(const push_grip_items_t *items,
                                           const char *of,
                                           const json_t *format,
                                           const char *const *names)
{
    const char *name;
    const json_t *value;

    if (!json_is_object(format)) {
        return push_grip_bad(items, "%s: an object", of);
    }
    json_object_foreach((json_t *)(uintptr_t)format, name, value)
    {
        const char *const *known = names;

        while (*known && strcmp(*known, name)) {
            known++;
        }
        if (!*known) {
            return push_grip_bad(items, "%s: %s is not supported", of,
                                 apr_pstrdup(items->r->pool, name));
        }
    }
    return NULL;
}

/* ---- http-stream ---- */

static const push_problem_t *add_line(const push_grip_items_t *items,
                                      json_t *line)
{
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    push_injected_t *message = apr_array_push(items->messages);
    const char *copy = text ? apr_pstrdup(items->r->pool, text) : NULL;

    free(text);
    json_decref(line);
    *message = (push_injected_t){0};
    return copy ? push_line_parse(items->r->pool, push_settings(items->r),
                                  push_text_of(copy), &message->asked)
                : push_problem(items->r->pool, 503, "busy", "no memory");
}

/* At the empty line behind an event.  "message" is what has no name. */
static const push_problem_t *end_event(reading_t *reading)
{
    const char *data = reading->data;
    const char *event = reading->event;
    json_t *line;

    reading->data = NULL;
    reading->event = NULL;
    if (!data) {
        return NULL;
    }
    line = json_pack("{s:s, s:s}", "channel", reading->items->channel, "text",
                     data);
    if (line && event && strcmp(event, "message")) {
        json_object_set_new(line, "event", json_string(event));
    }
    return add_line(reading->items, line);
}

static void take_data(reading_t *reading, const char *value)
{
    reading->data = reading->data
                        ? apr_pstrcat(reading->items->r->pool, reading->data,
                                      "\n", value, NULL)
                        : value;
}

/* A line without its end, WHATWG HTML, section 9.2.6. */
static const push_problem_t *take_line(reading_t *reading, char *line)
{
    char *value = strchr(line, ':');

    if (!*line) {
        return end_event(reading);
    }
    if (value) {
        *value++ = '\0';
        value += *value == ' ';
    }
    if (!strcmp(line, "data")) {
        take_data(reading, value ? value : "");
    }
    else if (!strcmp(line, "event")) {
        reading->event = value && *value ? value : NULL;
    }
    else if (*line && strcmp(line, "id") && strcmp(line, "retry")) {
        return push_grip_bad(reading->items,
                             "http-stream: content is Server-Sent Events");
    }
    return NULL;
}

static const push_problem_t *take_content(push_grip_items_t *items,
                                          push_text_t content)
{
    reading_t reading = {.items = items};
    char *at = apr_pstrmemdup(items->r->pool, content.at, content.len);
    const push_problem_t *problem = NULL;

    if (!push_text_valid(content.at, content.len)) {
        return push_grip_bad(items, "http-stream: content is UTF-8 without "
                                    "NUL");
    }
    while (*at && !problem) {
        size_t len = strcspn(at, "\r\n");
        size_t end = at[len] == '\r' && at[len + 1] == '\n' ? 2 : at[len] != 0;
        char *next = at + len + end;

        at[len] = '\0';
        problem = take_line(&reading, at);
        at = next;
    }
    return problem ?: end_event(&reading);
}

/* To who has it open now: the stream ends behind what came before. */
static const push_problem_t *add_close(const push_grip_items_t *items)
{
    push_injected_t *message;
    const push_problem_t *problem = add_line(
        items, json_pack("{s:s, s:s, s:i}", "channel", items->channel, "text",
                         "", "ttl", 0));

    message = &((push_injected_t *)(void *)
                    items->messages->elts)[items->messages->nelts - 1];
    message->asked.spec.content.event = push_text_of(PUSH_CLOSE);
    return problem;
}

const push_problem_t *push_grip_stream(push_grip_items_t *items,
                                       const json_t *format)
{
    static const char *const names[] = {"action", "content", "content-bin",
                                        NULL};
    const json_t *action = json_object_get(format, "action");
    const char *verb = json_string_value(action);
    push_text_t content;
    const push_problem_t *problem =
        check_members(items, "http-stream", format, names)
            ?: read_bytes(items, format, "content", &content);

    if (problem) {
        return problem;
    }
    if (action && (!verb || (strcmp(verb, "send") && strcmp(verb, "close")))) {
        return push_grip_bad(items, "http-stream: action is send, or close");
    }
    if (verb && !strcmp(verb, "close")) {
        return (content.len ? take_content(items, content) : NULL)
                   ?: add_close(items);
    }
    return content.at ? take_content(items, content)
                      : push_grip_bad(items, "http-stream: content, a text, "
                                             "or content-bin");
}

/* ---- http-response ---- */

static const push_problem_t *add_header(const push_grip_items_t *items,
                                        apr_table_t *headers, const char *name,
                                        const json_t *value)
{
    const char *text = json_string_value(value);

    if (!name || !text || !push_verbatim_header_valid(name, text)) {
        return push_grip_bad(items, "http-response: headers are an object or "
                                    "a list of pairs, of names and of texts "
                                    "without controls");
    }
    apr_table_add(headers, name, text);
    return NULL;
}

/* {"NAME": "VALUE"}, or [["NAME", "VALUE"]] */
static const push_problem_t *read_headers(const push_grip_items_t *items,
                                          json_t *all, apr_table_t *headers)
{
    const push_problem_t *problem = NULL;
    const char *name;
    json_t *each;
    size_t at;

    if (all && !json_is_object(all) && !json_is_array(all)) {
        return add_header(items, headers, NULL, NULL);
    }
    json_object_foreach(all, name, each)
    {
        problem = problem ?: add_header(items, headers, name, each);
    }
    json_array_foreach(all, at, each)
    {
        name = json_string_value(json_array_get(each, 0));
        problem = problem
                      ?: add_header(items, headers, name,
                                    json_array_get(each, 1));
    }
    return problem;
}

/* A number, or its digits; 200 if there is none. */
static const push_problem_t *read_code(const push_grip_items_t *items,
                                       const json_t *code, int *status)
{
    const char *digits = json_string_value(code);
    uint64_t number = (uint64_t)json_integer_value(code);

    if (code
        && ((!json_is_integer(code)
             && !(digits
                  && push_number_parse(digits, strlen(digits), &number)))
            || number < 200 || number > 599)) {
        return push_grip_bad(items, "http-response: code is 200 to 599");
    }
    *status = code ? (int)number : HTTP_OK;
    return NULL;
}

static const push_problem_t *read_reason(const push_grip_items_t *items,
                                         const json_t *reason,
                                         const char **text)
{
    *text = json_string_value(reason);
    return !reason || (*text && push_verbatim_reason_valid(*text))
               ? NULL
               : push_grip_bad(items, "http-response: reason is a text "
                                      "without controls");
}

/* An answer has no other action. */
static const push_problem_t *check_action(const push_grip_items_t *items,
                                          const json_t *format)
{
    const json_t *action = json_object_get(format, "action");
    const char *verb = json_string_value(action);

    return !action || (verb && !strcmp(verb, "send"))
               ? NULL
               : push_grip_bad(items, "http-response: action is send");
}

static const push_problem_t *add_answer(const push_grip_items_t *items,
                                        const push_verbatim_t *answer)
{
    const push_settings_t *settings = push_settings(items->r);
    push_injected_t *message = apr_array_push(items->messages);
    push_text_t data = push_verbatim_write(items->r->pool, answer);

    *message = (push_injected_t){
        .asked = {.audience = {.kind = PUSH_LOG_CHANNEL,
                               .name = push_text_of(apr_pstrcat(
                                   items->r->pool, PUSH_VERBATIM_CHANNELS,
                                   items->channel, NULL))},
                  .spec = {.content = {.type = push_text_of("message/http"),
                                       .data = data},
                           .urgency = PUSH_NORMAL,
                           .ttl = 0}}};
    return data.len <= settings->max_message_size
               ? NULL
               : push_problem(items->r->pool, 413, "too-large",
                              "http-response: with its head at most "
                              "%" APR_INT64_T_FMT
                              " bytes (PushMaxMessageSize)",
                              settings->max_message_size);
}

const push_problem_t *push_grip_response(push_grip_items_t *items,
                                         const json_t *format)
{
    static const char *const names[] = {
        "action", "code", "reason", "headers", "body", "body-bin", NULL};
    apr_table_t *headers = apr_table_make(items->r->pool, 4);
    push_verbatim_t answer = {.headers = headers};
    const push_problem_t *problem =
        check_members(items, "http-response", format, names)
        ?: check_action(items, format)
        ?: read_code(items, json_object_get(format, "code"), &answer.code)
        ?: read_reason(items, json_object_get(format, "reason"),
                       &answer.reason)
        ?: read_headers(items, json_object_get(format, "headers"), headers)
        ?: read_bytes(items, format, "body", &answer.body);

    if (!problem && strlen(items->channel) > PUSH_VERBATIM_NAME_MAX) {
        problem = push_grip_bad(items,
                                "channel: 1-%u bytes, with "
                                "http-response",
                                (unsigned)PUSH_VERBATIM_NAME_MAX);
    }
    return problem ?: add_answer(items, &answer);
}
