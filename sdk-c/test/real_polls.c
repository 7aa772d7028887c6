/* real_polls.c - a client that polls, and a real server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "holder.h"
#include "keep.h"
#include "probe.h"
#include "server.h"
#include "verbs.h"
#include "wait.h"

static struct probe *probe;

static void setup(void)
{
    probe = calloc(1, sizeof(*probe));
    ck_assert_ptr_nonnull(probe);
}

static void teardown(void)
{
    probe_cleanup(probe);
    free(probe);
}

static void aim(int port, int transport)
{
    char base[64];

    snprintf(base, sizeof(base), "http://127.0.0.1:%d", port);
    probe_init(probe, base);
    probe->options.query = "user=ann";
    probe->options.transport = transport;
}

static void expect(unsigned i, const char *data)
{
    WAIT_FOR(probe_messages(probe) > i);
    ck_assert_str_eq(probe_message_at(probe, i).data, data);
}

START_TEST(through_a_proxy_that_holds_answers_back_messages_come_by_polls)
{
    struct server *s = server_start(NULL);
    struct holder *h = holder_start(s->port, _i);
    const char *first = publish(s, "user=ann", "", "one"), *second;

    aim(holder_port(h), PUSHC_TRANSPORT_AUTO);
    probe->options.silence_ms = 1000;
    probe->options.attempt_ms = 1000;
    probe_start(probe);
    expect(0, "one");
    ck_assert_uint_ge(probe_events(probe, PUSHC_WAITING), 2);
    ck_assert_int_eq(probe_last(probe, PUSHC_OPEN, NULL).transport,
                     PUSHC_TRANSPORT_POLL);
    WAIT_FOR(count_of(s, first, "acked") == 1);
    /* The poll that waits now is longer under way than a stream would be. */
    wait_until(stat_of(s, "streams") == 1);
    second = publish(s, "user=ann", "", "two");
    expect(1, "two");
    WAIT_FOR(count_of(s, second, "acked") == 1);
    ck_assert_uint_eq(probe_messages(probe), 2);
    holder_stop(h);
}
END_TEST

static int check_meta(struct probe *p, pushc_message *m)
{
    ck_assert_str_eq(m->type, "application/json");
    ck_assert_str_eq(m->urgency, m->data[1] == 'h' ? "high" : "low");
    ck_assert_str_eq(m->channel, "");
    ck_assert_uint_gt(m->time, 1700000000000u);
    return p->test ? probe_keep(p, m) : PUSHC_DONE;
}

START_TEST(polls_have_the_order_the_meta_and_the_bytes_of_streams)
{
    struct server *s = server_start(NULL);
    const char *low, *high;

    aim(s->port, PUSHC_TRANSPORT_POLL);
    probe->options.meta = "type,channel,urgency,time";
    probe->handler = check_meta;
    low = publish(s, "user=ann",
                  "Urgency: low\r\nContent-Type: application/json\r\n",
                  "\"l\\n\"");
    high = publish(s, "user=ann",
                   "Urgency: high\r\nContent-Type: application/json\r\n",
                   "\"h\"");
    probe_start(probe);
    expect(0, "\"h\"");
    expect(1, "\"l\\n\"");
    ck_assert_str_eq(probe_message_at(probe, 0).mid, high);
    ck_assert_uint_eq(probe_message_at(probe, 1).seq, 2);
    WAIT_FOR(count_of(s, low, "acked") == 1);
    ck_assert_int_eq(count_of(s, high, "acked"), 1);
}
END_TEST

START_TEST(what_is_kept_is_not_acknowledged_by_the_next_poll)
{
    struct server *s = server_start(NULL);
    const char *first, *second;

    aim(s->port, PUSHC_TRANSPORT_POLL);
    probe->handler = probe_keep;
    probe_start(probe);
    first = publish(s, "user=ann", "", "one");
    expect(0, "one");
    probe->handler = NULL;
    second = publish(s, "user=ann", "", "two");
    expect(1, "two");
    ck_assert_int_eq(count_of(s, first, "acked"), 0);
    ck_assert_int_eq(count_of(s, second, "acked"), 0);
    ck_assert_int_eq(pushc_ack(probe->client, probe_kept(probe)), PUSHC_OK);
    WAIT_FOR(count_of(s, first, "acked") == 1);
    WAIT_FOR(count_of(s, second, "acked") == 1);
    ck_assert_uint_eq(probe_messages(probe), 2);
}
END_TEST

START_TEST(many_messages_come_batch_after_batch)
{
    struct server *s = server_start(NULL);
    unsigned i;

    for (i = 0; i < 300; i++) {
        publish(s, "user=ann", "", keep_printf("%u", i));
    }
    aim(s->port, PUSHC_TRANSPORT_POLL);
    probe_start(probe);
    for (i = 0; i < 300; i++) {
        expect(i, keep_printf("%u", i));
        ck_assert_uint_eq(probe_message_at(probe, i).seq, i + 1);
    }
    ck_assert_uint_eq(probe_events(probe, PUSHC_OPEN), 1);
}
END_TEST

START_TEST(a_restart_ends_a_poll_and_the_next_follows)
{
    struct server *s = server_start(NULL);

    aim(s->port, PUSHC_TRANSPORT_POLL);
    probe_start(probe);
    wait_until(stat_of(s, "streams") == 1);
    server_graceful(s);
    WAIT_FOR(probe_events(probe, PUSHC_BYE) == 1);
    ck_assert_int_eq(probe_last(probe, PUSHC_WAITING, NULL).status,
                     PUSHC_ERR_GOODBYE);
    publish(s, "user=ann", "", "one");
    expect(0, "one");
}
END_TEST

START_TEST(a_newer_stream_of_the_device_ends_polls_for_good)
{
    struct server *s = server_start(NULL);
    struct probe *other = calloc(1, sizeof(*other));

    ck_assert_ptr_nonnull(other);
    aim(s->port, PUSHC_TRANSPORT_POLL);
    probe_start(probe);
    wait_until(stat_of(s, "streams") == 1);
    probe_init(other, "x");
    other->options = probe->options;
    other->options.ctx = other;
    other->options.transport = PUSHC_TRANSPORT_STREAM;
    probe_start(other);
    ck_assert_int_eq(probe_stopped(probe), PUSHC_ERR_SUPERSEDED);
    publish(s, "user=ann", "", "one");
    WAIT_FOR(probe_messages(other) == 1);
    probe_cleanup(other);
    free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c polls with httpd");
    TCase *tc = case_add(suite, "polls", 60);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(
        tc, through_a_proxy_that_holds_answers_back_messages_come_by_polls, 0,
        2);
    tcase_add_test(tc, polls_have_the_order_the_meta_and_the_bytes_of_streams);
    tcase_add_test(tc, what_is_kept_is_not_acknowledged_by_the_next_poll);
    tcase_add_test(tc, many_messages_come_batch_after_batch);
    tcase_add_test(tc, a_restart_ends_a_poll_and_the_next_follows);
    tcase_add_test(tc, a_newer_stream_of_the_device_ends_polls_for_good);
    return case_run(suite);
}
