#include "http/capture/capture.h"

#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "http/capture/addressed.h"
#include "http/capture/body.h"
#include "http/capture/consume.h"
#include "http/capture/inflate.h"
#include "http/capture/once.h"
#include "http/capture/outcome.h"
#include "http/capture/sequence.h"
#include "http/capture/taken.h"
#include "http/endpoint.h"
#include "http/runtime.h"

/*
 * The output filter.  At its first call the head of the answer is complete: it
 * takes out what is for this module, and steps aside if that is nothing.  Else
 * it lets the body pass as it comes, looks at it, and publishes before it lets
 * the end pass.
 *
 * An answer that breaks off ends in one of three ways: with an error bucket
 * before its EOS (mod_proxy_http), with fewer bytes than were declared (CGI),
 * or without an EOS (mod_proxy_fcgi).
 */

/* Passed on at once, even if more is at hand. */
#define SOME 65536

typedef struct {
    push_captured_body_t body;
    apr_array_header_t *lines; /* push_injected_t, of Push headers */
    bool addressed;            /* the body is one more message */
    bool consumes;             /* and the client gets the receipt instead */
    push_injected_t message;   /* that one */
    bool unchanged;            /* it was the last one, too */
    const char *encoding;      /* of the body */
    bool broken;               /* it ended early */
    bool over;                 /* all is published, or is not */
    apr_bucket_brigade *out;
    apr_off_t held; /* bytes in it */
} capture_t;

static ap_filter_rec_t *capturer, *stripper, *end_stripper;

static unsigned messages_of(const capture_t *c)
{
    return (unsigned)c->lines->nelts + c->addressed;
}

/* ---- the head ---- */

static int add_lines(void *data, const char *name, const char *value)
{
    apr_array_header_t *lines = data;
    push_text_t rest = push_text_of(value);
    push_text_t object;

    (void)name;
    while (push_sequence_next(&rest, &object)) {
        push_injected_t *line = apr_array_push(lines);

        *line = (push_injected_t){.line = object};
    }
    return 1;
}

/* -1: it is not said, or by nobody who counts the same bytes. */
static apr_off_t declared_length(const request_rec *r)
{
    const char *text = apr_table_get(r->headers_out, "Content-Length");
    uint64_t length;

    return text && push_number_parse(text, strlen(text), &length)
                   && length <= INT64_MAX
               ? (apr_off_t)length
               : -1;
}

/* What nothing came of is nothing new: it was asked for by HEAD, or the client has
 * it already, or takes a part of it. */
static bool publishes(const request_rec *r)
{
    return !r->header_only && r->status >= 200 && r->status < 400
           && r->status != HTTP_NOT_MODIFIED
           && r->status != HTTP_PARTIAL_CONTENT;
}

/* Its body is what the request was about. */
static bool is_about_body(const request_rec *r)
{
    return r->status <= HTTP_NON_AUTHORITATIVE;
}

static void begin_body(request_rec *r, capture_t *c)
{
    c->message.problem = push_addressed_read(r, &c->message.asked);
    c->encoding = apr_table_get(r->headers_out, "Content-Encoding")
                      ?: apr_table_get(r->err_headers_out, "Content-Encoding");
    if (!is_about_body(r)) {
        push_outcome_none(r, PUSH_BY_CAPTURED_STATUS, 1);
        return;
    }
    c->addressed = true;
    c->consumes = push_settings(r)->capture.mode == PUSH_CAPTURE_CONSUME;
    c->body.max = push_settings(r)->max_message_size;
    c->body.bytes = apr_array_make(r->pool, 1024, 1);
}

static apr_status_t note_unfinished(void *data)
{
    ap_filter_t *f = data;
    const capture_t *c = f->ctx;

    if (!c->over && messages_of(c) && push_runtime()) {
        push_outcome_none(f->r, PUSH_BY_CAPTURED_TRUNCATED, messages_of(c));
    }
    return APR_SUCCESS;
}

/* NULL: nothing will be published of this answer. */
static capture_t *begin(ap_filter_t *f)
{
    request_rec *r = f->r;
    const apr_table_t *taken = push_taken(r);
    capture_t *c;

    if (!taken) {
        return NULL;
    }
    c = apr_pcalloc(r->pool, sizeof(*c));
    c->lines = apr_array_make(r->pool, 2, sizeof(push_injected_t));
    apr_table_do(add_lines, c->lines, taken, "Push", NULL);
    c->addressed = push_settings(r)->capture.mode >= PUSH_CAPTURE_TEE
                   && push_addressed(r);
    if (!publishes(r)) {
        if (messages_of(c)) {
            push_outcome_none(r, PUSH_BY_CAPTURED_STATUS, messages_of(c));
        }
        return NULL;
    }
    if (c->addressed) {
        c->addressed = false;
        begin_body(r, c);
    }
    if (!messages_of(c)) {
        return NULL;
    }
    c->body.declared = declared_length(r);
    c->out = apr_brigade_create(r->pool, f->c->bucket_alloc);
    f->ctx = c;
    apr_pool_pre_cleanup_register(r->pool, f, note_unfinished);
    return c;
}

