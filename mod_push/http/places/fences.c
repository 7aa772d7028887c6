#include "http/places/fences.h"

#include <apr_strings.h>
#include <string.h>

#include "broker/places.h"
#include "http/json.h"
#include "http/params.h"
#include "http/places/members.h"
#include "http/places/position.h"
#include "http/publish/body.h"
#include "http/runtime.h"

#define BODY_BYTES  4096
#define TTL_MAX     2592000u /* seconds */
#define TTL_DEFAULT 86400u

/* ---- what is asked for ---- */

static const push_problem_t *check_name(apr_pool_t *pool, push_text_t name)
{
    return name.len <= PUSH_FENCE_NAME_MAX && push_name_valid(name)
               ? NULL
               : push_problem(pool, 400, "bad-parameter",
                              "fence: 1-64 bytes of UTF-8 without controls");
}

/* Whose devices it is for; in the pool. */
static const push_problem_t *read_user(apr_pool_t *pool, const json_t *body,
                                       push_text_t *user)
{
    const json_t *given = json_object_get(body, "user");

    *user = (push_text_t){"", 0};
    if (!given) {
        return NULL;
    }
    if (json_is_string(given)) {
        *user = push_text_of(apr_pstrmemdup(pool, json_string_value(given),
                                            json_string_length(given)));
    }
    return push_name_valid(*user)
               ? NULL
               : push_problem(pool, 400, "bad-member",
                              "user: 1-255 bytes of UTF-8 without controls");
}

static const push_problem_t *read_fence(apr_pool_t *pool, push_text_t text,
                                        push_fence_view_t *fence)
{
    static const char *const known[] = {"lat", "lon",  "m",
                                        "ttl", "user", NULL};
    uint32_t ttl = 0;
    json_t *body = NULL;
    const push_problem_t *problem = push_members_read(pool, text, known,
                                                      &body)
        ?: push_members_point(pool, body, &fence->circle.centre)
        ?: push_members_whole(pool, body,
                              &(push_whole_member_t){"m", 1, PUSH_METRES_MAX,
                                                     false, 0},
                              &fence->circle.metres)
        ?: push_members_whole(pool, body,
                              &(push_whole_member_t){"ttl", 1, TTL_MAX, true,
                                                     TTL_DEFAULT},
                              &ttl)
        ?: read_user(pool, body, &fence->user);

    json_decref(body);
    fence->until = push_clock_now().mono + (int64_t)ttl * 1000;
    return problem;
}

static const push_problem_t *problem_of(apr_pool_t *pool, push_status_t status)
{
    switch (status) {
    case PUSH_TOO_MANY:
        return push_problem(pool, 429, "too-many-fences",
                            "fence: there are as many as may be: %u",
                            PUSH_FENCES_MAX);
    case PUSH_NOT_FOUND:
        return push_problem(pool, 404, "not-found",
                            "fence: there is none of this name");
    default:
        return push_problem_of_status(pool, status);
    }
}

/* ---- as JSON ---- */

static json_t *degrees_json(int32_t value)
{
    return json_real((double)value / PUSH_DEGREE);
}

static json_t *fence_json(const push_fence_view_t *fence, int64_t now)
{
    json_t *one = json_pack("{s:o, s:o, s:o, s:I, s:I}", "fence",
                            push_json_text(fence->name), "lat",
                            degrees_json(fence->circle.centre.lat), "lon",
                            degrees_json(fence->circle.centre.lon), "m",
                            (json_int_t)fence->circle.metres, "ttl",
                            (json_int_t)((fence->until - now + 999) / 1000));

    if (fence->user.len) {
        json_object_set_new(one, "user", push_json_text(fence->user));
    }
    return one;
}

typedef struct {
    json_t *list;
    int64_t now; /* mono ms */
} walk_t;

static void add(void *data, const push_fence_view_t *fence)
{
    walk_t *walk = data;

    json_array_append_new(walk->list, fence_json(fence, walk->now));
}

/* All of them, or the one of this name. */
static const push_problem_t *look(apr_pool_t *pool, push_text_t name,
                                  walk_t *walk)
{
    push_broker_t *broker = push_broker();
    const push_fence_visitor_t visitor = {name, add, walk};
    const push_problem_t *problem = push_positions_off(pool);

    *walk = (walk_t){json_array(), push_clock_now().mono};
    return problem
               ?: problem_of(pool, broker->places->fences(broker, &visitor));
}

int push_show_fences(request_rec *r, const char *none)
{
    walk_t walk;
    const push_problem_t *problem = look(r->pool, (push_text_t){"", 0}, &walk);

    (void)none;
    if (problem) {
        json_decref(walk.list);
        return push_problem_send(r, problem);
    }
    return push_json_send(
        r, "application/json",
        json_pack("{s:i, s:i, s:o}", "count", (int)json_array_size(walk.list),
                  "most", (int)PUSH_FENCES_MAX, "fences", walk.list));
}

int push_show_fence(request_rec *r, const char *name)
{
    walk_t walk = {NULL, 0};
    const push_problem_t *problem = check_name(r->pool, push_text_of(name))
                                        ?: look(r->pool, push_text_of(name),
                                                &walk);
    json_t *one = problem ? NULL : json_incref(json_array_get(walk.list, 0));

    json_decref(walk.list);
    return problem ? push_problem_send(r, problem)
                   : push_json_send(r, "application/json", one);
}

int push_put_fence(request_rec *r, const char *name)
{
    push_broker_t *broker = push_broker();
    push_fence_view_t fence = {.name = push_text_of(name)};
    push_text_t body = {"", 0};
    const push_problem_t *problem = push_positions_off(r->pool)
        ?: check_name(r->pool, fence.name)
        ?: push_body_read(r, BODY_BYTES, &body)
        ?: read_fence(r->pool, body, &fence);

    if (!problem) {
        problem = problem_of(r->pool, broker->places->put(broker, &fence));
    }
    return problem ? push_problem_send(r, problem)
                   : push_json_send(r, "application/json",
                                    fence_json(&fence, push_clock_now().mono));
}

int push_remove_fence(request_rec *r, const char *name)
{
    push_broker_t *broker = push_broker();
    const push_problem_t *problem =
        push_positions_off(r->pool) ?: check_name(r->pool, push_text_of(name));

    if (!problem) {
        problem = problem_of(
            r->pool, broker->places->remove(broker, push_text_of(name)));
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    r->status = HTTP_NO_CONTENT;
    return OK;
}
