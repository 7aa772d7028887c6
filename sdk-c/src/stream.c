/*
 * stream.c - attempts, redirects, watchdog, backoff, the end.
 *
 * docs/protocol.md, "What clients owe the server". States:
 *
 *   0 -> CONNECTING -> OPEN -> WAITING -> CONNECTING ... -> STOPPED
 *             |                   ^
 *             +-------------------+
 */
#include "stream.h"

#include <stdio.h>
#include <string.h>

#include "backoff.h"
#include "json.h"
#include "polls.h"
#include "receive.h"

#define HOPS_MAX 5

/* If a turn comes so much later than asked for, in ms, the machine slept. */
#define SLEEP_MS 10000u

/* ---- attempts ---- */

static int make_url(pushc_client *c, struct pushc_buf *url, int first)
{
    const pushc_options *o = &c->set.o;
    size_t i;

    pushc_buf_str(url, o->url);
    pushc_buf_str(url, "/receive");
    pushc_buf_query(url, "device", c->device);
    pushc_buf_query(url, "app", o->app);
    pushc_buf_query(url, "app_version", o->app_version);
    pushc_buf_query(url, "os", o->os);
    pushc_buf_query(url, "os_version", o->os_version);
    pushc_buf_query(url, "locale", o->locale);
    pushc_buf_query(url, "urgency", o->urgency);
    pushc_buf_query(url, "meta", o->meta);
    for (i = 0; i < o->channel_count; i++) {
        pushc_buf_query(url, "channel", o->channels[i]);
    }
    pushc_buf_query(url, "from", o->from_oldest ? "oldest" : NULL);
    pushc_buf_query(url, "ack", "explicit");
    pushc_buf_query(url, "seq", first ? "0" : NULL);
    return pushc_buf_query_text(url, o->query);
}

static int start_exchange(pushc_client *c, const char *url, const char *cursor)
{
    int polls = pushc_client_polls(c);
    struct pushc_request request = {.url = url,
                                    .fresh = !polls || c->failed > 0};
    char last_id[PUSHC_ID_MAX + 20];
    char wait[32];

    request.trusted = c->trusted;
    request.token = pushc_token_text(&c->token, &c->set);
    request.headers[request.header_count++] = "Accept: text/event-stream";
    if (polls) {
        pushc_polls_header(c, wait, sizeof(wait));
        request.headers[request.header_count++] = wait;
    }
    if (cursor[0] != '\0') {
        snprintf(last_id, sizeof(last_id), "Last-Event-ID: %s", cursor);
        request.headers[request.header_count++] = last_id;
    }
    return pushc_exchange_start(c->source.transport, &request,
                                &pushc_receive_ops, c, &c->stream);
}

static void forget_stream(pushc_client *c)
{
    pushc_parser_reset(&c->parser);
    pushc_buf_cleanup(&c->backlog);
    c->backlog_at = 0;
    c->paused = 0;
    c->proven = 0;
    c->ended = 0;
    c->fault = PUSHC_OK;
    c->bye = 0;
    c->superseded = 0;
    c->expired = 0;
    c->stale = 0;
    c->spread = 0;
}

static void open_url(pushc_client *c, const char *url)
{
    char cursor[PUSHC_ID_MAX];
    struct pushc_buf whole;
    int status = PUSHC_OK;

    pthread_mutex_lock(&c->source.lock);
    strcpy(cursor, c->session.cursor);
    pushc_session_attempt(&c->session);
    pthread_mutex_unlock(&c->source.lock);
    pushc_buf_init(&whole, &c->set.mem);
    if (!url) {
        status = make_url(c, &whole, cursor[0] == '\0');
        url = whole.bytes;
    }
    if (status == PUSHC_OK) {
        status = start_exchange(c, url, cursor);
    }
    pushc_buf_cleanup(&whole);
    if (status != PUSHC_OK) {
        pushc_client_drop(c, status, pushc_strerror(status));
    }
}

void pushc_stream_connect(pushc_client *c)
{
    forget_stream(c);
    pushc_polls_choose(c);
    c->hops = 0;
    c->trusted = 1;
    c->attempt_at = pushc_now(&c->set);
    pushc_mem_free(&c->set.mem, c->end_answer.location);
    memset(&c->end_answer, 0, sizeof(c->end_answer));
    pthread_mutex_lock(&c->source.lock);
    c->attempts++;
    c->throttled = 0;
    pthread_mutex_unlock(&c->source.lock);
    if (c->state == PUSHC_OPEN && pushc_client_polls(c)) {
        c->state = PUSHC_CONNECTING; /* one poll after the other */
    }
    else {
        pushc_client_enter(c, PUSHC_CONNECTING);
    }
    if (pushc_token_ask(&c->token, &c->set) != PUSHC_OK) {
        pushc_client_drop(c, PUSHC_ERR_TOKEN, "the token hook failed");
        return;
    }
    open_url(c, NULL);
}

