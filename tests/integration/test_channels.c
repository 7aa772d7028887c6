/*
 * Channels: who may subscribe, where a subscription begins, what is kept,
 * and how a gap is told.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define ADA "user=ada&device=d1&seq=0"

START_TEST(subscribers_get_a_channel_and_others_do_not)
{
    struct server *s = server_start(NULL);
    struct stream *in = stream_open(s, ADA "&channel=news", NULL);
    struct stream *out = stream_open(
        s, "user=bob&device=d1&seq=0&channel=sport", NULL);
    struct answer *a = publish_try(s, "channel=news", NULL, "hello");

    ck_assert_int_eq(a->status, 201);
    ck_assert_int_eq(json_int_at(a->json, "recipients"), 1);
    ck_assert_int_eq(json_int_at(a->json, "connected"), 1);
    expect_message(in, 1, "hello");
    publish(s, "channel=sport", NULL, "goal");
    expect_message(out, 1, "goal");
}
END_TEST

START_TEST(several_channels_and_the_user_share_one_numbering)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, ADA "&channel=a&channel=b", NULL);

    publish(s, "channel=a", NULL, "1");
    expect_message(st, 1, "1");
    publish(s, "channel=b", NULL, "2");
    expect_message(st, 2, "2");
    publish(s, "user=ada", NULL, "3");
    expect_message(st, 3, "3");
    publish(s, "broadcast=1", NULL, "4");
    expect_message(st, 4, "4");
}
END_TEST

START_TEST(urgency_decides_across_audiences)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, ADA "&channel=a", NULL);

    leave(s, st);
    publish(s, "channel=a", "Urgency: low\r\n", "channel low");
    publish(s, "user=ada", NULL, "user normal");
    publish(s, "channel=a", "Urgency: high\r\n", "channel high");
    publish(s, "broadcast=1", NULL, "broadcast normal");
    publish(s, "channel=a", NULL, "channel normal");
    st = stream_open(s, ADA "&channel=a", NULL);
    expect_message(st, 1, "channel high");
    expect_message(st, 2, "user normal");
    expect_message(st, 3, "broadcast normal");
    expect_message(st, 4, "channel normal");
    expect_message(st, 5, "channel low");
}
END_TEST

START_TEST(a_new_subscription_begins_now)
{
    struct server *s = server_start(NULL);
    struct stream *first = stream_open(s, ADA "&channel=news", NULL);
    struct stream *st;

    publish(s, "channel=news", NULL, "before");
    expect_message(first, 1, "before");
    st = stream_open(s, "user=bob&device=d1&seq=0&channel=news", NULL);
    publish(s, "channel=news", NULL, "after");
    expect_message(st, 1, "after");
}
END_TEST

START_TEST(from_oldest_begins_at_the_oldest_that_is_kept)
{
    struct server_options o = {.global = "PushChannelHistory 3"};
    struct server *s = server_start(&o);
    struct stream *first = stream_open(s, ADA "&channel=news", NULL);
    struct stream *st;
    int i;

    for (i = 1; i <= 5; i++) {
        publish(s, "channel=news", NULL, keep_printf("m%d", i));
        expect_message(first, i, keep_printf("m%d", i));
    }
    st = stream_open(s, "user=bob&device=d1&seq=0&channel=news&from=oldest",
                     NULL);
    for (i = 3; i <= 5; i++) {
        expect_message(st, i - 2, keep_printf("m%d", i));
    }
}
END_TEST

/* Nothing is known of the device any more; its cursor says what it has. */
START_TEST(the_mid_of_a_channel_says_what_a_forgotten_device_has_received)
{
    struct server_options o = {.global = "PushDeviceRetention 1"};
    struct server *s = server_start(&o);
    const char *query = "user=bob&device=d1&channel=news&from=oldest";
    struct stream *st;
    const char *id = "";

    for (int i = 1; i <= 5; i++) {
        publish(s, "channel=news", i == 4 ? "Urgency: low\r\n" : NULL,
                keep_printf("m%d", i));
    }
    publish(s, "user=bob", "TTL: 60\r\n", "mine");
    st = stream_open(s, keep_printf("%s&seq=0", query), NULL);
    for (int i = 1; i <= 3; i++) {
        const struct event *e = stream_next(st);

        ck_assert_str_eq(e->data, keep_printf("m%d", i));
        id = e->id;
    }
    leave(s, st);
    wait_until(stat_of(s, "devices") == 0);
    st = stream_open(s, keep_printf("%s&ack=explicit&id=%s", query, id), NULL);
    expect_message(st, 1, "m5");
    expect_message(st, 2, "mine");
    expect_message(st, 3, "m4");
}
END_TEST

