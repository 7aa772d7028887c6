/*
 * upload.c - publish over one streaming request: a line a message, and a
 * line of answer to each, in the same order.
 */
#include "upload.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

#define ANSWER_MAX 65536

/* ---- callbacks of the exchange ---- */

static int on_head(void *ctx, const struct pushc_answer *answer)
{
    pushc_publisher *p = ctx;

    p->headed = 1;
    p->ending |= answer->http_status >= 300;
    return 0;
}

static size_t on_upload(void *ctx, char *buffer, size_t size)
{
    pushc_publisher *p = ctx;
    struct pushc_publication *pub = pushc_publication_of(p->sent.last);
    uint64_t now = pushc_now(&p->set);
    size_t length = 0;

    while (length < size) {
        size_t n;

        if (!pub || pub->sent == pub->body_length) {
            pub = p->ending ? NULL : pushc_publication_take(&p->queue);
            if (!pub) {
                break;
            }
            if (!p->sent.first) {
                p->progress_at = now;
            }
            pushc_list_append(&p->sent, &pub->link);
            pub->sent = 0;
            pub->result.attempts++;
        }
        n = pub->body_length - pub->sent;
        n = n < size - length ? n : size - length;
        memcpy(buffer + length, pub->text.bytes + pub->sent, n);
        pub->sent += n;
        length += n;
    }
    if (length == 0 && !p->ending) {
        p->resting = 1;
        return PUSHC_UPLOAD_PAUSE;
    }
    return length;
}

/* Take a whole line of answer, which is for the first publication without. */
static int on_line(pushc_publisher *p, const char *line, size_t n)
{
    struct pushc_publication *pub = pushc_publication_of(p->sent.first);

    if (n == 0 || (n == 1 && line[0] == '\r')
        || (memmem(line, n, "\"end\"", 5) && pushc_json_is_end(line, n))) {
        return 0;
    }
    if (!pub || pub->sent < pub->body_length) {
        return -1;
    }
    pushc_list_remove(&p->sent, &pub->link);
    p->progress_at = pushc_now(&p->set);
    p->failed = 0;
    if (pub->reported) {
        pushc_publication_destroy(pub);
        return 0;
    }
    pub->result.http_status = 0;
    pub->result.detail[0] = '\0';
    pushc_json_result(line, n, &pub->result);
    if (pub->result.status == PUSHC_OK) {
        pushc_publisher_finish(p, pub);
    }
    else {
        pushc_publisher_again(p, pub, 0);
    }
    return 0;
}

static enum pushc_taken on_body(void *ctx, const char *bytes, size_t n)
{
    pushc_publisher *p = ctx;

    while (n > 0) {
        const char *end = memchr(bytes, '\n', n);
        size_t length = end ? (size_t)(end - bytes) : n;

        if (p->answers.length + length > ANSWER_MAX
            || pushc_buf_add(&p->answers, bytes, length) != PUSHC_OK) {
            return PUSHC_TAKE_ABORT;
        }
        if (!end) {
            break;
        }
        if (on_line(p, p->answers.bytes, p->answers.length) != 0) {
            return PUSHC_TAKE_ABORT;
        }
        p->answers.length = 0;
        bytes = end + 1;
        n -= length + 1;
    }
    return PUSHC_TAKEN;
}

static void on_done(void *ctx, int status, struct pushc_answer *answer)
{
    pushc_publisher *p = ctx;

    p->upload = NULL;
    p->upload_over = 1;
    p->upload_status = status == PUSHC_ERR_CLOSED ? PUSHC_ERR_PROTOCOL
                                                  : status;
    p->upload_http = answer->http_status;
    p->upload_retry_after = answer->head.retry_after;
    pushc_json_problem(answer->body, answer->body_length, p->upload_detail,
                       sizeof(p->upload_detail));
    if (p->upload_detail[0] == '\0' && answer->error[0] != '\0') {
        snprintf(p->upload_detail, sizeof(p->upload_detail), "%.190s",
                 answer->error);
    }
}

static const struct pushc_exchange_ops upload_ops = {on_head, on_body,
                                                     on_upload, on_done};

/* ---- the request ---- */

static int start(pushc_publisher *p)
{
    struct pushc_request request = {.post = 1, .trusted = 1, .upload = 1};
    const pushc_options *o = &p->set.o;
    struct pushc_buf url;
    int status = pushc_token_ask(&p->token, &p->set);

    if (status != PUSHC_OK) {
        return status;
    }
    pushc_buf_init(&url, &p->set.mem);
    pushc_buf_str(&url, o->url);
    pushc_buf_str(&url, "/messages");
    status = pushc_buf_query_text(&url, o->query);
    request.url = url.bytes;
    request.token = pushc_token_text(&p->token, &p->set);
    request.fresh = 1;
    request.headers[request.header_count++] =
        "Content-Type: application/x-ndjson";
    pushc_buf_cleanup(&p->answers);
    p->headed = 0;
    p->resting = 0;
    p->ending = 0;
    p->rest_at = 0;
    p->progress_at = pushc_now(&p->set);
    if (status == PUSHC_OK) {
        status = pushc_exchange_start(p->source.transport, &request,
                                      &upload_ops, p, &p->upload);
    }
    pushc_buf_cleanup(&url);
    return status;
}

