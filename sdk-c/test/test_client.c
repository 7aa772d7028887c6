/* test_client.c - receiving, handing over, acknowledging. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probing.h"
#include "suite.h"

static int say_message(struct scripted_request *r, int seq, int mid,
                       const char *fields)
{
    return scripted_say(r, "id: %d.m%d\n%sdata: d%d\n\n", seq, mid, fields,
                        mid);
}

static int answer_ack(struct scripted_request *r)
{
    return scripted_say(r, "HTTP/1.1 204 No Content\r\n\r\n") == 0;
}

/* The id of the last acknowledgement that the server got. */
static char acked[64];
static unsigned acked_count;
static pthread_mutex_t acked_lock = PTHREAD_MUTEX_INITIALIZER;

static int take_ack(struct scripted_request *r)
{
    pthread_mutex_lock(&acked_lock);
    scripted_query(r, "id", acked, sizeof(acked));
    acked_count++;
    pthread_mutex_unlock(&acked_lock);
    return answer_ack(r);
}

static int acked_is(const char *id)
{
    int is;

    pthread_mutex_lock(&acked_lock);
    is = strcmp(acked, id) == 0;
    pthread_mutex_unlock(&acked_lock);
    return is;
}

static unsigned acks(void)
{
    unsigned n;

    pthread_mutex_lock(&acked_lock);
    n = acked_count;
    pthread_mutex_unlock(&acked_lock);
    return n;
}

/* ---- three messages, and whatever the test adds ---- */

static int three(void *ctx, struct scripted_request *r)
{
    const char *fields = ctx ? ctx : "";

    if (strstr(r->target, "/ack?")) {
        return take_ack(r);
    }
    scripted_stream(r);
    if (r->receives == 1) {
        /* At once: a pause in between could be that of a busy machine. */
        scripted_say(r,
                     "retry: 700\n\nid: 1.m1\ndata: d1\n\n"
                     "id: 2.m2\nevent: a.b\ndata: d2\n\n"
                     "id: 3.m3\n%sdata: d3\n\n",
                     fields);
    }
    scripted_hold(r, -1);
    return 0;
}

START_TEST(messages_are_handed_over_in_order_and_acknowledged_in_a_batch)
{
    probing_begin(three, NULL);
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 3);
    ck_assert_str_eq(probe_message_at(probe, 0).data, "d1");
    ck_assert_str_eq(probe_message_at(probe, 0).event, "message");
    ck_assert_str_eq(probe_message_at(probe, 1).event, "a.b");
    ck_assert_str_eq(probe_message_at(probe, 1).mid, "m2");
    ck_assert_uint_eq(probe_message_at(probe, 2).seq, 3);
    WAIT_FOR(acked_is("3.m3"));
    ck_assert_uint_eq(acks(), 1);
    ck_assert_uint_eq(probe_events(probe, PUSHC_CONNECTING), 1);
    ck_assert_uint_eq(probe_events(probe, PUSHC_OPEN), 1);
}
END_TEST

static int check_first(void *ctx, struct scripted_request *r)
{
    char value[256];

    if (strstr(r->target, "/ack?")) {
        return take_ack(r);
    }
    ck_assert_str_eq(r->method, "GET");
    scripted_query(r, "seq", value, sizeof(value));
    snprintf(ctx, 2048, "%s|", value);
    scripted_query(r, "device", value, sizeof(value));
    strcat(ctx, value);
    strcat(ctx, "|");
    scripted_query(r, "ack", value, sizeof(value));
    strcat(ctx, value);
    strcat(ctx, "|");
    scripted_query(r, "app", value, sizeof(value));
    strcat(ctx, value);
    strcat(ctx, "|");
    scripted_query(r, "user", value, sizeof(value));
    strcat(ctx, value);
    strcat(ctx, "|");
    scripted_header(r, "Push-Client", value, sizeof(value));
    strcat(ctx, value);
    strcat(ctx, "|");
    scripted_header(r, "Authorization", value, sizeof(value));
    strcat(ctx, value);
    strcat(ctx, "|");
    scripted_header(r, "X-More", value, sizeof(value));
    strcat(ctx, value);
    strcat(ctx, strstr(r->target, "channel=a%2Fb&channel=c") ? "|yes" : "|no");
    scripted_stream(r);
    scripted_hold(r, -1);
    return 0;
}

