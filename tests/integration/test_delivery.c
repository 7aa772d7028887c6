/*
 * Who gets what: across children, to thousands, to each user only its own,
 * and what a slow reader costs the others.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define MANY 1000

static const char *const mpms[] = {"event", "worker", "prefork"};

START_TEST(a_publisher_on_one_child_reaches_a_subscriber_on_another)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct request q = {.method = "POST",
                        .target = "/push/messages?user=ada",
                        .body = "hello",
                        .length = 5};
    pid_t holder;
    struct wire *w;

    holder = holder_of(s, st);
    w = wire_to_another_child(s, holder);
    http_send(w, &q);
    ck_assert_int_eq(http_read(w, false)->status, 201);
    ck_assert_int_ne(server_child_of(s, w->fd), holder);
    expect_message(st, 1, "hello");
}
END_TEST

static const char *lines_for_all(const char *word)
{
    size_t room = MANY * 80, used = 0;
    char *lines = keep(malloc(room), free);
    int i;

    for (i = 0; i < MANY; i++) {
        used += (size_t)snprintf(lines + used, room - used,
                                 "{\"user\":\"u%d\",\"text\":\"%s %d\"}\n", i,
                                 word, i);
    }
    return lines;
}

static int children_that_hold(const struct server *s, struct stream **st,
                              int count)
{
    pid_t seen[64];
    int i, j, different = 0;

    for (i = 0; i < count; i++) {
        pid_t pid = server_child_of(s, st[i]->wire->fd);

        for (j = 0; j < different && seen[j] != pid; j++) {
        }
        if (j == different) {
            seen[different] = pid;
            different++;
        }
    }
    return different;
}

START_TEST(a_thousand_streams_get_exactly_their_own_messages)
{
    struct server_options o = {.children = 4};
    struct server *s = server_start(&o);
    struct stream *streams[MANY], *some[100];
    int i;

    for (i = 0; i < MANY; i++) {
        streams[i] = stream_open(s, keep_printf("user=u%d&device=d&seq=0", i),
                                 NULL);
        some[i / (MANY / 100)] = streams[i];
    }
    wait_until(stat_of(s, "streams") == MANY);
    ck_assert_int_ge(children_that_hold(s, some, 100), 2);
    publish_lines(s, lines_for_all("first"));
    publish_lines(s, lines_for_all("second"));
    for (i = 0; i < MANY; i++) {
        expect_message(streams[i], 1, keep_printf("first %d", i));
        expect_message(streams[i], 2, keep_printf("second %d", i));
    }
}
END_TEST

START_TEST(a_broadcast_reaches_every_device_once)
{
    struct server *s = server_start(NULL);
    struct stream *streams[50];
    int i;

    for (i = 0; i < 50; i++) {
        streams[i] = stream_open(
            s, keep_printf("user=u%d&device=d%d&seq=0", i % 25, i), NULL);
    }
    publish(s, "broadcast=1", NULL, "all");
    publish(s, "broadcast=1", NULL, "again");
    for (i = 0; i < 50; i++) {
        expect_message(streams[i], 1, "all");
        expect_message(streams[i], 2, "again");
    }
}
END_TEST

START_TEST(a_message_reaches_its_user_alone)
{
    struct server *s = server_start(NULL);
    struct stream *ada = stream_open(s, "user=ada&device=d&seq=0", NULL);
    struct stream *bob = stream_open(s, "user=bob&device=d&seq=0", NULL);

    publish(s, "user=ada", NULL, "for ada");
    publish(s, "user=bob", NULL, "for bob");
    expect_message(ada, 1, "for ada");
    expect_message(bob, 1, "for bob");
    publish(s, "user=ada", NULL, "for ada again");
    expect_message(ada, 2, "for ada again");
}
END_TEST

/* Publish 4 KB of low urgency to a user. */
static void publish_bulk(const struct server *s, const char *user)
{
    char payload[4097];

    memset(payload, 'x', 4096);
    payload[4096] = '\0';
    publish(s, keep_printf("user=%s", user), "Urgency: low\r\n", payload);
}

START_TEST(what_is_urgent_overtakes_what_a_slow_reader_was_not_sent)
{
    struct server *s = server_start(NULL);
    struct stream *slow = stream_open_narrow(s, "user=ada&device=slow&seq=0");
    struct stream *fast = stream_open(s, "user=ada&device=fast&seq=0", NULL);
    int i, urgent_at = 0;

    /* The other device of the same user does not wait for the slow one. */
    for (i = 1; i <= 200; i++) {
        publish_bulk(s, "ada");
        ck_assert_int_eq(stream_next(fast)->seq, i);
    }
    publish(s, "user=ada", "Urgency: high\r\n", "urgent");
    expect_message(fast, 201, "urgent");
    for (i = 1; i <= 201; i++) {
        const struct event *e = stream_next(slow);

        ck_assert_int_eq(e->seq, i);
        if (strcmp(e->data, "urgent") == 0) {
            urgent_at = i;
        }
    }
    ck_assert_msg(urgent_at > 0 && urgent_at < 100,
                  "the urgent one came as number %d of 201", urgent_at);
}
END_TEST

