#include "http.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keep.h"
#include "reply.h"
#include "wait.h"

void http_send(struct wire *w, const struct request *q)
{
    const char *length = "";
    const char *head;

    if (q->body != NULL) {
        length = keep_printf("Content-Length: %zu\r\n", q->length);
    }
    head = keep_printf("%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n",
                       q->method != NULL ? q->method : "GET", q->target,
                       q->headers != NULL ? q->headers : "", length);
    if (wire_send(w, head, strlen(head)) && q->body != NULL) {
        wire_send(w, q->body, q->length);
    }
}

/* Receive more; false at the end of the connection. */
static bool more(struct wire *w)
{
    if (wire_receive(w, wait_now() + WAIT_MS)) {
        return true;
    }
    ck_assert_msg(w->ended, "no answer in time; so far: %.2000s", w->bytes);
    return false;
}

const char *http_head(struct wire *w, int64_t deadline)
{
    const char *end = strstr(w->bytes, "\r\n\r\n");
    const char *head;

    while (end == NULL) {
        if (!wire_receive(w, deadline)
            && (w->ended || wait_now() >= deadline)) {
            return NULL;
        }
        end = strstr(w->bytes, "\r\n\r\n");
    }
    head = keep_copy(w->bytes, (size_t)(end - w->bytes) + 4);
    wire_take(w, strlen(head));
    return head;
}

/* Decode the body of the answer into out. */
static void decode_body(struct wire *w, struct answer *a, FILE *out)
{
    struct reply_head head;
    struct reply_body body;
    struct reply_slice slice;

    reply_head_init(&head);
    reply_head_feed(&head, a->head, strlen(a->head));
    reply_body_init(&body, &head);
    while (!body.done) {
        size_t used = reply_body_feed(&body, w->bytes, w->used, &slice);

        fwrite(slice.at, 1, slice.len, out);
        wire_take(w, used);
        if (body.broken) {
            ck_abort_msg("no chunk: %.200s", w->bytes);
        }
        if (used == 0 && !more(w)) {
            ck_assert_msg(body.kind == REPLY_BODY_TO_EOF,
                          "the body ended %zu bytes too early",
                          (size_t)body.left);
            a->closed = true;
            return;
        }
    }
}

static void read_body(struct wire *w, struct answer *a)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, &a->length);

    ck_assert_ptr_nonnull(out);
    decode_body(w, a, out);
    fclose(out);
    a->body = keep(text, free);
}

static void read_json(struct answer *a)
{
    const char *type = http_header(a, "Content-Type");
    json_error_t error;

    if (type != NULL && strstr(type, "json") != NULL
        && strstr(type, "ndjson") == NULL && a->length > 0) {
        json_t *json = json_loadb(a->body, a->length, JSON_DECODE_ANY, &error);

        ck_assert_msg(json != NULL, "not JSON: %s in %s", error.text, a->body);
        a->json = json_keep(json);
    }
}

struct answer *http_read(struct wire *w, bool head)
{
    struct answer *a = keep(calloc(1, sizeof(*a)), free);
    const char *connection;

    do {
        a->head = http_head(w, wait_now() + WAIT_MS);
        ck_assert_msg(a->head != NULL, "no answer; so far: %.2000s", w->bytes);
        ck_assert_msg(strncmp(a->head, "HTTP/1.", 7) == 0, "no HTTP: %s",
                      a->head);
        a->status = atoi(a->head + 9);
    } while (a->status < 200);
    a->body = "";
    connection = http_header(a, "Connection");
    a->closed = connection != NULL && strcasecmp(connection, "close") == 0;
    if (!head && a->status != 204 && a->status != 304) {
        read_body(w, a);
        read_json(a);
    }
    return a;
}

struct answer *http_ask(const struct server *s, const struct request *q)
{
    struct wire *w = wire_open(s, 0);
    struct request once = *q;
    struct answer *a;

    once.headers = keep_printf("Connection: close\r\n%s",
                               q->headers != NULL ? q->headers : "");
    http_send(w, &once);
    a = http_read(w, q->method != NULL && strcmp(q->method, "HEAD") == 0);
    wire_close(w);
    return a;
}

struct answer *http_get(const struct server *s, const char *target)
{
    struct request q = {.target = target};

    return http_ask(s, &q);
}

struct answer *http_do(const struct server *s, const char *method,
                       const char *target, const char *headers,
                       const char *body)
{
    struct request q = {.method = method,
                        .target = target,
                        .headers = headers,
                        .body = body,
                        .length = body != NULL ? strlen(body) : 0};

    return http_ask(s, &q);
}

struct answer *http_raw(const struct server *s, const char *bytes,
                        size_t length)
{
    struct wire *w = wire_open(s, 0);
    struct answer *a;

    wire_send(w, bytes, length);
    a = http_read(w, false);
    wire_close(w);
    return a;
}

const char *http_header(const struct answer *a, const char *name)
{
    size_t length = strlen(name);
    const char *line = strstr(a->head, "\r\n");

    while (line != NULL && line[2] != '\r') {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            line += length + 1;
            line += strspn(line, " \t");
            return keep_copy(line, strcspn(line, "\r"));
        }
        line = strstr(line, "\r\n");
    }
    return NULL;
}

void http_expect(const struct answer *a, int status, const char *mention)
{
    const char *type = http_header(a, "Content-Type");

    ck_assert_msg(a->status == status, "expected %d, got %s%s", status,
                  a->head, a->body);
    if (status < 400) {
        return;
    }
    ck_assert_msg(type != NULL
                      && strncmp(type, "application/problem+json", 24) == 0,
                  "no problem document: %s%s", a->head, a->body);
    ck_assert_int_eq(json_int_at(a->json, "status"), status);
    ck_assert_uint_gt(strlen(json_text_at(a->json, "title")), 0);
    ck_assert_uint_gt(strlen(json_text_at(a->json, "type")), 0);
    ck_assert_msg(mention == NULL || strcasestr(a->body, mention) != NULL,
                  "the problem does not mention %s: %s", mention, a->body);
}
