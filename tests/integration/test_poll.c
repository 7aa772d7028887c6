/*
 * Polls that do not wait: GET receive with `wait`, answered at once by JSON or
 * by SSE.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "poll.h"
#include "verbs.h"
#include "wait.h"

#define BASE "PushUser query:user\nPushChannels *\n"

static const char *const mpms[] = {"event", "worker", "prefork"};

/* ---- without waiting ---- */

START_TEST(nothing_is_204_and_the_next_poll_gets_what_came_since)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct answer *a = poll_once(s, "");

    ck_assert_int_eq(a->status, 204);
    ck_assert_str_eq(http_header(a, "Push-Cursor"), "0.00000000000");
    ck_assert_str_eq(http_header(a, "Preference-Applied"), "wait=0");
    ck_assert_str_eq(http_header(a, "Cache-Control"),
                     "no-store, private, no-transform");
    ck_assert_ptr_nonnull(http_header(a, "Push-Device"));
    ck_assert_ptr_nonnull(http_header(a, "Push-Session"));
    publish(s, "user=ada", NULL, "one");
    publish(s, "user=ada", "Urgency: high\r\n", "two");
    a = poll_once(s, "&id=0.00000000000");
    ck_assert_uint_eq(poll_messages(a), 2);
    ck_assert_str_eq(http_header(a, "Content-Type"), "application/json");
    ck_assert_str_eq(poll_text(a, 0), "two");
    ck_assert_str_eq(poll_text(a, 1), "one");
    ck_assert(!poll_more(a));
    ck_assert_str_eq(json_text_at(a->json, "cursor"),
                     json_text_at(a->json, "messages.1.id"));
    ck_assert_uint_eq(json_array_size(json_at(a->json, "gaps")), 0);
    ck_assert_int_eq(stat_of(s, "streams"), 0);
}
END_TEST

START_TEST(the_cursor_of_the_next_poll_acknowledges)
{
    struct server *s = server_start(NULL);
    const char *mid, *cursor;
    struct answer *a;

    poll_once(s, "");
    mid = publish(s, "user=ada", NULL, "one");
    a = poll_once(s, "");
    ck_assert_int_eq(count_of(s, mid, "in-flight"), 1);
    cursor = poll_next(a);
    a = poll_once(s, "");
    ck_assert_msg(poll_messages(a) == 1, "it was not acknowledged");
    a = poll_once(s, cursor);
    ck_assert_int_eq(a->status, 204);
    ck_assert_str_eq(http_header(a, "Push-Cursor"), cursor + 4);
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    publish(s, "user=ada", NULL, "two");
    a = poll_once(s, cursor);
    ck_assert_str_eq(poll_text(a, 0), "two");
    ck_assert_int_eq(atoi(json_text_at(a->json, "cursor")), 2);
}
END_TEST

START_TEST(a_made_up_device_stays_the_same)
{
    struct server *s = server_start(NULL);
    struct answer *a = http_get(s, "/ramen/receive?user=ada&wait=0");
    const char *cursor = http_header(a, "Push-Cursor");
    const char *device = http_header(a, "Push-Device");

    ck_assert_int_eq(a->status, 204);
    ck_assert_uint_eq(strlen(cursor), strlen("0.00000000000.") + 8);
    publish(s, "user=ada", NULL, "one");
    a = http_get(s,
                 keep_printf("/ramen/receive?user=ada&wait=0&id=%s", cursor));
    ck_assert_str_eq(poll_text(a, 0), "one");
    ck_assert_str_eq(http_header(a, "Push-Device"), device);
    ck_assert_str_eq(strrchr(json_text_at(a->json, "cursor"), '.'),
                     strrchr(cursor, '.'));
}
END_TEST

START_TEST(a_payload_comes_back_as_it_was_published)
{
    struct server *s = server_start(NULL);
    struct answer *a;

    poll_once(s, "");
    publish_lines(s, "{\"user\":\"ada\",\"data\":{\"a\":[1,\"\\u00e9\"]}}\n"
                     "{\"user\":\"ada\",\"text\":\"a\\n\\\"b\\\"\"}\n"
                     "{\"user\":\"ada\",\"base64\":\"//4A\"}\n"
                     "{\"user\":\"ada\",\"text\":\"\",\"event\":\"e\","
                     "\"receipt\":true}\n");
    a = poll_once(s, "&meta=type,channel,urgency,time");
    ck_assert_uint_eq(poll_messages(a), 4);
    ck_assert_str_eq(json_text_at(a->json, "messages.0.data.a.1"), "\xc3\xa9");
    ck_assert_str_eq(poll_text(a, 1), "a\n\"b\"");
    ck_assert_str_eq(json_text_at(a->json, "messages.2.base64"), "//4A");
    ck_assert_str_eq(poll_text(a, 3), "");
    ck_assert_str_eq(json_text_at(a->json, "messages.3.event"), "e");
    ck_assert_str_eq(json_text_at(a->json, "messages.3.ack"), "now");
    ck_assert_str_eq(json_text_at(a->json, "messages.3.urgency"), "normal");
    json_int_at(a->json, "messages.3.time");
    ck_assert_ptr_null(json_at(a->json, "messages.3.channel"));
}
END_TEST