START_TEST(the_place_is_kept_while_the_device_is_away)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, ADA "&channel=news", NULL);

    publish(s, "channel=news", NULL, "a");
    expect_message(st, 1, "a");
    leave(s, st);
    publish(s, "channel=news", NULL, "b");
    publish(s, "channel=news", NULL, "c");
    st = stream_open(s, "user=ada&device=d1&channel=news&seq=1", NULL);
    expect_message(st, 2, "b");
    expect_message(st, 3, "c");
    stream_close(st);
    /* Not acknowledged: c comes again. */
    st = stream_open(s, "user=ada&device=d1&channel=news&seq=2", NULL);
    expect_message(st, 3, "c");
}
END_TEST

START_TEST(the_channels_of_a_connect_replace_those_before)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, ADA "&channel=a&channel=b", NULL);

    stream_close(st);
    st = stream_open(s, ADA "&channel=b&channel=c", NULL);
    publish(s, "channel=a", NULL, "a");
    publish(s, "channel=b", NULL, "b");
    publish(s, "channel=c", NULL, "c");
    expect_message(st, 1, "b");
    expect_message(st, 2, "c");
}
END_TEST

START_TEST(who_is_too_far_behind_is_told_of_the_gap)
{
    struct server_options o = {.global = "PushChannelHistory 3"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, ADA "&channel=news", NULL);
    int i;

    leave(s, st);
    for (i = 1; i <= 8; i++) {
        publish(s, "channel=news", NULL, keep_printf("m%d", i));
    }
    st = stream_open(s, ADA "&channel=news", NULL);
    stream_expect_gap(st, 5, "memory");
    expect_message(st, 1, "m6");
    expect_message(st, 2, "m7");
    expect_message(st, 3, "m8");
}
END_TEST

START_TEST(what_expired_in_a_channel_is_no_gap)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, ADA "&channel=news", NULL);
    const char *mid;

    leave(s, st);
    mid = publish(s, "channel=news", "TTL: 1\r\n", "short");
    publish(s, "channel=news", NULL, "long");
    wait_until(strcmp(json_text_at(life_of(s, mid), "state"), "expired") == 0);
    st = stream_open(s, ADA "&channel=news", NULL);
    expect_message(st, 1, "long");
}
END_TEST

START_TEST(a_topic_collapses_within_its_channel)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, ADA "&channel=a&channel=b", NULL);

    leave(s, st);
    publish(s, "channel=a", "Topic: t\r\n", "a old");
    publish(s, "channel=b", "Topic: t\r\n", "b");
    publish(s, "channel=a", "Topic: t\r\n", "a new");
    st = stream_open(s, ADA "&channel=a&channel=b", NULL);
    expect_message(st, 1, "b");
    expect_message(st, 2, "a new");
}
END_TEST

START_TEST(a_message_to_a_channel_can_be_recalled)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, ADA "&channel=a", NULL);
    const char *mid;

    leave(s, st);
    mid = publish(s, "channel=a", NULL, "oops");
    publish(s, "channel=a", NULL, "good");
    ck_assert_int_eq(http_do(s, "DELETE",
                             keep_printf("/push/messages/%s", mid), NULL, NULL)
                         ->status,
                     200);
    st = stream_open(s, ADA "&channel=a", NULL);
    expect_message(st, 1, "good");
}
END_TEST

