#include "http/admin/dismiss.h"

#include "http/admin/query.h"
#include "http/identify.h"
#include "http/json.h"
#include "http/runtime.h"

/*
 * Administrators send a user away.  The answers are the same for users who
 * exist and who do not.
 */

static int answer(request_rec *r, push_status_t status, push_text_t user,
                  uint32_t streams)
{
    json_t *body;

    if (status == PUSH_TOO_MANY) {
        return push_problem_send(
            r, push_problem(r->pool, 503, "too-many-revocations",
                            "user: there is no place for one more revocation; "
                            "change the keys of tokens (PushJWTKey)"));
    }
    if (status != PUSH_OK) {
        return push_problem_send(r, push_problem_of_status(r->pool, status));
    }
    body = json_pack("{s:I}", "disconnected", (json_int_t)streams);
    json_object_set_new(body, "user", push_json_text(user));
    return push_json_send(r, "application/json", body);
}

/*
 * A token that is refused from now on may have opened a stream of operators,
 * who all are one user: these come again, and the token is looked at again.
 */
static void send_operators_away(push_broker_t *broker)
{
    uint32_t streams;

    broker->dismiss(broker, push_text_of(PUSH_OPERATOR), 0, &streams);
}

static int send_away(request_rec *r, const char *part, int64_t refuse)
{
    push_broker_t *broker = push_broker();
    push_text_t user;
    const push_problem_t *problem = push_query_user(r, part, &user);
    uint32_t streams = 0;
    push_status_t status;

    if (problem) {
        return push_problem_send(r, problem);
    }
    status = broker->dismiss(broker, user, refuse, &streams);
    if (refuse) {
        send_operators_away(broker);
    }
    return answer(r, status, user, streams);
}

int push_dismiss_streams(request_rec *r, const char *part)
{
    return send_away(r, part, 0);
}

/* Until all tokens are over that were issued up to now. */
int push_revoke_tokens(request_rec *r, const char *part)
{
    return send_away(r, part,
                     push_clock_now().mono + push_runtime()->jwt_lifetime
                         + 2 * PUSH_LEEWAY_MAX);
}
