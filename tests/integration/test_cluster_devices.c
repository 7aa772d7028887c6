/*
 * Devices of a cluster: they go from node to node with their numbering, or are
 * taken from one that does not answer; they acknowledge anywhere; and what
 * waits for them is found at any node.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* What the kill or the freeze of a node may cost a device at most. */
#define RECLAIM_MS 3000

static struct cluster *cluster_of(int nodes, const char *lines)
{
    const struct cluster_options options = {.nodes = nodes,
                                            .node = {.global = lines}};

    return cluster_start(&options);
}

static struct cluster *two_nodes(void)
{
    return cluster_of(2, NULL);
}

/* The next message, which is to have this text. */
static const struct event *expect_text(struct stream *st, const char *text)
{
    const struct event *e = stream_next(st);

    ck_assert_msg(strcmp(e->data, text) == 0,
                  "expected \"%s\", got \"%.80s\" (event \"%s\")", text,
                  e->data, e->type);
    return e;
}

/* Both come, in any order: logs of two partitions agree on the order of what
 * was published within a millisecond only by chance. */
static void expect_both(struct stream *st, int64_t seq, const char *one,
                        const char *other)
{
    const struct event *first = stream_next(st);
    const struct event *second = stream_next(st);
    bool swapped = strcmp(first->data, other) == 0;

    ck_assert_str_eq((swapped ? second : first)->data, one);
    ck_assert_str_eq((swapped ? first : second)->data, other);
    ck_assert_int_eq(first->seq, seq);
    ck_assert_int_eq(second->seq, seq + 1);
}

/* Whether a node itself has the device: by its context id that is seen from
 * there alone. */
static bool has_device(const struct server *node, const char *user,
                       const char *device)
{
    const json_t *devices = json_at(
        http_get(node, keep_printf("/push/devices?user=%s", user))->json,
        "devices");

    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *one = json_array_get(devices, i);

        if (strcmp(json_text_at(one, "device"), device) == 0) {
            return http_get(node, keep_printf("/push/devices/%s",
                                              json_text_at(one, "id")))
                       ->status
                   == 200;
        }
    }
    return false;
}

/* ---- a device moves ---- */

START_TEST(a_device_goes_to_another_node_with_its_numbering)
{
    struct cluster *c = two_nodes();
    struct stream *one = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                     NULL);
    struct stream *two;
    const char *mid;

    publish(c->nodes[1], "user=ada", NULL, "first");
    publish(c->nodes[0], "user=ada", NULL, "second");
    publish(c->nodes[1], "user=ada", NULL, "third");
    expect_message(one, 1, "first");
    expect_message(one, 2, "second");
    mid = expect_text(one, "third")->mid;
    two = stream_open(c->nodes[1],
                      keep_printf("user=ada&device=d1&id=3.%s", mid), NULL);
    stream_expect_bye(one, "superseded");
    publish(c->nodes[0], "user=ada", NULL, "fourth");
    expect_message(two, 4, "fourth");
    /* And back again: nothing is repeated, nothing is lost. */
    one = stream_open(c->nodes[0], "user=ada&device=d1&seq=4", NULL);
    stream_expect_bye(two, "superseded");
    publish(c->nodes[1], "user=ada", NULL, "fifth");
    expect_message(one, 5, "fifth");
}
END_TEST

START_TEST(what_was_in_flight_keeps_its_numbers_at_the_other_node)
{
    struct cluster *c = two_nodes();
    struct stream *one = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                     NULL);
    struct stream *two;
    const char *mids[3];

    publish(c->nodes[0], "user=ada", NULL, "first");
    publish(c->nodes[0], "user=ada", NULL, "second");
    publish(c->nodes[0], "user=ada", NULL, "third");
    mids[0] = expect_text(one, "first")->mid;
    mids[1] = expect_text(one, "second")->mid;
    mids[2] = expect_text(one, "third")->mid;
    two = stream_open(c->nodes[1], "user=ada&device=d1&seq=1", NULL);
    for (int i = 1; i < 3; i++) {
        const struct event *e = stream_next(two);

        ck_assert_int_eq(e->seq, i + 1);
        ck_assert_str_eq(e->mid, mids[i]);
    }
    stream_expect_bye(one, "superseded");
    /* A cursor that names another message than the one sent is no cursor. */
    one = stream_open(
        c->nodes[0], keep_printf("user=ada&device=d1&id=2.%s", mids[0]), NULL);
    ck_assert_int_eq(expect_text(one, "second")->seq, 1);
}
END_TEST

