/*
 * What is published in one region goes to others too: once, in order, and
 * never back.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "farside.h"
#include "keep.h"
#include "serverlog.h"
#include "token.h"
#include "verbs.h"

#define HIGH "Urgency: high\r\n"

/* ---- regions ---- */

/* A cluster of one node on one Redis; port 0: a free one. */
static struct cluster *region(int port, const char *lines)
{
    struct cluster_options o = {.nodes = 1,
                                .node = {.port = port, .global = lines}};

    return cluster_start(&o);
}

static const char *relay_to(int port, const char *more)
{
    return keep_printf(
        "PushRelay http://127.0.0.1:%d/push/messages name=r%d %s\n", port,
        port, more);
}

/* One node that relays to a port. */
static struct server *node_to(int port, const char *more)
{
    return region(0, relay_to(port, more))->nodes[0];
}

/* Of a node: a sample of its metrics, or -1. */
static double metric(const struct server *s, const char *sample)
{
    const char *text = http_get(s, "/push/metrics")->body;
    const char *at = strstr(text, keep_printf("\n%s ", sample));

    return at != NULL ? strtod(at + strlen(sample) + 2, NULL) : -1;
}

static double relayed(const struct server *s, const char *result)
{
    return metric(s, keep_printf("push_relay_messages_total{result=\"%s\"}",
                                 result));
}

/* What waits for the only region, as the node knows it. */
static json_int_t waiting(const struct server *s)
{
    return json_int_at(http_get(s, "/push/cluster")->json,
                       "regions.0.waiting");
}

static void publish_many(const struct server *s, const char *user, int from,
                         int to)
{
    const char *lines = "";

    for (int i = from; i < to; i++) {
        lines = keep_printf(
            "%s{\"user\":\"%s\",\"urgency\":\"high\",\"data\":%d}\n", lines,
            user, i);
    }
    publish_lines(s, lines);
}

static void expect_many(struct stream *st, int count)
{
    for (int i = 0; i < count; i++) {
        expect_message(st, i + 1, keep_printf("%d", i));
    }
}

/* ---- there and back ---- */

START_TEST(what_is_urgent_reaches_the_other_region_and_does_not_come_back)
{
    int ports[2] = {server_free_port(), server_free_port()};
    struct server *east = region(ports[0], relay_to(ports[1], ""))->nodes[0];
    struct server *west = region(ports[1], relay_to(ports[0], ""))->nodes[0];
    struct stream *a = stream_open(east, "user=anna&device=a", NULL);
    struct stream *b = stream_open(west, "user=anna&device=b", NULL);

    publish(east, "user=anna", HIGH, "one");
    expect_message(a, 1, "one");
    expect_message(b, 1, "one");
    publish(west, "user=anna", HIGH, "two");
    expect_message(a, 2, "two");
    expect_message(b, 2, "two");
    publish(east, "user=anna", NULL, "of no urgency");
    expect_message(a, 3, "of no urgency");
    publish(east, "user=anna", HIGH, "three");
    expect_message(a, 4, "three");
    expect_message(b, 3, "three");
    wait_until(relayed(east, "sent") == 2);
    wait_until(relayed(west, "sent") == 1);
    ck_assert(relayed(east, "queued") == 2);
    ck_assert(relayed(west, "queued") == 1);
}
END_TEST

START_TEST(three_regions_in_a_ring_pass_nothing_on)
{
    int ports[3] = {server_free_port(), server_free_port(),
                    server_free_port()};
    struct server *nodes[3];
    struct stream *streams[3];

    for (int i = 0; i < 3; i++) {
        nodes[i] =
            region(ports[i], relay_to(ports[(i + 1) % 3], ""))->nodes[0];
        streams[i] = stream_open(nodes[i], "user=u&device=d&channel=c", NULL);
    }
    publish(nodes[0], "channel=c", HIGH, "of 0");
    expect_message(streams[0], 1, "of 0");
    expect_message(streams[1], 1, "of 0");
    publish(nodes[2], "broadcast=1", HIGH, "of 2");
    expect_message(streams[2], 1, "of 2");
    expect_message(streams[0], 2, "of 2");
    publish(nodes[1], "user=u", HIGH, "of 1");
    expect_message(streams[1], 2, "of 1");
    expect_message(streams[2], 2, "of 1");
    for (int i = 0; i < 3; i++) {
        wait_until(relayed(nodes[i], "sent") == 1);
        ck_assert(relayed(nodes[i], "queued") == 1);
    }
}
END_TEST