START_TEST(a_reader_that_does_not_read_does_not_slow_the_others)
{
    struct server *s = server_start(NULL);
    struct stream *stuck[20];
    struct stream *reader = stream_open(s, "user=r&device=d&seq=0", NULL);
    int i;

    for (i = 0; i < 20; i++) {
        stuck[i] = stream_open_narrow(s, keep_printf("user=s%d&device=d&seq=0",
                                                     i));
    }
    for (i = 0; i < 20 * 30; i++) {
        publish_bulk(s, keep_printf("s%d", i % 20));
    }
    for (i = 1; i <= 100; i++) {
        publish(s, "user=r", NULL, keep_printf("m%d", i));
        expect_message(reader, i, keep_printf("m%d", i));
    }
    for (i = 1; i <= 30; i++) {
        ck_assert_int_eq(stream_next(stuck[7])->seq, i);
    }
}
END_TEST

/* Publish count times 4 KB to a user in one request. */
static void publish_much(const struct server *s, const char *user, int count)
{
    size_t used = 0, room = (size_t)count * 4200 + 1;
    char *lines = keep(malloc(room), free);
    char payload[4097];
    int i;

    memset(payload, 'x', 4096);
    payload[4096] = '\0';
    for (i = 0; i < count; i++) {
        used += (size_t)snprintf(lines + used, room - used,
                                 "{\"user\":\"%s\",\"text\":\"%s\"}\n", user,
                                 payload);
    }
    publish_lines(s, lines);
}

/* Memory of a process that it shares with no other (KiB). */
static long own_memory(pid_t pid)
{
    const char *status = keep_file(keep_printf("/proc/%d/status", (int)pid),
                                   NULL);
    const char *line = strstr(status, "RssAnon:");

    ck_assert_ptr_nonnull(line);
    return atol(line + 8);
}

START_TEST(a_reader_that_does_not_read_costs_its_child_no_memory)
{
    struct server_options o = {.children = 1};
    struct server *s = server_start(&o);
    pid_t child;
    long before;
    int i;

    stream_open_narrow(s, "user=warm&device=d&seq=0");
    for (i = 0; i < 20; i++) {
        publish_much(s, "warm", 20);
    }
    ck_assert_int_eq(server_children(s, &child, 1), 1);
    before = own_memory(child);
    for (i = 0; i < 20; i++) {
        stream_open_narrow(s, keep_printf("user=s%d&device=d&seq=0", i));
        publish_much(s, keep_printf("s%d", i), 200);
    }
    ck_assert_int_eq(stat_of(s, "evicted"), 0);
    /* 16 MiB wait; a sanitizer never gives memory back. */
    ck_assert_msg(getenv("PUSH_ASAN") != NULL
                      || own_memory(child) - before < 4096,
                  "grew by %ld KiB", own_memory(child) - before);
}
END_TEST

START_TEST(a_reader_that_stays_stuck_is_closed_and_loses_nothing)
{
    struct server_options o = {.receive = "PushUser query:user\n"
                                          "PushWriteTimeout 1"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open_narrow(s, "user=ada&device=d&seq=0");
    int i;

    wait_until(stat_of(s, "streams") == 1);
    publish_much(s, "ada", 200);
    wait_until(stat_of(s, "streams") == 0);
    stream_close(st);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    for (i = 1; i <= 200; i++) {
        ck_assert_int_eq(stream_next(st)->seq, i);
    }
}
END_TEST

START_TEST(a_large_payload_arrives_whole)
{
    struct server *s = server_start(NULL);
    struct stream *narrow = stream_open_narrow(s, "user=ada&device=n&seq=0");
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    size_t i, length = 60000;
    char *payload = keep(malloc(length + 1), free);
    const struct event *e;

    for (i = 0; i < length; i++) {
        payload[i] = (char)('!' + i % 90);
    }
    payload[length] = '\0';
    for (i = 0; i < 5; i++) {
        publish(s, "user=ada", NULL, payload);
    }
    for (i = 0; i < 5; i++) {
        e = stream_next(st);
        ck_assert_uint_eq(e->length, length);
        ck_assert(memcmp(e->data, payload, length) == 0);
        e = stream_next(narrow);
        ck_assert_uint_eq(e->length, length);
        ck_assert(memcmp(e->data, payload, length) == 0);
    }
    /* Those that took more than one write count, too. */
    wait_until(stat_of(s, "delivered") == 10);
}
END_TEST

START_TEST(a_burst_arrives_in_the_order_of_its_publishing)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=u7&device=d&seq=0", NULL);
    int i, round;

    for (round = 0; round < 5; round++) {
        publish_lines(s, lines_for_all(keep_printf("round %d", round)));
    }
    for (i = 0; i < 5; i++) {
        expect_message(st, i + 1, keep_printf("round %d 7", i));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("delivery");
    TCase *tc = case_add(suite, "to whom", 60);

    tcase_add_loop_test(
        tc, a_publisher_on_one_child_reaches_a_subscriber_on_another, 0, 3);
    tcase_add_test(tc, a_thousand_streams_get_exactly_their_own_messages);
    tcase_add_test(tc, a_broadcast_reaches_every_device_once);
    tcase_add_test(tc, a_message_reaches_its_user_alone);
    tcase_add_test(tc, a_burst_arrives_in_the_order_of_its_publishing);
    tc = case_add(suite, "slow readers", 60);
    tcase_add_test(tc,
                   what_is_urgent_overtakes_what_a_slow_reader_was_not_sent);
    tcase_add_test(tc, a_reader_that_does_not_read_does_not_slow_the_others);
    tcase_add_test(tc, a_reader_that_does_not_read_costs_its_child_no_memory);
    tcase_add_test(tc, a_reader_that_stays_stuck_is_closed_and_loses_nothing);
    tcase_add_test(tc, a_large_payload_arrives_whole);
    return case_run(suite);
}
