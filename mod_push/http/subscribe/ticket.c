#include "http/subscribe/ticket.h"

#include <apr_strings.h>
#include <stdlib.h>

#include "core/device.h"
#include "http/checks.h"
#include "http/identity/pass.h"
#include "http/json.h"
#include "http/runtime.h"
#include "http/token.h"

/*
 * The virtual host, as the configuration says it, so that a graceful restart
 * keeps it: several may have one name, each at other addresses, and of those
 * that have both in common only the first is ever asked.
 */
static const char *host_of(request_rec *r)
{
    const server_rec *s = r->server;
    const char *host = apr_pstrcat(r->pool, s->is_virtual ? "virtual " : "",
                                   s->server_hostname, NULL);

    for (const server_addr_rec *at = s->addrs; at; at = at->next) {
        host = apr_psprintf(r->pool, "%s %s:%u", host, at->virthost,
                            (unsigned)at->host_port);
    }
    return host;
}

/* A ticket is of use at the Location and host that gave it. */
static const char *location_of(request_rec *r)
{
    const char *last = strrchr(r->uri, '/');
    const char *base = apr_pstrmemdup(r->pool, r->uri,
                                      (apr_size_t)(last - r->uri));

    return apr_pstrcat(r->pool, host_of(r), " ", base, NULL);
}

/* The name of the device: what the ticket is bound to, beside the user. */
static const push_problem_t *parse_device(const push_params_t *params,
                                          const char **device,
                                          const char **app)
{
    const push_problem_t *problem = push_params_one(params, "device", device)
                                        ?: push_params_one(params, "app", app);

    if (!problem && *device && !push_device_valid(*device, strlen(*device))) {
        problem = push_problem(params->pool, 400, "bad-parameter",
                               "device: 1-128 of A-Z a-z 0-9 . _ ~ -");
    }
    if (!problem && *app
        && (strlen(*app) > PUSH_APP_MAX
            || !push_name_valid(push_text_of(*app)))) {
        problem = push_problem(params->pool, 400, "bad-parameter",
                               "app: 1-64 bytes of UTF-8 without controls");
    }
    *device = *device ? *device : "";
    *app = *app ? *app : "";
    return problem;
}

/* ---- giving ---- */

static const push_problem_t *make_pass(request_rec *r, push_pass_t *pass)
{
    push_params_t params;
    push_identity_t identity;
    int64_t now = push_clock_now().wall;
    const push_problem_t *problem;

    memset(pass, 0, sizeof(*pass));
    problem = push_check_query(r, &params)
        ?: push_check_forgery(r)
        ?: push_identify(r, &params, &identity)
        ?: parse_device(&params, &pass->device, &pass->app);
    if (problem) {
        return problem;
    }
    pass->user = identity.user.at;
    pass->channels = identity.channels;
    pass->by_token = identity.by_token;
    pass->expires = identity.expires;
    pass->issued = identity.by_token ? identity.issued : now;
    pass->until = now + PUSH_PASS_MS;
    if (pass->expires && pass->expires < pass->until) {
        pass->until = pass->expires;
    }
    return NULL;
}

int push_ticket_give(request_rec *r)
{
    push_pass_t pass;
    const push_problem_t *problem = make_pass(r, &pass);
    int64_t left = (pass.until - push_clock_now().wall) / 1000;
    json_t *body;
    char *text;

    if (problem) {
        return push_problem_send(r, problem);
    }
    text = push_pass_seal(&pass, push_broker()->secret, location_of(r));
    if (!text) {
        return push_problem_send(
            r, push_problem(r->pool, 413, "too-large",
                            "token: it names too many channels for a "
                            "ticket; use patterns"));
    }
    body = json_pack("{s:s, s:I}", "ticket", text, "expires_in",
                     (json_int_t)(left < 0 ? 0 : left));
    free(text);
    return push_json_send(r, "application/json", body);
}

/* ---- taking ---- */

static apr_status_t free_opened(void *opened)
{
    json_decref(opened);
    return APR_SUCCESS;
}

static const push_problem_t *bad_ticket(request_rec *r)
{
    push_counted(PUSH_COUNT_TOKENS + PUSH_BY_TOKEN_TICKET);
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   "Bearer realm=\"push\"");
    return push_problem(r->pool, 401, "bad-ticket",
                        "ticket: not one that was given here for this device, "
                        "or older than a minute, or used before");
}

/* The first time only; for as long as it could be used again. */
static push_status_t use_up(const push_pass_t *pass, const char *ticket)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    const push_text_t name = {ticket, PUSH_PASS_NAME};

    return broker->use(broker, name, now.mono + pass->until - now.wall + 1000);
}

static void take_rights(const push_pass_t *pass, push_identity_t *identity)
{
    memset(identity, 0, sizeof(*identity));
    identity->user = push_text_of(pass->user);
    identity->by_token = pass->by_token;
    identity->channels = pass->channels;
    identity->expires = pass->expires;
    identity->issued = pass->issued;
}

const push_problem_t *push_ticket_identify(request_rec *r,
                                           const push_params_t *params,
                                           const char *ticket,
                                           push_identity_t *identity)
{
    push_broker_t *broker = push_broker();
    const char *location = location_of(r);
    const char *device, *app;
    const push_problem_t *problem = parse_device(params, &device, &app);
    push_status_t status;
    push_pass_t pass;

    push_token_hide_query(r);
    if (problem) {
        return problem;
    }
    if (!push_pass_open(&pass, ticket, push_broker()->secret, location,
                        push_clock_now().wall)) {
        return bad_ticket(r);
    }
    apr_pool_cleanup_register(r->pool, pass.opened, free_opened,
                              apr_pool_cleanup_null);
    if (strcmp(pass.device, device) || strcmp(pass.app, app)) {
        return bad_ticket(r);
    }
    status = use_up(&pass, ticket);
    if (status == PUSH_BUSY) {
        return push_problem_of_status(r->pool, status);
    }
    take_rights(&pass, identity);
    if (status != PUSH_OK
        || broker->revoked(broker, identity->user, identity->issued)) {
        return bad_ticket(r);
    }
    r->user = apr_pstrdup(r->pool, pass.user);
    return NULL;
}