START_TEST(a_region_that_takes_more_and_one_that_takes_less_get_their_own)
{
    struct server *all = server_start(NULL);
    struct server *urgent = server_start(NULL);
    struct server *s =
        region(0, keep_printf("%s%s", relay_to(urgent->port, ""),
                              relay_to(all->port, "urgency=very-low")))
            ->nodes[0];
    struct stream *st = stream_open(urgent, "user=anna&device=d", NULL);
    struct stream *every = stream_open(all, "user=anna&device=d", NULL);

    publish(s, "user=anna", "Urgency: very-low\r\n", "low");
    expect_message(every, 1, "low");
    publish(s, "user=anna", HIGH, "high");
    expect_message(every, 2, "high");
    expect_message(st, 1, "high");
}
END_TEST

/* Base64 of 0xff 0x00 0x01. */
#define BYTES "/wAB"

START_TEST(a_message_arrives_as_it_was_published)
{
    static const char trace[] =
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct farside *far = farside_start();
    struct server *s = node_to(far->port, "");
    const json_t *line;

    publish(s, "user=an%22na&device=d1",
            keep_printf(HIGH "TTL: 100\r\nTopic: t-1\r\nPush-Event: alert\r\n"
                             "Content-Type: a/b; c=\"d\"\r\n"
                             "traceparent: %s\r\n",
                        trace),
            "a \"b\" \\ \n\t\x01 \xc3\xa4");
    farside_take(far);
    line = farside_line(far, 0);
    ck_assert_str_eq(json_text_at(line, "user"), "an\"na");
    ck_assert_str_eq(json_text_at(line, "device"), "d1");
    ck_assert_str_eq(json_text_at(line, "urgency"), "high");
    ck_assert_str_eq(json_text_at(line, "topic"), "t-1");
    ck_assert_str_eq(json_text_at(line, "event"), "alert");
    ck_assert_str_eq(json_text_at(line, "type"), "a/b; c=\"d\"");
    ck_assert_str_eq(json_text_at(line, "traceparent"), trace);
    ck_assert_str_eq(json_text_at(line, "text"),
                     "a \"b\" \\ \n\t\x01 \xc3\xa4");
    ck_assert_int_ge(json_int_at(line, "ttl"), 99);
    ck_assert_int_le(json_int_at(line, "ttl"), 100);
    farside_accept(far);
    publish_lines(s, "{\"broadcast\":true,\"urgency\":\"high\",\"ttl\":0,"
                     "\"base64\":\"" BYTES "\"}\n");
    farside_take(far);
    line = farside_line(far, 0);
    ck_assert(json_is_true(json_at(line, "broadcast")));
    ck_assert_str_eq(json_text_at(line, "base64"), BYTES);
    ck_assert_int_eq(json_int_at(line, "ttl"), 0);
    farside_accept(far);
    wait_until(relayed(s, "sent") == 2);
}
END_TEST

/* ---- trouble ---- */

START_TEST(a_region_that_was_away_gets_all_of_it_once_and_in_order)
{
    struct server *far = server_start(
        &(struct server_options){.port = server_free_port()});
    struct server *s = node_to(far->port, "");
    struct stream *st;

    server_allow(s, "PUSH0221");
    server_rest(far);
    publish_many(s, "anna", 0, 300);
    wait_until(waiting(s) == 300);
    ck_assert_int_gt(json_int_at(http_get(s, "/push/cluster")->json,
                                 "regions.0.oldest_ms"),
                     -1);
    wait_until(serverlog_count(s, "PUSH0221") > 0);
    server_again(far);
    st = stream_open(far, "user=anna&device=d", NULL);
    expect_many(st, 300);
    wait_until(waiting(s) == 0);
    publish(s, "user=anna", HIGH, "last");
    expect_message(st, 301, "last");
    wait_until(serverlog_count(s, "PUSH0224") > 0);
    wait_until(relayed(s, "sent") == 301);
}
END_TEST

