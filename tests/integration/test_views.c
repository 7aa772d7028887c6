/*
 * Lists for an administrator: channels, the slowest streams, the reactors of
 * all children; and users whose names hold a slash.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "verbs.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const json_t *list_of(const struct server *s, const char *target)
{
    struct answer *a = http_get(s, keep_printf("/push/%s", target));

    ck_assert_msg(a->status == 200, "%s: %s", target, a->body);
    return a->json;
}

/* The names of the channels in the answer, with a comma behind each. */
static const char *names_of(const json_t *answer)
{
    const json_t *list = json_object_get(answer, "channels");
    const char *names = "";

    for (size_t i = 0; i < json_array_size(list); i++) {
        names = keep_printf("%s%s,", names,
                            json_text_at(json_array_get(list, i), "channel"));
    }
    return names;
}

/* ---- channels ---- */

/* Channel a.1 has 1 message and 3 subscribers, and so on. */
static const struct {
    const char *query, *names;
    bool more;
} channel_lists[] = {
    {"", "a.1,a.2,a.3,b/4,", false},
    {"?sort=name&limit=2", "a.1,a.2,", true},
    {"?sort=messages&limit=3", "a.3,a.2,a.1,", true},
    {"?sort=subscribers&limit=2", "a.1,a.2,", true},
    {"?sort=connected&limit=1", "a.1,", true},
    {"?prefix=a.&limit=3", "a.1,a.2,a.3,", false},
    {"?prefix=b%2F", "b/4,", false},
    {"?prefix=c", "", false},
    {"?limit=1000", "a.1,a.2,a.3,b/4,", false},
};

static const char *const bad_queries[] = {"channels?limit=0",
                                          "channels?limit=1001",
                                          "channels?limit=x",
                                          "channels?sort=age",
                                          "channels?limit=1&limit=2",
                                          "streams?limit=201",
                                          "streams?sort=name",
                                          "users",
                                          "users?user=",
                                          "devices?user=a%00b",
                                          "devices?user=a&user=b"};

START_TEST(channels_are_listed_in_the_order_and_number_that_is_asked_for)
{
    struct server *s = server_start(NULL);

    for (int i = 1; i < 4; i++) {
        for (int j = i; j < 4; j++) {
            stream_open(
                s, keep_printf("user=u%d&device=%d&channel=a.%d", i, j, i),
                NULL);
        }
        for (int j = 0; j < i; j++) {
            publish(s, keep_printf("channel=a.%d", i), NULL, "x");
        }
    }
    publish(s, "channel=b%2F4", NULL, "x");
    publish(s, "channel=b%2F4", "TTL: 0\r\n", "not kept");
    for (size_t i = 0; i < COUNT(channel_lists); i++) {
        const json_t *answer = list_of(s, keep_printf("channels%s",
                                                      channel_lists[i].query));

        ck_assert_msg(!strcmp(names_of(answer), channel_lists[i].names),
                      "%s: %s", channel_lists[i].query, names_of(answer));
        ck_assert_msg(json_is_true(json_at(answer, "more"))
                          == channel_lists[i].more,
                      "%s", channel_lists[i].query);
    }
    ck_assert_int_eq(json_int_at(list_of(s, "channels?prefix=a.3"),
                                 "channels.0.messages"),
                     3);
    ck_assert_int_eq(json_int_at(list_of(s, "channels?prefix=a.2"),
                                 "channels.0.connected"),
                     2);
}
END_TEST

START_TEST(a_query_that_makes_no_sense_is_refused)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < COUNT(bad_queries); i++) {
        struct answer *a = http_get(s,
                                    keep_printf("/push/%s", bad_queries[i]));

        ck_assert_msg(a->status == 400, "%s: %d", bad_queries[i], a->status);
    }
}
END_TEST

/* ---- users ---- */

START_TEST(a_user_with_a_slash_is_asked_for_by_the_query)
{
    struct server *s = server_start(NULL);

    stream_open(s, "user=acme%2Fada&device=d&seq=0", NULL);
    ck_assert_int_eq(http_get(s, "/push/users/acme%2Fada/devices")->status,
                     404);
    for (int i = 0; i < 2; i++) {
        const json_t *answer = list_of(s, i ? "users?user=acme%2Fada"
                                            : "devices?user=acme%2Fada");

        ck_assert_str_eq(json_text_at(answer, "user"), "acme/ada");
        ck_assert_str_eq(json_text_at(answer, "devices.0.device"), "d");
    }
    http_expect(http_get(s, "/push/users?user=nobody"), 404, NULL);
}
END_TEST

