/*
 * Device contexts: each has a mailbox of its own, the newest stream of one
 * wins, and the administration sees them.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"
#include "wire.h"

START_TEST(each_device_of_a_user_gets_the_message_and_acknowledges_itself)
{
    struct server *s = server_start(NULL);
    struct stream *one = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct stream *two = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    struct answer *a = publish_try(s, "user=ada", NULL, "hello");
    const char *mid = json_text_at(a->json, "id");

    ck_assert_int_eq(json_int_at(a->json, "recipients"), 2);
    expect_message(one, 1, "hello");
    expect_message(two, 1, "hello");
    acknowledge(s, "user=ada&device=d1&seq=1");
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
    ck_assert_int_eq(count_of(s, mid, "in-flight"), 1);
    stream_close(one);
    stream_close(two);
    publish(s, "user=ada", NULL, "marker");
    one = stream_open(s, "user=ada&device=d1&seq=1", NULL);
    expect_message(one, 2, "marker");
    two = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    expect_message(two, 1, "hello");
    expect_message(two, 2, "marker");
}
END_TEST

START_TEST(a_message_to_one_device_reaches_only_it)
{
    struct server *s = server_start(NULL);
    struct stream *one = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct stream *two = stream_open(s, "user=ada&device=d2&seq=0", NULL);

    publish(s, "user=ada&device=d2", NULL, "only two");
    publish(s, "user=ada", NULL, "both");
    expect_message(one, 1, "both");
    expect_message(two, 1, "only two");
    expect_message(two, 2, "both");
}
END_TEST

START_TEST(the_first_device_of_a_user_gets_what_waits)
{
    struct server *s = server_start(NULL);
    struct answer *a = publish_try(s, "user=ada", NULL, "early");
    struct stream *st;

    ck_assert_int_eq(a->status, 201);
    ck_assert_int_eq(json_int_at(a->json, "recipients"), 0);
    st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    expect_message(st, 1, "early");
    /* And the next device that appears, too. */
    st = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    expect_message(st, 1, "early");
}
END_TEST

START_TEST(a_message_to_a_device_waits_for_it)
{
    struct server *s = server_start(NULL);
    struct stream *st;

    publish(s, "user=ada&device=d2", NULL, "early");
    publish(s, "user=ada", NULL, "marker");
    st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    expect_message(st, 1, "marker");
    st = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    expect_message(st, 1, "early");
    expect_message(st, 2, "marker");
}
END_TEST

START_TEST(two_users_never_share_a_context)
{
    struct server *s = server_start(NULL);
    struct stream *ada = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct stream *bob = stream_open(s, "user=bob&device=d1&seq=0", NULL);
    struct stream *app = stream_open(s, "user=ada&device=d1&app=other&seq=0",
                                     NULL);
    const char *id = stream_header(ada, "Push-Device");

    ck_assert_uint_eq(strlen(id), 22);
    ck_assert_str_ne(id, stream_header(bob, "Push-Device"));
    ck_assert_str_ne(id, stream_header(app, "Push-Device"));
}
END_TEST

#define DESCRIBED                                                             \
    "user=ada&device=d1&app=rider&app_version=5.1&os=android&"                \
    "os_version=14&locale=pt-BR&channel=news&seq=0"

START_TEST(a_device_is_shown_with_what_is_known_of_it)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, DESCRIBED,
                                    "User-Agent: test/7 (x)\r\n");
    const char *id = stream_header(st, "Push-Device");
    struct answer *a = http_get(s, keep_printf("/push/devices/%s", id));

    http_expect(a, 200, NULL);
    ck_assert_str_eq(json_text_at(a->json, "id"), id);
    ck_assert_str_eq(json_text_at(a->json, "user"), "ada");
    ck_assert_str_eq(json_text_at(a->json, "device"), "d1");
    ck_assert_str_eq(json_text_at(a->json, "app"), "rider");
    ck_assert_str_eq(json_text_at(a->json, "app_version"), "5.1");
    ck_assert_str_eq(json_text_at(a->json, "os"), "android");
    ck_assert_str_eq(json_text_at(a->json, "os_version"), "14");
    ck_assert_str_eq(json_text_at(a->json, "locale"), "pt-BR");
    ck_assert_str_eq(json_text_at(a->json, "user_agent"), "test/7 (x)");
    ck_assert_str_eq(json_text_at(a->json, "address"), "127.0.0.1");
    ck_assert_str_eq(json_text_at(a->json, "channels.0"), "news");
    ck_assert(json_is_true(json_at(a->json, "online")));
    ck_assert_int_le(json_int_at(a->json, "first_seen"),
                     json_int_at(a->json, "last_seen"));
}
END_TEST

#define E4 "%c3%a9%c3%a9%c3%a9%c3%a9"
#define E8 E4 E4

