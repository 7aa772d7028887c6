/*
 * Floods by subscribers: what one user, and all of them together, can bring
 * into being has limits, and the last of the memory is not theirs.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* "&channel=PREFIX0&channel=PREFIX1…", so many. */
static const char *channels(const char *prefix, int count)
{
    char *text = keep_printf("%s", "");

    for (int i = 0; i < count; i++) {
        text = keep_printf("%s&channel=%s%d", text, prefix, i);
    }
    return text;
}

/* Opens a stream of a device and leaves; the status of the answer. */
static int visit(const struct server *s, const char *query)
{
    struct stream *st = stream_try(s, query, "Push-Client: test/1\r\n");
    int status = st->status;

    stream_close(st);
    return status;
}

START_TEST(invented_channels_do_not_stop_publishing)
{
    struct server_options o = {.global = "PushShmSize 4M\n"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    int refused = 0;

    /* Six times of what would fill the memory: 12 users, 64 devices each. */
    for (int i = 0; i < 12 * 64; i++) {
        refused += visit(s,
                         keep_printf("user=u%d&device=d%d%s", i % 12, i / 12,
                                     channels(keep_printf("c%d.", i), 64)))
                   != 200;
    }
    ck_assert_int_gt(refused, 0);
    publish(s, "user=ada", "Urgency: high\r\n", "high");
    expect_message(st, 1, "high");
    publish(s, "user=ada", NULL, "normal");
    expect_message(st, 2, "normal");
    ck_assert_int_le(stat_of(s, "memory.used"),
                     stat_of(s, "memory.size") / 100 * 91);
}
END_TEST

START_TEST(contexts_that_are_away_make_room_for_messages_and_are_told)
{
    struct server_options o = {.global = "PushShmSize 4M\n"
                                         "PushMaxChannels 1000000\n"
                                         "PushMaxChannelsPerUser 4096\n"};
    struct server *s = server_start(&o);
    struct stream *st;
    int i = 0;

    /* Until nothing more of that kind gets in. */
    while (visit(s, keep_printf("user=u%d&device=d&seq=0%s", i,
                                channels(keep_printf("c%d.", i), 64)))
               == 200
           && i < 400) {
        i++;
    }
    ck_assert_int_gt(i, 8);
    for (i = 0; i < 200; i++) {
        publish(s, "user=ada", NULL, keep_printf("%d%4000d", i, 0));
    }
    /* The first to come was the first to be forgotten. */
    st = stream_open(s, "user=u0&device=d&seq=0", NULL);
    publish(s, "user=u0", NULL, "x");
    stream_expect_gap(st, 1, "state-lost");
}
END_TEST

START_TEST(the_devices_of_a_user_are_limited)
{
    struct server_options o = {.receive = "PushUser query:user\n"
                                          "PushMaxDevicesPerUser 2\n"};
    struct server *s = server_start(&o);
    struct stream *one = stream_open(s, "user=ada&device=1&seq=0", NULL);
    struct stream *two = stream_open(s, "user=ada&device=2&seq=0", NULL);

    http_expect(http_do(s, "GET", "/ramen/receive?user=ada&device=3&seq=0",
                        "Push-Client: test/1\r\n", NULL),
                429, "PushMaxDevicesPerUser");
    leave(s, one);
    stream_open(s, "user=ada&device=3&seq=0", NULL);
    ck_assert_int_eq(
        (int)json_array_size(
            json_at(http_get(s, "/push/users/ada/devices")->json, "devices")),
        2);
    stream_close(two);
}
END_TEST

START_TEST(the_channels_of_a_device_and_of_a_user_are_limited)
{
    struct server_options o = {.receive = "PushUser query:user\n"
                                          "PushChannels *\n"
                                          "PushMaxChannelsPerDevice 3\n"
                                          "PushMaxChannelsPerUser 5\n"};
    struct server *s = server_start(&o);
    const char *client = "Push-Client: test/1\r\n";

    http_expect(http_do(s, "GET",
                        keep_printf("/ramen/receive?user=ada&device=1%s",
                                    channels("a", 4)),
                        client, NULL),
                400, "PushMaxChannelsPerDevice");
    stream_open(s, keep_printf("user=ada&device=1&seq=0%s", channels("a", 3)),
                NULL);
    http_expect(http_do(s, "GET",
                        keep_printf("/ramen/receive?user=ada&device=2%s",
                                    channels("b", 3)),
                        client, NULL),
                429, "PushMaxChannelsPerUser");
    /* Refused, it brought none into being. */
    ck_assert_int_eq(stat_of(s, "channels"), 3);
    stream_open(s, keep_printf("user=ada&device=2&seq=0%s", channels("b", 2)),
                NULL);
    /* A device may come back with as many as it had. */
    stream_open(s, keep_printf("user=ada&device=2&seq=0%s", channels("b", 2)),
                NULL);
    stream_open(s, keep_printf("user=bob&device=1&seq=0%s", channels("b", 3)),
                NULL);
}
END_TEST

START_TEST(the_channels_that_subscribers_invent_are_limited)
{
    struct server_options o = {.global = "PushMaxChannels 4\n"};
    struct server *s = server_start(&o);

    stream_open(s, keep_printf("user=ada&device=1&seq=0%s", channels("a", 4)),
                NULL);
    http_expect(http_do(s, "GET", "/ramen/receive?user=bob&device=1&channel=b",
                        "Push-Client: test/1\r\n", NULL),
                503, "PushMaxChannels");
    /* What exists may be followed, and publishers are not bound by it. */
    stream_open(s, "user=bob&device=1&seq=0&channel=a1", NULL);
    publish(s, "channel=news", NULL, "x");
    stream_open(s, "user=eve&device=1&seq=0&channel=news", NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flood");
    TCase *tc = case_add(suite, "flood", 120);

    tcase_add_test(tc, invented_channels_do_not_stop_publishing);
    tcase_add_test(tc,
                   contexts_that_are_away_make_room_for_messages_and_are_told);
    tcase_add_test(tc, the_devices_of_a_user_are_limited);
    tcase_add_test(tc, the_channels_of_a_device_and_of_a_user_are_limited);
    tcase_add_test(tc, the_channels_that_subscribers_invent_are_limited);
    return case_run(suite);
}
