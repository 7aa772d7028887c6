/*
 * Messages and devices of a user, seen from a node that does not have them.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "keep.h"
#include "verbs.h"

/* Node 0 has the device d of the user a; node 1 has nothing of either. */
struct two {
    struct cluster *c;
    struct server *owner;
    struct server *other;
    struct stream *st;
};

static struct two two_nodes(const char *lines)
{
    struct two t = {.c = cluster_start(&(struct cluster_options){
                        .nodes = 2, .node = {.global = lines}})};

    t.owner = t.c->nodes[0];
    t.other = t.c->nodes[1];
    t.st = stream_open(t.owner, "user=a&device=d&seq=0&ack=explicit", NULL);
    return t;
}

/* How many devices have a message of the user in a state, as a node says. */
static int count_at(const struct server *s, const char *mid, const char *state)
{
    return count_of(s, keep_printf("%s?user=a", mid), state);
}

static int receipt_at(const struct server *s, const char *mid)
{
    return http_get(s, keep_printf("/push/receipts/%s?user=a", mid))->status;
}

START_TEST(a_message_is_seen_from_every_node_as_its_owner_sees_it)
{
    struct two t = two_nodes(NULL);
    const char *mid = publish(t.other, "user=a", "TTL: 60\r\nUrgency: low\r\n",
                              "hello");
    const char *named = keep_printf("%s?user=a", mid);
    const json_t *seen;

    expect_message(t.st, 1, "hello");
    wait_until(count_at(t.other, mid, "in-flight") == 1);
    seen = life_of(t.other, named);
    ck_assert_str_eq(json_text_at(seen, "id"), mid);
    ck_assert_str_eq(json_text_at(seen, "audience.user"), "a");
    ck_assert_str_eq(json_text_at(seen, "state"), "live");
    ck_assert_str_eq(json_text_at(seen, "urgency"), "low");
    ck_assert_int_eq(json_int_at(seen, "size"), 5);
    ck_assert_int_eq(json_int_at(seen, "ttl"), 60);
    ck_assert_uint_eq(json_array_size(json_at(seen, "devices")), 1);
    ck_assert_ptr_null(json_at(seen, "devices.0.answered"));
    ck_assert_int_eq(receipt_at(t.other, mid), 202);
    acknowledge(t.other, "user=a&device=d&seq=1");
    ck_assert_int_eq(count_at(t.other, mid, "acked"), 1);
    seen = life_of(t.other, named);
    ck_assert_int_eq(json_int_at(seen, "devices.0.at"),
                     json_int_at(life_of(t.owner, named), "devices.0.at"));
    ck_assert_int_eq(receipt_at(t.other, mid), 204);
}
END_TEST

START_TEST(a_message_is_not_seen_under_another_audience)
{
    struct two t = two_nodes(NULL);
    const char *mid = publish(t.owner, "user=a", NULL, "x");

    http_expect(http_get(t.other,
                         keep_printf("/push/messages/%s?user=b", mid)),
                404, NULL);
    http_expect(
        http_get(t.other,
                 keep_printf("/push/messages/%s?user=a&device=e", mid)),
        404, NULL);
}
END_TEST

/* ---- all nodes are asked ---- */

/* How many nodes answered, or did not; -1: they were not asked. */
static int nodes_of(const json_t *seen, const char *how)
{
    const json_t *nodes = json_at(seen, keep_printf("nodes.%s", how));

    return nodes != NULL ? (int)json_array_size(nodes) : -1;
}

START_TEST(a_message_is_found_where_its_audience_is_not_said)
{
    struct two t = two_nodes(NULL);
    const char *mid = publish(t.other, "user=a", NULL, "x");
    const json_t *seen;

    wait_until(count_at(t.owner, mid, "in-flight") == 1);
    seen = life_of(t.other, mid);
    ck_assert_str_eq(json_text_at(seen, "audience.user"), "a");
    ck_assert_int_eq(json_int_at(seen, "counts.in-flight"), 1);
    ck_assert_uint_eq(json_array_size(json_at(seen, "devices")), 1);
    ck_assert_int_eq(nodes_of(seen, "answered"), 2);
    ck_assert_int_eq(nodes_of(seen, "silent"), 0);
}
END_TEST

