#include "http/token.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <stdatomic.h>

#include "http/identity/keyfile.h"
#include "http/runtime.h"

APLOG_USE_MODULE(push);

#define SETS_MAX       8
#define LINES_A_SECOND 10

/* ---- where the token is ---- */

static const char *bearer(const request_rec *r)
{
    const char *header = apr_table_get(r->headers_in, "Authorization");

    if (!header || strncasecmp(header, "Bearer ", 7)) {
        return NULL;
    }
    header += 7;
    while (*header == ' ') {
        header++;
    }
    return header;
}

bool push_token_is_bearer(const request_rec *r)
{
    return bearer(r) != NULL;
}

/*
 * The value of a cookie (RFC 6265, section 4.2.1), or NULL.  One that is
 * there twice counts as none: which of them is whose, nobody can say.
 */
static const char *cookie(request_rec *r, const char *name)
{
    const char *header = apr_table_get(r->headers_in, "Cookie");
    size_t len = strlen(name);
    const char *value = NULL;
    char *rest = header ? apr_pstrdup(r->pool, header) : NULL;
    char *last, *pair;

    for (pair = rest ? apr_strtok(rest, ";", &last) : NULL; pair;
         pair = apr_strtok(NULL, ";", &last)) {
        pair += strspn(pair, " \t");
        if (strncmp(pair, name, len) || pair[len] != '=') {
            continue;
        }
        if (value) {
            return NULL;
        }
        value = pair + len + 1;
    }
    return value;
}

/* ---- answers ---- */

/* At most so many lines a second of each child: who is refused, may shout. */
static bool may_log(void)
{
    static _Atomic int64_t second;
    static _Atomic unsigned lines;
    int64_t now = push_clock_now().mono / 1000;

    if (atomic_exchange(&second, now) != now) {
        atomic_store(&lines, 0);
    }
    return atomic_fetch_add(&lines, 1) < LINES_A_SECOND;
}

static const push_problem_t *no_token(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   "Bearer realm=\"push\"");
    return push_problem(
        r->pool, 401, "no-token",
        "Authorization: \"Bearer\" and a token says who "
        "asks%s",
        push_settings(r)->jwt.cookie ? ", or the cookie (PushJWTCookie)" : "");
}

/*
 * The header is set before there is an answer, and at most once: a request
 * may be refused line by line for as long as it likes.
 */
static void challenge(request_rec *r, const char *reason)
{
    if (apr_table_get(r->err_headers_out, "WWW-Authenticate")) {
        return;
    }
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   apr_pstrcat(r->pool,
                               "Bearer realm=\"push\", "
                               "error=\"invalid_token\", "
                               "error_description=\"",
                               reason, "\"", NULL));
}

static const push_problem_t *bad_token(request_rec *r, apr_pool_t *pool,
                                       push_jwt_status_t status)
{
    const char *reason = push_jwt_reason(status);

    push_counted(PUSH_COUNT_TOKENS + status - PUSH_JWT_MALFORMED);
    if (may_log()) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "PUSH0040: a token was refused: %s", reason);
    }
    challenge(r, reason);
    return push_problem(pool, 401, "bad-token", "token: %s", reason);
}

static bool is_revoked(const push_identity_t *identity)
{
    push_broker_t *broker = push_broker();

    return broker->revoked(broker, identity->user, identity->issued);
}

const push_problem_t *push_token_recheck(request_rec *r, apr_pool_t *pool,
                                         const push_identity_t *identity)
{
    if (!identity->by_token) {
        return NULL;
    }
    if (identity->expires <= push_clock_now().wall) {
        return bad_token(r, pool, PUSH_JWT_EXPIRED);
    }
    return is_revoked(identity) ? bad_token(r, pool, PUSH_JWT_REVOKED) : NULL;
}

/* ---- verification ---- */

typedef struct {
    push_keyfile_t *files[SETS_MAX];
    const push_keyset_t *sets[SETS_MAX];
    unsigned count;
} keys_t;

static void log_change(request_rec *r, const push_keyfile_t *file,
                       push_keyfile_change_t change, const char *error)
{
    if (change == PUSH_KEYFILE_RENEWED) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      "PUSH0041: new keys of tokens from %s",
                      push_keyfile_path(file));
    }
    else if (change == PUSH_KEYFILE_BROKEN) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "PUSH0042: %s: %s; the keys it had before go on",
                      push_keyfile_path(file), error);
    }
}

static void borrow_keys(request_rec *r, keys_t *keys)
{
    const apr_array_header_t *files = push_settings(r)->jwt.keyfiles;
    int64_t now = push_clock_now().mono;

    keys->count = 0;
    for (int i = 0; files && i < files->nelts && i < SETS_MAX; i++) {
        push_keyfile_t *file = APR_ARRAY_IDX(files, i, push_keyfile_t *);
        const char *error = "";
        push_keyfile_change_t change;

        keys->files[i] = file;
        keys->sets[i] = push_keyfile_acquire(file, now, &change, &error);
        keys->count++;
        log_change(r, file, change, error);
    }
}

