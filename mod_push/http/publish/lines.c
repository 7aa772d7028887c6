#include "http/publish/lines.h"

#include <ap_mpm.h>
#include <apr_poll.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>
#include <stdatomic.h>

#include "core/times.h"
#include "http/publish/allow.h"
#include "http/publish/endless.h"
#include "http/json.h"
#include "http/publish/line.h"
#include "http/publish/receipt.h"
#include "http/publish/relayed.h"
#include "http/publish/traced.h"
#include "http/rejection.h"
#include "http/runtime.h"

/*
 * A stream of messages, one JSON object a line.  The body may be endless:
 * each line takes effect when it arrives, and its answer goes out as soon as
 * no more input is at hand, or much of it has gathered.
 */

#define READ_SIZE 65536

/* The longest line: a payload in base64 or escaped, and its members. */
#define LINE_OVERHEAD 4096

/* While there is always more input, so many bytes of answers go out where that
 * does not block, and at the latest when so many wait. */
#define ANSWERS_SOME 16384u
#define ANSWERS_MAX  (4u << 20)

/* How often a silent publisher's thread looks what else may end it. */
#define POLL_INTERVAL apr_time_from_msec(500)

/* For how long lines are still taken when the child is about to end. */
#define LAST_LINES apr_time_from_msec(1000)

static _Atomic uint32_t publishers; /* of this child: such requests */

typedef struct {
    request_rec *r;
    const push_endless_t *body;
    apr_pool_t *pool; /* of one read; cleared */
    apr_bucket_brigade *in;
    apr_bucket_brigade *out;
    size_t unsent; /* bytes in out */
    char *line;    /* the beginning of a line that is not complete */
    size_t line_len;
    size_t line_max;
    push_time_t now; /* as of the last bucket of input, or wait */
    bool skipping;   /* the rest of a line that is too long */
    bool whole;      /* the body has ended; it was not cut off */
    const push_problem_t
        *barred;                 /* since when the token is no good, or NULL */
    push_commit_t commit;        /* of the lines that are not yet answered */
    apr_array_header_t *answers; /* push_answer_t; likewise */
    push_relayed_t relayed;
} lines_t;

static void put(lines_t *l, const char *text, size_t len)
{
    apr_brigade_write(l->out, NULL, NULL, text, len);
    l->unsent += len;
}

static void put_receipt(lines_t *l, const push_answer_t *answer)
{
    char text[PUSH_RECEIPT_CHARS];

    put(l, text,
        answer->scheduled ? push_receipt_write_later(answer->receipt.mid, text)
                          : push_receipt_write(&answer->receipt, text));
}

static void put_json(lines_t *l, json_t *line)
{
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

    if (text) {
        put(l, text, strlen(text));
        put(l, "\n", 1);
    }
    free(text);
    json_decref(line);
}

static void put_problem(lines_t *l, const push_problem_t *problem)
{
    push_rejection(problem);
    put_json(l,
             json_pack("{s:o}", "error", push_problem_json(l->pool, problem)));
}

/* The last line, which answers none: why nothing more is read. */
static void put_end(lines_t *l, const push_problem_t *problem)
{
    put_json(l, json_pack("{s:o, s:b}", "error",
                          push_problem_json(l->pool, problem), "end", 1));
}

/* Waits once for all lines that were published, and answers them. */
static void settle(lines_t *l)
{
    push_broker_t *broker = push_broker();

    for (int i = 0; i < l->answers->nelts; i++) {
        push_answer_t *answer = &APR_ARRAY_IDX(l->answers, i, push_answer_t);
        push_status_t status = broker->settle(broker, &l->commit, answer);

        if (status == PUSH_OK) {
            put_receipt(l, answer);
        }
        else {
            put_problem(l, push_allow_settled(l->r, l->pool, status, answer,
                                              false));
        }
    }
    if (l->answers->nelts) {
        int64_t start = l->now.us;

        l->now = push_clock_now();
        push_count_time_shared(broker->counts, PUSH_TIME_PUBLISH_DURATION, 0,
                               l->now.us - start, (uint64_t)l->answers->nelts);
        apr_array_clear(l->answers);
    }
    l->commit = (push_commit_t){0};
}

static void refuse(lines_t *l, const push_problem_t *problem)
{
    settle(l);
    put_problem(l, problem);
}

static void refuse_line(lines_t *l, const push_publication_t *asked,
                        const push_problem_t *problem)
{
    push_traced_refusal(l->r, asked, problem);
    push_relayed_refused(&l->relayed, asked, problem);
    refuse(l, problem);
}

static push_status_t publish(lines_t *l, push_publication_t *asked,
                             push_answer_t *answer)
{
    push_broker_t *broker = push_broker();

    asked->now = l->now;
    return broker->publish(broker, asked, &l->commit, answer);
}