START_TEST(
    a_sender_that_is_killed_before_the_removal_sends_it_with_the_same_key)
{
    struct farside *far = farside_start();
    struct server *real = server_start(NULL);
    struct cluster *c = region(0, relay_to(far->port, ""));
    struct stream *st = stream_open(real, "user=anna&device=d", NULL);
    const char *key;
    redisReply *leases;

    publish(c->nodes[0], "user=anna", HIGH, "one");
    farside_take(far);
    publish_lines(real, farside_body(far));
    expect_message(st, 1, "one");
    key = json_text_at(farside_line(far, 0), "key");
    cluster_kill(c->nodes[0]);
    farside_drop(far);
    /* Its lease ends, as it does by itself a little later. */
    leases = redis_call(c->redis, "KEYS push:*or%d", far->port);
    ck_assert_int_eq(leases->elements, 1);
    redis_call(c->redis, "DEL %s", leases->element[0]->str);
    server_again(c->nodes[0]);
    farside_take(far);
    ck_assert_str_eq(json_text_at(farside_line(far, 0), "key"), key);
    farside_answer(far, 200, publish_lines(real, farside_body(far))->body);
    wait_until(waiting(c->nodes[0]) == 0);
    wait_until(relayed(c->nodes[0], "sent") == 1);
    publish(real, "user=anna", NULL, "two");
    expect_message(st, 2, "two");
}
END_TEST

START_TEST(a_message_that_the_region_refuses_holds_up_no_other)
{
    struct server *far = server_start(
        &(struct server_options){.global = "PushMaxMessageSize 100\n"});
    struct server *s = node_to(far->port, "");
    struct stream *st = stream_open(far, "user=anna&device=d", NULL);

    server_allow(s, "PUSH0225");
    publish(s, "user=anna", HIGH, "one");
    publish(s, "user=anna", HIGH, keep_printf("%0200d", 1));
    publish(s, "user=anna", HIGH, "two");
    expect_message(st, 1, "one");
    expect_message(st, 2, "two");
    wait_until(relayed(s, "refused") == 1);
    wait_until(waiting(s) == 0);
    wait_until(serverlog_count(s, "PUSH0225") == 1);
    ck_assert_int_eq(serverlog_count(s, "too large")
                         + serverlog_count(s, "PushMaxMessageSize"),
                     1);
}
END_TEST

START_TEST(messages_of_one_user_that_is_limited_there_arrive_later_in_order)
{
    struct server *far = server_start(
        &(struct server_options){.global = "PushUserRate 20\n"});
    struct server *s = node_to(far->port, "");
    struct stream *st = stream_open(far, "user=anna&device=d", NULL);

    server_allow(s, "PUSH0221");
    publish_many(s, "anna", 0, 60);
    expect_many(st, 60);
    wait_until(relayed(s, "sent") == 60);
}
END_TEST

START_TEST(a_full_list_loses_the_oldest_and_what_expires_is_not_sent)
{
    struct server *far = server_start(
        &(struct server_options){.port = server_free_port()});
    struct server *s = node_to(far->port, "\nPushRelayEntries 3");
    struct stream *st;

    server_allow(s, "PUSH0221");
    server_allow(s, "PUSH0226");
    server_allow(s, "PUSH0227");
    server_rest(far);
    publish(s, "user=bob", HIGH "TTL: 1\r\n", "of no use later");
    publish_many(s, "anna", 0, 5);
    wait_until(waiting(s) == 4);
    ck_assert(relayed(s, "fell") == 2);
    wait_until(relayed(s, "expired") == 1);
    wait_until(serverlog_count(s, "PUSH0227") > 0);
    server_again(far);
    st = stream_open(far, "user=anna&device=d", NULL);
    expect_message(st, 1, "2");
    expect_message(st, 2, "3");
    expect_message(st, 3, "4");
    wait_until(serverlog_count(s, "PUSH0226") > 0);
    wait_until(relayed(s, "sent") == 3);
}
END_TEST

