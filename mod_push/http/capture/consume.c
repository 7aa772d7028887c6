#include "http/capture/consume.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "http/checks.h"
#include "http/publish/receipt.h"

/* What the application said about the body that nobody gets. */
static void forget_body(request_rec *r)
{
    static const char *const names[] = {
        "Content-Encoding", "Content-Language",
        "Content-Length",   "Content-Location",
        "Content-MD5",      "Content-Range",
        "Accept-Ranges",    "ETag",
        "Last-Modified",    "Expires",
        "Location",         "Transfer-Encoding"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        apr_table_unset(r->headers_out, names[i]);
        apr_table_unset(r->err_headers_out, names[i]);
    }
    r->status_line = NULL;
}

static const char *problem_text(request_rec *r, const push_problem_t *problem)
{
    json_t *json = push_problem_json(r->pool, problem);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    const char *kept = apr_pstrcat(r->pool, text ? text : "{}", "\n", NULL);

    free(text);
    json_decref(json);
    r->status = problem->status;
    ap_set_content_type(r, "application/problem+json");
    if (problem->status == 503 || problem->status == 429) {
        apr_table_setn(r->headers_out, "Retry-After", "1");
    }
    return kept;
}

static const char *receipt_text(request_rec *r, const push_injected_t *message)
{
    char text[PUSH_RECEIPT_CHARS];
    size_t len = push_receipt_write(&message->answer.receipt, text);

    r->status = HTTP_CREATED;
    ap_set_content_type(r, "application/json");
    apr_table_setn(r->headers_out, "TTL",
                   apr_psprintf(r->pool, "%" APR_INT64_T_FMT,
                                message->asked.spec.ttl / 1000));
    return apr_pstrmemdup(r->pool, text, len);
}

apr_status_t push_consume_answer(ap_filter_t *f,
                                 const push_injected_t *message)
{
    request_rec *r = f->r;
    apr_bucket_brigade *out = apr_brigade_create(r->pool, f->c->bucket_alloc);
    const char *text = "";

    forget_body(r);
    push_common_headers(r);
    if (!message) {
        r->status = HTTP_NO_CONTENT;
    }
    else {
        text = message->problem ? problem_text(r, message->problem)
                                : receipt_text(r, message);
        ap_set_content_length(r, (apr_off_t)strlen(text));
    }
    apr_brigade_puts(out, NULL, NULL, text);
    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(f->c->bucket_alloc));
    return ap_pass_brigade(f->next, out);
}