/* ---- the end ---- */

static const push_problem_t *too_large(const request_rec *r)
{
    return push_problem(r->pool, 413, "too-large",
                        "payload: at most %" APR_INT64_T_FMT
                        " bytes (PushMaxMessageSize)",
                        push_settings(r)->max_message_size);
}

/* The whole body, as the application means it. */
static const push_problem_t *take_body(const request_rec *r, capture_t *c)
{
    push_text_t *data = &c->message.asked.spec.content.data;
    push_inflate_t inflated = PUSH_INFLATE_OK;

    if (c->body.seen > c->body.max) {
        return too_large(r);
    }
    *data = (push_text_t){c->body.bytes->elts, (uint32_t)c->body.seen};
    if (!push_inflate_none(c->encoding)) {
        inflated = push_inflate(r->pool, c->encoding, (apr_size_t)c->body.max,
                                data);
    }
    return inflated == PUSH_INFLATE_LARGE ? too_large(r)
           : inflated == PUSH_INFLATE_BAD
               ? push_problem(r->pool, 502, "encoded",
                              "Content-Encoding: gzip or deflate, not damaged")
               : NULL;
}

/* Those of the head that are not published yet, and the body if it may be. */
static void publish(request_rec *r, capture_t *c, bool body)
{
    if (body) {
        APR_ARRAY_PUSH(c->lines, push_injected_t) = c->message;
    }
    push_outcome_publish(r, (push_injected_t *)(void *)c->lines->elts,
                         (size_t)c->lines->nelts);
    if (body) {
        c->message = *(push_injected_t *)apr_array_pop(c->lines);
    }
    apr_array_clear(c->lines);
}

static void finish(request_rec *r, capture_t *c)
{
    push_injected_t *body = &c->message;

    c->over = true;
    if (c->broken || !push_captured_body_whole(&c->body)) {
        body->problem = push_problem(r->pool, 502, "bad-answer",
                                     "answer: the application's answer ended "
                                     "early");
        push_outcome_none(r, PUSH_BY_CAPTURED_TRUNCATED, messages_of(c));
        return;
    }
    if (c->addressed && !body->problem) {
        body->problem = take_body(r, c);
    }
    if (c->addressed && body->problem) {
        push_outcome_refused(r, body->problem);
        c->addressed = false;
    }
    else if (c->addressed && !push_once_differs(r, &body->asked)) {
        push_outcome_none(r, PUSH_BY_CAPTURED_UNCHANGED, 1);
        c->addressed = false;
        c->unchanged = true;
    }
    publish(r, c, c->addressed);
    if (c->addressed && body->problem) {
        push_once_forget(r, &body->asked);
    }
}

/* ---- in between ---- */

/*
 * Nobody is there to take the rest, so nobody may make it: what the head has
 * said has happened all the same.
 */
static void note_left(request_rec *r, capture_t *c)
{
    if (!c->broken && c->lines->nelts) {
        publish(r, c, false);
    }
}

static apr_status_t pass(ap_filter_t *f, capture_t *c)
{
    apr_status_t status = ap_pass_brigade(f->next, c->out);

    apr_brigade_cleanup(c->out);
    c->held = 0;
    if (status != APR_SUCCESS || f->c->aborted) {
        note_left(f->r, c);
    }
    return status;
}

static void hold(capture_t *c, apr_bucket *bucket)
{
    APR_BUCKET_REMOVE(bucket);
    APR_BRIGADE_INSERT_TAIL(c->out, bucket);
}

/*
 * Looks at a bucket of data, if its bytes or their number are to be known;
 * APR_EAGAIN: they are not there yet.
 */
static apr_status_t look(capture_t *c, apr_bucket *bucket,
                         apr_read_type_e block)
{
    const char *data = NULL;
    apr_size_t len = bucket->length;

    if (len == (apr_size_t)-1 || !push_captured_body_over(&c->body, len)) {
        apr_status_t status = apr_bucket_read(bucket, &data, &len, block);

        if (status != APR_SUCCESS) {
            return status;
        }
    }
    push_captured_body_add(&c->body, data, len);
    c->held += (apr_off_t)len;
    return APR_SUCCESS;
}

/* What is there goes on to the client before more is waited for. */
static apr_status_t pass_data(ap_filter_t *f, apr_bucket *bucket)
{
    capture_t *c = f->ctx;
    apr_status_t status = look(c, bucket, APR_NONBLOCK_READ);

    if (APR_STATUS_IS_EAGAIN(status)) {
        APR_BRIGADE_INSERT_TAIL(c->out,
                                apr_bucket_flush_create(f->c->bucket_alloc));
        status = pass(f, c);
        if (status == APR_SUCCESS) {
            status = look(c, bucket, APR_BLOCK_READ);
        }
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    hold(c, bucket);
    return c->held >= SOME ? pass(f, c) : APR_SUCCESS;
}

static apr_status_t pass_end(ap_filter_t *f, apr_bucket_brigade *in)
{
    capture_t *c = f->ctx;

    if (!c->over) {
        finish(f->r, c);
    }
    APR_BRIGADE_CONCAT(c->out, in);
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, c->out);
}