/* ---- the end of a stream or an attempt ---- */

/* Follow a redirect, without our credentials where it leads elsewhere. */
static void follow(pushc_client *c)
{
    char *url = c->end_answer.location;

    c->end_answer.location = NULL;
    if (!url) {
        pushc_client_drop(c, PUSHC_ERR_PROTOCOL, "a redirect to nowhere");
    }
    else if (c->hops >= HOPS_MAX || pushc_is_downgrade(c->set.o.url, url)) {
        pushc_client_drop(c, PUSHC_ERR_REDIRECT,
                          "a redirect that is not followed");
    }
    else {
        c->hops++;
        c->trusted = c->trusted && pushc_same_origin(c->set.o.url, url);
        c->ended = 0;
        open_url(c, url);
    }
    pushc_mem_free(&c->set.mem, url);
}

static int is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307
           || status == 308;
}

/* When the stream counts as good. */
static uint64_t proof_at(const pushc_client *c)
{
    return c->state == PUSHC_OPEN && c->proven
               ? c->opened_at + c->set.o.proof_ms
               : PUSHC_NEVER;
}

/* The status that says why the exchange ended. */
static int judge(const pushc_client *c)
{
    long http = c->end_answer.http_status;

    if (c->superseded) {
        return PUSHC_ERR_SUPERSEDED;
    }
    if (c->fault) {
        return c->fault;
    }
    if (c->bye) {
        return PUSHC_ERR_GOODBYE;
    }
    if (c->end_status != PUSHC_OK || http == 200) {
        return c->end_status != PUSHC_OK ? c->end_status : PUSHC_ERR_NETWORK;
    }
    return http == 204                     ? PUSHC_ERR_NO_CONTENT
           : http == 401 || http == 403    ? PUSHC_ERR_AUTH
           : pushc_head_is_temporary(http) ? PUSHC_ERR_OVERLOAD
           : http >= 400                   ? PUSHC_ERR_HTTP
           : http >= 300                   ? PUSHC_ERR_REDIRECT
                                           : PUSHC_ERR_PROTOCOL;
}

static int is_final(const pushc_client *c, int status)
{
    return (status == PUSHC_ERR_TOO_LARGE && c->set.o.stop_on_large)
           || status == PUSHC_ERR_SUPERSEDED || status == PUSHC_ERR_NO_CONTENT
           || status == PUSHC_ERR_AUTH || status == PUSHC_ERR_HTTP
           || status == PUSHC_ERR_REDIRECT;
}

static void describe(const pushc_client *c, int status, char *out, size_t size)
{
    const struct pushc_answer *a = &c->end_answer;

    out[0] = '\0';
    if (c->fault) {
        snprintf(out, size, "%s", c->fault_detail);
    }
    else if (a->body_length > 0) {
        pushc_json_problem(a->body, a->body_length, out, size);
    }
    else if (a->error[0] != '\0') {
        snprintf(out, size, "%s", a->error);
    }
    if (out[0] == '\0') {
        snprintf(out, size, "%s", pushc_strerror(status));
    }
}

/* The delay before the next attempt; the last one is counted as failed. */
static uint64_t next_delay(pushc_client *c, int status, uint64_t now)
{
    struct pushc_backoff b = {.kind = PUSHC_BACKOFF_JITTER, .base = c->base};

    b.failed = c->failed;
    if (c->prompt_until > now) {
        b.kind = PUSHC_BACKOFF_WAKE;
        c->prompt_until = 0;
    }
    else if (status == PUSHC_ERR_GOODBYE && c->spread > 0) {
        b.kind = PUSHC_BACKOFF_SPREAD;
        b.hint = c->spread;
        return pushc_backoff_delay(&b, pushc_uniform(&c->set));
    }
    else if (status == PUSHC_ERR_OVERLOAD
             && c->end_answer.head.retry_after > 0) {
        b.kind = PUSHC_BACKOFF_RETRY_AFTER;
        b.hint = c->end_answer.head.retry_after;
    }
    c->failed += c->failed < 1000000;
    return pushc_backoff_delay(&b, pushc_uniform(&c->set));
}