START_TEST(a_device_that_is_away_is_found_at_the_other_node_as_it_left)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                    NULL);

    publish(c->nodes[0], "user=ada", NULL, "first");
    publish(c->nodes[0], "user=ada", NULL, "second");
    expect_message(st, 1, "first");
    expect_message(st, 2, "second");
    leave(c->nodes[0], st);
    publish(c->nodes[1], "user=ada", NULL, "meanwhile");
    st = stream_open(c->nodes[1], "user=ada&device=d1&seq=1", NULL);
    expect_message(st, 2, "second");
    expect_message(st, 3, "meanwhile");
}
END_TEST

START_TEST(a_node_gives_up_a_device_that_lingers_and_another_finds_all_of_it)
{
    struct cluster *c = cluster_of(2, "PushClusterLinger 1s\n");
    struct stream *st = stream_open(
        c->nodes[0], "user=ada&device=d1&seq=0&channel=news", NULL);

    publish(c->nodes[0], "user=ada", NULL, "first");
    expect_message(st, 1, "first");
    publish(c->nodes[1], "channel=news", NULL, "second");
    expect_message(st, 2, "second");
    leave(c->nodes[0], st);
    wait_until(!has_device(c->nodes[0], "ada", "d1"));
    publish(c->nodes[0], "channel=news", NULL, "third");
    publish(c->nodes[1], "user=ada", NULL, "fourth");
    st = stream_open(c->nodes[1], "user=ada&device=d1&seq=1&channel=news",
                     NULL);
    expect_message(st, 2, "second");
    ck_assert_int_eq(stream_next(st)->seq, 3);
    ck_assert_int_eq(stream_next(st)->seq, 4);
}
END_TEST

START_TEST(channels_and_what_is_for_all_go_with_the_device)
{
    struct cluster *c = two_nodes();
    struct stream *one = stream_open(
        c->nodes[0], "user=ada&device=d1&seq=0&channel=a&channel=b", NULL);
    struct stream *two;

    publish(c->nodes[1], "channel=a", NULL, "in a");
    expect_message(one, 1, "in a");
    publish(c->nodes[1], "channel=b", NULL, "in b");
    expect_message(one, 2, "in b");
    publish(c->nodes[1], "broadcast=1", NULL, "for all");
    expect_message(one, 3, "for all");
    two = stream_open(c->nodes[1],
                      "user=ada&device=d1&seq=1&channel=a&channel=b", NULL);
    expect_both(two, 2, "in b", "for all");
    stream_expect_bye(one, "superseded");
    publish(c->nodes[0], "channel=b", NULL, "in b again");
    expect_message(two, 4, "in b again");
}
END_TEST

START_TEST(two_clients_with_one_device_take_it_from_each_other)
{
    enum { ROUNDS = 12 };
    struct cluster *c = two_nodes();
    struct stream *before = NULL;
    int64_t seq = 0;

    for (int i = 0; i < ROUNDS; i++) {
        const char *text = keep_printf("message %d", i);
        struct stream *st = stream_open(
            c->nodes[i % 2],
            keep_printf("user=ada&device=d1&seq=%lld", (long long)seq), NULL);
        const struct event *e;

        if (before != NULL) {
            stream_expect_bye(before, "superseded");
        }
        publish(c->nodes[(i + 1) % 2], "user=ada", NULL, text);
        e = expect_text(st, text);
        ck_assert_int_eq(e->seq, seq + 1);
        seq = e->seq;
        before = st;
    }
}
END_TEST

START_TEST(a_user_has_devices_at_both_nodes)
{
    struct cluster *c = two_nodes();
    struct stream *one = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                     NULL);
    struct stream *two = stream_open(c->nodes[1], "user=ada&device=d2&seq=0",
                                     NULL);
    struct answer *a = publish_try(c->nodes[0], "user=ada", NULL, "hello");

    ck_assert_int_eq(a->status, 201);
    ck_assert_int_eq(json_int_at(a->json, "recipients"), 2);
    expect_message(one, 1, "hello");
    expect_message(two, 1, "hello");
    publish(c->nodes[0], "user=ada&device=d2", NULL, "only two");
    publish(c->nodes[1], "user=ada", NULL, "both");
    expect_message(one, 2, "both");
    expect_message(two, 2, "only two");
    expect_message(two, 3, "both");
}
END_TEST

/* ---- acknowledgements ---- */

static const char *session_of(const struct stream *st)
{
    return stream_header(st, "Push-Session");
}