START_TEST(a_channels_message_shows_the_devices_of_all_nodes)
{
    struct two t = two_nodes(NULL);
    struct stream *one = stream_open(
        t.owner, "user=b&device=d&channel=c1&seq=0&ack=explicit", NULL);
    struct stream *other = stream_open(
        t.other, "user=c&device=d&channel=c1&seq=0&ack=explicit", NULL);
    const char *mid = publish(t.other, "channel=c1", NULL, "x");
    const json_t *seen;

    expect_message(one, 1, "x");
    expect_message(other, 1, "x");
    acknowledge(t.owner, "user=c&device=d&seq=1");
    for (int i = 0; i < 2; i++) {
        const char *named = keep_printf("%s?channel=c1", mid);

        wait_until(count_of(t.c->nodes[i], named, "acked") == 1);
        seen = life_of(t.c->nodes[i], named);
        ck_assert_int_eq(json_int_at(seen, "counts.in-flight"), 1);
        ck_assert_uint_eq(json_array_size(json_at(seen, "devices")), 2);
        ck_assert_int_eq(nodes_of(seen, "answered"), 2);
    }
    mid = publish(t.owner, "broadcast=1", NULL, "y");
    /* The device of the pair, too. */
    wait_until(
        count_of(t.other, keep_printf("%s?broadcast=1", mid), "in-flight")
        == 3);
}
END_TEST

START_TEST(a_message_that_is_over_is_known_wherever_a_node_knows_it)
{
    struct two t = two_nodes(NULL);
    const char *mid = publish(t.owner, "user=a", NULL, "x");
    const char *path = keep_printf("/push/messages/%s", mid);
    const json_t *seen;
    struct answer *a;

    expect_message(t.st, 1, "x");
    a = http_do(t.other, "DELETE", path, NULL, NULL);
    http_expect(a, 200, NULL);
    ck_assert_int_eq(json_int_at(a->json, "recalled"), 1);
    wait_until(strcmp(json_text_at(life_of(t.owner, mid), "state"), "recalled")
               == 0);
    for (int i = 0; i < 2; i++) {
        seen = life_of(t.other, i ? keep_printf("%s?user=a", mid) : mid);
        ck_assert_str_eq(json_text_at(seen, "state"), "recalled");
        ck_assert_str_eq(json_text_at(seen, "audience.user"), "a");
    }
    http_expect(http_do(t.other, "DELETE", path, NULL, NULL), 409,
                "message-over");
    http_expect(http_get(t.other,
                         keep_printf("/push/messages/%s?user=b", mid)),
                404, NULL);
}
END_TEST

/* ---- explanations ---- */

static const json_t *explain(const struct server *s, const char *query)
{
    struct answer *a = http_get(s, keep_printf("/push/explain?%s", query));

    http_expect(a, 200, NULL);
    return a->json;
}

static bool explains(const struct server *s, const char *query,
                     const char *cause)
{
    return strcmp(json_text_at(explain(s, query), "cause"), cause) == 0;
}

static void expect_cause(const struct server *s, const char *query,
                         const char *cause)
{
    const json_t *found = explain(s, query);

    ck_assert_msg(!strcmp(json_text_at(found, "cause"), cause), "not %s: %s",
                  cause, json_dumps(found, JSON_INDENT(1)));
}

START_TEST(any_node_explains_a_device_as_its_own_node_does)
{
    struct two t = two_nodes("PushTrace a\n");
    const char *mid = publish(t.other, "user=a", NULL, "x");
    const char *query = keep_printf("user=a&message=%s", mid);
    const json_t *found;

    wait_until(explains(t.other, query, "in-flight"));
    found = explain(t.other, query);
    ck_assert_int_eq(nodes_of(found, "answered"), 2);
    ck_assert_str_eq(json_text_at(found, "device"), "d");
    ck_assert_str_eq(json_text_at(found, "verdict"),
                     json_text_at(explain(t.owner, query), "verdict"));
    ck_assert_uint_gt(json_array_size(json_at(found, "trace")), 0);
    expect_cause(t.other, "user=a", "in-flight");
    acknowledge(t.other, "user=a&device=d&seq=1");
    expect_cause(t.other, query, "acknowledged");
    expect_cause(t.other, "user=a&device=e", "unknown-device");
    expect_cause(t.other, "user=b", "no-device");
    expect_cause(t.other, keep_printf("user=b&message=%s", mid),
                 "another-user");
    http_expect(http_get(t.other, keep_printf("/push/explain?user=a&message=%s"
                                              "&channel=c1",
                                              mid)),
                404, NULL);
    expect_cause(t.other, "user=a&message=K0000000000", "never-given");
}
END_TEST

