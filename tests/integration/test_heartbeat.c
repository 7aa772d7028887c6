/*
 * The heartbeat: one byte after a time without traffic, none while there is
 * some.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define BASE "PushUser query:user\nPushChannels *\n"

/* Receive until the stream has had so many more bytes; when the last came. */
static int64_t more_bytes(struct stream *st, uint64_t count)
{
    uint64_t want = st->wire->total + count;
    int64_t deadline = wait_now() + WAIT_MS;

    while (st->wire->total < want) {
        ck_assert_msg(wire_receive(st->wire, deadline)
                          || wait_now() < deadline,
                      "no byte in time");
        ck_assert(!st->wire->ended);
    }
    ck_assert_uint_eq(st->wire->total, want);
    return st->wire->last_bytes;
}

/* Take what stands at the beginning of the stream: its retry field. */
static void take_opening(struct stream *st)
{
    wait_until(wire_receive(st->wire, wait_now() + 50)
               || strchr(st->wire->bytes, '\n') != NULL);
    ck_assert_msg(strncmp(st->wire->bytes, "retry: ", 7) == 0,
                  "the stream begins with: %.80s", st->wire->bytes);
    wire_take(st->wire, st->wire->used);
}

START_TEST(after_4_s_without_traffic_one_newline_comes)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    int64_t start, first, second;

    take_opening(st);
    start = wait_now();
    first = more_bytes(st, 1);
    second = more_bytes(st, 1);
    ck_assert_str_eq(st->wire->bytes, "\n\n");
    /* The first may be early, so that the phases of streams spread.  These
     * are the times at which the bytes came, not those when we read them. */
    ck_assert_int_le(first - start, 5500);
    ck_assert_int_ge(second - first, 3400);
    ck_assert_int_le(second - first, 5500);
}
END_TEST

START_TEST(a_byte_comes_at_least_every_interval_on_many_streams)
{
    struct server_options o = {.receive = BASE "PushHeartbeat 1"};
    struct server *s = server_start(&o);
    struct stream *streams[100];
    int i, round;

    for (i = 0; i < 100; i++) {
        streams[i] = stream_open(s, keep_printf("user=u%d&device=d&seq=0", i),
                                 NULL);
    }
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 100; i++) {
            int before = streams[i]->beats;

            while (streams[i]->beats == before) {
                ck_assert_ptr_null(stream_next_in(streams[i], 20));
                ck_assert_int_le(wait_now() - streams[i]->wire->last_bytes,
                                 6000);
            }
        }
    }
}
END_TEST

START_TEST(while_traffic_flows_there_is_no_heartbeat)
{
    struct server_options o = {.receive = BASE "PushHeartbeat 1"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    int64_t before = wait_now(), flowed = 0;
    int seq = 1;

    while (flowed < 3000) {
        int64_t pause;

        publish(s, "user=ada", NULL, "x");
        expect_message(st, seq, "x");
        seq++;
        pause = st->wire->last_bytes - before;
        before = st->wire->last_bytes;
        /* Where publishing took too long, the traffic did not flow. */
        ck_assert(st->beats == 0 || pause > 800);
        flowed = pause > 800 ? 0 : flowed + pause;
        st->beats = 0;
        ck_assert_ptr_null(stream_next_in(st, 150));
    }
    wait_until(stream_next_in(st, 100) == NULL && st->beats > 0);
}
END_TEST

START_TEST(on_request_the_heartbeat_is_an_event_without_id)
{
    struct server_options o = {.receive = BASE "PushHeartbeat 1"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&heartbeat=event",
                                    NULL);
    const struct event *e = stream_next(st);

    ck_assert_str_eq(e->type, "heartbeat");
    ck_assert_str_eq(e->data, "");
    ck_assert_str_eq(e->id, "");
    publish(s, "user=ada", NULL, "x");
    do {
        e = stream_next(st);
    } while (strcmp(e->type, "heartbeat") == 0);
    ck_assert_str_eq(e->data, "x");
    ck_assert_int_eq(e->seq, 1);
}
END_TEST

START_TEST(a_heartbeat_never_splits_an_event)
{
    struct server_options o = {.receive = BASE "PushHeartbeat 1"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open_narrow(s, "user=ada&device=d1&seq=0");
    char *payload = keep(malloc(60001), free);
    int i;

    memset(payload, 'x', 60000);
    payload[60000] = '\0';
    for (i = 0; i < 20; i++) {
        publish(s, "user=ada", NULL, payload);
    }
    /* The reader stands still for longer than a beat takes. */
    expect_message(st, 1, payload);
    wait_until(wait_now() > st->wire->last_bytes + 2500);
    for (i = 2; i <= 20; i++) {
        const struct event *e = stream_next(st);

        ck_assert_int_eq(e->seq, i);
        ck_assert_uint_eq(e->length, 60000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heartbeat");
    TCase *tc = case_add(suite, "heartbeat", 60);

    tcase_add_test(tc, after_4_s_without_traffic_one_newline_comes);
    tcase_add_test(tc, a_byte_comes_at_least_every_interval_on_many_streams);
    tcase_add_test(tc, while_traffic_flows_there_is_no_heartbeat);
    tcase_add_test(tc, on_request_the_heartbeat_is_an_event_without_id);
    tcase_add_test(tc, a_heartbeat_never_splits_an_event);
    return case_run(suite);
}
