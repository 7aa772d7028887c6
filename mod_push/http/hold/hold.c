#include "http/hold/hold.h"

#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "http/capture/body.h"
#include "http/capture/taken.h"
#include "http/endpoint.h"
#include "http/hold/grip.h"
#include "http/hold/guest.h"
#include "http/hold/instruct.h"
#include "http/runtime.h"
#include "http/subscribe/head.h"
#include "http/subscribe/open.h"
#include "http/verbatim.h"
#include "stream/handover.h"

/*
 * The output filter.  An answer that asks for a hold is gathered whole: at its
 * end the application has said all, and what carried it is free for the next
 * request (mod_proxy_http gives its connection back before it passes EOS).
 * Then the filters that would rewrite the body go, the device is checked in,
 * and the head is sent, with the body behind it; all of that as for a request
 * to receive.  The end of the answer goes the same way last: to nowhere, if
 * the connection has left httpd.
 *
 * It stands before PUSH_CAPTURE, which would take the same headers for those
 * of a message.
 */

APLOG_USE_MODULE(push);

/* Bytes of what a held answer may begin with. */
#define FIRST_MAX 65536

typedef struct {
    push_captured_body_t body;
    const apr_table_t *taken;
    push_text_t text; /* of what it begins with, or of its last answer */
    bool instructs;   /* the body says what is asked for */
    bool broken;      /* it ended early */
    bool over;        /* it is answered; nothing more passes */
} holding_t;

static ap_filter_rec_t *holder;

/* ---- the answer ---- */

/* What described the application's body, or would be there twice. */
static void clear_head(request_rec *r)
{
    static const char *const names[] = {
        "Content-Length",  "Content-Encoding",  "Content-Range",
        "Content-MD5",     "Transfer-Encoding", "ETag",
        "Last-Modified",   "Expires",           "Accept-Ranges",
        "Cache-Control",   "X-Accel-Buffering", "X-Content-Type-Options",
        "Content-Language"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        apr_table_unset(r->headers_out, names[i]);
        apr_table_unset(r->err_headers_out, names[i]);
    }
    apr_table_clear(r->trailers_out);
    r->status_line = NULL;
    r->content_encoding = NULL;
    r->clength = 0;
}

static bool is_type(const request_rec *r, const char *type)
{
    size_t len = strlen(type);

    return r->content_type && !strncasecmp(r->content_type, type, len)
           && (!r->content_type[len] || strchr("; ", r->content_type[len]));
}

static const push_problem_t *check_whole(request_rec *r, const holding_t *h)
{
    if (h->broken || !push_captured_body_whole(&h->body)) {
        return push_asked_bad(r->pool, "the answer broke off");
    }
    if (h->body.seen > h->body.max) {
        return push_asked_bad(r->pool,
                              "the body of an answer that is to be held: at "
                              "most %d bytes",
                              FIRST_MAX);
    }
    return NULL;
}

/* What it begins with is passed on, so it must be what the rest is. */
static const push_problem_t *check_form(request_rec *r, const holding_t *h,
                                        const push_asked_t *asked)
{
    const char *type = asked->polls ? "application/json" : "text/event-stream";
    const char *encoding = apr_table_get(r->headers_out, "Content-Encoding")
                               ?: apr_table_get(r->err_headers_out,
                                                "Content-Encoding");

    if (asked->verbatim) {
        return NULL;
    }
    if (r->status != HTTP_OK) {
        return push_asked_bad(r->pool, "status: 200 of an answer that is to "
                                       "be held");
    }
    if (h->text.len && encoding && strcasecmp(encoding, "identity")) {
        return push_asked_bad(r->pool, "Content-Encoding: none for an answer "
                                       "that is to be held");
    }
    return !h->text.len || is_type(r, type)
               ? NULL
               : push_asked_bad(r->pool,
                                "Content-Type: %s, or no body, for Push-Hold: "
                                "%s",
                                type, asked->polls ? "response" : "stream");
}

/* An event that the application left open would swallow the next one. */
static push_text_t closed(apr_pool_t *pool, push_text_t text)
{
    char *bytes = apr_palloc(pool, text.len + 2);
    uint32_t len = text.len;

    if (len) {
        memcpy(bytes, text.at, len);
    }
    while (len && (len < 2 || memcmp(bytes + len - 2, "\n\n", 2))) {
        bytes[len++] = '\n';
    }
    return (push_text_t){bytes, len};
}

/* The application's own answer, if nothing is published in time. */
static push_text_t whole(request_rec *r, const holding_t *h,
                         const push_asked_t *asked)
{
    apr_table_t *headers = apr_table_overlay(r->pool, r->headers_out,
                                             r->err_headers_out);
    const push_verbatim_t answer = {.code = asked->status ?: r->status,
                                    .headers = headers,
                                    .body = h->text};

    if (r->content_type) {
        apr_table_setn(headers, "Content-Type", r->content_type);
    }
    return push_verbatim_write(r->pool, &answer);
}

static void refuse(request_rec *r, const push_problem_t *problem)
{
    if (problem->status == HTTP_BAD_GATEWAY) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "PUSH0321: the answer of the application cannot be "
                      "held: %s",
                      problem->detail);
    }
    push_head_set(r);
    push_problem_send(r, problem);
}

