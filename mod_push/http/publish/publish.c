#include "http/publish/publish.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "core/times.h"
#include "http/publish/allow.h"
#include "http/json.h"
#include "http/rejection.h"
#include "http/runtime.h"
#include "http/publish/lines.h"
#include "http/publish/receipt.h"
#include "http/publish/relayed.h"
#include "http/publish/traced.h"

static push_field_t header_field(const request_rec *r, const char *name)
{
    const char *value = apr_table_get(r->headers_in, name);

    return (push_field_t){name, "bad-header", push_text_of(value),
                          value != NULL};
}

static const push_problem_t *param_field(const push_params_t *params,
                                         const char *name, push_field_t *field)
{
    const char *value = NULL;
    const push_problem_t *problem = push_params_one(params, name, &value);

    *field = (push_field_t){name, "bad-parameter", push_text_of(value),
                            value != NULL};
    return problem;
}

static const push_problem_t *check_broadcast(apr_pool_t *pool,
                                             const push_field_t *broadcast)
{
    return broadcast->given && strcmp(broadcast->text.at, "1")
               ? push_problem(pool, 400, "bad-parameter", "broadcast: 1")
               : NULL;
}

static const push_problem_t *parse_audience(request_rec *r,
                                            push_publication_t *asked)
{
    push_params_t params;
    push_address_t to;

    return push_params_parse(r, &params)
        ?: param_field(&params, "user", &to.user)
        ?: param_field(&params, "channel", &to.channel)
        ?: param_field(&params, "broadcast", &to.broadcast)
        ?: param_field(&params, "device", &to.device)
        ?: check_broadcast(r->pool, &to.broadcast)
        ?: push_fields_audience(r->pool, asked, &to);
}

static bool wants_receipt(request_rec *r)
{
    const char *prefer = apr_table_get(r->headers_in, "Prefer");

    return prefer && ap_find_token(r->pool, prefer, "respond-async");
}

/* What the trace's other members cannot read is none (W3C, section 3.2.4). */
static void take_trace(request_rec *r, push_publication_t *asked)
{
    push_field_t field = header_field(r, "traceparent");

    push_fields_trace(r->pool, asked, &field);
}

static const push_problem_t *parse_headers(request_rec *r,
                                           push_publication_t *asked)
{
    static const struct {
        const char *name;
        const push_problem_t *(*take)(apr_pool_t *, push_publication_t *,
                                      const push_field_t *);
    } rows[] = {{"Urgency", push_fields_urgency},
                {"Topic", push_fields_topic},
                {"Push-Event", push_fields_event},
                {"Content-Type", push_fields_type},
                {"Idempotency-Key", push_fields_key}};
    push_field_t ttl = header_field(r, "TTL");
    const push_problem_t *problem = NULL;

    for (size_t i = 0; !problem && i < sizeof(rows) / sizeof(rows[0]); i++) {
        push_field_t field = header_field(r, rows[i].name);

        problem = rows[i].take(r->pool, asked, &field);
    }
    asked->spec.content.ack_now = wants_receipt(r);
    return problem
               ?: push_fields_seconds(r->pool, push_settings(r), asked, &ttl);
}

static const push_problem_t *too_large(request_rec *r)
{
    return push_problem(r->pool, 413, "too-large",
                        "payload: at most %" APR_INT64_T_FMT
                        " bytes (PushMaxMessageSize)",
                        push_settings(r)->max_message_size);
}

static void append_bytes(apr_array_header_t *bytes, const char *data,
                         apr_size_t len)
{
    apr_array_header_t more = {.pool = bytes->pool,
                               .elt_size = 1,
                               .nelts = (int)len,
                               .nalloc = (int)len,
                               .elts = (char *)(uintptr_t)data};

    apr_array_cat(bytes, &more);
}

/*
 * The problem that kept the body from being read; SDKs try again after 408
 * only.
 */
static const push_problem_t *bad_body(request_rec *r, apr_status_t status)
{
    return APR_STATUS_IS_TIMEUP(status)
               ? push_problem(r->pool, HTTP_REQUEST_TIME_OUT, "slow-body",
                              "payload: the body came too slowly")
               : push_problem(r->pool, HTTP_BAD_REQUEST, "bad-body",
                              "payload: the body ended early or is "
                              "malformed");
}