static void wait_for_next(pushc_client *c, int status, uint64_t now)
{
    pushc_event event = {.kind = PUSHC_WAITING, .status = status};
    char detail[200];

    describe(c, status, detail, sizeof(detail));
    event.http_status = c->end_answer.http_status;
    event.detail = detail;
    event.delay_ms = next_delay(c, status, now);
    event.attempt = c->failed;
    c->retry_at = now + event.delay_ms;
    c->state = PUSHC_WAITING;
    pushc_client_report(c, &event);
}

void pushc_stream_settle(pushc_client *c)
{
    uint64_t now = pushc_now(&c->set);
    int status;

    if (!c->ended) {
        return;
    }
    pushc_receive_backlog(c, 1);
    if (c->state == PUSHC_CONNECTING && !c->fault && c->end_status == PUSHC_OK
        && is_redirect(c->end_answer.http_status)) {
        follow(c);
        if (!c->ended) {
            return;
        }
    }
    c->ended = 0;
    if (pushc_polls_end(c, now)) {
        if (pushc_polls_is_due(c, now)) {
            pushc_stream_connect(c);
        }
        return;
    }
    status = judge(c);
    pushc_polls_learn(c, now);
    if (now >= proof_at(c)) {
        c->failed = 0;
    }
    if ((c->end_answer.http_status == 401 || c->expired) && c->set.o.on_token
        && !c->token_retried) {
        pushc_token_reject(&c->token);
        c->token_retried = !c->expired;
        status = c->expired ? PUSHC_ERR_GOODBYE : PUSHC_ERR_AUTH;
        c->prompt_until = c->failed == 0 || !c->expired ? now + 1 : 0;
    }
    else if (is_final(c, status)) {
        describe(c, status, c->final_detail, sizeof(c->final_detail));
        pushc_client_finish(c, status);
        return;
    }
    wait_for_next(c, status, now);
}

/* ---- the clock ---- */

void pushc_stream_wake(pushc_client *c, uint64_t now)
{
    struct pushc_backoff b = {.kind = PUSHC_BACKOFF_WAKE};
    uint64_t soon = now + pushc_backoff_delay(&b, pushc_uniform(&c->set));

    if (c->stopping) {
        return;
    }
    if (!c->stream && c->retry_at > soon) {
        c->retry_at = soon;
    }
    else {
        c->prompt_until = now + c->set.o.silence_ms + 1000;
        c->wait = 0;
    }
}

static int is_late(const pushc_client *c, uint64_t now)
{
    return c->stream && c->backlog.length == 0 && now >= pushc_polls_limit(c);
}

/* Whether the stream has still to show that it is better than those before. */
static int is_tried(const pushc_client *c)
{
    return c->stream && (c->failed > 0 || c->token_retried);
}

static void give_up(pushc_client *c)
{
    pushc_polls_suspect(c);
    if (c->state == PUSHC_OPEN) {
        pushc_client_drop(c, PUSHC_ERR_SILENCE, "no byte came in time");
    }
    else {
        pushc_client_drop(c, PUSHC_ERR_DEADLINE, "no answer came in time");
    }
}

void pushc_stream_check(pushc_client *c, uint64_t now)
{
    if (c->due != PUSHC_NEVER && c->due > 0 && now > c->due + SLEEP_MS) {
        pushc_log(&c->set, PUSHC_LOG_INFO, "slept for %llu ms",
                  (unsigned long long)(now - c->due));
        pushc_stream_wake(c, now);
    }
    if (is_late(c, now)) {
        pushc_transport_drain(c->source.transport);
        now = pushc_now(&c->set);
    }
    if (c->ended) {
        return;
    }
    if (is_late(c, now)) {
        give_up(c);
    }
    else if (is_tried(c) && now >= proof_at(c)) {
        c->failed = 0;
        c->token_retried = 0;
    }
    else if ((c->state == PUSHC_WAITING && now >= c->retry_at)
             || pushc_polls_is_due(c, now)) {
        pushc_stream_connect(c);
    }
}

uint64_t pushc_stream_due(const pushc_client *c)
{
    uint64_t due = c->stream ? pushc_polls_limit(c) : c->retry_at;

    if (c->ended) {
        return 0;
    }
    if (c->state == PUSHC_STOPPED || c->backlog.length > 0) {
        return PUSHC_NEVER;
    }
    return is_tried(c) ? pushc_soonest(due, proof_at(c)) : due;
}
