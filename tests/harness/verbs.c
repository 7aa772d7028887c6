#include "verbs.h"

#include <check.h>
#include <string.h>

#include "keep.h"

/* Connections tried until one reaches another child. */
#define MAX_TRIES 400

struct answer *publish_try(const struct server *s, const char *query,
                           const char *headers, const char *payload)
{
    return http_do(s, "POST", keep_printf("/push/messages?%s", query), headers,
                   payload);
}

const char *publish(const struct server *s, const char *query,
                    const char *headers, const char *payload)
{
    struct answer *a = publish_try(s, query, headers, payload);

    ck_assert_msg(a->status == 201, "not accepted: %s%s", a->head, a->body);
    return json_text_at(a->json, "id");
}

struct answer *publish_lines(const struct server *s, const char *lines)
{
    struct answer *a = http_do(s, "POST", "/push/messages",
                               "Content-Type: application/x-ndjson\r\n",
                               lines);

    ck_assert_msg(a->status == 200, "not accepted: %s%s", a->head, a->body);
    return a;
}

struct answer *acknowledge_try(const struct server *s, const char *query)
{
    return http_do(s, "POST", keep_printf("/ramen/ack?%s", query), NULL, "");
}

void acknowledge(const struct server *s, const char *query)
{
    struct answer *a = acknowledge_try(s, query);

    ck_assert_msg(a->status == 204, "not acknowledged: %s%s", a->head,
                  a->body);
}

const json_t *life_of(const struct server *s, const char *mid)
{
    struct answer *a = http_get(s, keep_printf("/push/messages/%s", mid));

    ck_assert_msg(a->status == 200, "no message %s: %s%s", mid, a->head,
                  a->body);
    return a->json;
}

int count_of(const struct server *s, const char *mid, const char *state)
{
    const json_t *count = json_at(json_at(life_of(s, mid), "counts"), state);

    return count != NULL ? (int)json_integer_value(count) : 0;
}

struct stream *follow_try(const struct server *s, const char *query,
                          const char *headers)
{
    struct wire *w = wire_open(s, 0);
    const char *text = keep_printf("GET /push/receive?%s HTTP/1.1\r\n"
                                   "Host: localhost\r\n%s\r\n",
                                   query, headers != NULL ? headers : "");
    const char *head;

    wire_send(w, text, strlen(text));
    head = http_head(w, wait_now() + WAIT_MS);
    ck_assert_msg(head != NULL, "no answer to %s", text);
    return stream_begin(w, head);
}

struct stream *follow_open(const struct server *s, const char *query,
                           const char *headers)
{
    struct stream *st = follow_try(s, query, headers);

    ck_assert_msg(st->status == 200, "%s%s", st->head, st->wire->bytes);
    return st;
}

json_int_t stat_of(const struct server *s, const char *path)
{
    struct answer *a = http_get(s, "/push/stats");

    http_expect(a, 200, NULL);
    return json_int_at(a->json, path);
}

int trigger_figure(const struct server *s, int trigger, const char *path)
{
    return (int)json_int_at(http_get(s, "/push/triggers")->json,
                            keep_printf("triggers.%d.%s", trigger, path));
}

static bool is_online(const struct server *s, const char *context)
{
    struct answer *a = http_get(s, keep_printf("/push/devices/%s", context));

    return a->status == 200 && json_is_true(json_at(a->json, "online"));
}

void leave(const struct server *s, struct stream *st)
{
    const char *context = stream_header(st, "Push-Device");

    stream_close(st);
    wait_until(!is_online(s, context));
}

pid_t holder_of(const struct server *s, const struct stream *st)
{
    pid_t pid;

    wait_until(server_child_of(s, st->wire->fd) != 0);
    pid = server_child_of(s, st->wire->fd);
    ck_assert_int_ne(pid, 0);
    return pid;
}

struct wire *wire_to_another_child(const struct server *s, pid_t pid)
{
    int i;

    for (i = 0; i < MAX_TRIES; i++) {
        struct wire *w = wire_open(s, 0);
        struct request q = {.target = "/", .headers = ""};
        pid_t child;

        http_send(w, &q);
        http_read(w, false);
        child = server_child_of(s, w->fd);
        if (child != 0 && child != pid) {
            return w;
        }
        /* Left open: it occupies that child, the next may go elsewhere. */
    }
    ck_abort_msg("every connection went to the same child");
}