static void publish_line(lines_t *l, push_publication_t *asked)
{
    push_answer_t answer;
    push_status_t status = publish(l, asked, &answer);

    if (status == PUSH_KEY_BUSY && l->answers->nelts) {
        /* The first with this key may be one of those before. */
        settle(l);
        status = publish(l, asked, &answer);
    }
    if (status == PUSH_OK) {
        APR_ARRAY_PUSH(l->answers, push_answer_t) = answer;
    }
    else {
        refuse_line(l, asked, push_problem_of_status(l->pool, status));
    }
}

static void take_line(lines_t *l, const char *at, size_t len)
{
    push_text_t line = {at, (uint32_t)len};
    const push_problem_t *problem;
    push_publication_t asked;

    if (len && at[len - 1] == '\r') {
        line.len--;
    }
    if (!line.len) {
        return;
    }
    problem = push_line_parse(l->pool, push_settings(l->r), line, &asked);
    asked.relayed = l->relayed.is;
    problem = problem
        ?: push_allow_audience(l->r, l->pool, &asked)
        ?: push_relayed_check(&l->relayed, l->pool, &asked)
        ?: push_allow_rate(l->r, l->pool, &asked, false);
    if (problem) {
        refuse_line(l, &asked, problem);
        return;
    }
    push_allow_key(l->r, l->pool, &asked);
    publish_line(l, &asked);
}

static void line_too_long(lines_t *l)
{
    refuse(l, push_problem(l->pool, 413, "too-large",
                           "line: at most %" APR_SIZE_T_FMT " bytes "
                           "(PushMaxMessageSize)",
                           l->line_max));
    l->skipping = true;
    l->line_len = 0;
}

/* Keeps the beginning of a line until the rest of it arrives. */
static void keep(lines_t *l, const char *at, size_t len)
{
    if (l->skipping) {
        return;
    }
    if (l->line_len + len > l->line_max) {
        line_too_long(l);
        return;
    }
    memcpy(l->line + l->line_len, at, len);
    l->line_len += len;
}

static void take_bytes(lines_t *l, const char *at, size_t len)
{
    const char *end = at + len;
    const char *newline = memchr(at, '\n', len);

    while (newline) {
        if (l->line_len || l->skipping) {
            keep(l, at, (size_t)(newline - at));
            if (!l->skipping) {
                take_line(l, l->line, l->line_len);
            }
            l->skipping = false;
            l->line_len = 0;
        }
        else {
            take_line(l, at, (size_t)(newline - at));
        }
        at = newline + 1;
        newline = memchr(at, '\n', (size_t)(end - at));
    }
    keep(l, at, (size_t)(end - at));
}

static apr_status_t send_answers(lines_t *l)
{
    apr_status_t status;

    APR_BRIGADE_INSERT_TAIL(
        l->out, apr_bucket_flush_create(l->r->connection->bucket_alloc));
    status = ap_pass_brigade(l->r->output_filters, l->out);
    apr_brigade_cleanup(l->out);
    l->unsent = 0;
    return l->r->connection->aborted ? APR_ECONNABORTED : status;
}

/* APR_EOF behind the last byte. */
static apr_status_t take_brigade(lines_t *l)
{
    apr_status_t status = APR_SUCCESS;

    while (!APR_BRIGADE_EMPTY(l->in) && status == APR_SUCCESS) {
        apr_bucket *bucket = APR_BRIGADE_FIRST(l->in);
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_EOS(bucket)) {
            l->whole = true;
            status = APR_EOF;
        }
        else if (!APR_BUCKET_IS_METADATA(bucket)) {
            status = apr_bucket_read(bucket, &data, &len, APR_BLOCK_READ);
            if (status == APR_SUCCESS) {
                l->now = push_clock_now();
                take_bytes(l, data, len);
            }
        }
        apr_bucket_delete(bucket);
    }
    settle(l);
    apr_pool_clear(l->pool);
    return status;
}

/* True if this child is about to end. */
static bool ending(void)
{
    int state = AP_MPMQ_RUNNING;

    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING;
}

/*
 * True when a publisher without a pause has had its time since this child is
 * about to end: what was sent before is still taken.
 */
static bool must_stop(apr_time_t *until)
{
    if (!ending()) {
        return false;
    }
    if (!*until) {
        *until = apr_time_now() + LAST_LINES;
    }
    return apr_time_now() >= *until;
}

/* A publisher with a token may go on until it ends, or is revoked. */
static bool is_barred(lines_t *l)
{
    l->barred = push_allow_still(l->r, l->r->pool);
    return l->barred != NULL;
}

/*
 * Waits for input; APR_EOF if this child is about to end, APR_EACCES if the
 * publisher may not go on.
 */
static apr_status_t wait_for_input(lines_t *l)
{
    apr_pollfd_t poll = {.p = l->r->pool, .reqevents = APR_POLLIN};
    apr_int32_t ready = 0;
    apr_status_t status;

    /* Over HTTP/2 input is not announced by a socket. */
    status = ap_get_pollfd_from_conn(l->r->connection, &poll, NULL);
    if (status != APR_SUCCESS || poll.desc_type == APR_NO_DESC) {
        return APR_EOF;
    }
    do {
        status = apr_poll(&poll, 1, &ready, POLL_INTERVAL);
        if (ending()) {
            return APR_EOF;
        }
        if (is_barred(l)) {
            return APR_EACCES;
        }
    } while ((APR_STATUS_IS_TIMEUP(status) || APR_STATUS_IS_EINTR(status))
             && !l->r->connection->aborted);
    return status;
}