START_TEST(a_message_that_a_device_does_not_follow_is_explained_at_any_node)
{
    struct two t = two_nodes(NULL);
    struct stream *st = stream_open(
        t.owner, "user=b&device=d&channel=c1&seq=0&ack=explicit", NULL);
    const char *mid = publish(t.other, "channel=c1", NULL, "x");

    expect_message(st, 1, "x");
    for (int i = 0; i < 2; i++) {
        expect_cause(t.c->nodes[i],
                     keep_printf("user=a&message=%s&channel=c1", mid),
                     "channel-not-followed");
        expect_cause(t.c->nodes[i],
                     keep_printf("user=b&message=%s&channel=c1", mid),
                     "in-flight");
    }
    /* Nobody follows it: only Redis has it. */
    mid = publish(t.other, "channel=c2", NULL, "x");
    expect_cause(t.other, keep_printf("user=a&message=%s&channel=c2", mid),
                 "channel-not-followed");
}
END_TEST

START_TEST(a_device_that_nobody_holds_is_explained_from_its_record)
{
    struct two t = two_nodes("PushClusterLinger 1s\n");
    const char *before = publish(t.owner, "user=a", NULL, "x");
    const char *after;
    const json_t *found;

    expect_message(t.st, 1, "x");
    acknowledge(t.owner, "user=a&device=d&seq=1");
    leave(t.owner, t.st);
    wait_until(
        json_is_null(json_at(http_get(t.other, "/push/users/a/devices")->json,
                             "devices.0.pending")));
    after = publish(t.owner, "user=a", NULL, "y");
    expect_cause(t.other, keep_printf("user=a&message=%s", before),
                 "acknowledged");
    expect_cause(t.other, keep_printf("user=a&message=%s", after), "away");
    found = explain(t.other, "user=a&device=d");
    ck_assert_str_eq(json_text_at(found, "cause"), "away");
    ck_assert_str_eq(json_text_at(found, "device"), "d");
    ck_assert_ptr_null(json_at(found, "answered"));
}
END_TEST

START_TEST(a_device_of_a_silent_node_is_explained_as_it_was_last_written)
{
    struct two t = two_nodes(NULL);
    const char *mid = publish(t.other, "user=a", NULL, "x");
    const char *query = keep_printf("user=a&message=%s", mid);
    const json_t *found;

    wait_until(explains(t.other, query, "in-flight"));
    server_allow(t.owner, "PUSH02");
    cluster_pause(t.owner);
    found = explain(t.other, query);
    ck_assert_str_eq(json_text_at(found, "cause"), "node-silent");
    ck_assert_str_eq(json_text_at(found, "device"), "d");
    ck_assert(json_is_false(json_at(found, "answered")));
    ck_assert_int_eq(nodes_of(found, "silent"), 1);
    cluster_continue(t.owner);
    wait_until(explains(t.other, query, "in-flight"));
}
END_TEST

/* The context id of the user's first device. */
static const char *device_of(const struct server *s, const char *user)
{
    struct answer *a = http_get(s,
                                keep_printf("/push/users/%s/devices", user));

    http_expect(a, 200, NULL);
    return json_text_at(a->json, "devices.0.id");
}