static apr_status_t pass_all(ap_filter_t *f, apr_bucket_brigade *in)
{
    capture_t *c = f->ctx;
    apr_status_t status = APR_SUCCESS;

    while (!APR_BRIGADE_EMPTY(in) && status == APR_SUCCESS) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(in);

        if (APR_BUCKET_IS_EOS(bucket)) {
            return pass_end(f, in);
        }
        if (APR_BUCKET_IS_METADATA(bucket)) {
            c->broken |= AP_BUCKET_IS_ERROR(bucket);
            hold(c, bucket);
        }
        else {
            status = pass_data(f, bucket);
        }
    }
    return status == APR_SUCCESS ? pass(f, c) : status;
}

/* ---- an answer whose body the client does not get ---- */

static apr_status_t swallow_end(ap_filter_t *f)
{
    capture_t *c = f->ctx;

    finish(f->r, c);
    ap_remove_output_filter(f);
    return push_consume_answer(f, c->unchanged ? NULL : &c->message);
}

static apr_status_t swallow(ap_filter_t *f, apr_bucket_brigade *in)
{
    capture_t *c = f->ctx;
    apr_status_t status = APR_SUCCESS;

    while (!APR_BRIGADE_EMPTY(in) && status == APR_SUCCESS) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(in);

        if (APR_BUCKET_IS_EOS(bucket)) {
            apr_brigade_cleanup(in);
            return swallow_end(f);
        }
        c->broken |= AP_BUCKET_IS_ERROR(bucket);
        if (!APR_BUCKET_IS_METADATA(bucket)) {
            status = look(c, bucket, APR_BLOCK_READ);
        }
        apr_bucket_delete(bucket);
    }
    return status;
}

static apr_status_t capture(ap_filter_t *f, apr_bucket_brigade *in)
{
    if (APR_BRIGADE_EMPTY(in)) {
        return ap_pass_brigade(f->next, in);
    }
    if (!f->ctx && !begin(f)) {
        ap_remove_output_filter(f);
        return ap_pass_brigade(f->next, in);
    }
    return ((const capture_t *)f->ctx)->consumes ? swallow(f, in)
                                                 : pass_all(f, in);
}

/* What httpd itself answers, and headers of the application stay in. */
static apr_status_t strip(ap_filter_t *f, apr_bucket_brigade *in)
{
    push_taken_drop(f->r);
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, in);
}

/* The trailers of an answer are there at its end, and go to who speaks HTTP/2. */
static apr_status_t strip_end(ap_filter_t *f, apr_bucket_brigade *in)
{
    if (!APR_BRIGADE_EMPTY(in) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(in))) {
        push_taken_drop(f->r);
        ap_remove_output_filter(f);
    }
    return ap_pass_brigade(f->next, in);
}

/* ---- hooks ---- */

static bool captures(const request_rec *r)
{
    return push_settings(r)->capture.mode > PUSH_CAPTURE_OFF
           && !push_endpoint_path(r) && push_runtime();
}

/* True if a request that was redirected to this one was captured. */
static bool captured_before(const request_rec *r)
{
    for (const request_rec *each = r->prev; each; each = each->prev) {
        if (captures(each)) {
            return true;
        }
    }
    return false;
}

/* For every request that a handler is to answer. */
static void insert(request_rec *r)
{
    if (captures(r)) {
        ap_add_output_filter_handle(capturer, NULL, r, r->connection);
        ap_add_output_filter_handle(end_stripper, NULL, r, r->connection);
    }
    else if (captured_before(r)) {
        ap_add_output_filter_handle(stripper, NULL, r, r->connection);
    }
}

/* For every request that httpd answers with an error of its own. */
static void insert_error(request_rec *r)
{
    if (captures(r) || captured_before(r)) {
        ap_add_output_filter_handle(stripper, NULL, r, r->connection);
    }
}

/* For every request, before RequestHeader of mod_headers. */
static int fixup(request_rec *r)
{
    if (captures(r)) {
        push_taken_from_client(r);
    }
    return DECLINED;
}

void push_capture_register(void)
{
    /* Behind what makes the content (mod_include, mod_substitute, mod_sed),
     * before what sees to its transport (mod_deflate, mod_cache, ranges). */
    capturer = ap_register_output_filter("PUSH_CAPTURE", capture, NULL,
                                         AP_FTYPE_CONTENT_SET - 2);
    stripper = ap_register_output_filter("PUSH_STRIP", strip, NULL,
                                         AP_FTYPE_CONTENT_SET - 2);
    end_stripper = ap_register_output_filter("PUSH_STRIP_END", strip_end, NULL,
                                             AP_FTYPE_CONTENT_SET - 1);
    ap_hook_insert_filter(insert, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(insert_error, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(fixup, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