START_TEST(with_a_wrong_token_messages_wait_and_the_log_says_so)
{
    struct server *far = token_server("", "");
    const char *token = token_file("not.a.token\n", 0640);
    struct server *s = node_to(far->port, keep_printf("token=%s", token));

    server_allow(s, "PUSH0222");
    publish(s, "user=anna", HIGH, "one");
    wait_until(serverlog_count(s, "PUSH0222") > 0);
    wait_until(waiting(s) == 1);
    ck_assert_int_eq(serverlog_count(s, "not.a.token"), 0);
    token_file_replace(
        token,
        token_sign(token_claims("relay", ",\"push_publish\":[\"user:*\"]")),
        0640);
    server_graceful(s);
    wait_until(relayed(s, "sent") == 1);
    wait_until(waiting(s) == 0);
}
END_TEST

START_TEST(what_a_child_that_died_left_another_one_sends)
{
    struct farside *far = farside_start();
    struct cluster *c = region(0, relay_to(far->port, ""));
    struct server *s = c->nodes[0];
    pid_t pids[8];
    redisReply *leases;

    publish(s, "user=anna", HIGH, "one");
    farside_take(far);
    for (int i = server_children(s, pids, 8); i > 0; i--) {
        server_kill_child(s, pids[i - 1]);
    }
    farside_drop(far);
    leases = redis_call(c->redis, "KEYS push:*or%d", far->port);
    redis_call(c->redis, "DEL %s", leases->element[0]->str);
    farside_take(far);
    ck_assert_str_eq(json_text_at(farside_line(far, 0), "text"), "one");
    farside_accept(far);
    wait_until(relayed(s, "sent") == 1);
}
END_TEST

START_TEST(answers_that_are_none_are_said_and_nothing_is_lost)
{
    struct farside *far = farside_start();
    struct server *s = node_to(far->port, "");

    server_allow(s, "PUSH0221");
    server_allow(s, "PUSH0223");
    publish(s, "user=anna", HIGH, "one");
    farside_take(far);
    farside_answer(far, 404, "nothing is here");
    farside_take(far);
    ck_assert_int_eq(serverlog_count(s, "it answers 404"), 1);
    farside_answer(far, 200, "<html></html>\n");
    farside_take(far);
    farside_answer(far, 302, "");
    farside_take(far);
    farside_answer(far, 503, "");
    farside_take(far);
    ck_assert_int_eq(serverlog_count(s, "it answers 503"), 1);
    farside_answer(far, 200, "{\"id\":\"cut");
    farside_take(far);
    farside_accept(far);
    wait_until(relayed(s, "sent") == 1);
    ck_assert(relayed(s, "queued") == 1);
}
END_TEST

START_TEST(two_nodes_on_several_masters_send_each_message_once)
{
    struct server *far = server_start(
        &(struct server_options){.port = server_free_port()});
    struct cluster *c = cluster_start(&(
        struct cluster_options){.nodes = 2,
                                .masters = 3,
                                .node = {.global = relay_to(far->port, "")}});
    struct stream *st;

    for (int i = 0; i < 2; i++) {
        server_allow(c->nodes[i], "PUSH0221");
    }
    server_rest(far);
    for (int i = 0; i < 40; i++) {
        publish_many(c->nodes[i % 2], keep_printf("user%d", i), 0, 10);
    }
    wait_until(waiting(c->nodes[0]) == 400);
    wait_until(waiting(c->nodes[1]) == 400);
    server_again(far);
    for (int i = 0; i < 40; i++) {
        st = stream_open(far, keep_printf("user=user%d&device=d", i), NULL);
        expect_many(st, 10);
        stream_close(st);
    }
    wait_until(waiting(c->nodes[0]) == 0);
    wait_until(waiting(c->nodes[1]) == 0);
    wait_until(relayed(c->nodes[0], "sent") + relayed(c->nodes[1], "sent")
               == 400);
    ck_assert_int_eq(stat_of(far, "published"), 400);
}
END_TEST