static void return_keys(const keys_t *keys)
{
    for (unsigned i = 0; i < keys->count; i++) {
        push_keyfile_release(keys->files[i], keys->sets[i]);
    }
}

static apr_status_t free_claims(void *claims)
{
    json_decref(claims);
    return APR_SUCCESS;
}

static push_jwt_status_t check_claims(request_rec *r, const json_t *token,
                                      int64_t now)
{
    const push_settings_t *settings = push_settings(r);
    const apr_array_header_t *audiences = settings->jwt.audiences;
    const push_jwt_policy_t policy = {
        .issuer = settings->jwt.issuer,
        .audiences = audiences ? (const char *const *)audiences->elts : NULL,
        .audiences_count = audiences ? (unsigned)audiences->nelts : 0,
        .leeway = settings->jwt_leeway,
        .lifetime = push_runtime()->jwt_lifetime};

    return push_jwt_check(token, &policy, now);
}

static push_jwt_status_t read_claims(request_rec *r, json_t *token,
                                     push_claims_t *claims)
{
    const push_claim_names_t *given = &push_settings(r)->jwt.claims;
    const push_claim_names_t names = {
        .user = given->user ? given->user : "sub",
        .channels = given->channels ? given->channels : "push_channels",
        .publish = given->publish ? given->publish : "push_publish",
        .admin = given->admin ? given->admin : "push_admin"};

    return push_claims_read(token, &names, claims);
}

static push_jwt_status_t verify(request_rec *r, const char *text,
                                push_identity_t *identity)
{
    int64_t now = push_clock_now().wall;
    push_jwt_status_t status;
    push_claims_t claims = {0};
    json_t *token;
    keys_t keys;

    borrow_keys(r, &keys);
    status = push_jwt_verify(text, strlen(text), keys.sets, keys.count,
                             &token);
    return_keys(&keys);
    if (status != PUSH_JWT_OK) {
        return status;
    }
    apr_pool_cleanup_register(r->pool, token, free_claims,
                              apr_pool_cleanup_null);
    status = check_claims(r, token, now);
    if (status == PUSH_JWT_OK) {
        status = read_claims(r, token, &claims);
    }
    identity->user = push_text_of(claims.user);
    identity->by_token = true;
    identity->channels = claims.channels;
    identity->publish = claims.publish;
    identity->admin = claims.admin;
    identity->expires = claims.expires + push_settings(r)->jwt_leeway;
    identity->issued = claims.issued;
    if (status == PUSH_JWT_OK && is_revoked(identity)) {
        status = PUSH_JWT_REVOKED;
    }
    return status;
}

const push_problem_t *push_token_identify(request_rec *r,
                                          push_identity_t *identity)
{
    const push_jwt_settings_t *jwt = &push_settings(r)->jwt;
    const char *text = bearer(r);
    push_jwt_status_t status;

    if (!jwt->keyfiles && may_log()) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "PUSH0043: PushUser jwt needs PushJWTKey or "
                      "PushJWTKeys: nobody is let in");
    }
    if (!jwt->keyfiles) {
        return push_problem(r->pool, 503, "no-keys",
                            "this server has no keys of tokens (PushJWTKey)");
    }
    if (!text && jwt->cookie) {
        text = cookie(r, jwt->cookie);
    }
    if (!text || !*text) {
        return no_token(r);
    }
    status = verify(r, text, identity);
    return status == PUSH_JWT_OK ? NULL : bad_token(r, r->pool, status);
}

/* ---- URLs ---- */

static void hide_query_of(request_rec *r)
{
    r->the_request = apr_pstrcat(r->pool, r->method, " ", r->uri, "?- ",
                                 r->protocol, NULL);
    r->args = NULL;
    r->unparsed_uri = r->uri;
    r->parsed_uri.query = NULL;
}

/* Of a chain of internal redirects httpd logs the first request. */
void push_token_hide_query(request_rec *r)
{
    while (r) {
        hide_query_of(r);
        r = r->prev ? r->prev : r->main;
    }
}

const push_problem_t *push_token_check_query(request_rec *r,
                                             const push_params_t *params)
{
    static const char *const names[] = {"access_token", "id_token",
                                        "token",        "jwt",
                                        "bearer",       "bearer_token",
                                        "authorization"};
    const push_param_t *list = (const push_param_t *)params->list->elts;

    for (int i = 0; i < params->list->nelts; i++) {
        for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            if (!strcasecmp(list[i].name, names[j])) {
                push_token_hide_query(r);
                return push_problem(r->pool, 400, "token-in-url",
                                    "%s: a token never travels in a URL; "
                                    "send it as Authorization: Bearer, or "
                                    "ask for a ticket",
                                    names[j]);
            }
        }
    }
    return NULL;
}