START_TEST(a_batch_is_bounded_and_says_that_there_is_more)
{
    struct server *s = server_start(NULL);
    const char *lines = "", *cursor = "";
    struct answer *a;
    int i;

    poll_once(s, "");
    for (i = 0; i < 250; i++) {
        lines = keep_printf("%s{\"user\":\"ada\",\"text\":\"m%d\"}\n", lines,
                            i);
    }
    publish_lines(s, lines);
    for (i = 0; i < 250; i += 120) {
        a = poll_once(s, cursor);
        ck_assert_uint_eq(poll_messages(a), i < 240 ? 120 : 10);
        ck_assert_str_eq(poll_text(a, 0), keep_printf("m%d", i));
        ck_assert_int_eq(poll_more(a), i < 240);
        cursor = poll_next(a);
    }
    ck_assert_int_eq(poll_once(s, cursor)->status, 204);
}
END_TEST

START_TEST(a_window_that_is_full_is_told_as_more)
{
    struct server_options o = {.receive = BASE "PushMaxInFlight 2"};
    struct server *s = server_start(&o);
    struct answer *a;

    poll_once(s, "");
    publish_lines(s, "{\"user\":\"ada\",\"text\":\"1\"}\n"
                     "{\"user\":\"ada\",\"text\":\"2\"}\n"
                     "{\"user\":\"ada\",\"text\":\"3\"}\n");
    a = poll_once(s, "&ack=implicit");
    ck_assert_uint_eq(poll_messages(a), 2);
    ck_assert(poll_more(a));
    a = poll_once(s, poll_next(a));
    ck_assert_uint_eq(poll_messages(a), 1);
    ck_assert(!poll_more(a));
}
END_TEST

START_TEST(polls_share_a_connection)
{
    struct server *s = server_start(NULL);
    struct wire *w = wire_open(s, 0);
    struct request q = {.target = POLL_DEVICE "&wait=0"};
    struct answer *a;
    int i;

    for (i = 0; i < 3; i++) {
        http_send(w, &q);
        a = http_read(w, false);
        ck_assert_int_eq(a->status, 204);
        ck_assert(!a->closed);
    }
    publish(s, "user=ada", NULL, "x");
    q.target = POLL_DEVICE "&wait=30";
    http_send(w, &q);
    a = http_read(w, false);
    ck_assert_uint_eq(poll_messages(a), 1);
    ck_assert(!a->closed);
    http_send(w, &q);
    ck_assert_uint_eq(poll_messages(http_read(w, false)), 1);
    wire_close(w);
}
END_TEST

/* ---- how the answer looks ---- */

static const struct {
    const char *accept;
    bool events;
} accepts[] = {
    {"", false},
    {"*/*", false},
    {"text/event-stream", true},
    {"application/json", false},
    {"application/json, text/event-stream", false},
    {"text/event-stream;q=0.9, application/json;q=0.5", true},
    {"text/event-stream ; q=0.4 , */*;q=0.5", false},
    {"text/*", true},
    {"text/html", false},
};

START_TEST(accept_chooses_between_json_and_events)
{
    struct server *s = server_start(NULL);
    const char *accept = *accepts[_i].accept ? keep_printf("Accept: %s\r\n",
                                                           accepts[_i].accept)
                                             : "";
    struct answer *a;

    poll_once(s, "");
    publish(s, "user=ada", NULL, "{}");
    a = http_do(s, "GET", POLL_DEVICE "&wait=0", accept, NULL);
    ck_assert_int_eq(a->status, 200);
    if (!accepts[_i].events) {
        ck_assert_uint_eq(poll_messages(a), 1);
        return;
    }
    ck_assert_str_eq(http_header(a, "Content-Type"),
                     "text/event-stream; charset=utf-8");
    ck_assert_int_eq(strncmp(a->body, "retry: ", 7), 0);
    ck_assert_ptr_nonnull(strstr(a->body, "\n\nid: 1."));
    ck_assert_str_eq(strstr(a->body, "\ndata: "), "\ndata: {}\n\n");
}
END_TEST

static const char *const bad[] = {"wait=",        "wait=-1",
                                  "wait=1.5",     "wait=a",
                                  "wait=31",      "wait=99999999999999999999",
                                  "wait=1&wait=2"};

START_TEST(a_wait_out_of_range_is_refused)
{
    struct server_options o = {.receive = BASE "PushMaxWait 30"};
    struct server *s = server_start(&o);
    struct answer *a = http_get(s, keep_printf(POLL_DEVICE "&%s", bad[_i]));

    http_expect(a, 400, "wait: ");
    ck_assert(strstr(bad[_i], "&") || strstr(a->body, "from 0 to 30"));
}
END_TEST

