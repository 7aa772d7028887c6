/* post.c - publish by one request a message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "publisher.h"

static void on_answer(struct pushc_publication *pub,
                      const struct pushc_answer *a)
{
    pushc_result *r = &pub->result;

    r->http_status = a->http_status;
    if (a->http_status / 100 == 2) {
        pushc_json_result(pub->answer.bytes ? pub->answer.bytes : "",
                          pub->answer.length, r);
        r->http_status = a->http_status;
        return;
    }
    r->status = PUSHC_ERR_HTTP;
    pushc_json_problem(a->body, a->body_length, r->detail, sizeof(r->detail));
    if (r->detail[0] == '\0') {
        snprintf(r->detail, sizeof(r->detail), "HTTP status %ld",
                 a->http_status);
    }
}

static enum pushc_taken on_body(void *ctx, const char *bytes, size_t n)
{
    struct pushc_publication *pub = ctx;

    if (pub->answer.length + n > 65536
        || pushc_buf_add(&pub->answer, bytes, n) != PUSHC_OK) {
        return PUSHC_TAKE_ABORT;
    }
    return PUSHC_TAKEN;
}

static void on_done(void *ctx, int status, const struct pushc_answer *answer)
{
    struct pushc_publication *pub = ctx;
    pushc_publisher *p = pub->publisher;

    pub->exchange = NULL;
    p->busy--;
    pushc_publications_remove(&p->sent, pub);
    if (status == PUSHC_OK) {
        on_answer(pub, answer);
    }
    else {
        pub->result.status = status == PUSHC_ERR_CLOSED ? PUSHC_ERR_PROTOCOL
                                                        : status;
        pub->result.http_status = 0;
        snprintf(pub->result.detail, sizeof(pub->result.detail), "%.190s",
                 answer->error);
    }
    pushc_buf_cleanup(&pub->answer);
    if (pub->result.status == PUSHC_OK) {
        pushc_publisher_finish(p, pub);
    }
    else {
        pushc_publisher_again(p, pub, answer->head.retry_after);
    }
}

static const struct pushc_exchange_ops post_ops = {NULL, on_body, NULL,
                                                   on_done};

static int start(pushc_publisher *p, struct pushc_publication *pub)
{
    struct pushc_request request = {.post = 1, .trusted = 1};
    int status = pushc_publisher_token(p, &request.token);

    if (status != PUSHC_OK) {
        return status;
    }
    request.url = pub->text.bytes;
    memcpy(request.headers, pub->headers, sizeof(request.headers));
    request.header_count = pub->header_count;
    request.body = pub->text.bytes + pub->body;
    request.body_length = pub->body_length;
    request.fresh = pub->result.attempts > 0 && pub->result.http_status == 0;
    return pushc_exchange_start(p->source.transport, &request, &post_ops, pub,
                                &pub->exchange);
}

static void attempt(pushc_publisher *p, struct pushc_publication *pub,
                    uint64_t now)
{
    int status = start(p, pub);

    pushc_publications_remove(&p->queue, pub);
    pub->result.attempts++;
    pub->started = now;
    if (status == PUSHC_OK) {
        p->busy++;
        pushc_publications_add(&p->sent, pub);
        return;
    }
    pub->result.status = status;
    snprintf(pub->result.detail, sizeof(pub->result.detail), "%s",
             pushc_strerror(status));
    pushc_publisher_again(p, pub, 0);
}

/* Give up what has no answer in time; when the next one is due. */
static uint64_t check_sent(pushc_publisher *p, uint64_t now)
{
    struct pushc_publication *pub = p->sent.first;
    uint64_t due = PUSHC_NEVER;

    while (pub) {
        struct pushc_publication *next = pub->next;
        uint64_t end = pub->started + p->set.o.attempt_ms;

        end = end < pub->deadline ? end : pub->deadline;
        if (now >= end) {
            pushc_exchange_cancel(pub->exchange);
            pub->exchange = NULL;
            p->busy--;
            pushc_publications_remove(&p->sent, pub);
            pushc_buf_cleanup(&pub->answer);
            pub->result.status = PUSHC_ERR_TIMEOUT;
            pub->result.http_status = 0;
            strcpy(pub->result.detail, pushc_strerror(PUSHC_ERR_TIMEOUT));
            pushc_publisher_again(p, pub, 0);
        }
        else {
            due = end < due ? end : due;
        }
        pub = next;
    }
    return due;
}

uint64_t pushc_post_turn(pushc_publisher *p, uint64_t now)
{
    struct pushc_publication *pub = p->queue.first;

    while (pub && p->busy < p->set.o.parallel) {
        struct pushc_publication *next = pub->next;

        attempt(p, pub, now);
        pub = next;
    }
    return check_sent(p, now);
}