START_TEST(the_first_request_says_who_asks_for_what)
{
    static const char *const channels[] = {"a/b", "c"};
    static const char *const headers[] = {"X-More: 1"};
    char seen[2048];

    probing_begin(check_first, seen);
    probe->options.app = "my app";
    probe->options.query = "user=ann";
    probe->options.token = "secret";
    probe->options.channels = channels;
    probe->options.channel_count = 2;
    probe->options.headers = headers;
    probe->options.header_count = 1;
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_OPEN) == 1);
    ck_assert_str_eq(seen,
                     "0|dev1|explicit|my%20app|ann|libpushc/" PUSHC_VERSION
                     "|Bearer secret|1|yes");
}
END_TEST

START_TEST(a_request_for_a_receipt_is_acknowledged_at_once)
{
    probing_begin(three, "ack: now\n");
    probe->options.ack_ms = 600000;
    probe_start(probe);
    WAIT_FOR(acked_is("3.m3"));
}
END_TEST

START_TEST(half_a_window_is_acknowledged_at_once)
{
    probing_begin(three, NULL);
    probe->options.ack_ms = 600000;
    probe->options.window = 5;
    probe_start(probe);
    WAIT_FOR(acked_is("3.m3"));
}
END_TEST

START_TEST(a_flush_acknowledges_at_once)
{
    probing_begin(three, NULL);
    probe->options.ack_ms = 600000;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 3);
    ck_assert_uint_eq(acks(), 0);
    pushc_flush(probe->client);
    WAIT_FOR(acked_is("3.m3"));
}
END_TEST

START_TEST(an_orderly_stop_acknowledges_what_is_done)
{
    probing_begin(three, NULL);
    probe->options.ack_ms = 600000;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 3);
    pushc_client_stop(probe->client);
    ck_assert_int_eq(probe_stopped(probe), PUSHC_ERR_CLOSED);
    ck_assert(acked_is("3.m3"));
}
END_TEST

static int keep_second(struct probe *p, pushc_message *m)
{
    return m->seq == 2 ? probe_keep(p, m) : PUSHC_DONE;
}

START_TEST(an_acknowledgement_never_covers_a_message_that_is_not_done)
{
    probing_begin(three, NULL);
    probe->handler = keep_second;
    probe->options.ack_ms = 20;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 3);
    WAIT_FOR(acked_is("1.m1"));
    ck_assert_int_eq(pushc_ack(probe->client, probe_kept(probe)), PUSHC_OK);
    WAIT_FOR(acked_is("3.m3"));
    ck_assert_uint_eq(acks(), 2);
}
END_TEST

static int twice(struct probe *p, pushc_message *m)
{
    (void)p;
    return m->seq == 2 && m->attempt == 1 ? PUSHC_RETRY : PUSHC_DONE;
}

START_TEST(a_message_that_could_not_be_handled_comes_again_before_the_others)
{
    probing_begin(three, NULL);
    probe->handler = twice;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 4);
    ck_assert_str_eq(probe_message_at(probe, 1).mid, "m2");
    ck_assert_str_eq(probe_message_at(probe, 2).mid, "m2");
    ck_assert_uint_eq(probe_message_at(probe, 2).attempt, 2);
    ck_assert_str_eq(probe_message_at(probe, 3).mid, "m3");
    WAIT_FOR(acked_is("3.m3"));
}
END_TEST