static const struct {
    const char *prefer;
    const char *applied; /* NULL: it is no poll */
} prefers[] = {
    {"wait=0", "wait=0"},   {"respond-async, wait=0", "wait=0"},
    {"WAIT = 0", "wait=0"}, {"wait=3600", "wait=30"},
    {"wait", NULL},         {"wait=x", NULL},
    {"nowait=0", NULL},
};

START_TEST(the_preference_is_as_good_as_the_parameter)
{
    struct server_options o = {.receive = BASE "PushMaxWait 30"};
    struct server *s = server_start(&o);
    struct answer *a = http_do(
        s, "HEAD", POLL_DEVICE,
        keep_printf("Prefer: %s\r\n", prefers[_i].prefer), NULL);

    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(http_header(a, "Content-Type"),
                     prefers[_i].applied ? "application/json"
                                         : "text/event-stream; charset=utf-8");
    if (prefers[_i].applied) {
        ck_assert_str_eq(http_header(a, "Preference-Applied"),
                         prefers[_i].applied);
    }
    a = http_do(s, "GET", POLL_DEVICE "&wait=0", "Prefer: wait=5\r\n", NULL);
    ck_assert_int_eq(a->status, 204);
}
END_TEST

/* ---- gaps ---- */

START_TEST(gaps_stand_beside_the_messages)
{
    struct server_options o = {.global = "PushMaxPending 2"};
    struct server *s = server_start(&o);
    struct answer *a;

    poll_once(s, "");
    publish(s, "user=ada", NULL, "1");
    publish(s, "user=ada", NULL, "2");
    publish(s, "user=ada", NULL, "3");
    a = poll_once(s, "");
    ck_assert_uint_eq(poll_messages(a), 2);
    ck_assert_int_eq(json_int_at(a->json, "gaps.0.dropped"), 1);
    ck_assert_str_eq(json_text_at(a->json, "gaps.0.reason"), "mailbox");
    ck_assert_str_eq(json_text_at(a->json, "gaps.0.urgency"), "normal");
    ck_assert_int_eq(poll_once(s, poll_next(a))->status, 204);
}
END_TEST

START_TEST(a_gap_alone_is_told_at_the_end_of_the_wait)
{
    struct server_options o = {.global = "PushMaxPending 1"};
    struct server *s = server_start(&o);
    struct answer *a;
    const char *mid;

    poll_once(s, "");
    publish(s, "user=ada", NULL, "1");
    mid = publish(s, "user=ada", NULL, "2");
    http_do(s, "DELETE", keep_printf("/push/messages/%s", mid), NULL, NULL);
    a = poll_once(s, "");
    ck_assert_uint_eq(poll_messages(a), 0);
    ck_assert_int_eq(json_int_at(a->json, "gaps.0.dropped"), 1);
    ck_assert_ptr_null(json_at(a->json, "cursor"));
    a = poll_end(poll_begin(s, "wait=1", NULL));
    ck_assert_uint_eq(poll_messages(a), 0);
    ck_assert_int_eq(json_int_at(a->json, "gaps.0.dropped"), 1);
    publish(s, "user=ada", NULL, "3");
    a = http_get(s, POLL_DEVICE "&wait=30");
    ck_assert_uint_eq(poll_messages(a), 1);
    ck_assert_int_eq(json_int_at(a->json, "gaps.0.dropped"), 1);
    ck_assert_int_eq(poll_once(s, poll_next(a))->status, 204);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("poll");
    TCase *tc = case_add(suite, "once", 60);

    tcase_add_row_test(
        tc, nothing_is_204_and_the_next_poll_gets_what_came_since, mpms);
    tcase_add_test(tc, the_cursor_of_the_next_poll_acknowledges);
    tcase_add_test(tc, a_made_up_device_stays_the_same);
    tcase_add_test(tc, a_payload_comes_back_as_it_was_published);
    tcase_add_test(tc, a_batch_is_bounded_and_says_that_there_is_more);
    tcase_add_test(tc, a_window_that_is_full_is_told_as_more);
    tcase_add_test(tc, polls_share_a_connection);
    tc = case_add(suite, "form", 60);
    tcase_add_row_test(tc, accept_chooses_between_json_and_events, accepts);
    tcase_add_row_test(tc, a_wait_out_of_range_is_refused, bad);
    tcase_add_row_test(tc, the_preference_is_as_good_as_the_parameter,
                       prefers);
    tc = case_add(suite, "gaps", 60);
    tcase_add_test(tc, gaps_stand_beside_the_messages);
    tcase_add_test(tc, a_gap_alone_is_told_at_the_end_of_the_wait);
    return case_run(suite);
}
