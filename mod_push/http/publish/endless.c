#include "http/publish/endless.h"

#include <apr_portable.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <util_filter.h>

/* ---- what would end it ---- */

/* An endless body is not a slow one: mod_reqtimeout must not end it. */
static void lift_timeouts(request_rec *r)
{
    for (ap_filter_t *f = r->input_filters; f && f->next; f = f->next) {
        if (!strcmp(f->next->frec->name, "reqtimeout")) {
            f->next = f->next->next;
        }
    }
    apr_table_setn(r->headers_out, "Connection", "close");
}

/*
 * Nor is it a large one: of all its bytes no more than a line is ever kept.
 * httpd takes LimitRequestBody out of the request's configuration at the first
 * read; other requests may share that configuration, so this one gets its own.
 */
static void lift_limit(request_rec *r)
{
    ap_conf_vector_t *nothing = ap_create_per_dir_config(r->pool);
    core_dir_config *core = apr_pmemdup(
        r->pool, ap_get_core_module_config(r->per_dir_config), sizeof(*core));

    core->limit_req_body = 0;
    r->per_dir_config = ap_merge_per_dir_configs(r->pool, r->per_dir_config,
                                                 nothing);
    ap_set_core_module_config(r->per_dir_config, core);
}

/*
 * A publisher may be silent for as long as it likes, but one that has gone
 * without a word must not hold its thread for the hours that TCP would wait,
 * nor for the quarter of an hour where answers to it are on their way.
 */
static void ask_if_silent(const request_rec *r)
{
    static const int idle = 30, interval = 10, count = 3;
    static const unsigned unanswered_ms = 60000;
    static const int on = 1;
    conn_rec *master = r->connection->master;
    apr_socket_t *socket = ap_get_conn_socket(master ? master : r->connection);
    apr_os_sock_t fd = -1;

    if (socket && apr_os_sock_get(&fd, socket) == APR_SUCCESS) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval,
                   sizeof(interval));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms,
                   sizeof(unanswered_ms));
    }
}

/* The answer begins before the body: 100 (Continue) has to come first. */
static void ask_for_body(request_rec *r)
{
    if (r->expecting_100) {
        r->status = HTTP_CONTINUE;
        ap_send_interim_response(r, 0);
        r->status = HTTP_OK;
    }
}

/* ---- what ended it ---- */

static ap_filter_rec_t *catcher;

/*
 * The output filter of such a request.  Where the body is malformed or too
 * large, httpd's input filter ends the answer as if it were whole; here it is
 * kept from doing so, that the answer can say what happened.
 */
static apr_status_t catch_end(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    push_endless_t *body = f->ctx;
    apr_bucket *first = APR_BRIGADE_FIRST(brigade);

    if (APR_BRIGADE_EMPTY(brigade) || !AP_BUCKET_IS_ERROR(first)) {
        return ap_pass_brigade(f->next, brigade);
    }
    body->refused = ((ap_bucket_error *)first->data)->status;
    apr_brigade_cleanup(brigade);
    /* ap_pass_brigade() has taken its EOS for that of the answer. */
    for (request_rec *r = f->r; r; r = r->prev) {
        r->eos_sent = 0;
    }
    return APR_EGENERAL;
}

void push_endless_register(void)
{
    /* This filter comes before all that would see the end. */
    catcher = ap_register_output_filter("PUSH_ENDLESS", catch_end, NULL,
                                        AP_FTYPE_RESOURCE - 1);
}

const push_endless_t *push_endless_begin(request_rec *r)
{
    push_endless_t *body = apr_pcalloc(r->pool, sizeof(*body));

    ap_add_output_filter_handle(catcher, body, r, r->connection);
    lift_timeouts(r);
    lift_limit(r);
    ask_if_silent(r);
    ask_for_body(r);
    return body;
}

const push_problem_t *push_endless_problem(const push_endless_t *body,
                                           apr_pool_t *pool)
{
    if (body->refused == HTTP_REQUEST_ENTITY_TOO_LARGE) {
        return push_problem(pool, 413, "too-large",
                            "body: a chunk is larger than httpd takes; no "
                            "more of it was read");
    }
    return push_problem(pool, 400, "bad-body",
                        "body: it ended early or is malformed");
}