/* ---- streams ---- */

/* Publishes until the reader's socket is full. */
static void block(const struct server *s, const char *user)
{
    const char *large = keep_printf("%060000d", 0);

    for (int i = 0;
         json_int_at(list_of(s, "streams?limit=1"), "streams.0.blocked_ms")
         == 0;
         i++) {
        ck_assert_int_lt(i, 1000);
        if (i < 100) {
            publish(s, keep_printf("user=%s", user), NULL, large);
        }
        wait_a_little();
    }
}

START_TEST(the_slowest_streams_come_first)
{
    struct server *s = server_start(NULL);
    const json_t *answer;
    struct stream *slow, *picky;

    ck_assert_uint_eq(
        json_array_size(json_at(list_of(s, "streams"), "streams")), 0);
    slow = stream_open_narrow(s, "user=slow&device=s&seq=0");
    picky = stream_open(s, "user=picky&device=p&seq=0&urgency=high", NULL);
    stream_open(s, "user=quick&device=q&seq=0", NULL);
    block(s, "slow");
    for (int i = 0; i < 150; i++) {
        publish(s, "user=picky", NULL, "x");
    }
    answer = list_of(s, "streams");
    ck_assert_uint_eq(json_array_size(json_at(answer, "streams")), 3);
    ck_assert(json_is_false(json_at(answer, "more")));
    ck_assert_str_eq(json_text_at(answer, "streams.0.user"), "slow");
    ck_assert_str_eq(json_text_at(answer, "streams.0.label"), "s");
    ck_assert_str_eq(json_text_at(answer, "streams.0.device"),
                     stream_header(slow, "Push-Device"));
    ck_assert_str_eq(json_text_at(answer, "streams.0.transport"), "sse");
    ck_assert_int_gt(json_int_at(answer, "streams.0.since"), 1700000000000);
    ck_assert_str_eq(json_text_at(answer, "streams.1.user"), "picky");
    ck_assert_int_eq(json_int_at(answer, "streams.1.blocked_ms"), 0);
    ck_assert_str_eq(json_text_at(answer, "streams.2.user"), "quick");
    answer = list_of(s, "streams?sort=pending&limit=1");
    ck_assert_uint_eq(json_array_size(json_at(answer, "streams")), 1);
    ck_assert(json_is_true(json_at(answer, "more")));
    ck_assert_str_eq(json_text_at(answer, "streams.0.device"),
                     stream_header(picky, "Push-Device"));
    ck_assert_int_eq(json_int_at(answer, "streams.0.pending"), 150);
    ck_assert_int_eq(json_int_at(answer, "streams.0.in_flight"), 0);
}
END_TEST

/* ---- children ---- */

static bool has_child(const json_t *answer, pid_t pid)
{
    const json_t *list = json_at(answer, "children");

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (json_int_at(json_array_get(list, i), "pid") == pid) {
            return true;
        }
    }
    return false;
}

START_TEST(every_child_has_its_reactors_listed)
{
    struct server_options o = {.global = "PushReactors 2"};
    struct server *s = server_start(&o);
    const json_t *answer;
    pid_t pids[8];
    int count = server_children(s, pids, 8);

    ck_assert_int_eq(count, 2);
    wait_until((answer = list_of(s, "children"))
               && json_array_size(json_at(answer, "children")) == 4);
    for (int i = 0; i < count; i++) {
        ck_assert(has_child(answer, pids[i]));
    }
    for (int i = 0; i < 4; i++) {
        const json_t *one = json_array_get(json_at(answer, "children"),
                                           (size_t)i);

        ck_assert_int_eq(json_int_at(one, "seat"), i);
        ck_assert_int_eq(json_int_at(one, "streams"), 0);
        ck_assert_int_eq(json_int_at(one, "reserved"), 0);
        ck_assert_int_ge(json_int_at(one, "busy_ms"), 0);
        ck_assert_int_eq(json_int_at(one, "generation"), 0);
        ck_assert(json_is_false(json_at(one, "draining")));
        ck_assert_int_gt(json_int_at(one, "last_beat"), 1700000000000);
    }
}
END_TEST

