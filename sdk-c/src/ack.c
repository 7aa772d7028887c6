/* ack.c - acknowledgements, one at a time. */
#include "ack.h"

#include <string.h>

#include "backoff.h"

static void on_done(void *ctx, int status, struct pushc_answer *answer)
{
    pushc_client *c = ctx;
    long http = answer->http_status;
    int taken = status == PUSHC_OK && http / 100 == 2;

    c->ack = NULL;
    pthread_mutex_lock(&c->source.lock);
    if (c->ack_generation == c->generation) {
        pushc_session_ack_end(&c->session, taken);
        if (http == 409 && c->stopping) {
            pushc_session_ack_forget(&c->session);
        }
    }
    c->acks += taken ? 1 : 0;
    pthread_mutex_unlock(&c->source.lock);
    if (taken) {
        c->ack_failed = 0;
        return;
    }
    pushc_log(&c->set, PUSHC_LOG_WARNING,
              "acknowledgement not taken: HTTP %ld%s%s", http,
              status == PUSHC_OK ? "" : ", ",
              status == PUSHC_OK ? "" : pushc_strerror(status));
    c->ack_failed++;
    c->stale = http == 409 && c->ack_generation == c->generation;
    if (http == 401) {
        pushc_token_reject(&c->token);
    }
}

static const struct pushc_exchange_ops ack_ops = {NULL, NULL, NULL, on_done};

static int make_url(pushc_client *c, const char *cursor, struct pushc_buf *url)
{
    const pushc_options *o = &c->set.o;

    pushc_buf_str(url, o->url);
    pushc_buf_str(url, "/ack");
    pushc_buf_query(url, "device", c->device);
    pushc_buf_query(url, "app", o->app);
    pushc_buf_query(url, strchr(cursor, '.') ? "id" : "seq", cursor);
    pushc_buf_query(url, "session", c->numbering[0] ? c->numbering : NULL);
    return pushc_buf_query_text(url, o->query);
}

static int start(pushc_client *c, const char *cursor)
{
    struct pushc_request request = {.post = 1, .trusted = 1};
    struct pushc_buf url;
    int status;

    if (c->token.text[0] == '\0'
        && pushc_token_ask(&c->token, &c->set) != PUSHC_OK) {
        return PUSHC_ERR_TOKEN;
    }
    pushc_buf_init(&url, &c->set.mem);
    status = make_url(c, cursor, &url);
    request.url = url.bytes;
    /* Other kept connections may be as dead as the one that failed. */
    request.fresh = c->ack_failed > 0;
    request.token = pushc_token_text(&c->token, &c->set);
    request.headers[request.header_count++] = "Content-Type:";
    if (status == PUSHC_OK) {
        status = pushc_exchange_start(c->source.transport, &request, &ack_ops,
                                      c, &c->ack);
    }
    pushc_buf_cleanup(&url);
    return status;
}

/* The time when the next acknowledgement goes out by itself. */
static uint64_t next_batch(pushc_client *c, uint64_t now)
{
    struct pushc_backoff b = {PUSHC_BACKOFF_JITTER, 1000, 0, c->ack_failed};

    if (c->ack_failed == 0) {
        return now + c->set.o.ack_ms;
    }
    return now + pushc_backoff_delay(&b, pushc_uniform(&c->set));
}

static void time_out(pushc_client *c)
{
    pushc_log(&c->set, PUSHC_LOG_WARNING, "acknowledgement without an answer");
    pushc_ack_cancel(c);
    c->ack_failed++;
}

void pushc_ack_cancel(pushc_client *c)
{
    if (!c->ack) {
        return;
    }
    pushc_exchange_cancel(c->ack);
    c->ack = NULL;
    pthread_mutex_lock(&c->source.lock);
    if (c->ack_generation == c->generation) {
        pushc_session_ack_end(&c->session, 0);
    }
    pthread_mutex_unlock(&c->source.lock);
}

/* Decide under the lock whether to acknowledge now, and copy the cursor. */
static int decide(pushc_client *c, uint64_t now, char *cursor)
{
    int unacked, now_wanted;

    pthread_mutex_lock(&c->source.lock);
    unacked = pushc_session_unacked(&c->session);
    now_wanted = unacked
                 && (c->flush_wanted || c->stopping
                     || pushc_session_ack_urgent(&c->session));
    if (!unacked) {
        c->flush_wanted = 0;
        c->ack_at = 0;
    }
    else if (c->ack_at == 0) {
        c->ack_at = next_batch(c, now);
    }
    now_wanted = now_wanted && (c->ack_failed == 0 || now >= c->ack_at);
    now_wanted = unacked && (now_wanted || now >= c->ack_at);
    if (now_wanted) {
        strcpy(cursor, c->session.cursor);
        pushc_session_ack_begin(&c->session);
        c->flush_wanted = 0;
        c->ack_at = 0;
    }
    pthread_mutex_unlock(&c->source.lock);
    return now_wanted;
}

/* The time from which acknowledgements may go out. What a poll brings, the
 * next one acknowledges, which follows when it ends. */
static uint64_t allowed_at(const pushc_client *c)
{
    if (c->stopping) {
        return 0;
    }
    if (c->state != PUSHC_OPEN) {
        return PUSHC_NEVER;
    }
    return c->stream ? c->attempt_at + c->wait : 0;
}

void pushc_ack_check(pushc_client *c, uint64_t now)
{
    char cursor[PUSHC_ID_MAX];

    if (c->ack && now >= c->ack_started + c->set.o.attempt_ms) {
        time_out(c);
    }
    if (c->ack || now < allowed_at(c) || !decide(c, now, cursor)) {
        return;
    }
    c->ack_generation = c->generation;
    c->ack_started = now;
    if (start(c, cursor) != PUSHC_OK) {
        c->ack_failed++;
        pthread_mutex_lock(&c->source.lock);
        pushc_session_ack_end(&c->session, 0);
        pthread_mutex_unlock(&c->source.lock);
        c->ack_at = next_batch(c, now);
    }
}

uint64_t pushc_ack_due(const pushc_client *c)
{
    if (c->ack) {
        return c->ack_started + c->set.o.attempt_ms;
    }
    return c->ack_at == 0              ? PUSHC_NEVER
           : c->ack_at > allowed_at(c) ? c->ack_at
                                       : allowed_at(c);
}