START_TEST(a_device_is_found_by_its_id_from_every_node)
{
    struct two t = two_nodes("PushClusterLinger 1s\n");
    const char *path = keep_printf("/push/devices/%s",
                                   device_of(t.owner, "a"));
    const char *named = keep_printf("%s?user=a", path);
    struct answer *a;

    publish(t.other, "user=a", NULL, "x");
    expect_message(t.st, 1, "x");
    a = http_get(t.other, path);
    http_expect(a, 200, NULL);
    ck_assert_str_eq(json_text_at(a->json, "user"), "a");
    ck_assert_str_eq(json_text_at(a->json, "device"), "d");
    ck_assert(json_is_true(json_at(a->json, "online")));
    ck_assert_int_eq(json_int_at(a->json, "in_flight"), 1);
    ck_assert_int_eq(json_int_at(a->json, "sent_seq"), 1);
    ck_assert_int_eq(nodes_of(a->json, "answered"), 2);
    leave(t.owner, t.st);
    /* Nobody has it any more. */
    wait_until(http_get(t.owner, path)->status == 404);
    a = http_get(t.other, path);
    http_expect(a, 404, "not-found");
    ck_assert_ptr_nonnull(strstr(a->body, "?user="));
    a = http_get(t.other, named);
    http_expect(a, 200, NULL);
    ck_assert_str_eq(json_text_at(a->json, "device"), "d");
    ck_assert(json_is_false(json_at(a->json, "online")));
    ck_assert(json_is_null(json_at(a->json, "pending")));
    http_expect(http_get(t.other, keep_printf("%s?user=", path)), 400,
                "bad-parameter");
}
END_TEST

START_TEST(a_node_that_is_silent_is_named)
{
    struct two t = two_nodes(NULL);
    const char *path = keep_printf("/push/devices/%s?user=a",
                                   device_of(t.owner, "a"));
    const char *mid = publish(t.other, "channel=c1", NULL, "x");
    int64_t start;
    const json_t *seen;

    server_allow(t.owner, "PUSH02");
    cluster_pause(t.owner);
    start = wait_now();
    seen = http_get(t.other, path)->json;
    ck_assert(json_is_false(json_at(seen, "answered")));
    ck_assert_int_eq(nodes_of(seen, "answered"), 1);
    ck_assert_int_eq(nodes_of(seen, "silent"), 1);
    seen = life_of(t.other, keep_printf("%s?channel=c1", mid));
    ck_assert_int_eq(nodes_of(seen, "silent"), 1);
    ck_assert_int_lt(wait_now() - start, 5000);
    cluster_continue(t.owner);
    wait_until(nodes_of(life_of(t.other, keep_printf("%s?channel=c1", mid)),
                        "answered")
               == 2);
}
END_TEST

START_TEST(a_recall_counts_the_devices_of_all_nodes)
{
    struct two t = two_nodes(NULL);
    struct answer *a;
    const char *mid;

    stream_open(t.other, "user=a&device=e&seq=0&ack=explicit", NULL);
    mid = publish(t.other, "user=a", NULL, "x");
    wait_until(count_at(t.other, mid, "in-flight") == 2);
    wait_until(count_at(t.owner, mid, "in-flight") == 2);
    a = http_do(t.other, "DELETE",
                keep_printf("/push/messages/%s?user=a", mid), NULL, NULL);
    http_expect(a, 200, NULL);
    ck_assert_int_eq(json_int_at(a->json, "recalled"), 2);
}
END_TEST

/* Nobody has the device: its record says what it has had. */
START_TEST(of_a_device_that_nobody_holds_its_record_is_shown)
{
    struct two t = two_nodes("PushClusterLinger 1s\n");
    const char *before = publish(t.owner, "user=a", NULL, "x");
    const char *after;
    const json_t *devices;

    expect_message(t.st, 1, "x");
    acknowledge(t.owner, "user=a&device=d&seq=1");
    leave(t.owner, t.st);
    wait_until(http_get(t.other, "/push/users/a/devices")->status == 200
               && json_is_null(
                   json_at(http_get(t.other, "/push/users/a/devices")->json,
                           "devices.0.pending")));
    after = publish(t.owner, "user=a", NULL, "y");
    ck_assert_int_eq(count_at(t.other, before, "acked"), 1);
    ck_assert_int_eq(count_at(t.other, after, "pending"), 1);
    devices = http_get(t.other, "/push/users/a/devices")->json;
    ck_assert_str_eq(json_text_at(devices, "devices.0.device"), "d");
    ck_assert(json_is_false(json_at(devices, "devices.0.online")));
    ck_assert_ptr_null(json_at(devices, "devices.0.answered"));
}
END_TEST