START_TEST(a_graceful_restart_begins_another_generation)
{
    struct server *s = server_start(NULL);
    const json_t *answer;

    server_graceful(s);
    wait_until(json_array_size(json_at(list_of(s, "children"), "children"))
               == 2);
    answer = list_of(s, "children");
    ck_assert_int_eq(json_int_at(answer, "children.0.generation"), 1);
    ck_assert_int_eq(json_int_at(answer, "children.1.generation"), 1);
}
END_TEST

/* ---- one message, by its address ---- */

static const char *const audiences[] = {
    "user=ada",    "user=ada&device=phone", "user=a+b%26c%3dd%2f%c3%bc%3f%23",
    "channel=ada", "channel=%22%3e%2c+x",   "broadcast=1",
};

START_TEST(a_message_is_found_at_the_address_that_its_publisher_was_told)
{
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < COUNT(audiences); i++) {
        struct answer *a = publish_try(s, audiences[i], NULL, "x");
        const char *mid = json_text_at(a->json, "id");
        const char *url = http_header(a, "Location");

        ck_assert_str_eq(url, keep_printf("/push/messages/%s?%s", mid,
                                          audiences[i]));
        a = http_get(s, url);
        ck_assert_msg(a->status == 200, "%s: %s", url, a->body);
        ck_assert_str_eq(json_text_at(a->json, "id"), mid);
        ck_assert_int_eq(http_do(s, "DELETE", url, NULL, NULL)->status, 200);
        ck_assert_str_eq(json_text_at(life_of(s, mid), "state"), "recalled");
        http_expect(http_do(s, "DELETE", url, NULL, NULL), 409, "message");
    }
}
END_TEST

START_TEST(a_message_is_not_found_where_it_is_said_to_be_of_somebody_else)
{
    static const char *const methods[] = {"GET", "DELETE"};
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < COUNT(audiences); i++) {
        const char *mid = publish(s, audiences[i], NULL, "x");

        for (size_t j = 0; j < COUNT(audiences); j++) {
            /* Of a device, or of the user: both are right of it. */
            if (j == i || (i == 1 && j == 0)) {
                continue;
            }
            for (size_t k = 0; k < COUNT(methods); k++) {
                http_expect(http_do(s, methods[k],
                                    keep_printf("/push/messages/%s?%s", mid,
                                                audiences[j]),
                                    NULL, NULL),
                            404, NULL);
            }
            http_expect(http_get(s, keep_printf("/push/receipts/%s?%s", mid,
                                                audiences[j])),
                        404, NULL);
        }
        ck_assert_str_eq(json_text_at(life_of(s, mid), "state"), "live");
    }
}
END_TEST

static const struct {
    const char *query, *detail;
} bad_addresses[] = {
    {"user=ada&channel=c", "channel"},
    {"user=ada&broadcast=1", "broadcast"},
    {"channel=c&broadcast=1", "broadcast"},
    {"broadcast=true", "broadcast: 1"},
    {"user=", "user"},
    {"channel=a%01", "channel"},
    {"device=d", "device"},
    {"channel=c&device=d", "device"},
    {"user=ada&device=%2F", "device"},
    {"user=ada&user=ada", "user"},
};

START_TEST(an_address_that_makes_no_sense_is_answered_by_the_field)
{
    struct server *s = server_start(NULL);
    const char *mid = publish(s, "user=ada", NULL, "x");

    for (size_t i = 0; i < COUNT(bad_addresses); i++) {
        http_expect(http_get(s, keep_printf("/push/messages/%s?%s", mid,
                                            bad_addresses[i].query)),
                    400, bad_addresses[i].detail);
    }
    ck_assert_str_eq(json_text_at(life_of(s, mid), "state"), "live");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("views");
    TCase *tc = case_add(suite, "views", 60);

    tcase_add_test(
        tc, channels_are_listed_in_the_order_and_number_that_is_asked_for);
    tcase_add_test(tc, a_query_that_makes_no_sense_is_refused);
    tcase_add_test(tc, a_user_with_a_slash_is_asked_for_by_the_query);
    tcase_add_test(tc, the_slowest_streams_come_first);
    tcase_add_test(tc, every_child_has_its_reactors_listed);
    tcase_add_test(tc, a_graceful_restart_begins_another_generation);
    tcase_add_test(
        tc, a_message_is_found_at_the_address_that_its_publisher_was_told);
    tcase_add_test(
        tc, a_message_is_not_found_where_it_is_said_to_be_of_somebody_else);
    tcase_add_test(tc,
                   an_address_that_makes_no_sense_is_answered_by_the_field);
    return case_run(suite);
}
