#include "http/admin/grip.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "http/admin/grip_formats.h"
#include "http/publish/allow.h"
#include "http/publish/body.h"
#include "http/rejection.h"
#include "http/runtime.h"

/*
 * An item has what each format of client is to get.  All items are read, and
 * only then published, together: with a bad one among them nothing is.
 */

#define ITEMS_MAX 100u

/* Each item counts as a publish. */
static const push_problem_t *check_channel(push_grip_items_t *items)
{
    push_publication_t asked = {
        .audience = {.kind = PUSH_LOG_CHANNEL,
                     .name = push_text_of(items->channel)}};

    if (!items->channel || !push_name_valid(asked.audience.name)
        || *items->channel == '$') {
        return push_grip_bad(items, "channel: 1-255 bytes of UTF-8 without "
                                    "controls, which do not begin with $");
    }
    return push_allow_audience(items->r, items->r->pool, &asked)
               ?: push_allow_rate(items->r, items->r->pool, &asked, false);
}

static const push_problem_t *take_item(push_grip_items_t *items,
                                       const json_t *item)
{
    const json_t *formats = json_object_get(item, "formats") ?: item;
    const json_t *stream = json_object_get(formats, "http-stream");
    const json_t *response = json_object_get(formats, "http-response");
    const push_problem_t *problem;

    items->channel = json_string_value(json_object_get(item, "channel"));
    problem = check_channel(items);
    if (!problem && !stream && !response) {
        problem = push_grip_bad(items, "formats: http-stream, http-response; "
                                       "no other alone is supported");
    }
    if (!problem && stream) {
        problem = push_grip_stream(items, stream);
    }
    return problem || !response ? problem
                                : push_grip_response(items, response);
}

static const push_problem_t *take_items(push_grip_items_t *items,
                                        const json_t *body)
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

static const push_problem_t *read_items(push_grip_items_t *items)
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

static const push_problem_t *publish(const push_grip_items_t *items)
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
    push_grip_items_t items = {.r = r};
    const push_problem_t *problem;

    (void)none;
    items.messages = apr_array_make(r->pool, 4, sizeof(push_injected_t));
    problem = read_items(&items);
    if (problem) {
        return push_problem_send(r, push_rejection(problem));
    }
    problem = publish(&items);
    if (problem) {
        return push_problem_send(r, problem);
    }
    ap_set_content_type(r, "text/plain");
    ap_rputs("Published\n", r);
    return OK;
}