static const push_problem_t *read_answer(request_rec *r, holding_t *h,
                                         push_asked_t *asked)
{
    const push_problem_t *problem = check_whole(r, h);

    h->text = (push_text_t){h->body.bytes->elts,
                            (uint32_t)h->body.bytes->nelts};
    if (!problem && h->instructs) {
        problem = push_instruct_read(r, &h->text, &h->taken);
    }
    return problem
        ?: (push_asked_is(h->taken) ? push_asked_read(r, h->taken, asked)
                                    : push_grip_read(r, h->taken, asked))
        ?: check_form(r, h, asked);
}

static void answer(request_rec *r, holding_t *h)
{
    push_asked_t asked = {0};
    push_subscriber_t guest;
    const push_problem_t *problem = read_answer(r, h, &asked)
        ?: push_guest(r, &asked, &guest)
        ?: push_open_refusal(r, &guest);

    if (!problem && asked.verbatim) {
        h->text = whole(r, h, &asked);
    }
    clear_head(r);
    if (problem) {
        refuse(r, problem);
        return;
    }
    if (asked.polls) {
        guest.last = h->text;
    }
    else {
        guest.first = closed(r->pool, h->text);
    }
    push_counted(PUSH_COUNT_HOLDS);
    push_open(r, &guest);
}

static void pass_end(request_rec *r)
{
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *out = apr_brigade_create(r->pool, alloc);

    APR_BRIGADE_INSERT_TAIL(out, apr_bucket_eos_create(alloc));
    ap_pass_brigade(r->output_filters, out);
}

/*
 * All that is in the way of a body goes, this filter and those above it too,
 * which have done their part: what is written from now on begins behind them.
 * A part of a page shares them with the page, and stays empty.
 */
static void finish(request_rec *r, holding_t *h)
{
    h->over = true;
    if (r->main) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "PUSH0322: a part of another answer asks to be held");
        return;
    }
    push_handover_filters(r);
    answer(r, h);
    pass_end(r);
}

/* ---- what comes before ---- */

static void begin_body(request_rec *r, holding_t *h)
{
    const char *length = apr_table_get(r->headers_out, "Content-Length");
    uint64_t declared;

    h->body.declared =
        length && push_number_parse(length, strlen(length), &declared)
            ? (apr_off_t)declared
            : -1;
    h->body.max = FIRST_MAX;
    h->body.bytes = apr_array_make(r->pool, 512, 1);
}

static bool asks(const apr_table_t *taken)
{
    return taken && (push_asked_is(taken) || push_grip_is(taken));
}

/* NULL: the answer asks for nothing of this. */
static holding_t *begin(ap_filter_t *f)
{
    const apr_table_t *taken = push_taken(f->r);
    bool instructs = push_instruct_is(f->r);
    holding_t *h;

    if (f->r->header_only || (!instructs && !asks(taken))) {
        return NULL;
    }
    h = apr_pcalloc(f->r->pool, sizeof(*h));
    h->taken = taken;
    h->instructs = instructs;
    begin_body(f->r, h);
    f->ctx = h;
    return h;
}

static apr_status_t gather(holding_t *h, apr_bucket *bucket)
{
    const char *data = NULL;
    apr_size_t len = bucket->length;
    apr_status_t status = APR_SUCCESS;

    if (APR_BUCKET_IS_METADATA(bucket)) {
        h->broken |= AP_BUCKET_IS_ERROR(bucket);
        return APR_SUCCESS;
    }
    if (len == (apr_size_t)-1 || !push_captured_body_over(&h->body, len)) {
        status = apr_bucket_read(bucket, &data, &len, APR_BLOCK_READ);
    }
    if (status == APR_SUCCESS) {
        push_captured_body_add(&h->body, data, len);
    }
    return status;
}

static apr_status_t hold(ap_filter_t *f, apr_bucket_brigade *in)
{
    holding_t *h = f->ctx;
    apr_status_t status = APR_SUCCESS;

    if (!h && !APR_BRIGADE_EMPTY(in)) {
        h = begin(f);
        if (!h) {
            ap_remove_output_filter(f);
        }
    }
    if (!h) {
        return ap_pass_brigade(f->next, in);
    }
    while (!APR_BRIGADE_EMPTY(in) && status == APR_SUCCESS) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(in);

        if (!h->over && APR_BUCKET_IS_EOS(bucket)) {
            finish(f->r, h);
        }
        else if (!h->over) {
            status = gather(h, bucket);
            if (h->body.seen > h->body.max) {
                finish(f->r, h);
            }
        }
        apr_bucket_delete(bucket);
    }
    return status;
}

/* ---- hooks ---- */

static bool captures(const request_rec *r)
{
    return push_settings(r)->capture.mode > PUSH_CAPTURE_OFF
           && !push_endpoint_path(r) && push_runtime();
}

/* For every request that a handler is to answer. */
static void insert(request_rec *r)
{
    if (captures(r)) {
        ap_add_output_filter_handle(holder, NULL, r, r->connection);
    }
}

/* For every request, behind what takes these headers out of it. */
static int fixup(request_rec *r)
{
    if (captures(r)) {
        push_grip_sign(r);
    }
    return DECLINED;
}

void push_hold_register(void)
{
    holder = ap_register_output_filter("PUSH_HOLD", hold, NULL,
                                       AP_FTYPE_CONTENT_SET - 3);
    ap_hook_fixups(fixup, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_insert_filter(insert, NULL, NULL, APR_HOOK_MIDDLE);
}
