/*
 * Plain streams outlive the child that holds them: they move to another one.
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define ROUNDS 5

START_TEST(a_stream_stays_open_through_graceful_restarts)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0&channel=c",
                                    NULL);
    int seq = 0, round;

    for (round = 0; round < ROUNDS; round++) {
        publish(s, "user=ada", NULL, keep_printf("before %d", round));
        expect_message(st, ++seq, keep_printf("before %d", round));
        server_graceful(s);
        publish(s, "user=ada", NULL, keep_printf("after %d", round));
        expect_message(st, ++seq, keep_printf("after %d", round));
        publish(s, "channel=c", NULL, keep_printf("channel %d", round));
        expect_message(st, ++seq, keep_printf("channel %d", round));
        publish(s, "broadcast=1", NULL, keep_printf("all %d", round));
        expect_message(st, ++seq, keep_printf("all %d", round));
    }
    wait_until(stat_of(s, "streams") == 1);
    wait_until(stat_of(s, "delivered") == 4 * ROUNDS);
}
END_TEST

#define STREAMS 200

START_TEST(all_streams_of_a_child_move)
{
    struct server *s = server_start(NULL);
    struct stream *st[STREAMS];
    int i;

    for (i = 0; i < STREAMS; i++) {
        st[i] = stream_open(s, keep_printf("user=u%d&device=d&seq=0", i),
                            NULL);
    }
    server_graceful(s);
    for (i = 0; i < STREAMS; i++) {
        publish(s, keep_printf("user=u%d", i), NULL, keep_printf("m%d", i));
    }
    for (i = 0; i < STREAMS; i++) {
        expect_message(st[i], 1, keep_printf("m%d", i));
    }
    wait_until(stat_of(s, "streams") == STREAMS);
}
END_TEST

#define LARGE  60000
#define LARGES 200

/* More than the sockets of both sides hold, so that one is cut in the middle. */
START_TEST(a_partly_written_message_moves_too)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open_narrow(s, "user=ada&device=d1&seq=0");
    char *payload = malloc(LARGE + 1);
    int i;

    memset(payload, 'x', LARGE);
    payload[LARGE] = '\0';
    for (i = 0; i < LARGES; i++) {
        payload[0] = (char)('a' + i % 26);
        publish(s, "user=ada", NULL, payload);
    }
    server_graceful(s);
    for (i = 0; i < LARGES; i++) {
        const struct event *e = stream_next(st);

        ck_assert_int_eq(e->seq, i + 1);
        ck_assert_int_eq((int)e->length, LARGE);
        ck_assert_int_eq(e->data[0], 'a' + i % 26);
    }
    free(payload);
}
END_TEST

START_TEST(a_stream_moves_when_its_child_has_served_its_connections)
{
    struct server_options o = {.global = "MaxConnectionsPerChild 20"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    int i;

    for (i = 1; i <= 100; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
        expect_message(st, i, keep_printf("m%d", i));
    }
    wait_until(stat_of(s, "streams") == 1);
}
END_TEST

/* However often it moves: the time until the next beat begins anew with each
 * move, so that otherwise none would ever come. */
START_TEST(an_idle_stream_that_moves_is_not_silent)
{
    struct server_options o = {.receive = "PushUser query:user\n"
                                          "PushHeartbeat 60"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    int round;

    for (round = 0; round < 3; round++) {
        int before = st->beats;
        int64_t deadline;

        server_graceful(s);
        deadline = wait_now() + WAIT_MS;
        while (st->beats == before) {
            ck_assert_msg(wait_now() < deadline, "no byte after a move");
            ck_assert_ptr_null(stream_next_in(st, 50));
        }
    }
}
END_TEST

START_TEST(the_peer_of_a_moved_stream_is_seen_to_leave)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);

    server_graceful(s);
    publish(s, "user=ada", NULL, "a");
    expect_message(st, 1, "a");
    leave(s, st);
    wait_until(stat_of(s, "streams") == 0);
}
END_TEST

START_TEST(a_full_child_passes_streams_to_one_with_room)
{
    struct server_options o = {.global = "PushMaxStreams 10"};
    struct server *s = server_start(&o);
    struct stream *st[20];
    int i;

    for (i = 0; i < 20; i++) {
        /* The second child may not have begun when the first is full. */
        wait_until((st[i] = stream_try(
                        s, keep_printf("user=u%d&device=d&seq=0", i), NULL))
                       ->status
                   == 200);
        wait_until(stat_of(s, "streams") == i + 1);
    }
    ck_assert_int_eq(stream_try(s, "user=u20&device=d&seq=0", NULL)->status,
                     503);
    for (i = 0; i < 20; i++) {
        publish(s, keep_printf("user=u%d", i), NULL, "a");
        expect_message(st[i], 1, "a");
    }
    stream_close(st[7]);
    wait_until(stat_of(s, "streams") == 19);
    stream_open(s, "user=u20&device=d&seq=0", NULL);
}
END_TEST

START_TEST(streams_do_not_wait_for_a_child_when_the_whole_server_ends)
{
    struct server_options o = {
        .global = "PushDrainTime 600\nGracefulShutdownTimeout 0"};
    struct server *s = server_start(&o);
    struct stream *st[4];
    int i;

    for (i = 0; i < 4; i++) {
        st[i] = stream_open(s, keep_printf("user=u%d&device=d&seq=0", i),
                            NULL);
    }
    kill(s->pid, SIGWINCH);
    for (i = 0; i < 4; i++) {
        stream_expect_bye(st[i], "restart");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("migration");
    TCase *tc = case_add(suite, "migration", 90);

    tcase_add_test(tc, a_stream_stays_open_through_graceful_restarts);
    tcase_add_test(tc, all_streams_of_a_child_move);
    tcase_add_test(tc, a_partly_written_message_moves_too);
    tcase_add_test(tc,
                   a_stream_moves_when_its_child_has_served_its_connections);
    tcase_add_test(tc, a_full_child_passes_streams_to_one_with_room);
    tcase_add_test(tc, an_idle_stream_that_moves_is_not_silent);
    tcase_add_test(tc, the_peer_of_a_moved_stream_is_seen_to_leave);
    tcase_add_test(tc,
                   streams_do_not_wait_for_a_child_when_the_whole_server_ends);
    return case_run(suite);
}
