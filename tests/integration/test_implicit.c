/*
 * A client that does not acknowledge: whatever it has not read at a cut comes
 * again or is told as missing, to the number.
 */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define COUNT  2400
#define WINDOW 2048 /* twice the default of PushMaxInFlight */

#define THREE "user=ada&device=d1&channel=c0&channel=c1&channel=c2"

static const char *const urgencies[] = {"high", "normal", "low", "very-low"};

/* Which messages came, by the numbers that they carry, and what was told. */
struct account {
    bool came[COUNT];
    int distinct;
    int missing;
};

/* COUNT lines, each with its number: to three channels, or to a user. */
static void publish_all(const struct server *s, const char *user)
{
    size_t room = COUNT * 100, used = 0;
    char *lines = keep(malloc(room), free);
    const char *error;
    int i;

    for (i = 0; i < COUNT; i++) {
        used += (size_t)snprintf(lines + used, room - used,
                                 "{\"urgency\":\"%s\",\"text\":\"%d\",",
                                 urgencies[i / 3 % 4], i);
        used += (size_t)(user != NULL
                             ? snprintf(lines + used, room - used,
                                        "\"user\":\"%s\"}\n", user)
                             : snprintf(lines + used, room - used,
                                        "\"channel\":\"c%d\"}\n", i % 3));
    }
    error = strstr(publish_lines(s, lines)->body, "error");
    ck_assert_msg(error == NULL, "%.200s", error);
}

static void take(struct account *a, const struct event *e)
{
    int number;

    if (strcmp(e->type, "push.gap") == 0) {
        json_t *gap = json_loads(e->data, 0, NULL);

        a->missing += (int)json_integer_value(json_object_get(gap, "dropped"));
        json_decref(gap);
        return;
    }
    number = atoi(e->data);
    ck_assert_int_lt(number, COUNT);
    a->distinct += !a->came[number];
    a->came[number] = true;
}

/* The client takes all bytes off its socket, and looks at none of them yet. */
static void await_last(struct stream *st)
{
    const char *last = keep_printf("data: %d\n\n", COUNT - 1);
    int64_t deadline = wait_now() + WAIT_MS;

    while (strstr(st->wire->bytes, last) == NULL) {
        ck_assert_msg(wire_receive(st->wire, deadline), "not all was sent");
    }
}

/* Reads two messages, breaks off, and comes again with the second one's id. */
static struct stream *read_two_and_resume(const struct server *s,
                                          struct stream *st, const char *query,
                                          struct account *a)
{
    const struct event *e;

    do {
        e = stream_next(st);
        take(a, e);
    } while (a->distinct < 2);
    a->missing = 0; /* what was told before them came */
    leave(s, st);
    return stream_open(s, query, keep_printf("Last-Event-ID: %s\r\n", e->id));
}

/* Until all is there or told; a gap may be told once more. */
static void settle(struct stream *st, struct account *a)
{
    while (a->distinct + a->missing < COUNT) {
        take(a, stream_next(st));
    }
}

static void expect_exactly(struct stream *st, const struct account *a,
                           int missing)
{
    ck_assert_int_eq(a->missing, missing);
    ck_assert_int_eq(a->distinct, COUNT - missing);
    ck_assert_ptr_null(stream_next_in(st, 200));
}

START_TEST(three_channels_are_resumed_without_a_silent_loss)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, THREE, NULL);
    struct account a = {.distinct = 0};

    publish_all(s, NULL);
    await_last(st);
    st = read_two_and_resume(s, st, THREE, &a);
    settle(st, &a);
    expect_exactly(st, &a, COUNT - WINDOW - 2);
}
END_TEST

START_TEST(what_a_channel_dropped_meanwhile_is_told_besides)
{
    struct server_options o = {.global = "PushChannelHistory 100"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, THREE, NULL);
    struct account a = {.distinct = 0};

    publish_all(s, NULL);
    await_last(st);
    st = read_two_and_resume(s, st, THREE, &a);
    settle(st, &a);
    ck_assert_int_ge(a.missing, COUNT - 300 - 2);
}
END_TEST

START_TEST(a_users_own_messages_are_resumed_without_a_silent_loss)
{
    struct server_options o = {.global = "PushMaxPending 5000"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1", NULL);
    struct account a = {.distinct = 0};

    publish_all(s, "ada");
    await_last(st);
    st = read_two_and_resume(s, st, "user=ada&device=d1", &a);
    settle(st, &a);
    expect_exactly(st, &a, COUNT - WINDOW - 2);
}
END_TEST

/* Its kernel takes a few messages only. */
START_TEST(what_a_stuck_reader_did_not_acknowledge_by_tcp_comes_again)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open_narrow(s, THREE);
    struct account a = {.distinct = 0};

    publish_all(s, NULL);
    wait_until(stat_of(s, "delivered") > 200);
    st = read_two_and_resume(s, st, THREE, &a);
    settle(st, &a);
    expect_exactly(st, &a, 0);
}
END_TEST

START_TEST(a_reader_that_was_stuck_gets_the_rest_when_it_reads)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open_narrow(s, THREE);
    struct account a = {.distinct = 0};

    publish_all(s, NULL);
    wait_until(stat_of(s, "delivered") > 200);
    settle(st, &a);
    expect_exactly(st, &a, 0);
}
END_TEST

START_TEST(a_client_that_read_all_is_told_nothing)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, THREE, NULL);
    const struct event *e;
    int i = 0;

    publish_all(s, NULL);
    do {
        e = stream_next(st);
    } while (++i < COUNT);
    leave(s, st);
    st = stream_open(s, THREE, keep_printf("Last-Event-ID: %s\r\n", e->id));
    publish(s, "channel=c1", NULL, "next");
    expect_message(st, COUNT + 1, "next");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("implicit");
    TCase *tc = case_add(suite, "implicit", 60);

    tcase_add_test(tc, three_channels_are_resumed_without_a_silent_loss);
    tcase_add_test(tc, what_a_channel_dropped_meanwhile_is_told_besides);
    tcase_add_test(tc, a_users_own_messages_are_resumed_without_a_silent_loss);
    tcase_add_test(tc,
                   what_a_stuck_reader_did_not_acknowledge_by_tcp_comes_again);
    tcase_add_test(tc, a_reader_that_was_stuck_gets_the_rest_when_it_reads);
    tcase_add_test(tc, a_client_that_read_all_is_told_nothing);
    return case_run(suite);
}
