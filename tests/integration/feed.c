#include "feed.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "keep.h"
#include "wait.h"

struct feed feed_begin(struct wire *w, const char *headers)
{
    const char *head = keep_printf("POST /push/messages HTTP/1.1\r\n"
                                   "Host: localhost\r\n%s"
                                   "Content-Type: application/x-ndjson\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n",
                                   headers != NULL ? headers : "");

    wire_send(w, head, strlen(head));
    return (struct feed){.wire = w};
}

struct feed feed_open(const struct server *s)
{
    return feed_begin(wire_open(s, 0), NULL);
}

void feed_send(struct feed *f, const char *text)
{
    const char *chunk = keep_printf("%zx\r\n%s\r\n", strlen(text), text);

    ck_assert(wire_send(f->wire, chunk, strlen(chunk)));
}

const json_t *feed_answer(struct feed *f)
{
    int64_t deadline = wait_now() + WAIT_MS;
    struct wire *w = f->wire;

    for (;;) {
        char *open = strchr(w->bytes, '{');
        char *end = open != NULL ? strstr(open, "}\n") : NULL;

        if (end != NULL) {
            json_t *json = json_loadb(open, (size_t)(end - open) + 1, 0, NULL);

            ck_assert_msg(json != NULL, "no JSON: %s", w->bytes);
            wire_take(w, (size_t)(end - w->bytes) + 2);
            return json_keep(json);
        }
        ck_assert_msg(wire_receive(w, deadline), "no answer line; so far: %s",
                      w->bytes);
    }
}

int feed_status(struct feed *f)
{
    const char *head = http_head(f->wire, wait_now() + WAIT_MS);

    ck_assert_msg(head != NULL, "no head: %s", f->wire->bytes);
    return atoi(head + strlen("HTTP/1.1 "));
}

const json_t *feed_end(struct feed *f, const char *type)
{
    int64_t deadline = wait_now() + WAIT_MS;
    const json_t *last = feed_answer(f);
    const json_t *error;

    while (!json_is_true(json_at(last, "end"))) {
        last = feed_answer(f);
    }
    error = json_at(last, "error");
    ck_assert_str_eq(json_text_at(error, "type"),
                     keep_printf("urn:mod_push:problem:%s", type));
    while (wire_receive(f->wire, deadline)) {
    }
    ck_assert_msg(wait_now() < deadline, "the answer does not end");
    ck_assert_msg(strchr(f->wire->bytes, '{') == NULL, "more answers: %s",
                  f->wire->bytes);
    return error;
}