/* ---- the mark, and directives ---- */

START_TEST(the_mark_of_a_relay_is_1)
{
    struct server *s = server_start(NULL);

    http_expect(publish_try(s, "user=anna", "Push-Relayed: yes\r\n", "a"), 400,
                "Push-Relayed: 1");
    publish(s, "user=anna", "Push-Relayed: 1\r\n", "a");
}
END_TEST

static const struct {
    const char *lines, *said;
} wrong[] = {
    {"PushRelay ftp://a/", "PushRelay must begin with the http://"},
    {"PushRelay http://u:secret@a/", "without a user"},
    {"PushRelay http://a/ urgency=urgent", "high, normal, low or very-low"},
    {"PushRelay http://a/ name=a/b", "name= must be 1 to 64 of"},
    {"PushRelay http://a/ nick=b", "PushRelay takes token=FILE"},
    {"PushRelay http://a/ token=", "must be the path of a file"},
    {"PushRelay http://a/b\nPushRelay http://a/c", "are called \"a:80\""},
    {"PushRelay http://a/", "PushRelay needs PushCluster"},
    {"PushRelayKeep 31d", "1s to 2592000s"},
    {"PushRelayEntries 0", "1 to 10000000"},
    {"PushRelaySize 1K", "64K to 1G"}};

START_TEST(a_wrong_value_stops_the_start_with_a_sentence)
{
    struct server_options o = {.global = keep_printf("%s\n", wrong[_i].lines)};
    const char *said = server_refusal(&o);

    ck_assert_msg(strstr(said, wrong[_i].said) != NULL, "\"%s\" said: %s",
                  wrong[_i].lines, said);
    ck_assert_ptr_null(strstr(said, "secret"));
}
END_TEST

START_TEST(a_token_that_cannot_be_one_stops_the_start)
{
    struct cluster *c = cluster_prepare(NULL);
    struct server_options o = {0};
    const char *said;

    o.port = server_free_port();
    o.global = keep_printf("%sPushRelay http://a/ token=%s\n",
                           cluster_lines(c, o.port),
                           token_file("two words\n", 0640));
    said = server_refusal(&o);
    ck_assert_ptr_nonnull(strstr(said, "PUSH0220"));
    ck_assert_ptr_nonnull(strstr(said, "1 to 4096 printable"));
    ck_assert_ptr_null(strstr(said, "two words"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_relay");
    TCase *tc = case_add(suite, "regions", 120);

    tcase_add_test(
        tc, what_is_urgent_reaches_the_other_region_and_does_not_come_back);
    tcase_add_test(tc, three_regions_in_a_ring_pass_nothing_on);
    tcase_add_test(
        tc, a_region_that_takes_more_and_one_that_takes_less_get_their_own);
    tcase_add_test(tc, a_message_arrives_as_it_was_published);
    tc = case_add(suite, "trouble", 120);
    tcase_add_test(tc,
                   a_region_that_was_away_gets_all_of_it_once_and_in_order);
    tcase_add_test(
        tc,
        a_sender_that_is_killed_before_the_removal_sends_it_with_the_same_key);
    tcase_add_test(tc, a_message_that_the_region_refuses_holds_up_no_other);
    tcase_add_test(
        tc, messages_of_one_user_that_is_limited_there_arrive_later_in_order);
    tcase_add_test(tc,
                   a_full_list_loses_the_oldest_and_what_expires_is_not_sent);
    tcase_add_test(tc, with_a_wrong_token_messages_wait_and_the_log_says_so);
    tcase_add_test(tc, what_a_child_that_died_left_another_one_sends);
    tcase_add_test(tc, answers_that_are_none_are_said_and_nothing_is_lost);
    tcase_add_test(tc, two_nodes_on_several_masters_send_each_message_once);
    tc = case_add(suite, "settings", 120);
    tcase_add_test(tc, the_mark_of_a_relay_is_1);
    tcase_add_loop_test(tc, a_wrong_value_stops_the_start_with_a_sentence, 0,
                        (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_test(tc, a_token_that_cannot_be_one_stops_the_start);
    return case_run(suite);
}
