#include "http/publish/allow.h"

#include <apr_strings.h>
#include <http_config.h>

#include "http/runtime.h"

void push_allow_set(request_rec *r, const push_identity_t *identity)
{
    ap_set_module_config(r->request_config, &push_module,
                         apr_pmemdup(r->pool, identity, sizeof(*identity)));
}

/* NULL: httpd's access control alone decides. */
static const push_identity_t *token_of(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &push_module);
}

/* The token is valid but allows too little (RFC 6750, section 3.1). */
static const push_problem_t *too_little(request_rec *r, apr_pool_t *pool,
                                        const char *what, const char *claim)
{
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   "Bearer realm=\"push\", error=\"insufficient_scope\"");
    return push_problem(pool, 403, "forbidden",
                        "%s: the token does not allow it (PushJWTClaim %s)",
                        what, claim);
}

const push_problem_t *push_allow_admin(request_rec *r)
{
    const push_identity_t *identity = token_of(r);

    return !identity || identity->admin
               ? NULL
               : too_little(r, r->pool, "administration", "admin");
}

const push_problem_t *push_allow_any(request_rec *r)
{
    const push_identity_t *identity = token_of(r);

    return !identity || json_array_size(identity->publish)
               ? NULL
               : too_little(r, r->pool, "publishing", "publish");
}

const push_problem_t *push_allow_still(request_rec *r, apr_pool_t *pool)
{
    const push_identity_t *identity = token_of(r);
    const push_problem_t *problem = identity
                                        ? push_token_recheck(r, pool, identity)
                                        : NULL;

    return problem ? push_problem(pool, problem->status, "expired-token", "%s",
                                  problem->detail)
                   : NULL;
}

const push_problem_t *push_allow_audience(request_rec *r, apr_pool_t *pool,
                                          const push_publication_t *asked)
{
    static const char *const kinds[] = {[PUSH_LOG_USER] = "user",
                                        [PUSH_LOG_CHANNEL] = "channel",
                                        [PUSH_LOG_BROADCAST] = NULL};
    const push_identity_t *identity = token_of(r);
    const char *kind = kinds[asked->audience.kind];
    const push_problem_t *problem = NULL;

    if (!identity) {
        return NULL;
    }
    problem = push_token_recheck(r, pool, identity);
    if (!problem
        && !push_claims_may_publish(identity->publish, kind,
                                    asked->audience.name.at)) {
        problem = too_little(r, pool, kind ? kind : "broadcast", "publish");
    }
    return problem;
}

void push_allow_key(request_rec *r, apr_pool_t *pool,
                    push_publication_t *asked)
{
    const push_identity_t *identity = token_of(r);

    /* No key has a newline, and no user either. */
    if (identity && asked->key.len) {
        asked->key = push_text_of(apr_psprintf(
            pool, "%.*s\n%.*s", (int)identity->user.len, identity->user.at,
            (int)asked->key.len, asked->key.at));
    }
}

/* ---- rates ---- */

/* The publisher's name: by token, by httpd's authentication, or by address. */
static push_text_t publisher_of(const request_rec *r)
{
    return push_text_of(r->user ? r->user : r->useragent_ip);
}

/* The fields of one bucket; an answer may have those of two. */
static void set_fields(request_rec *r, push_rate_kind_t kind,
                       const push_rate_t *rate)
{
    const char *name = kind == PUSH_RATE_USER ? "user" : "publisher";
    const char *policy = apr_psprintf(r->pool, "\"%s\";q=%u;w=1", name,
                                      rate->limit);
    const char *left = apr_psprintf(r->pool, "\"%s\";r=%u;t=1", name,
                                    rate->remaining);

    apr_table_mergen(r->err_headers_out, "RateLimit-Policy", policy);
    apr_table_mergen(r->err_headers_out, "RateLimit", left);
}

static const push_problem_t *limited(apr_pool_t *pool, push_rate_kind_t kind)
{
    static const char *const details[] = {
        [PUSH_RATE_PUBLISHER] =
            "publisher: more publishes a second than may be "
            "(PushPublisherRate)",
        [PUSH_RATE_USER] =
            "user: more messages a second than may be (PushUserRate)"};

    push_counted(PUSH_COUNT_LIMITED + kind);
    return push_problem(pool, 429, "rate", "%s", details[kind]);
}

/* The lines behind it wait for its refusal, or the log has to name it. */
static bool must_ask_first(const push_publication_t *asked, bool single)
{
    return !push_broker()->paces
           || (!single && (asked->relayed || asked->spec.content.trace.len));
}

const push_problem_t *push_allow_rate(request_rec *r, apr_pool_t *pool,
                                      push_publication_t *asked, bool single)
{
    const push_settings_t *settings = push_settings(r);
    int64_t user_rate = asked->audience.kind == PUSH_LOG_USER
                            ? settings->user_rate
                            : 0;
    const struct {
        push_rate_kind_t kind;
        int64_t limit;
        push_text_t who;
    } rows[] = {{PUSH_RATE_PUBLISHER, settings->publisher_rate,
                 publisher_of(r)},
                {PUSH_RATE_USER, must_ask_first(asked, single) ? user_rate : 0,
                 asked->audience.name}};
    push_broker_t *broker = push_broker();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        push_rate_t rate;
        bool taken = !rows[i].limit
                     || broker->take(broker, rows[i].kind, rows[i].who,
                                     (uint32_t)rows[i].limit, &rate);

        if (rows[i].limit && single) {
            set_fields(r, rows[i].kind, &rate);
        }
        if (!taken) {
            return limited(pool, rows[i].kind);
        }
    }
    asked->rate = rows[PUSH_RATE_USER].limit ? 0 : (uint32_t)user_rate;
    return NULL;
}

const push_problem_t *push_allow_settled(request_rec *r, apr_pool_t *pool,
                                         push_status_t status,
                                         const push_answer_t *answer,
                                         bool single)
{
    if (single && answer->rate.limit) {
        set_fields(r, PUSH_RATE_USER, &answer->rate);
    }
    return status == PUSH_LIMITED ? limited(pool, PUSH_RATE_USER)
                                  : push_problem_of_status(pool, status);
}