START_TEST(what_is_cut_within_a_character_stays_readable_before_it)
{
    struct server *s = server_start(NULL);
    struct answer *a;
    const char *os;

    /* Of 192 bytes 54 are left for os: the x, and 26 characters and a half. */
    stream_open(s,
                "user=ada&device=d&app=" E8 E8 E8 E8
                "&app_version=" E8 E8 E8 E8 "&os=x" E8 E8 E8 E4,
                NULL);
    a = http_get(s, "/push/users/ada/devices");
    ck_assert_int_eq(a->status, 200);
    os = json_text_at(a->json, "devices.0.os");
    ck_assert_uint_eq(strlen(os), 54);
    ck_assert_int_eq(strncmp(os, "x\xc3\xa9\xc3\xa9", 5), 0);
    ck_assert_str_eq(os + 51, "\xc3\xa9?");
}
END_TEST

START_TEST(what_describes_a_device_is_refreshed_at_every_connect)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(
        s, "user=ada&device=d1&app_version=1&seq=0", NULL);
    const char *target = keep_printf("/push/devices/%s",
                                     stream_header(st, "Push-Device"));
    struct answer *a;

    stream_close(st);
    st = stream_open(s, "user=ada&device=d1&app_version=2&seq=0", NULL);
    a = http_get(s, target);
    ck_assert_str_eq(json_text_at(a->json, "app_version"), "2");
}
END_TEST

START_TEST(the_devices_of_a_user_are_listed_with_their_mailboxes)
{
    struct server *s = server_start(NULL);
    struct stream *one = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct stream *two = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    const char *target = "/push/users/ada/devices";
    const json_t *devices, *d1;
    struct answer *a;

    leave(s, two);
    publish(s, "user=ada", NULL, "a");
    publish(s, "user=ada", NULL, "b");
    expect_message(one, 1, "a");
    expect_message(one, 2, "b");
    acknowledge(s, "user=ada&device=d1&seq=1");
    a = http_get(s, target);
    http_expect(a, 200, NULL);
    ck_assert_str_eq(json_text_at(a->json, "user"), "ada");
    devices = json_at(a->json, "devices");
    ck_assert_uint_eq(json_array_size(devices), 2);
    d1 = json_at(devices, "0");
    if (strcmp(json_text_at(d1, "device"), "d1") != 0) {
        d1 = json_at(devices, "1");
    }
    ck_assert(json_is_true(json_at(d1, "online")));
    ck_assert_int_eq(json_int_at(d1, "pending"), 0);
    ck_assert_int_eq(json_int_at(d1, "in_flight"), 1);
    ck_assert_int_gt(json_int_at(d1, "last_ack"), 0);
    d1 = json_at(devices, d1 == json_at(devices, "0") ? "1" : "0");
    ck_assert_str_eq(json_text_at(d1, "device"), "d2");
    ck_assert(json_is_false(json_at(d1, "online")));
    ck_assert_int_eq(json_int_at(d1, "pending"), 2);
    ck_assert(json_is_null(json_at(d1, "last_ack")));
}
END_TEST

START_TEST(who_is_not_known_has_no_devices)
{
    struct server *s = server_start(NULL);
    struct answer *a = http_get(s, "/push/users/nobody/devices");

    if (a->status != 404) {
        http_expect(a, 200, NULL);
        ck_assert_uint_eq(json_array_size(json_at(a->json, "devices")), 0);
    }
    http_expect(http_get(s, "/push/devices/AAAAAAAAAAAAAAAAAAAAAA"), 404,
                NULL);
}
END_TEST

/* No heartbeat helps: the older stream is told by itself. */
#define RARE_BEATS "PushUser query:user\nPushHeartbeat 600"

START_TEST(the_newest_stream_of_a_device_takes_over)
{
    struct server_options o = {.children = 1 + _i, .receive = RARE_BEATS};
    struct server *s = server_start(&o);
    struct stream *old = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct stream *new;

    publish(s, "user=ada", NULL, "a");
    expect_message(old, 1, "a");
    new = stream_open(s, "user=ada&device=d1&seq=1", NULL);
    stream_expect_bye(old, "superseded");
    ck_assert_int_eq(old->retry, 30000);
    publish(s, "user=ada", NULL, "b");
    expect_message(new, 2, "b");
    wait_until(stat_of(s, "streams") == 1);
}
END_TEST

static void signal_children(const struct server *s, int number)
{
    pid_t pids[8];

    for (int i = server_children(s, pids, 8); i > 0; i--) {
        kill(pids[i - 1], number);
    }
}

/* Who reads the request finds the end of its connection behind it. */
static void give_up_at_once(const struct server *s, const char *query)
{
    struct wire *w = wire_open(s, 0);
    char request[200];
    int length = snprintf(request, sizeof(request),
                          "GET /ramen/receive?%s HTTP/1.1\r\n"
                          "Host: test\r\n\r\n",
                          query);

    signal_children(s, SIGSTOP);
    ck_assert_int_eq(send(w->fd, request, (size_t)length, MSG_MORE), length);
    wire_close(w);
    signal_children(s, SIGCONT);
}

START_TEST(an_attempt_that_its_client_gave_up_changes_nothing)
{
    struct server_options o = {.children = 1 + _i, .receive = RARE_BEATS};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);

    publish(s, "user=ada", NULL, "a");
    expect_message(st, 1, "a");
    give_up_at_once(s, "user=ada&device=d1&seq=1");
    wait_until(serverlog_count(s, "PUSH0060:") == 1);
    publish(s, "user=ada", NULL, "b");
    expect_message(st, 2, "b");
}
END_TEST