START_TEST(a_device_acknowledges_at_a_node_that_does_not_have_it)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                    NULL);
    const char *mid = publish(c->nodes[0], "user=ada", NULL, "hello");

    expect_message(st, 1, "hello");
    acknowledge(c->nodes[1], keep_printf("user=ada&device=d1&seq=1&session=%s",
                                         session_of(st)));
    ck_assert_int_eq(count_of(c->nodes[0], mid, "acked"), 1);
    http_expect(acknowledge_try(c->nodes[1], "user=ada&device=d1&seq=2"), 409,
                NULL);
    http_expect(acknowledge_try(c->nodes[1],
                                "user=ada&device=d1&seq=1&session=other"),
                409, NULL);
    http_expect(acknowledge_try(c->nodes[1], "user=ada&device=d9&seq=1"), 404,
                NULL);
    publish(c->nodes[1], "user=ada", NULL, "goes on");
    expect_message(st, 2, "goes on");
}
END_TEST

START_TEST(a_device_that_nobody_has_acknowledges_at_any_node)
{
    struct cluster *c = cluster_of(2, "PushClusterLinger 1s\n");
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                    NULL);
    const char *session = session_of(st);

    publish(c->nodes[0], "user=ada", NULL, "first");
    publish(c->nodes[0], "user=ada", NULL, "second");
    expect_message(st, 1, "first");
    expect_message(st, 2, "second");
    leave(c->nodes[0], st);
    wait_until(!has_device(c->nodes[0], "ada", "d1"));
    acknowledge(c->nodes[1],
                keep_printf("user=ada&device=d1&seq=1&session=%s", session));
    st = stream_open(c->nodes[0], "user=ada&device=d1&seq=1", NULL);
    expect_message(st, 2, "second");
}
END_TEST

/* ---- a node that does not answer ---- */

START_TEST(a_device_of_a_node_that_was_killed_is_claimed_and_its_mid_counts)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(
        c->nodes[0], "user=ada&device=d1&seq=0&channel=news", NULL);
    const char *own, *news;
    int64_t killed;

    publish(c->nodes[1], "user=ada", NULL, "first");
    own = expect_text(st, "first")->mid;
    publish(c->nodes[1], "channel=news", NULL, "second");
    news = expect_text(st, "second")->mid;
    ck_assert_str_ne(own, news);
    publish(c->nodes[1], "channel=news", NULL, "third");
    expect_text(st, "third");
    cluster_kill(c->nodes[0]);
    killed = wait_now();
    st = stream_open(
        c->nodes[1],
        keep_printf("user=ada&device=d1&id=2.%s&channel=news", news), NULL);
    ck_assert_int_le(wait_now() - killed, RECLAIM_MS);
    /* The numbering is a new one.  What is before the message that the cursor
     * names is not sent again in its lane, and the rest is. */
    for (;;) {
        const struct event *e = stream_next(st);

        ck_assert_str_ne(e->mid, news);
        if (strcmp(e->data, "third") == 0) {
            break;
        }
        ck_assert_str_eq(e->data, "first");
    }
    publish(c->nodes[1], "user=ada", NULL, "fourth");
    expect_text(st, "fourth");
}
END_TEST

START_TEST(a_frozen_node_loses_its_device_and_ends_its_stream_when_it_goes_on)
{
    struct cluster *c = two_nodes();
    struct stream *one = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                     NULL);
    struct stream *two;
    const char *mid;
    int64_t paused;

    publish(c->nodes[1], "user=ada", NULL, "first");
    mid = expect_text(one, "first")->mid;
    cluster_pause(c->nodes[0]);
    paused = wait_now();
    two = stream_open(c->nodes[1],
                      keep_printf("user=ada&device=d1&id=1.%s", mid), NULL);
    ck_assert_int_ge(wait_now() - paused, 900);
    ck_assert_int_le(wait_now() - paused, RECLAIM_MS);
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_text(two, "second");
    cluster_continue(c->nodes[0]);
    /* It may still write what it had; it does not keep the device. */
    for (;;) {
        const struct event *e = stream_next(one);

        if (strcmp(e->type, "push.bye") == 0) {
            ck_assert_ptr_nonnull(strstr(e->data, "superseded"));
            break;
        }
        ck_assert_str_eq(e->data, "second");
    }
    cluster_await_well(c);
    publish(c->nodes[0], "user=ada", NULL, "third");
    expect_text(two, "third");
}
END_TEST

/*
 * So long that its inbox was given up: nobody tells it what it has lost, and
 * it finds out by what it writes.
 */
