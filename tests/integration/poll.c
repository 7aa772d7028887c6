#include "poll.h"

#include <check.h>
#include <string.h>

#include "keep.h"
#include "wait.h"

struct answer *poll_once(const struct server *s, const char *query)
{
    return http_get(s, keep_printf(POLL_DEVICE "&wait=0%s", query));
}

struct wire *poll_begin(const struct server *s, const char *query,
                        const char *headers)
{
    struct wire *w = wire_open(s, 0);
    struct request q = {.target = keep_printf(POLL_DEVICE "&%s", query),
                        .headers = headers};
    const char *head_end = NULL;

    http_send(w, &q);
    while (head_end == NULL || head_end[4] == '\0') {
        ck_assert_msg(wire_receive(w, wait_now() + WAIT_MS),
                      "no head: %.2000s", w->bytes);
        head_end = strstr(w->bytes, "\r\n\r\n");
    }
    return w;
}

struct answer *poll_end(struct wire *w)
{
    struct answer *a = http_read(w, false);

    ck_assert_int_eq(a->status, 200);
    ck_assert(w->ended && !w->reset);
    wire_close(w);
    return a;
}

size_t poll_messages(const struct answer *a)
{
    ck_assert_msg(a->status == 200, "no batch: %s%s", a->head, a->body);
    return json_array_size(json_at(a->json, "messages"));
}

const char *poll_next(const struct answer *a)
{
    return keep_printf("&id=%s", json_text_at(a->json, "cursor"));
}

bool poll_more(const struct answer *a)
{
    const json_t *more = json_at(a->json, "more");

    ck_assert(json_is_boolean(more));
    return json_is_true(more);
}

const char *poll_text(const struct answer *a, int index)
{
    return json_text_at(a->json, keep_printf("messages.%d.text", index));
}