START_TEST(takeovers_in_a_row_leave_one_stream)
{
    struct server_options o = {.children = 1 + 3 * _i, .receive = RARE_BEATS};
    struct server *s = server_start(&o);
    struct stream *streams[20];
    int i;

    for (i = 0; i < 20; i++) {
        streams[i] = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    }
    for (i = 0; i < 19; i++) {
        stream_expect_bye(streams[i], "superseded");
    }
    publish(s, "user=ada", NULL, "a");
    expect_message(streams[19], 1, "a");
    wait_until(stat_of(s, "streams") == 1);
}
END_TEST

START_TEST(a_stream_without_device_gets_one_made_up_in_its_cursor)
{
    struct server *s = server_start(NULL);
    struct stream *one = stream_open(s, "user=ada", NULL);
    struct stream *two = stream_open(s, "user=ada", NULL);
    const struct event *e1, *e2;

    publish(s, "user=ada", NULL, "a");
    e1 = stream_next(one);
    e2 = stream_next(two);
    ck_assert_str_eq(e1->data, "a");
    ck_assert_str_eq(e2->data, "a");
    ck_assert_uint_gt(strlen(e1->device), 0);
    ck_assert_str_ne(e1->device, e2->device);
    stream_close(one);
    publish(s, "user=ada", NULL, "b");
    /* The cursor finds its context again: only b is new to it. */
    one = stream_open(s, "user=ada",
                      keep_printf("Last-Event-ID: %s\r\n", e1->id));
    e1 = stream_next(one);
    ck_assert_int_eq(e1->seq, 2);
    ck_assert_str_eq(e1->data, "b");
}
END_TEST

START_TEST(a_made_up_device_of_another_user_is_not_taken)
{
    struct server *s = server_start(NULL);
    struct stream *ada = stream_open(s, "user=ada", NULL);
    struct stream *bob;
    const struct event *e;

    publish(s, "user=ada", NULL, "secret");
    e = stream_next(ada);
    publish(s, "user=ada", NULL, "more");
    bob = stream_open(s, "user=bob",
                      keep_printf("Last-Event-ID: %s\r\n", e->id));
    publish(s, "user=bob", NULL, "for bob");
    ck_assert_str_eq(stream_next(bob)->data, "for bob");
    ck_assert_str_eq(stream_next(ada)->data, "more");
}
END_TEST

START_TEST(a_user_has_at_most_so_many_streams)
{
    struct server_options o = {.receive = "PushUser query:user\n"
                                          "PushMaxStreamsPerUser 2"};
    struct server *s = server_start(&o);
    struct stream *st;

    stream_open(s, "user=ada&device=d1&seq=0", NULL);
    stream_open(s, "user=ada&device=d2&seq=0", NULL);
    stream_open(s, "user=bob&device=d1&seq=0", NULL);
    st = stream_try(s, "user=ada&device=d3&seq=0", "Push-Client: test/1\r\n");
    ck_assert_msg(st->status == 429 || st->status == 503, "%s", st->head);
    ck_assert_ptr_nonnull(stream_header(st, "Retry-After"));
    /* A device that is there already may come again. */
    st = stream_open(s, "user=ada&device=d2&seq=0", NULL);
    publish(s, "user=ada", NULL, "x");
    expect_message(st, 1, "x");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("devices");
    TCase *tc = case_add(suite, "mailboxes", 30);

    tcase_add_test(
        tc, each_device_of_a_user_gets_the_message_and_acknowledges_itself);
    tcase_add_test(tc, a_message_to_one_device_reaches_only_it);
    tcase_add_test(tc, the_first_device_of_a_user_gets_what_waits);
    tcase_add_test(tc, a_message_to_a_device_waits_for_it);
    tcase_add_test(tc, two_users_never_share_a_context);
    tc = case_add(suite, "listing", 30);
    tcase_add_test(tc, a_device_is_shown_with_what_is_known_of_it);
    tcase_add_test(tc,
                   what_is_cut_within_a_character_stays_readable_before_it);
    tcase_add_test(tc, what_describes_a_device_is_refreshed_at_every_connect);
    tcase_add_test(tc, the_devices_of_a_user_are_listed_with_their_mailboxes);
    tcase_add_test(tc, who_is_not_known_has_no_devices);
    tc = case_add(suite, "streams", 30);
    tcase_add_loop_test(tc, the_newest_stream_of_a_device_takes_over, 0, 2);
    tcase_add_loop_test(tc, an_attempt_that_its_client_gave_up_changes_nothing,
                        0, 2);
    tcase_add_loop_test(tc, takeovers_in_a_row_leave_one_stream, 0, 2);
    tcase_add_test(tc, a_stream_without_device_gets_one_made_up_in_its_cursor);
    tcase_add_test(tc, a_made_up_device_of_another_user_is_not_taken);
    tcase_add_test(tc, a_user_has_at_most_so_many_streams);
    return case_run(suite);
}
