/*
 * The bytes of the stream: head, opening, fields; what a publisher cannot
 * forge.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static const char *const heads[][2] = {
    {"Content-Type", "text/event-stream;charset=utf-8"},
    {"Cache-Control", "no-store,private,no-transform"},
    {"Vary", "Origin,Cookie,Authorization"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Accel-Buffering", "no"},
    {"Connection", "close"},
    {"Transfer-Encoding", NULL},
    {"Content-Length", NULL},
    {"Content-Encoding", NULL},
};

static const char *without_spaces(const char *text)
{
    char *copy = keep_copy(text, strlen(text));
    char *to = copy;

    for (; *text != '\0'; text++) {
        *to = *text;
        to += *text != ' ';
    }
    *to = '\0';
    return copy;
}

START_TEST(the_head_of_a_stream_is_as_the_protocol_says)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    size_t i;

    for (i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        const char *value = stream_header(st, heads[i][0]);

        if (heads[i][1] == NULL) {
            ck_assert_msg(value == NULL, "%s: %s", heads[i][0], value);
            continue;
        }
        ck_assert_msg(value != NULL, "no %s", heads[i][0]);
        ck_assert_str_eq(without_spaces(value), heads[i][1]);
    }
    ck_assert_uint_eq(strlen(stream_header(st, "Push-Device")), 22);
}
END_TEST

START_TEST(a_stream_begins_with_a_jittered_retry)
{
    struct server *s = server_start(NULL);
    int64_t first = -1;
    bool differs = false;
    int i;

    for (i = 0; i < 20; i++) {
        struct stream *st = stream_open(
            s, keep_printf("user=u%d&device=d&seq=0", i), NULL);

        while (strchr(st->wire->bytes, '\n') == NULL) {
            ck_assert(wire_receive(st->wire, wait_now() + WAIT_MS));
        }
        ck_assert_int_eq(sscanf(st->wire->bytes, "retry: %ld\n", &st->retry),
                         1);
        ck_assert_int_ge(st->retry, 500);
        ck_assert_int_le(st->retry, 2000);
        differs = differs || (first >= 0 && st->retry != first);
        first = st->retry;
    }
    ck_assert(differs);
}
END_TEST

START_TEST(an_event_has_no_byte_more_than_it_needs)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    const char *mid = publish(s, "user=ada", NULL, "hello");
    const char *want = keep_printf("id: 1.%s\ndata: hello\n\n", mid);
    const char *at = NULL;

    while (at == NULL) {
        ck_assert(wire_receive(st->wire, wait_now() + WAIT_MS));
        at = strstr(st->wire->bytes, want);
    }
    ck_assert_str_eq(at, want);
    ck_assert_uint_eq(strlen(mid), 11);
}
END_TEST

START_TEST(type_and_receipt_stand_in_fields_of_their_own)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct answer *a = publish_try(
        s, "user=ada",
        "Push-Event: trip.accepted\r\nPrefer: respond-async\r\n",
        "{\"trip\":9}");
    const struct event *e = stream_next(st);
    const char *link = http_header(a, "Link");

    ck_assert_int_eq(a->status, 202);
    ck_assert_ptr_nonnull(link);
    ck_assert_str_eq(link, keep_printf("</push/receipts/%s?user=ada>; "
                                       "rel=\"urn:ietf:params:push:receipt\"",
                                       json_text_at(a->json, "id")));
    ck_assert_str_eq(e->type, "trip.accepted");
    ck_assert_str_eq(e->data, "{\"trip\":9}");
    ck_assert_str_eq(e->ack, "now");
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

/* A payload, and the data of its event as a client puts it together. */
static const struct {
    const char *bytes;
    size_t length;
    const char *data;
    const char *enc;
} payloads[] = {
    {BYTES("a\nb"), "a\nb", ""},
    {BYTES("a\rb"), "a\nb", ""},
    {BYTES("a\r\nb"), "a\nb", ""},
    {BYTES("a\n\nb"), "a\n\nb", ""},
    {BYTES("a\n"), "a\n", ""},
    {BYTES("\n"), "\n", ""},
    {BYTES(" leading"), " leading", ""},
    {BYTES("x\n\nid: 99\nevent: push.bye\ndata: forged\n\n"),
     "x\n\nid: 99\nevent: push.bye\ndata: forged\n\n", ""},
    {BYTES("x\r\rretry: 1\r\r"), "x\n\nretry: 1\n\n", ""},
    {BYTES("\xc3\xa9\xf0\x9f\x9a\x95"), "\xc3\xa9\xf0\x9f\x9a\x95", ""},
    {BYTES("\xff\xfe"), "//4=", "base64"},
    {BYTES("\xc3"), "ww==", "base64"},
    {BYTES("\xed\xa0\x80"), "7aCA", "base64"},
    {BYTES("a\0b"), "YQBi", "base64"},
};

START_TEST(every_payload_arrives_as_it_was_and_forges_nothing)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct request q = {.method = "POST",
                        .target = "/push/messages?user=ada",
                        .body = payloads[_i].bytes,
                        .length = payloads[_i].length};
    const struct event *e;

    ck_assert_int_eq(http_ask(s, &q)->status, 201);
    e = stream_next(st);
    ck_assert_int_eq(e->seq, 1);
    ck_assert_str_eq(e->type, "");
    ck_assert_str_eq(e->data, payloads[_i].data);
    ck_assert_str_eq(e->enc, payloads[_i].enc);
    publish(s, "user=ada", NULL, "marker");
    expect_message(st, 2, "marker");
}
END_TEST

START_TEST(an_empty_payload_is_an_event_with_empty_data)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);

    publish(s, "user=ada", "Push-Event: ping\r\n", "");
    expect_message(st, 1, "");
}
END_TEST

START_TEST(mids_rise_in_the_order_of_publishing)
{
    struct server *s = server_start(NULL);
    const char *before = publish(s, "user=ada", NULL, "x");
    int i;

    for (i = 0; i < 50; i++) {
        const char *mid = publish(s, "user=ada", NULL, "x");

        ck_assert_str_lt(before, mid);
        before = mid;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("framing");
    TCase *tc = case_add(suite, "framing", 30);

    tcase_add_test(tc, the_head_of_a_stream_is_as_the_protocol_says);
    tcase_add_test(tc, a_stream_begins_with_a_jittered_retry);
    tcase_add_test(tc, an_event_has_no_byte_more_than_it_needs);
    tcase_add_test(tc, type_and_receipt_stand_in_fields_of_their_own);
    tcase_add_loop_test(tc, every_payload_arrives_as_it_was_and_forges_nothing,
                        0, sizeof(payloads) / sizeof(*payloads));
    tcase_add_test(tc, an_empty_payload_is_an_event_with_empty_data);
    tcase_add_test(tc, mids_rise_in_the_order_of_publishing);
    return case_run(suite);
}
