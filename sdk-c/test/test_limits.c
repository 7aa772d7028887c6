/* test_limits.c - what a client does by the head of a stream: the numbering
 * that it acknowledges, the window, and messages that are too large. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "probing.h"
#include "suite.h"

static void begin(scripted_fn script, void *ctx)
{
    probing_begin(script, ctx);
    /* No batch goes out by itself. */
    probe->options.ack_ms = 600000;
}

/* The head of a stream with more fields. */
static void stream(struct scripted_request *r, const char *fields)
{
    scripted_say(r,
                 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                 "%sConnection: close\r\n\r\n",
                 fields);
}

/* ---- Push-Session ---- */

static int numbered(void *ctx, struct scripted_request *r)
{
    static const char *const fields[] = {"Push-Session: first-1\r\n",
                                         "Push-Session: Second_2\r\n", ""};

    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", "");
    }
    stream(r, fields[r->receives <= 3 ? r->receives - 1 : 2]);
    scripted_say(r, "id: %u.m%u\nack: now\ndata: x\n\n", r->receives,
                 r->receives);
    scripted_hold(r, -1);
    return 0;
}

START_TEST(an_acknowledgement_names_the_numbering_of_its_stream)
{
    begin(numbered, NULL);
    /* So each of the streams ends soon. */
    probe->options.silence_ms = 300;
    probe->options.transport = PUSHC_TRANSPORT_STREAM;
    probe_start(probe);
    scripted_wait(server, "/ack?", 3);
    ck_assert_uint_eq(scripted_count(server, "id=1.m1&session=first-1"), 1);
    ck_assert_uint_eq(scripted_count(server, "id=2.m2&session=Second_2"), 1);
    ck_assert_uint_eq(scripted_count(server, "session="), 2);
    ck_assert_uint_eq(scripted_count(server, "id=3.m3"), 1);
}
END_TEST

static int other_numbering(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, strstr(r->target, "session=old") ? 409 : 204,
                               "", "");
    }
    stream(r, r->receives == 1 ? "Push-Session: old\r\n"
                               : "Push-Session: new\r\n");
    scripted_say(r, "id: 1.m1\nack: now\ndata: x\n\n");
    scripted_hold(r, -1);
    return 0;
}

START_TEST(another_numbering_is_a_reason_to_reconnect)
{
    begin(other_numbering, NULL);
    probe_start(probe);
    scripted_wait(server, "session=new", 1);
    ck_assert_uint_eq(scripted_count(server, "/receive"), 2);
    ck_assert_uint_eq(probe_messages(probe), 1);
}
END_TEST

static int refuse_acks(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 409, "", "");
    }
    stream(r, "Push-Session: old\r\n");
    scripted_say(r, "id: 1.m1\ndata: x\n\n");
    scripted_hold(r, -1);
    return 0;
}

START_TEST(an_end_does_not_repeat_what_the_server_does_not_know)
{
    begin(refuse_acks, NULL);
    probe->options.stop_ms = 600000;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 1);
    pushc_client_stop(probe->client);
    ck_assert_int_eq(probe_stopped(probe), PUSHC_ERR_CLOSED);
    ck_assert_uint_eq(scripted_count(server, "/ack?"), 1);
}
END_TEST

/* ---- Push-Window ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned acked;
} window = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

/* As a server with PushMaxInFlight 16: no message beyond the window. */
static int windowed(void *ctx, struct scripted_request *r)
{
    char id[64];
    unsigned n;

    if (strstr(r->target, "/ack?")) {
        scripted_query(r, "id", id, sizeof(id));
        pthread_mutex_lock(&window.lock);
        window.acked = (unsigned)atoi(id);
        pthread_cond_broadcast(&window.changed);
        pthread_mutex_unlock(&window.lock);
        return scripted_answer(r, 204, "", "");
    }
    stream(r, ctx);
    for (n = 1; n <= 160; n++) {
        pthread_mutex_lock(&window.lock);
        while (n > window.acked + 16) {
            pthread_cond_wait(&window.changed, &window.lock);
        }
        pthread_mutex_unlock(&window.lock);
        scripted_say(r, "id: %u.m%u\ndata: x\n\n", n, n);
    }
    scripted_hold(r, -1);
    return 0;
}

START_TEST(a_window_smaller_than_ours_does_not_stall)
{
    begin(windowed, "Push-Window: 16\r\n");
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 160);
    ck_assert_uint_le(scripted_count(server, "/ack?"), 20);
}
END_TEST

START_TEST(ours_counts_where_it_is_the_smaller_one)
{
    begin(windowed, "Push-Window: 1000000\r\n");
    probe->options.window = 16;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 160);
    ck_assert_uint_le(scripted_count(server, "/ack?"), 20);
}
END_TEST

/* ---- too large ---- */

static void say_large(struct scripted_request *r, unsigned seq, size_t n)
{
    static const char bytes[] = "0123456789abcdef0123456789abcdef"
                                "0123456789abcdef0123456789abcdef";

    scripted_say(r, "id: %u.m%u\nack: now\ndata: ", seq, seq);
    for (; n >= 64; n -= 64) {
        scripted_write(r, bytes, 64);
    }
    scripted_write(r, bytes, n);
    scripted_say(r, "\n\n");
}