START_TEST(a_node_that_stood_still_for_long_is_fenced)
{
    enum { STILL_MS = 17000 };
    struct cluster *c = two_nodes();
    struct stream *one = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                     NULL);
    struct stream *kept = stream_open(c->nodes[0], "user=bob&device=d1&seq=0",
                                      NULL);
    struct stream *two;
    int64_t paused;

    publish(c->nodes[1], "user=ada", NULL, "first");
    expect_message(one, 1, "first");
    server_allow(c->nodes[0], "PUSH");
    cluster_pause(c->nodes[0]);
    paused = wait_now();
    two = stream_open(c->nodes[1], "user=ada&device=d1&seq=0", NULL);
    expect_text(two, "first");
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_text(two, "second");
    publish(c->nodes[1], "user=bob", NULL, "for bob");
    wait_until(wait_now() - paused >= STILL_MS);
    cluster_continue(c->nodes[0]);
    stream_expect_bye(one, "superseded");
    /* What nobody took goes on, with what was missed. */
    expect_message(kept, 1, "for bob");
    cluster_await_well(c);
    publish(c->nodes[0], "user=ada", NULL, "third");
    expect_text(two, "third");
    publish(c->nodes[1], "user=bob", NULL, "again for bob");
    expect_message(kept, 2, "again for bob");
}
END_TEST

START_TEST(after_three_devices_a_frozen_node_is_not_asked_any_more)
{
    enum { DEVICES = 5 };
    struct cluster *c = two_nodes();
    int64_t began;

    for (int i = 0; i < DEVICES; i++) {
        stream_open(c->nodes[0], keep_printf("user=u%d&device=d&seq=0", i),
                    NULL);
    }
    server_allow(c->nodes[0], "PUSH0203"); /* what it has asked is late */
    cluster_pause(c->nodes[0]);
    for (int i = 0; i < 3; i++) {
        stream_open(c->nodes[1], keep_printf("user=u%d&device=d&seq=0", i),
                    NULL);
    }
    began = wait_now();
    for (int i = 3; i < DEVICES; i++) {
        stream_open(c->nodes[1], keep_printf("user=u%d&device=d&seq=0", i),
                    NULL);
    }
    ck_assert_int_le(wait_now() - began, 900);
    cluster_continue(c->nodes[0]);
    cluster_await_well(c);
}
END_TEST

START_TEST(a_device_goes_on_where_a_child_of_its_node_died)
{
    struct cluster *c = two_nodes();
    struct server *node = c->nodes[0];
    struct stream *st = stream_open(node, "user=ada&device=d1&seq=0", NULL);

    publish(c->nodes[1], "user=ada", NULL, "first");
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_message(st, 1, "first");
    expect_message(st, 2, "second");
    server_kill_child(node, holder_of(node, st));
    publish(c->nodes[1], "user=ada", NULL, "third");
    st = stream_open(node, "user=ada&device=d1&seq=1", NULL);
    expect_message(st, 2, "second");
    expect_message(st, 3, "third");
    st = stream_open(c->nodes[1], "user=ada&device=d1&seq=2", NULL);
    expect_message(st, 3, "third");
}
END_TEST

START_TEST(a_node_keeps_its_devices_over_a_graceful_restart)
{
    struct cluster *c = two_nodes();
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                    NULL);

    publish(c->nodes[1], "user=ada", NULL, "first");
    expect_message(st, 1, "first");
    server_graceful(c->nodes[0]);
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_message(st, 2, "second");
    acknowledge(c->nodes[1], "user=ada&device=d1&seq=2");
    st = stream_open(c->nodes[1], "user=ada&device=d1&seq=2", NULL);
    publish(c->nodes[0], "user=ada", NULL, "third");
    expect_message(st, 3, "third");
}
END_TEST

START_TEST(publishers_are_told_of_the_devices_of_all_nodes)
{
    struct cluster *c = two_nodes();
    struct stream *one = stream_open(
        c->nodes[0], "user=ada&device=d1&seq=0&channel=news", NULL);
    struct answer *a;

    stream_open(c->nodes[1], "user=ada&device=d2&seq=0&channel=news", NULL);
    stream_open(c->nodes[1], "user=bob&device=d1&seq=0&channel=news", NULL);
    a = publish_try(c->nodes[0], "user=ada&ttl=1", NULL, "x");
    ck_assert_int_eq(json_int_at(a->json, "recipients"), 2);
    ck_assert_int_eq(json_int_at(a->json, "connected"), 2);
    do {
        a = publish_try(c->nodes[0], "channel=news&ttl=1", NULL, "x");
    } while (json_int_at(a->json, "recipients") != 3
             || json_int_at(a->json, "connected") != 3);
    leave(c->nodes[0], one);
    do {
        a = publish_try(c->nodes[1], "channel=news&ttl=1", NULL, "x");
    } while (json_int_at(a->json, "recipients") != 3
             || json_int_at(a->json, "connected") != 2);
    do {
        a = publish_try(c->nodes[1], "user=ada&ttl=1", NULL, "x");
    } while (json_int_at(a->json, "recipients") != 2
             || json_int_at(a->json, "connected") != 1);
}
END_TEST

