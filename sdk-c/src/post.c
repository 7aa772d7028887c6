/* post.c - publish by one request a message. */
#include "post.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

static void on_answer(struct pushc_publication *pub,
                      const struct pushc_answer *a)
{
    char detail[sizeof(pub->result.detail)];

    if (a->http_status / 100 == 2) {
        pushc_json_result(pub->answer.bytes ? pub->answer.bytes : "",
                          pub->answer.length, &pub->result);
        pub->result.http_status = a->http_status;
        return;
    }
    pushc_json_problem(a->body, a->body_length, detail, sizeof(detail));
    if (detail[0] == '\0') {
        snprintf(detail, sizeof(detail), "HTTP status %ld", a->http_status);
    }
    pushc_publication_fail(pub, PUSHC_ERR_HTTP, a->http_status, detail);
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

/* The publication is no more on its way. */
static void take_back(pushc_publisher *p, struct pushc_publication *pub)
{
    pub->exchange = NULL;
    p->busy--;
    pushc_list_remove(&p->sent, &pub->link);
}

static void on_done(void *ctx, int status, struct pushc_answer *answer)
{
    struct pushc_publication *pub = ctx;
    pushc_publisher *p = pub->publisher;

    take_back(p, pub);
    if (status == PUSHC_OK) {
        on_answer(pub, answer);
    }
    else {
        pushc_publication_fail(
            pub, status == PUSHC_ERR_CLOSED ? PUSHC_ERR_PROTOCOL : status, 0,
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
    int status = pushc_token_ask(&p->token, &p->set);

    if (status != PUSHC_OK) {
        return status;
    }
    request.token = pushc_token_text(&p->token, &p->set);
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

    pushc_list_remove(&p->queue, &pub->link);
    pub->result.attempts++;
    pub->started = now;
    if (status == PUSHC_OK) {
        p->busy++;
        pushc_list_append(&p->sent, &pub->link);
        return;
    }
    pushc_publication_fail(pub, status, pub->result.http_status, "");
    pushc_publisher_again(p, pub, 0);
}

/* Give up requests without an answer in time; the time of the next one. */
static uint64_t check_sent(pushc_publisher *p, uint64_t now)
{
    struct pushc_publication *pub = pushc_publication_of(p->sent.first);
    uint64_t due = PUSHC_NEVER;

    while (pub) {
        struct pushc_publication *next = pushc_publication_of(pub->link.next);
        uint64_t end = pushc_soonest(pub->started + p->set.o.attempt_ms,
                                     pub->deadline);

        if (now >= end) {
            pushc_exchange_cancel(pub->exchange);
            take_back(p, pub);
            pushc_buf_cleanup(&pub->answer);
            pushc_publication_fail(pub, PUSHC_ERR_TIMEOUT, 0, "");
            pushc_publisher_again(p, pub, 0);
        }
        else {
            due = pushc_soonest(due, end);
        }
        pub = next;
    }
    return due;
}

uint64_t pushc_post_turn(pushc_publisher *p, uint64_t now)
{
    while (p->queue.first && p->busy < p->set.o.parallel) {
        attempt(p, pushc_publication_of(p->queue.first), now);
    }
    return check_sent(p, now);
}