static int one_large(void *ctx, struct scripted_request *r)
{
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", "");
    }
    stream(r, ctx);
    scripted_say(r, "id: 1.m1\ndata: a\n\n");
    say_large(r, 2, 1 << 20);
    scripted_say(r, "id: 3.m3\nack: now\ndata: c\n\n");
    scripted_hold(r, -1);
    return 0;
}

START_TEST(what_is_too_large_is_told_and_acknowledged_and_blocks_nothing)
{
    pushc_event e;

    begin(one_large, "");
    probe->options.max_event_bytes = 100000;
    probe_start(probe);
    scripted_wait(server, "id=3.m3", 1);
    WAIT_FOR(probe_messages(probe) == 2);
    ck_assert_str_eq(probe_message_at(probe, 0).data, "a");
    ck_assert_str_eq(probe_message_at(probe, 1).data, "c");
    ck_assert_uint_eq(probe_events(probe, PUSHC_SKIPPED), 1);
    e = probe_last(probe, PUSHC_SKIPPED, NULL);
    ck_assert_int_eq(e.status, PUSHC_ERR_TOO_LARGE);
    ck_assert_str_eq(e.id, "2.m2");
    ck_assert_uint_eq(scripted_count(server, "/receive"), 1);
}
END_TEST

static int large_alone(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", "");
    }
    stream(r, "");
    say_large(r, 1, 200);
    /* The first stream breaks, and the server sends it again. */
    if (r->receives > 1) {
        scripted_say(r, "id: 2.m2\ndata: b\n\n");
        scripted_hold(r, -1);
    }
    return 0;
}

START_TEST(one_that_comes_again_is_told_once)
{
    begin(large_alone, NULL);
    probe->options.max_event_bytes = 100;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 1);
    ck_assert_uint_eq(probe_events(probe, PUSHC_SKIPPED), 1);
    ck_assert_str_eq(probe_last(probe, PUSHC_SKIPPED, NULL).id, "1.m1");
}
END_TEST

START_TEST(it_waits_for_those_before_it_to_be_acknowledged)
{
    char cursor[64];

    begin(one_large, "");
    probe->options.max_event_bytes = 100000;
    probe->handler = probe_keep;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 2);
    ck_assert_int_eq(pushc_cursor(probe->client, cursor, sizeof(cursor)), 0);
    ck_assert_str_eq(cursor, "");
    ck_assert_uint_eq(scripted_count(server, "/ack?"), 0);
}
END_TEST

START_TEST(an_option_stops_there)
{
    begin(one_large, "");
    probe->options.max_event_bytes = 100000;
    probe->options.stop_on_large = 1;
    probe_start(probe);
    ck_assert_int_eq(probe_stopped(probe), PUSHC_ERR_TOO_LARGE);
    ck_assert_uint_eq(probe_events(probe, PUSHC_SKIPPED), 0);
    ck_assert_uint_eq(scripted_count(server, "/receive"), 1);
    ck_assert_uint_eq(scripted_count(server, "id=1.m1"), 1);
}
END_TEST

/* Rows: fields of the head, and whether 1 MiB of data are handed over. */
static const struct {
    char *fields;
    unsigned skipped;
} sizes[] = {
    {"", 1},
    {"Push-Max-Message: 65536\r\n", 1},
    {"Push-Max-Message: 1048576\r\n", 0},
    {"Push-Max-Message: 99999999999999999999\r\n", 0},
};

START_TEST(the_largest_message_follows_what_the_server_says)
{
    begin(one_large, sizes[_i].fields);
    probe_start(probe);
    scripted_wait(server, "id=3.m3", 1);
    WAIT_FOR(probe_messages(probe) == 3 - sizes[_i].skipped);
    ck_assert_uint_eq(probe_events(probe, PUSHC_SKIPPED), sizes[_i].skipped);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, an_acknowledgement_names_the_numbering_of_its_stream);
    tcase_add_test(tc, another_numbering_is_a_reason_to_reconnect);
    tcase_add_test(tc, an_end_does_not_repeat_what_the_server_does_not_know);
    tcase_add_test(tc, a_window_smaller_than_ours_does_not_stall);
    tcase_add_test(tc, ours_counts_where_it_is_the_smaller_one);
    tcase_add_test(
        tc, what_is_too_large_is_told_and_acknowledged_and_blocks_nothing);
    tcase_add_test(tc, one_that_comes_again_is_told_once);
    tcase_add_test(tc, it_waits_for_those_before_it_to_be_acknowledged);
    tcase_add_test(tc, an_option_stops_there);
    tcase_add_loop_test(tc, the_largest_message_follows_what_the_server_says,
                        0, sizeof(sizes) / sizeof(sizes[0]));
}

int main(void)
{
    TCase *tc = suite_begin("limits", 60);

    tcase_add_checked_fixture(tc, NULL, probing_end);
    add_tests(tc);
    return suite_run();
}