START_TEST(channels_are_listed_with_their_subscribers)
{
    struct server *s = server_start(NULL);
    struct stream *one = stream_open(s, ADA "&channel=news", NULL);
    struct stream *two = stream_open(
        s, "user=bob&device=d1&seq=0&channel=news", NULL);
    struct answer *a;

    publish(s, "channel=news", NULL, "x");
    expect_message(one, 1, "x");
    leave(s, two);
    a = http_get(s, "/push/channels");
    http_expect(a, 200, NULL);
    ck_assert_str_eq(json_text_at(a->json, "channels.0.channel"), "news");
    ck_assert_int_eq(json_int_at(a->json, "channels.0.messages"), 1);
    ck_assert_int_eq(json_int_at(a->json, "channels.0.subscribers"), 2);
    ck_assert_int_eq(json_int_at(a->json, "channels.0.connected"), 1);
}
END_TEST

/* Patterns, a channel, and whether it may be subscribed. */
static const struct {
    const char *patterns;
    const char *channel;
    bool allowed;
} rights[] = {
    {"", "news", false},
    {"PushChannels news", "news", true},
    {"PushChannels news", "news2", false},
    {"PushChannels news", "New", false},
    {"PushChannels trip.*", "trip.17", true},
    {"PushChannels trip.*", "trip", false},
    {"PushChannels trip.* news", "news", true},
    {"PushChannels trip.* news", "sport", false},
    {"PushChannels *", "anything", true},
    {"PushChannels trip.*", "$presence", false},
};

START_TEST(only_the_channels_of_the_configuration_may_be_subscribed)
{
    struct server_options o = {0};
    struct server *s;
    const char *query = keep_printf(ADA "&channel=%s", rights[_i].channel);

    o.receive = keep_printf("PushUser query:user\n%s", rights[_i].patterns);
    s = server_start(&o);
    if (rights[_i].allowed) {
        stream_open(s, query, NULL);
    }
    else {
        http_expect(http_get(s, keep_printf("/ramen/receive?%s", query)), 403,
                    "channel");
    }
}
END_TEST

START_TEST(a_history_longer_than_the_window_reaches_an_implicit_stream)
{
    struct server_options o = {.receive = "PushUser query:user\n"
                                          "PushChannels *\n"
                                          "PushMaxInFlight 5"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&channel=news",
                                    NULL);
    int i;

    for (i = 1; i <= 40; i++) {
        publish(s, "channel=news", NULL, keep_printf("m%d", i));
    }
    for (i = 1; i <= 40; i++) {
        expect_message(st, i, keep_printf("m%d", i));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("channels");
    TCase *tc = case_add(suite, "delivery", 30);

    tcase_add_test(tc, subscribers_get_a_channel_and_others_do_not);
    tcase_add_test(tc, several_channels_and_the_user_share_one_numbering);
    tcase_add_test(tc, urgency_decides_across_audiences);
    tcase_add_test(tc, a_topic_collapses_within_its_channel);
    tcase_add_test(tc, a_message_to_a_channel_can_be_recalled);
    tcase_add_test(
        tc, a_history_longer_than_the_window_reaches_an_implicit_stream);
    tc = case_add(suite, "place", 30);
    tcase_add_test(tc, a_new_subscription_begins_now);
    tcase_add_test(tc, from_oldest_begins_at_the_oldest_that_is_kept);
    tcase_add_test(
        tc, the_mid_of_a_channel_says_what_a_forgotten_device_has_received);
    tcase_add_test(tc, the_place_is_kept_while_the_device_is_away);
    tcase_add_test(tc, the_channels_of_a_connect_replace_those_before);
    tcase_add_test(tc, who_is_too_far_behind_is_told_of_the_gap);
    tcase_add_test(tc, what_expired_in_a_channel_is_no_gap);
    tc = case_add(suite, "rights", 30);
    tcase_add_test(tc, channels_are_listed_with_their_subscribers);
    tcase_add_loop_test(
        tc, only_the_channels_of_the_configuration_may_be_subscribed, 0,
        sizeof(rights) / sizeof(*rights));
    return case_run(suite);
}