START_TEST(messages_can_be_pulled)
{
    pushc_message *m, *n;
    char cursor[64];

    probing_begin(three, NULL);
    probe->options.on_message = NULL;
    probe_start(probe);
    ck_assert_int_eq(pushc_next(probe->client, 20000, &m), PUSHC_OK);
    ck_assert_str_eq(m->data, "d1");
    ck_assert_int_eq(pushc_next(probe->client, -1, &n), PUSHC_OK);
    ck_assert_int_eq(pushc_ack(probe->client, n), PUSHC_OK);
    ck_assert_int_eq(pushc_cursor(probe->client, cursor, 64), PUSHC_OK);
    ck_assert_str_eq(cursor, "");
    ck_assert_int_eq(pushc_retry(probe->client, m), PUSHC_OK);
    ck_assert_int_eq(pushc_next(probe->client, 20000, &m), PUSHC_OK);
    ck_assert_str_eq(m->data, "d1");
    ck_assert_uint_eq(m->attempt, 2);
    ck_assert_int_eq(pushc_ack(probe->client, m), PUSHC_OK);
    ck_assert_int_eq(pushc_next(probe->client, 20000, &m), PUSHC_OK);
    ck_assert_str_eq(m->data, "d3");
    ck_assert_int_eq(pushc_cursor(probe->client, cursor, 64), PUSHC_OK);
    ck_assert_str_eq(cursor, "2.m2");
    ck_assert_int_eq(pushc_next(probe->client, 0, &n), PUSHC_AGAIN);
    ck_assert_int_eq(pushc_next(probe->client, 10, &n), PUSHC_AGAIN);
    ck_assert_ptr_null(n);
    pushc_client_stop(probe->client);
    ck_assert_int_eq(pushc_next(probe->client, -1, &n), PUSHC_ERR_CLOSED);
}
END_TEST

/* ---- over reconnects ---- */

/* The first stream is cut after 2, of which 2 is in the handler's hands; the
 * second begins with something more urgent, and repeats. */
static int cut_and_repeat(void *ctx, struct scripted_request *r)
{
    if (strstr(r->target, "/ack?")) {
        return take_ack(r);
    }
    scripted_stream(r);
    if (r->receives == 1) {
        scripted_say(r, "retry: 500\n\n");
        say_message(r, 1, 1, "");
        say_message(r, 2, 2, "");
        return 0;
    }
    scripted_header(r, "Last-Event-ID", ctx, 64);
    say_message(r, 2, 9, "");
    say_message(r, 3, 2, "");
    say_message(r, 4, 3, "");
    scripted_hold(r, -1);
    return 0;
}

static int keep_m2(struct probe *p, pushc_message *m)
{
    return strcmp(m->mid, "m2") == 0 ? probe_keep(p, m) : PUSHC_DONE;
}

START_TEST(a_reconnect_resumes_after_what_is_done_and_drops_repeats)
{
    pushc_stats stats = {.size = sizeof(stats)};
    char cursor[64] = "";

    probing_begin(cut_and_repeat, cursor);
    probe->handler = keep_m2;
    probe->options.ack_ms = 30;
    probe_start(probe);
    WAIT_FOR(probe_messages(probe) == 4);
    ck_assert_str_eq(cursor, "1.m1");
    ck_assert_str_eq(probe_message_at(probe, 2).mid, "m9");
    ck_assert_str_eq(probe_message_at(probe, 3).mid, "m3");
    WAIT_FOR(acked_is("2.m9"));
    ck_assert_int_eq(pushc_ack(probe->client, probe_kept(probe)), PUSHC_OK);
    WAIT_FOR(acked_is("4.m3"));
    ck_assert_int_eq(pushc_client_stats(probe->client, &stats), PUSHC_OK);
    ck_assert_uint_eq(stats.received, 4);
    ck_assert_uint_eq(stats.repeated, 1);
    ck_assert_uint_eq(stats.done, 4);
    ck_assert_uint_eq(stats.opened, 2);
}
END_TEST

static int note_cursor(void *ctx, struct scripted_request *r)
{
    scripted_header(r, "Last-Event-ID", ctx, 64);
    scripted_stream(r);
    scripted_hold(r, -1);
    return 0;
}

START_TEST(a_cursor_of_an_earlier_run_is_where_the_next_begins)
{
    char cursor[64] = "";

    probing_begin(note_cursor, cursor);
    probe->options.cursor = "17.0hZk3x9Qa2B";
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_OPEN) == 1);
    ck_assert_str_eq(cursor, "17.0hZk3x9Qa2B");
}
END_TEST

/* ---- notices and payloads ---- */