/* True if some answers can be written without waiting for the publisher. */
static bool takes_answers(const lines_t *l)
{
    apr_pollfd_t poll = {.p = l->pool};
    apr_int32_t ready = 0;

    /* Over HTTP/2 there is no socket to ask. */
    if (ap_get_pollfd_from_conn(l->r->connection, &poll, NULL) != APR_SUCCESS
        || poll.desc_type == APR_NO_DESC) {
        return false;
    }
    poll.reqevents = APR_POLLOUT;
    return apr_poll(&poll, 1, &ready, 0) == APR_SUCCESS;
}

static bool must_answer(const lines_t *l)
{
    return l->unsent >= ANSWERS_MAX
           || (l->unsent >= ANSWERS_SOME && takes_answers(l));
}

/* Answers before it waits for more. */
static apr_status_t read_some(lines_t *l)
{
    for (;;) {
        apr_status_t status = ap_get_brigade(l->r->input_filters, l->in,
                                             AP_MODE_READBYTES,
                                             APR_NONBLOCK_READ, READ_SIZE);

        if (l->body->refused) {
            return APR_EGENERAL;
        }
        if (!APR_STATUS_IS_EAGAIN(status)
            && (status != APR_SUCCESS || !APR_BRIGADE_EMPTY(l->in))) {
            return status;
        }
        status = send_answers(l);
        if (status == APR_SUCCESS) {
            status = wait_for_input(l);
        }
        if (status != APR_SUCCESS) {
            return status;
        }
    }
}

/* Returns how the reading ended; APR_SUCCESS: by this child's own end. */
static apr_status_t read_all(lines_t *l)
{
    apr_time_t until = 0;
    apr_status_t status = send_answers(l);

    /* Nothing waits for who sends without a pause, so this looks up itself. */
    while (status == APR_SUCCESS && !must_stop(&until)) {
        status = read_some(l);
        if (status == APR_SUCCESS) {
            status = take_brigade(l);
        }
        if (status == APR_SUCCESS && must_answer(l)) {
            status = send_answers(l);
        }
        if (status == APR_SUCCESS && is_barred(l)) {
            status = APR_EACCES;
        }
    }
    return status;
}

static void tell_end(lines_t *l, apr_status_t status)
{
    if (l->barred) {
        put_end(l, l->barred);
    }
    else if (!l->whole && status != APR_SUCCESS
             && !APR_STATUS_IS_EOF(status)) {
        put_end(l, push_endless_problem(l->body, l->pool));
    }
}

static void publish_all(request_rec *r, bool relayed)
{
    lines_t l = {.r = r, .relayed = {.is = relayed}};
    apr_status_t status;

    l.line_max = (size_t)push_settings(r)->max_message_size * 6
                 + LINE_OVERHEAD;
    l.line = apr_palloc(r->pool, l.line_max);
    l.in = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    l.out = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    l.answers = apr_array_make(r->pool, 64, sizeof(push_answer_t));
    apr_pool_create(&l.pool, r->pool);
    ap_set_content_type(r, "application/x-ndjson");
    l.body = push_endless_begin(r);
    status = read_all(&l);
    /* Where the body was cut off, by either side, its last line was too. */
    if (l.whole && l.line_len) {
        l.now = push_clock_now();
        take_line(&l, l.line, l.line_len);
        settle(&l);
    }
    tell_end(&l, status);
    send_answers(&l);
}

/* One more such request, if it may be (PushMaxPublishers). */
static bool enter(void)
{
    uint32_t count = atomic_load(&publishers);

    while (count < push_runtime()->max_publishers) {
        if (atomic_compare_exchange_weak(&publishers, &count, count + 1)) {
            return true;
        }
    }
    return false;
}

/* The body may have no end, so none of it is waited for. */
static int turn_away(request_rec *r, const push_problem_t *problem)
{
    apr_table_setn(r->headers_out, "Connection", "close");
    r->connection->keepalive = AP_CONN_CLOSE;
    return push_problem_send(r, push_rejection(problem));
}

int push_publish_lines(request_rec *r)
{
    bool relayed;
    const push_problem_t *problem = push_allow_any(r)
                                        ?: push_relayed_read(r, &relayed);

    if (problem) {
        return turn_away(r, problem);
    }
    if (!enter()) {
        return turn_away(
            r, push_problem(r->pool, 503, "too-many-publishers",
                            "this process serves as many NDJSON requests as "
                            "may be, %u (PushMaxPublishers)",
                            push_runtime()->max_publishers));
    }
    publish_all(r, relayed);
    atomic_fetch_sub(&publishers, 1);
    return OK;
}
