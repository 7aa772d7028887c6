/*
 * What a message is beside its payload, for a client that asks (`meta`): its
 * content type, channel, urgency, time and trace.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "case.h"
#include "keep.h"
#include "poll.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define ALL "&meta=type,channel,urgency,time"

/* The fields of the event with this data, between its id and that. */
static const char *fields_of(struct stream *st, const char *data)
{
    const char *field = keep_printf("\ndata: %s\n\n", data);
    const char *end = strstr(st->wire->bytes, field);
    const char *at;

    while (end == NULL) {
        ck_assert_msg(wire_receive(st->wire, wait_now() + WAIT_MS),
                      "no event \"%s\"", data);
        end = strstr(st->wire->bytes, field);
    }
    at = end;
    while (at > st->wire->bytes && memcmp(at, "\nid: ", 5) != 0) {
        at--;
    }
    at = strchr(at + 1, '\n') + 1;
    return at > end ? "" : keep_copy(at, (size_t)(end - at));
}

/* Cuts the field `time` off; it must be of the last minute. */
static const char *without_time(const char *fields)
{
    const char *at = strstr(fields, "time: ");
    int64_t now = (int64_t)time(NULL) * 1000;
    char *end;
    long long when;

    ck_assert_msg(at != NULL, "no time in \"%s\"", fields);
    when = strtoll(at + 6, &end, 10);
    ck_assert_str_eq(end, "");
    ck_assert_int_lt(llabs(when - now), 60000);
    return keep_copy(fields, (size_t)(at - fields));
}

START_TEST(who_does_not_ask_is_not_told)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&channel=news",
                                    NULL);

    publish(s, "channel=news", "Content-Type: text/html\r\nUrgency: high\r\n",
            "x");
    ck_assert_str_eq(fields_of(st, "x"), "");
}
END_TEST

START_TEST(who_asks_is_told_of_every_message)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(
        s, "user=ada&device=d&seq=0&channel=n%C3%A9ws&channel=b" ALL, NULL);

    publish(s, "channel=n%C3%A9ws",
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Urgency: low\r\nPush-Event: e\r\n",
            "to a channel");
    ck_assert_str_eq(without_time(fields_of(st, "to a channel")),
                     "event: e\ntype: text/plain; charset=utf-8\n"
                     "channel: n\xc3\xa9ws\nurgency: low\n");
    publish(s, "user=ada", NULL, "to ada");
    ck_assert_str_eq(without_time(fields_of(st, "to ada")),
                     "urgency: normal\n");
    publish(s, "broadcast=1", "Urgency: very-low\r\n", "to all");
    ck_assert_str_eq(without_time(fields_of(st, "to all")),
                     "urgency: very-low\n");
}
END_TEST

START_TEST(only_what_was_asked_for_is_told)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(
        s, "user=ada&device=d&seq=0&channel=c&meta=channel,type", NULL);

    publish(s, "channel=c", "Content-Type: a/b\r\nUrgency: high\r\n", "x");
    ck_assert_str_eq(fields_of(st, "x"), "type: a/b\nchannel: c");
}
END_TEST

START_TEST(a_line_of_json_says_the_type_by_a_member)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&meta=type",
                                    NULL);

    publish_lines(s, "{\"user\":\"ada\",\"type\":\"a/b\",\"text\":\"1\"}\n"
                     "{\"user\":\"ada\",\"text\":\"2\"}\n"
                     "{\"user\":\"ada\",\"type\":\"\\u0061/c\","
                     "\"data\":3}\n");
    ck_assert_str_eq(fields_of(st, "1"), "type: a/b");
    ck_assert_str_eq(fields_of(st, "2"), "");
    ck_assert_str_eq(fields_of(st, "3"), "type: a/c");
}
END_TEST

/* ---- traces ---- */

#define TRACE    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define NO_TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"

static const char *trace_of(const struct server *s, const char *mid)
{
    const json_t *trace = json_at(life_of(s, mid), "traceparent");

    return trace ? json_string_value(trace) : "";
}

START_TEST(the_trace_of_a_publish_is_told_to_who_asks)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(
        s, "user=ada&device=d&seq=0&channel=c&meta=trace,urgency", NULL);
    struct stream *other = stream_open(s, "user=ada&device=e&seq=0", NULL);
    const char *mid;

    mid = publish(s, "user=ada", "traceparent: " TRACE "\r\n", "a");
    ck_assert_str_eq(fields_of(st, "a"), "urgency: normal\ntrace: " TRACE);
    ck_assert_str_eq(fields_of(other, "a"), "");
    ck_assert_str_eq(trace_of(s, mid), TRACE);
    mid = publish(s, "channel=c",
                  "Traceparent: " TRACE "\r\nPush-Event: e\r\n"
                  "Content-Type: a/b\r\n",
                  "b");
    ck_assert_str_eq(fields_of(st, "b"),
                     "event: e\nurgency: normal\ntrace: " TRACE);
    ck_assert_str_eq(trace_of(s, mid), TRACE);
    mid = publish(s, "user=ada", NULL, "c");
    ck_assert_str_eq(fields_of(st, "c"), "urgency: normal");
    ck_assert_str_eq(trace_of(s, mid), "");
}
END_TEST