static int notices(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return take_ack(r);
    }
    scripted_stream(r);
    if (r->receives == 1) {
        say_message(r, 1, 1, "");
        scripted_say(r, "event: push.gap\ndata: {\"dropped\":3,\"reason\":"
                        "\"memory\",\"urgency\":\"low\"}\n\n"
                        "event: heartbeat\ndata:\n\n"
                        "event: push.unknown\ndata: {}\n\n"
                        "id: 2.m2\nenc: base64\ndata: AGEA/w==\n\n"
                        "event: push.bye\ndata: {\"reason\":\"restart\","
                        "\"spread_ms\":900}\n\n");
        return 0;
    }
    scripted_hold(r, -1);
    return 0;
}

static int binary(struct probe *p, pushc_message *m)
{
    if (m->seq == 2) {
        ck_assert_uint_eq(m->length, 4);
        ck_assert_mem_eq(m->data, "\0a\0\xff", 5);
        ck_assert_ptr_null(m->encoding);
    }
    (void)p;
    return PUSHC_DONE;
}

START_TEST(gaps_and_goodbyes_are_events_and_base64_is_decoded)
{
    char reason[64];
    pushc_event e;

    probing_begin(notices, NULL);
    probe->handler = binary;
    probe_start(probe);
    WAIT_FOR(probe_events(probe, PUSHC_WAITING) == 1);
    ck_assert_uint_eq(probe_messages(probe), 2);
    ck_assert_uint_eq(probe_events(probe, PUSHC_GAP), 1);
    ck_assert_uint_eq(probe_last(probe, PUSHC_GAP, NULL).dropped, 3);
    probe_last_detail(probe, PUSHC_GAP, reason, sizeof(reason));
    ck_assert_str_eq(reason, "memory");
    ck_assert_uint_eq(probe_last(probe, PUSHC_BYE, NULL).delay_ms, 900);
    e = probe_last(probe, PUSHC_WAITING, NULL);
    ck_assert_int_eq(e.status, PUSHC_ERR_GOODBYE);
    ck_assert_uint_ge(e.delay_ms, 100);
    ck_assert_uint_lt(e.delay_ms, 900);
    WAIT_FOR(probe_events(probe, PUSHC_OPEN) == 2);
}
END_TEST

/* ---- what a message tells of itself ---- */

static int tell_of_messages(void *ctx, struct scripted_request *r)
{
    char meta[64];

    if (strstr(r->target, "/ack?")) {
        return take_ack(r);
    }
    scripted_query(r, "meta", meta, sizeof(meta));
    snprintf(ctx, 64, "%s", meta);
    scripted_stream(r);
    scripted_say(
        r, "id: 1.m1\ntype: image/png\nchannel: news\n"
           "urgency: high\ntime: 1764409845123\ntrace: 00-a\nenc: base64\n"
           "data: AA==\n\n"
           "id: 2.m2\ntime: soon\ndata: d2\n\n"
           "id: 3.m3\ntime: 17x\ntype\ndata: d3\n\n");
    scripted_hold(r, -1);
    return 0;
}

static int check_meta(struct probe *p, pushc_message *m)
{
    (void)p;
    ck_assert_str_eq(m->type, m->seq == 1 ? "image/png" : "");
    ck_assert_str_eq(m->channel, m->seq == 1 ? "news" : "");
    ck_assert_str_eq(m->urgency, m->seq == 1 ? "high" : "");
    ck_assert_uint_eq(m->time, m->seq == 1 ? 1764409845123 : 0);
    ck_assert_str_eq(m->trace, m->seq == 1 ? "00-a" : "");
    return PUSHC_DONE;
}

START_TEST(a_message_tells_of_itself_what_was_asked_for)
{
    char asked[64] = "";

    probing_begin(tell_of_messages, asked);
    probe->handler = check_meta;
    probe->options.meta = "type,channel,urgency,time";
    probe_start(probe);
    WAIT_FOR(acked_is("3.m3"));
    ck_assert_str_eq(asked, "type%2Cchannel%2Curgency%2Ctime");
}
END_TEST

