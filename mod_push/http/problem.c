#include "http/problem.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "http/json.h"

const push_problem_t *push_problem(apr_pool_t *pool, int status,
                                   const char *name, const char *detail, ...)
{
    push_problem_t *problem = apr_palloc(pool, sizeof(*problem));
    va_list arguments;

    va_start(arguments, detail);
    problem->status = status;
    problem->name = name;
    problem->detail = apr_pvsprintf(pool, detail, arguments);
    va_end(arguments);
    return problem;
}

const push_problem_t *push_problem_superseded(apr_pool_t *pool)
{
    return push_problem(pool, 503, "busy", "%s",
                        "this child ends, since the module was replaced: ask "
                        "again on a new connection");
}

const push_problem_t *push_problem_of_status(apr_pool_t *pool,
                                             push_status_t status)
{
    static const struct {
        push_status_t status;
        int http;
        const char *name;
        const char *detail;
    } rows[] = {
        {PUSH_NO_MEMORY, 503, "memory-full",
         "the memory is full (PushShmSize, in a cluster also Redis); nothing "
         "was "
         "changed"},
        {PUSH_MAILBOX_FULL, 503, "mailbox-full",
         "the recipient's mailbox is full of messages that are more urgent "
         "(PushMaxPending)"},
        {PUSH_NO_STATE, 503, "state-unavailable",
         "the message could not be kept (PushStateDir, PushCluster), or "
         "nobody "
         "knows: try again, best with the same Idempotency-Key"},
        {PUSH_BUSY, 503, "busy", "a part of the store is locked"},
        {PUSH_TOO_MANY, 429, "too-many-streams",
         "this user has as many streams as may be (PushMaxStreamsPerUser)"},
        {PUSH_CROWDED, 429, "too-many-streams",
         "this address has as many streams as may be "
         "(PushMaxStreamsPerAddress)"},
        {PUSH_TOO_MANY_DEVICES, 429, "too-many-devices",
         "this user has as many devices online as may be "
         "(PushMaxDevicesPerUser)"},
        {PUSH_TOO_MANY_SUBSCRIPTIONS, 429, "too-many-channels",
         "channel: the devices of this user follow as many as may be "
         "(PushMaxChannelsPerUser)"},
        {PUSH_TOO_MANY_CHANNELS, 503, "too-many-channels",
         "channel: there are as many as subscribers may bring into being "
         "(PushMaxChannels)"},
        {PUSH_ALONE, 501, "not-in-a-cluster",
         "a node of a cluster (PushCluster) cannot do this"},
        {PUSH_UNPLACED, 501, "no-positions",
         "near: devices say here to nobody where they are (PushPositions)"},
        {PUSH_NOT_FOUND, 404, "not-found", "there is no such thing"},
        {PUSH_STALE, 409, "stale-cursor",
         "seq, id or session is not of the newest stream: reconnect"},
        {PUSH_OVER, 409, "message-over",
         "the message has ended: it cannot be recalled any more"},
        {PUSH_KEY_REUSED, 422, "idempotency-key-reused",
         "Idempotency-Key was used for another request within the window "
         "(PushIdempotencyWindow)"},
        {PUSH_KEY_BUSY, 409, "idempotency-key-busy",
         "the first request with this Idempotency-Key still runs"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].status == status) {
            return push_problem(pool, rows[i].http, rows[i].name, "%s",
                                rows[i].detail);
        }
    }
    return NULL;
}

/* "404 Not Found" without the number */
static const char *title(const push_problem_t *problem)
{
    return ap_get_status_line(problem->status) + 4;
}

json_t *push_problem_json(apr_pool_t *pool, const push_problem_t *problem)
{
    const char *type = apr_pstrcat(
        pool, "urn:mod_push:problem:", problem->name, NULL);

    /* The detail may name what a client made up, in whatever encoding. */
    return json_pack("{s:s, s:s, s:i, s:o}", "type", type, "title",
                     title(problem), "status", problem->status, "detail",
                     push_json_text((push_text_t){
                         problem->detail, (uint32_t)strlen(problem->detail)}));
}

int push_problem_send(request_rec *r, const push_problem_t *problem)
{
    r->status = problem->status;
    if (problem->status == 503 || problem->status == 429) {
        apr_table_setn(r->headers_out, "Retry-After", "1");
    }
    return push_json_send(r, "application/problem+json",
                          push_problem_json(r->pool, problem));
}