START_TEST(what_redis_has_lost_its_owner_writes_again)
{
    struct cluster *c = two_nodes();
    struct stream *one = stream_open(c->nodes[0], "user=ada&device=d1&seq=0",
                                     NULL);
    struct stream *two;

    for (int i = 0; i < 2; i++) {
        server_allow(c->nodes[i], "PUSH");
    }
    publish(c->nodes[1], "user=ada", NULL, "first");
    expect_message(one, 1, "first");
    redis_call(c->redis, "FLUSHALL");
    wait_until(redis_call(c->redis, "KEYS *Duada")->elements == 1);
    publish(c->nodes[1], "user=ada", NULL, "second");
    expect_message(one, 2, "second");
    two = stream_open(c->nodes[1], "user=ada&device=d1&seq=2", NULL);
    stream_expect_bye(one, "superseded");
    publish(c->nodes[0], "user=ada", NULL, "third");
    expect_message(two, 3, "third");
}
END_TEST

#define MOVES 60
#define ACKS  6 /* under way while it moves */

/* Whoever takes an acknowledgement while the device goes from one node to the
 * other must not take the device from where its client is by now. */
START_TEST(an_acknowledgement_does_not_take_a_device_that_moves)
{
    struct cluster *c = cluster_start(&(struct cluster_options){.nodes = 3});
    const struct request ack = {
        .method = "POST",
        .target = "/ramen/ack?user=ada&device=d1&seq=0",
        .body = ""};
    struct wire *wires[ACKS];
    struct stream *st;
    int i, k;

    for (k = 0; k < MOVES; k++) {
        st = stream_open(c->nodes[k % 2], "user=ada&device=d1&seq=0", NULL);
        for (i = 0; i < ACKS; i++) {
            wires[i] = wire_open(c->nodes[2], 0);
            http_send(wires[i], &ack);
        }
        st = stream_open(c->nodes[(k + 1) % 2], "user=ada&device=d1&seq=0",
                         NULL);
        for (i = 0; i < ACKS; i++) {
            http_read(wires[i], false);
            wire_close(wires[i]);
        }
        publish(c->nodes[2], "user=ada", "TTL: 0\r\n", "x");
        expect_message(st, 1, "x");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_devices");
    TCase *tc = case_add(suite, "moves", 60);

    tcase_add_test(tc, a_device_goes_to_another_node_with_its_numbering);
    tcase_add_test(tc, what_was_in_flight_keeps_its_numbers_at_the_other_node);
    tcase_add_test(
        tc, a_device_that_is_away_is_found_at_the_other_node_as_it_left);
    tcase_add_test(
        tc, a_node_gives_up_a_device_that_lingers_and_another_finds_all_of_it);
    tcase_add_test(tc, channels_and_what_is_for_all_go_with_the_device);
    tcase_add_test(tc, two_clients_with_one_device_take_it_from_each_other);
    tcase_add_test(tc, a_user_has_devices_at_both_nodes);
    tcase_add_test(tc, publishers_are_told_of_the_devices_of_all_nodes);
    tc = case_add(suite, "acks", 60);
    tcase_add_test(tc, a_device_acknowledges_at_a_node_that_does_not_have_it);
    tcase_add_test(tc, a_device_that_nobody_has_acknowledges_at_any_node);
    tcase_add_test(tc, an_acknowledgement_does_not_take_a_device_that_moves);
    tc = case_add(suite, "failures", 60);
    tcase_add_test(
        tc, a_device_of_a_node_that_was_killed_is_claimed_and_its_mid_counts);
    tcase_add_test(
        tc,
        a_frozen_node_loses_its_device_and_ends_its_stream_when_it_goes_on);
    tcase_add_test(tc, a_node_that_stood_still_for_long_is_fenced);
    tcase_add_test(tc,
                   after_three_devices_a_frozen_node_is_not_asked_any_more);
    tcase_add_test(tc, a_device_goes_on_where_a_child_of_its_node_died);
    tcase_add_test(tc, a_node_keeps_its_devices_over_a_graceful_restart);
    tcase_add_test(tc, what_redis_has_lost_its_owner_writes_again);
    return case_run(suite);
}