START_TEST(nothing_more_is_asked_for_where_no_option_says_so)
{
    char asked[64] = "something";

    probing_begin(tell_of_messages, asked);
    probe_start(probe);
    WAIT_FOR(acked_is("3.m3"));
    ck_assert_str_eq(asked, "");
}
END_TEST

/* ---- backpressure ---- */

#define FLOOD   6000
#define SILENCE 1500 /* ms */

static unsigned written;

static int flood(void *ctx, struct scripted_request *r)
{
    char data[2048];
    int i;

    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return take_ack(r);
    }
    memset(data, 'x', sizeof(data));
    scripted_stream(r);
    for (i = 1; i <= FLOOD && r->receives == 1; i++) {
        if (scripted_say(r, "id: %d.m%d\ndata: %d %.2000s\n\n", i, i, i,
                         data)) {
            return 0;
        }
        __atomic_store_n(&written, (unsigned)i, __ATOMIC_SEQ_CST);
    }
    scripted_hold(r, -1);
    return 0;
}

static unsigned written_now(void)
{
    return __atomic_load_n(&written, __ATOMIC_SEQ_CST);
}

/* The server's writes came to rest: for longer than silence may last. */
static int is_blocked(void)
{
    unsigned before = written_now();
    uint64_t end = now_ms() + SILENCE + 500;

    while (now_ms() < end && written_now() == before) {
        pause_briefly();
    }
    return before > 0 && written_now() == before;
}

START_TEST(a_full_queue_stops_reading_and_drops_nothing)
{
    pushc_stats stats = {.size = sizeof(stats)};
    pushc_message *m;
    int i;

    probing_begin(flood, NULL);
    probe->options.on_message = NULL;
    probe->options.max_messages = 100;
    probe->options.silence_ms = SILENCE;
    probe_start(probe);
    WAIT_FOR(pushc_client_stats(probe->client, &stats) == PUSHC_OK
             && stats.waiting == 100 && is_blocked());
    ck_assert_uint_lt(written_now(), FLOOD);
    ck_assert_int_eq(pushc_client_stats(probe->client, &stats), PUSHC_OK);
    ck_assert_uint_eq(stats.waiting, 100);
    for (i = 1; i <= FLOOD; i++) {
        ck_assert_int_eq(pushc_next(probe->client, 20000, &m), PUSHC_OK);
        ck_assert_int_eq(atoi(m->data), i);
        ck_assert_uint_gt(m->length, 2000);
        ck_assert_int_eq(pushc_ack(probe->client, m), PUSHC_OK);
    }
    ck_assert_uint_eq(probe_events(probe, PUSHC_CONNECTING), 1);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("client", 60);

    tcase_add_checked_fixture(tc, NULL, probing_end);
    tcase_add_test(
        tc, messages_are_handed_over_in_order_and_acknowledged_in_a_batch);
    tcase_add_test(tc, the_first_request_says_who_asks_for_what);
    tcase_add_test(tc, a_request_for_a_receipt_is_acknowledged_at_once);
    tcase_add_test(tc, half_a_window_is_acknowledged_at_once);
    tcase_add_test(tc, a_flush_acknowledges_at_once);
    tcase_add_test(tc, an_orderly_stop_acknowledges_what_is_done);
    tcase_add_test(tc,
                   an_acknowledgement_never_covers_a_message_that_is_not_done);
    tcase_add_test(
        tc, a_message_that_could_not_be_handled_comes_again_before_the_others);
    tcase_add_test(tc, messages_can_be_pulled);
    tcase_add_test(tc,
                   a_reconnect_resumes_after_what_is_done_and_drops_repeats);
    tcase_add_test(tc, a_cursor_of_an_earlier_run_is_where_the_next_begins);
    tcase_add_test(tc, gaps_and_goodbyes_are_events_and_base64_is_decoded);
    tcase_add_test(tc, a_message_tells_of_itself_what_was_asked_for);
    tcase_add_test(tc, nothing_more_is_asked_for_where_no_option_says_so);
    tcase_add_test(tc, a_full_queue_stops_reading_and_drops_nothing);
    return suite_run();
}