/* ---- the end of an upload ---- */

static int is_refusal(long http)
{
    return http >= 300 && !pushc_head_is_temporary(http);
}

static void note_failure(pushc_publisher *p, struct pushc_publication *pub)
{
    long http = p->upload_http;
    int status = p->upload_status != PUSHC_OK ? p->upload_status
                 : http == 401 || http == 403 ? PUSHC_ERR_AUTH
                 : http / 100 == 3            ? PUSHC_ERR_REDIRECT
                 : is_refusal(http)           ? PUSHC_ERR_HTTP
                 : http / 100 == 2            ? PUSHC_ERR_NETWORK
                                              : PUSHC_ERR_OVERLOAD;

    pushc_publication_fail(pub, status, http / 100 != 2 ? http : 0,
                           p->upload_detail);
}

/* Publications without an answer go first into the next request. */
static void take_back(pushc_publisher *p)
{
    while (p->sent.last) {
        struct pushc_publication *pub = pushc_publication_of(p->sent.last);

        pushc_list_remove(&p->sent, &pub->link);
        if (pub->reported) {
            pushc_publication_destroy(pub);
        }
        else {
            pushc_list_prepend(&p->queue, &pub->link);
        }
    }
}

/* The request has ended. If the server refused it as a whole, that is the
 * result of all publications. */
static void settle(pushc_publisher *p)
{
    int refused = p->upload_status == PUSHC_OK && is_refusal(p->upload_http);
    int failed = p->sent.first || p->upload_http / 100 != 2
                 || (p->upload_status != PUSHC_OK && p->queue.first);
    struct pushc_link *at;

    p->upload_over = 0;
    take_back(p);
    if (!failed) {
        return;
    }
    for (at = p->queue.first; at; at = at->next) {
        note_failure(p, pushc_publication_of(at));
    }
    if (refused && p->upload_http == 401 && p->set.o.on_token
        && !p->token.rejected && p->failed == 0) {
        pushc_token_reject(&p->token);
    }
    else if (refused) {
        while (p->queue.first) {
            pushc_publisher_finish(p, pushc_publication_take(&p->queue));
        }
    }
    pushc_log(&p->set, PUSHC_LOG_WARNING, "upload ended: HTTP %ld, %s",
              p->upload_http, p->upload_detail);
    p->retry_at = pushc_publisher_retry_at(p, p->failed++,
                                           p->upload_retry_after);
}

static void drop(pushc_publisher *p, int status)
{
    pushc_exchange_cancel(p->upload);
    p->upload = NULL;
    p->upload_over = 1;
    p->upload_status = status;
    p->upload_http = 0;
    p->upload_retry_after = 0;
    snprintf(p->upload_detail, sizeof(p->upload_detail), "%s",
             pushc_strerror(status));
}

/* ---- the turn ---- */

/* Resume, end, or give up the upload that is under way. */
static uint64_t drive(pushc_publisher *p, uint64_t now)
{
    if (p->resting && p->headed
        && !pushc_transport_listens(p->source.transport)) {
        p->ending = 1;
    }
    if (p->resting && (p->queue.first || p->ending)) {
        p->resting = 0;
        p->progress_at = now;
        pushc_exchange_resume(p->upload);
    }
    if (p->sent.first || p->queue.first || p->ending) {
        p->rest_at = 0;
        if (now >= p->progress_at + p->set.o.attempt_ms) {
            drop(p, PUSHC_ERR_TIMEOUT);
            return 0;
        }
        return p->progress_at + p->set.o.attempt_ms;
    }
    p->rest_at = p->rest_at ? p->rest_at : now;
    if (now >= p->rest_at + p->set.o.idle_ms || p->stop_at) {
        p->ending = 1;
        p->resting = 0;
        p->progress_at = now;
        pushc_exchange_resume(p->upload);
        return now + p->set.o.attempt_ms;
    }
    return p->rest_at + p->set.o.idle_ms;
}

uint64_t pushc_upload_turn(pushc_publisher *p, uint64_t now)
{
    uint64_t due = PUSHC_NEVER;
    int status;

    if (p->upload) {
        due = drive(p, now);
    }
    if (p->upload_over) {
        settle(p);
    }
    if (p->upload || !p->queue.first) {
        return due;
    }
    if (now < p->retry_at) {
        return p->retry_at;
    }
    status = start(p);
    if (status != PUSHC_OK) {
        drop(p, status);
        settle(p);
        return p->retry_at;
    }
    return now + p->set.o.attempt_ms;
}