START_TEST(a_users_devices_are_listed_from_every_node)
{
    struct two t = two_nodes(NULL);
    const json_t *seen;

    stream_open(t.other, "user=a&device=e&seq=0&ack=explicit", NULL);
    publish(t.other, "user=a", NULL, "x");
    publish(t.other, "user=a", NULL, "y");
    expect_message(t.st, 1, "x");
    expect_message(t.st, 2, "y");
    acknowledge(t.other, "user=a&device=d&seq=1");
    seen = http_get(t.other, "/push/users/a/devices")->json;
    ck_assert_uint_eq(json_array_size(json_at(seen, "devices")), 2);
    ck_assert_str_eq(json_text_at(seen, "devices.0.device"), "e");
    ck_assert_str_eq(json_text_at(seen, "devices.1.device"), "d");
    ck_assert(json_is_true(json_at(seen, "devices.1.online")));
    ck_assert_int_eq(json_int_at(seen, "devices.1.sent_seq"), 2);
    ck_assert_int_eq(json_int_at(seen, "devices.1.acked_seq"), 1);
    ck_assert_int_eq(json_int_at(seen, "devices.1.in_flight"), 1);
    ck_assert_int_eq(json_int_at(seen, "devices.1.pending"), 0);
    http_expect(http_get(t.other, "/push/users/nobody/devices"), 404, NULL);
}
END_TEST

START_TEST(of_an_owner_that_does_not_answer_it_is_said)
{
    struct two t = two_nodes(NULL);
    const char *mid = publish(t.other, "user=a", NULL, "x");
    const json_t *seen;

    wait_until(count_at(t.other, mid, "in-flight") == 1);
    server_allow(t.owner, "PUSH02");
    cluster_pause(t.owner);
    seen = life_of(t.other, keep_printf("%s?user=a", mid));
    ck_assert_str_eq(json_text_at(seen, "devices.0.state"), "pending");
    ck_assert(json_is_false(json_at(seen, "devices.0.answered")));
    seen = http_get(t.other, "/push/users/a/devices")->json;
    ck_assert(json_is_false(json_at(seen, "devices.0.answered")));
    ck_assert(json_is_null(json_at(seen, "devices.0.acked_seq")));
    cluster_continue(t.owner);
    wait_until(count_at(t.other, mid, "in-flight") == 1);
}
END_TEST

START_TEST(a_channels_message_is_found_where_nobody_follows_it)
{
    struct two t = two_nodes(NULL);
    const char *mid = publish(t.owner, "channel=c1", NULL, "x");
    const json_t *seen = life_of(t.other, keep_printf("%s?channel=c1", mid));

    ck_assert_str_eq(json_text_at(seen, "audience.channel"), "c1");
    ck_assert_str_eq(json_text_at(seen, "state"), "live");
    ck_assert_uint_eq(json_array_size(json_at(seen, "devices")), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_views");
    TCase *tc = case_add(suite, "cluster_views", 60);

    tcase_add_test(tc, a_message_is_seen_from_every_node_as_its_owner_sees_it);
    tcase_add_test(tc, a_message_is_not_seen_under_another_audience);
    tcase_add_test(tc, a_message_is_found_where_its_audience_is_not_said);
    tcase_add_test(tc, a_channels_message_shows_the_devices_of_all_nodes);
    tcase_add_test(tc,
                   a_message_that_is_over_is_known_wherever_a_node_knows_it);
    tcase_add_test(tc, a_device_is_found_by_its_id_from_every_node);
    tcase_add_test(tc, a_node_that_is_silent_is_named);
    tcase_add_test(tc, any_node_explains_a_device_as_its_own_node_does);
    tcase_add_test(
        tc, a_message_that_a_device_does_not_follow_is_explained_at_any_node);
    tcase_add_test(tc,
                   a_device_that_nobody_holds_is_explained_from_its_record);
    tcase_add_test(
        tc, a_device_of_a_silent_node_is_explained_as_it_was_last_written);
    tcase_add_test(tc, a_recall_counts_the_devices_of_all_nodes);
    tcase_add_test(tc, of_a_device_that_nobody_holds_its_record_is_shown);
    tcase_add_test(tc, a_users_devices_are_listed_from_every_node);
    tcase_add_test(tc, of_an_owner_that_does_not_answer_it_is_said);
    tcase_add_test(tc, a_channels_message_is_found_where_nobody_follows_it);
    return case_run(suite);
}