START_TEST(a_malformed_trace_is_as_none_in_a_header_and_an_error_in_a_line)
{
    struct server *s = server_start(NULL);
    const char *mid;
    struct answer *a;

    mid = publish(s, "user=ada", "traceparent: " NO_TRACE "\r\n", "a");
    ck_assert_str_eq(trace_of(s, mid), "");
    mid = publish(s, "user=ada",
                  "traceparent: " TRACE "\r\ntraceparent: " TRACE "\r\n", "a");
    ck_assert_str_eq(trace_of(s, mid), "");
    a = publish_lines(s, "{\"user\":\"ada\",\"text\":\"b\","
                         "\"traceparent\":\"" NO_TRACE "\"}\n");
    ck_assert_ptr_nonnull(strstr(a->body, "bad-member"));
    ck_assert_ptr_nonnull(strstr(a->body, "\"traceparent: "));
    a = publish_lines(s, "{\"user\":\"ada\",\"text\":\"b\","
                         "\"traceparent\":7}\n");
    ck_assert_ptr_nonnull(strstr(a->body, "\"traceparent: a string"));
}
END_TEST

START_TEST(lines_and_polls_have_the_trace_as_members)
{
    struct server *s = server_start(NULL);
    struct answer *a;

    poll_once(s, "");
    publish_lines(s, "{\"user\":\"ada\",\"event\":\"e\",\"data\":1,"
                     "\"traceparent\":\"" TRACE "\"}\n"
                     "{\"user\":\"ada\",\"data\":2}\n");
    a = poll_once(s, "&meta=trace");
    ck_assert_str_eq(json_text_at(a->json, "messages.0.trace"), TRACE);
    ck_assert_str_eq(json_text_at(a->json, "messages.0.event"), "e");
    ck_assert_int_eq(json_int_at(a->json, "messages.0.data"), 1);
    ck_assert_ptr_null(json_at(a->json, "messages.1.trace"));
    a = poll_once(s, "&meta=time");
    ck_assert_ptr_null(json_at(a->json, "messages.0.trace"));
}
END_TEST

START_TEST(a_trace_comes_back_from_disk)
{
    struct server_options o = {.global = "PushStateDir state\n"
                                         "PushDurability commit\n"};
    struct server *s = server_start(&o);
    const char *mid = publish(
        s, "user=ada", "traceparent: " TRACE "\r\nPush-Event: e\r\n", "a");
    struct stream *st;

    server_kill(s);
    server_again(s);
    ck_assert_str_eq(trace_of(s, mid), TRACE);
    st = stream_open(s, "user=ada&device=d&seq=0&meta=trace", NULL);
    ck_assert_str_eq(fields_of(st, "a"), "event: e\ntrace: " TRACE);
}
END_TEST

/* ---- streams that move, messages in parts ---- */

/* The stream is another child's then. */
START_TEST(a_stream_that_moved_is_told_on)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(
        s, "user=ada&device=d&seq=0&channel=c" ALL ",trace", NULL);

    publish(s, "channel=c", NULL, "before");
    without_time(fields_of(st, "before"));
    server_graceful(s);
    publish(s, "channel=c", "Content-Type: a/b\r\n", "after");
    ck_assert_str_eq(without_time(fields_of(st, "after")),
                     "type: a/b\nchannel: c\nurgency: normal\n");
    publish(s, "user=ada", "traceparent: " TRACE "\r\n", "traced");
    ck_assert_ptr_nonnull(strstr(fields_of(st, "traced"), "trace: " TRACE));
}
END_TEST

START_TEST(a_large_message_that_is_written_in_parts_has_its_fields_once)
{
    static char payload[60001];
    struct server *s = server_start(NULL);
    struct stream *st = stream_open_narrow(
        s, "user=ada&device=d&seq=0&channel=c" ALL);

    for (size_t i = 0; i < sizeof(payload) - 1; i++) {
        payload[i] = i % 60 == 59 ? '\n' : 'x';
    }
    for (int i = 1; i <= 40; i++) {
        publish(s, "channel=c", NULL, payload);
    }
    for (int i = 1; i <= 40; i++) {
        const struct event *e = stream_next(st);

        ck_assert_int_eq(e->seq, i);
        ck_assert_str_eq(e->data, payload);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("meta");
    TCase *tc = case_add(suite, "meta", 60);

    tcase_add_test(tc, who_does_not_ask_is_not_told);
    tcase_add_test(tc, who_asks_is_told_of_every_message);
    tcase_add_test(tc, only_what_was_asked_for_is_told);
    tcase_add_test(tc, a_line_of_json_says_the_type_by_a_member);
    tcase_add_test(tc, the_trace_of_a_publish_is_told_to_who_asks);
    tcase_add_test(
        tc, a_malformed_trace_is_as_none_in_a_header_and_an_error_in_a_line);
    tcase_add_test(tc, lines_and_polls_have_the_trace_as_members);
    tcase_add_test(tc, a_trace_comes_back_from_disk);
    tcase_add_test(tc, a_stream_that_moved_is_told_on);
    tcase_add_test(
        tc, a_large_message_that_is_written_in_parts_has_its_fields_once);
    return case_run(suite);
}
