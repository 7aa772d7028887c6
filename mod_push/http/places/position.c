#include "http/places/position.h"

#include <jansson.h>

#include "broker/places.h"
#include "http/checks.h"
#include "http/places/crossed.h"
#include "http/places/members.h"
#include "http/publish/body.h"
#include "http/runtime.h"
#include "http/subscribe/subscriber.h"

/*
 * The body has the position, as it is in no access log.  First who crossed a
 * fence is told, then the position counts: what a trigger could not take is
 * told by the next report.
 */

#define BODY_BYTES   1024
#define ACCURACY_MAX 100000 /* metres */

const push_problem_t *push_positions_off(apr_pool_t *pool)
{
    return push_broker()->places
               ? NULL
               : push_problem(pool, 404, "not-found",
                              "path: positions are off (PushPositions)");
}

static const push_problem_t *read_fix(apr_pool_t *pool, push_text_t text,
                                      push_fix_t *fix)
{
    static const char *const known[] = {"lat", "lon", "accuracy", NULL};
    json_t *body = NULL;
    const push_problem_t *problem = push_members_read(pool, text, known,
                                                      &body)
        ?: push_members_point(pool, body, &fix->point)
        ?: push_members_whole(pool, body,
                              &(push_whole_member_t){"accuracy", 0,
                                                     ACCURACY_MAX, true, 0},
                              &fix->accuracy);

    json_decref(body);
    return problem;
}

static const push_problem_t *problem_of(apr_pool_t *pool, push_status_t status)
{
    switch (status) {
    case PUSH_LIMITED:
        return push_problem(pool, 429, "too-many-positions",
                            "a device reports at most once a second");
    case PUSH_NOT_FOUND:
        return push_problem(pool, 404, "not-found",
                            "device: the user has none of this name and app; "
                            "it opens a stream first");
    default:
        return push_problem_of_status(pool, status);
    }
}

static const push_problem_t *report(request_rec *r,
                                    const push_checkin_t *checkin,
                                    push_text_t text)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    push_visit_t visit = {
        .fix = {.at = now.mono,
                .until = now.mono + push_runtime()->position_age}};
    const push_problem_t *problem = read_fix(r->pool, text, &visit.fix);

    if (problem) {
        return problem;
    }
    return problem_of(r->pool,
                      broker->places->visit(broker, checkin, &visit))
        ?: push_crossed(r->pool, checkin, &visit, now.wall)
        ?: problem_of(r->pool, broker->places->keep(broker, &visit));
}

/* What nobody knew is forgotten, too. */
static const push_problem_t *forget(request_rec *r,
                                    const push_checkin_t *checkin)
{
    push_broker_t *broker = push_broker();
    push_status_t status = broker->places->forget(broker, checkin);

    return status == PUSH_NOT_FOUND ? NULL : problem_of(r->pool, status);
}

static bool is_null(push_text_t text)
{
    json_t *body = text.len
                       ? json_loadb(text.at, text.len, JSON_DECODE_ANY, NULL)
                       : NULL;
    bool null = json_is_null(body);

    json_decref(body);
    return null;
}

int push_position(request_rec *r)
{
    push_subscriber_t subscriber;
    push_text_t body = {"", 0};
    const push_problem_t *problem = push_check_forgery(r)
        ?: (push_runtime_superseded() ? push_problem_superseded(r->pool)
                                      : NULL)
        ?: push_subscriber_parse_device(r, &subscriber)
        ?: push_positions_off(r->pool)
        ?: push_body_read(r, BODY_BYTES, &body);

    if (!problem) {
        problem = is_null(body) ? forget(r, &subscriber.checkin)
                                : report(r, &subscriber.checkin, body);
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    r->status = HTTP_NO_CONTENT;
    return OK;
}
