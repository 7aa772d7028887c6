#include "http/subscribe/follow.h"

#include <apr_strings.h>
#include <jansson.h>

#include "http/checks.h"
#include "http/publish/body.h"
#include "http/runtime.h"
#include "http/subscribe/subscriber.h"

#define BODY_BYTES (64 << 10)

static const push_problem_t *bad_member(apr_pool_t *pool, const char *text)
{
    return push_problem(pool, 400, "bad-member", "%s", text);
}

static const push_problem_t *check_members(apr_pool_t *pool,
                                           const json_t *body)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)body, name, value)
    {
        if (strcmp(name, "channels") != 0 && strcmp(name, "from") != 0) {
            return bad_member(
                pool, "body: a member that is none of channels and from");
        }
    }
    return NULL;
}

/* NULL: they are no list of strings. */
static const apr_array_header_t *names_in(apr_pool_t *pool, const json_t *list)
{
    apr_array_header_t *names = apr_array_make(pool, 8, sizeof(const char *));

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *name = json_array_get(list, i);

        if (!json_is_string(name)) {
            return NULL;
        }
        APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(
            pool, json_string_value(name));
    }
    return json_is_array(list) ? names : NULL;
}

static const push_problem_t *parse_from(apr_pool_t *pool, const json_t *from,
                                        bool *oldest)
{
    const char *word = from ? json_string_value(from) : "now";

    if (!word || (strcmp(word, "now") != 0 && strcmp(word, "oldest") != 0)) {
        return bad_member(pool, "from: now or oldest");
    }
    *oldest = *word == 'o';
    return NULL;
}

static const push_problem_t *parse_wishes(request_rec *r,
                                          push_subscriber_t *subscriber,
                                          const json_t *body)
{
    const apr_array_header_t *names;

    if (!json_is_object(body)) {
        return push_problem(r->pool, 400, "bad-json",
                            "body: one JSON object, with no member twice");
    }
    names = names_in(r->pool, json_object_get(body, "channels"));
    return check_members(r->pool, body)
        ?: (names ? NULL
                  : bad_member(r->pool, "channels: a list of strings, each "
                                        "1-255 bytes of UTF-8 without "
                                        "controls"))
        ?: parse_from(r->pool, json_object_get(body, "from"),
                      &subscriber->checkin.from_oldest)
        ?: push_subscriber_channels(r, subscriber, names);
}

static const push_problem_t *parse_body(request_rec *r,
                                        push_subscriber_t *subscriber)
{
    push_text_t text = {"", 0};
    const push_problem_t *problem = push_body_read(r, BODY_BYTES, &text);
    json_t *body;

    if (problem) {
        return problem;
    }
    body = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    problem = parse_wishes(r, subscriber, body);
    json_decref(body);
    return problem;
}

static const push_problem_t *change(request_rec *r,
                                    const push_checkin_t *checkin)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    push_status_t status = broker->follow(broker, checkin, &now);

    return status == PUSH_NOT_FOUND
               ? push_problem(r->pool, 404, "not-found",
                              "device: the user has none of this name and "
                              "app; it opens a stream first")
               : push_problem_of_status(r->pool, status);
}

int push_follow(request_rec *r)
{
    push_subscriber_t subscriber;
    const push_problem_t *problem = push_check_forgery(r)
        ?: (push_runtime_superseded() ? push_problem_superseded(r->pool)
                                      : NULL)
        ?: push_subscriber_parse_device(r, &subscriber)
        ?: parse_body(r, &subscriber);

    if (!problem) {
        push_subscriber_limit(r, &subscriber);
        problem = change(r, &subscriber.checkin);
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    r->status = HTTP_NO_CONTENT;
    return OK;
}