const push_problem_t *push_publish_body(request_rec *r, push_text_t *body)
{
    apr_size_t max = (apr_size_t)push_settings(r)->max_message_size;
    apr_bucket_brigade *brigade = apr_brigade_create(
        r->pool, r->connection->bucket_alloc);
    apr_array_header_t *bytes = apr_array_make(r->pool, 1024, 1);
    bool more = true;

    while (more) {
        apr_bucket *bucket;
        apr_status_t status = ap_get_brigade(r->input_filters, brigade,
                                             AP_MODE_READBYTES, APR_BLOCK_READ,
                                             HUGE_STRING_LEN);

        if (status != APR_SUCCESS) {
            return bad_body(r, status);
        }
        for (bucket = APR_BRIGADE_FIRST(brigade);
             bucket != APR_BRIGADE_SENTINEL(brigade);
             bucket = APR_BUCKET_NEXT(bucket)) {
            const char *data;
            apr_size_t len;

            if (APR_BUCKET_IS_EOS(bucket)) {
                more = false;
                break;
            }
            if (APR_BUCKET_IS_METADATA(bucket)) {
                continue;
            }
            status = apr_bucket_read(bucket, &data, &len, APR_BLOCK_READ);
            if (status != APR_SUCCESS) {
                return bad_body(r, status);
            }
            if ((apr_size_t)bytes->nelts + len > max) {
                return too_large(r);
            }
            append_bytes(bytes, data, len);
        }
        apr_brigade_cleanup(brigade);
    }
    *body = (push_text_t){bytes->elts, (uint32_t)bytes->nelts};
    return NULL;
}

static const char *escaped(apr_pool_t *pool, push_text_t text)
{
    return ap_escape_urlencoded(pool, apr_pstrmemdup(pool, text.at, text.len));
}

/* For whom it is, as the query that looks it up says it. */
static const char *query_of(apr_pool_t *pool, const push_publication_t *asked)
{
    const push_audience_t *audience = &asked->audience;
    push_text_t device = asked->spec.device;

    if (audience->kind == PUSH_LOG_BROADCAST) {
        return "broadcast=1";
    }
    return apr_pstrcat(pool,
                       audience->kind == PUSH_LOG_USER ? "user=" : "channel=",
                       escaped(pool, audience->name),
                       device.len ? "&device=" : NULL, device.at, NULL);
}

static int answer(request_rec *r, const push_publication_t *asked,
                  const push_receipt_t *receipt)
{
    const char *query = query_of(r->pool, asked);
    char mid[PUSH_MID_CHARS + 1] = {0};
    char body[PUSH_RECEIPT_CHARS];
    const char *url, *base;

    push_mid_write(receipt->mid, mid);
    base = apr_pstrmemdup(r->pool, r->uri,
                          strlen(r->uri) - strlen("messages"));
    url = apr_pstrcat(r->pool, ap_os_escape_path(r->pool, r->uri, 1), "/", mid,
                      "?", query, NULL);
    r->status = asked->spec.content.ack_now ? HTTP_ACCEPTED : HTTP_CREATED;
    apr_table_setn(r->headers_out, "Location", url);
    apr_table_setn(r->headers_out, "TTL",
                   apr_psprintf(r->pool, "%" APR_INT64_T_FMT,
                                asked->spec.ttl / 1000));
    if (asked->spec.content.ack_now) {
        apr_table_setn(r->headers_out, "Link",
                       apr_psprintf(r->pool,
                                    "<%sreceipts/%s?%s>; "
                                    "rel=\"urn:ietf:params:push:receipt\"",
                                    ap_os_escape_path(r->pool, base, 1), mid,
                                    query));
    }
    return push_json_send_text(r, "application/json", body,
                               push_receipt_write(receipt, body));
}

/* Parameters of the media type do not matter. */
static bool is_lines(const request_rec *r)
{
    static const char lines[] = "application/x-ndjson";
    const char *type = apr_table_get(r->headers_in, "Content-Type");
    size_t len = type ? strcspn(type, "; \t") : 0;

    return len == sizeof(lines) - 1 && !strncasecmp(type, lines, len);
}

/* All that may be wrong before the store is asked. */
static const push_problem_t *check(request_rec *r, push_publication_t *asked)
{
    return parse_audience(r, asked)
        ?: push_allow_audience(r, r->pool, asked)
        ?: parse_headers(r, asked)
        ?: push_relayed_read(r, &asked->relayed)
        ?: push_publish_body(r, &asked->spec.content.data)
        ?: push_allow_rate(r, r->pool, asked, true);
}

static push_status_t publish(push_publication_t *asked, push_answer_t *answer)
{
    push_broker_t *broker = push_broker();
    push_commit_t commit = {0};
    push_status_t status;

    asked->now = push_clock_now();
    status = broker->publish(broker, asked, &commit, answer);
    if (status == PUSH_OK) {
        status = broker->settle(broker, &commit, answer);
    }
    if (status == PUSH_OK) {
        push_count_time_shared(broker->counts, PUSH_TIME_PUBLISH_DURATION, 0,
                               push_clock_us() - asked->now.us, 1);
    }
    return status;
}

int push_publish(request_rec *r, const char *none)
{
    push_publication_t asked = {0};
    push_answer_t published = {0};
    push_status_t status;
    const push_problem_t *problem;

    (void)none;
    if (is_lines(r)) {
        return push_publish_lines(r);
    }
    take_trace(r, &asked);
    problem = check(r, &asked);
    if (!problem) {
        push_allow_key(r, r->pool, &asked);
        status = publish(&asked, &published);
        problem = push_allow_settled(r, r->pool, status, &published, true);
    }
    if (problem) {
        push_traced_refusal(r, &asked, problem);
        return push_problem_send(r, push_rejection(problem));
    }
    return answer(r, &asked, &published.receipt);
}
