/*
 * The walk of the protocol: publish while nobody listens, receive by
 * urgency, resume with a cursor, acknowledge.
 */
#include <check.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static const char *const mpms[] = {"event", "worker", "prefork"};

/* Ten messages of mixed urgency for user ada, and the order in which they
 * must arrive: by urgency, then as published. */
static const char *const urgencies[] = {"low",  "normal", "high",     "normal",
                                        "high", "low",    "very-low", "medium",
                                        "high", "normal"};
static const char *const in_order[] = {"m2", "m4", "m8", "m1", "m3",
                                       "m7", "m9", "m0", "m5", "m6"};

static void publish_ten(const struct server *s)
{
    int i;

    for (i = 0; i < 10; i++) {
        publish(s, "user=ada", keep_printf("Urgency: %s\r\n", urgencies[i]),
                keep_printf("m%d", i));
    }
}

/* Receive those of in_order from first on, numbered from seq on. */
static void expect_rest(struct stream *st, int first, int seq)
{
    int i;

    for (i = first; i < 10; i++) {
        expect_message(st, seq + i - first, in_order[i]);
    }
}

/* Nothing else waits for the device: what is published now comes next. */
static void expect_nothing_before(const struct server *s, struct stream *st,
                                  int seq, const char *marker)
{
    publish(s, "user=ada", NULL, marker);
    expect_message(st, seq, marker);
}

START_TEST(the_walk_with_seq)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    struct stream *st;

    publish_ten(s);
    st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    expect_rest(st, 0, 1);
    stream_close(st);

    /* Cut after 2: a more urgent one comes in between as number 3. */
    publish(s, "user=ada", "Urgency: high\r\n", "urgent");
    st = stream_open(s, "user=ada&device=d1&seq=2", NULL);
    expect_message(st, 3, "m8");
    expect_message(st, 4, "urgent");
    expect_rest(st, 3, 5);
    acknowledge(s, "user=ada&device=d1&seq=11");
    stream_close(st);

    st = stream_open(s, "user=ada&device=d1&seq=11", NULL);
    expect_nothing_before(s, st, 12, "marker");
}
END_TEST

START_TEST(what_is_urgent_takes_the_next_number_after_a_cut)
{
    struct server *s = server_start(NULL);
    struct stream *st;

    publish(s, "user=ada", "Urgency: high\r\n", "a");
    publish(s, "user=ada", NULL, "b");
    publish(s, "user=ada", "Urgency: low\r\n", "c");
    st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
    expect_message(st, 3, "c");
    stream_close(st);
    publish(s, "user=ada", "Urgency: high\r\n", "urgent");
    st = stream_open(s, "user=ada&device=d1&seq=2", NULL);
    expect_message(st, 3, "urgent");
    expect_message(st, 4, "c");
}
END_TEST

START_TEST(the_walk_with_last_event_id)
{
    struct server_options o = {.mpm = mpms[_i]};
    struct server *s = server_start(&o);
    const struct event *e;
    struct stream *st;

    publish_ten(s);
    st = stream_open(s, "user=ada&device=d1", NULL);
    expect_message(st, 1, in_order[0]);
    e = stream_next(st);
    ck_assert_int_eq(e->seq, 2);
    stream_close(st);

    publish(s, "user=ada", "Urgency: high\r\n", "urgent");
    st = stream_open(s, "user=ada&device=d1",
                     keep_printf("Last-Event-ID: %s\r\n", e->id));
    expect_message(st, 3, "m8");
    expect_message(st, 4, "urgent");
    expect_rest(st, 3, 5);
}
END_TEST

/* Each way to show a cursor; %s is the id of message 2. */
static const char *const cursors[][2] = {
    {"&id=%s", ""},
    {"&last_event_id=%s", ""},
    {"&lastEventID=%s", ""},
    {"&lastEventId=%s", ""},
    {"", "Last-Event-ID: %s\r\n"},
    /* The header wins: a browser repeats its first URL for ever. */
    {"&seq=0", "Last-Event-ID: %s\r\n"},
};

/* The format with its one %s replaced by id. */
static const char *with_id(const char *format, const char *id)
{
    const char *at = strstr(format, "%s");

    if (at == NULL) {
        return format;
    }
    return keep_printf("%.*s%s%s", (int)(at - format), format, id, at + 2);
}

START_TEST(every_way_to_show_the_cursor_resumes)
{
    struct server *s = server_start(NULL);
    const char *base = "user=ada&device=d1";
    const struct event *e;
    struct stream *st;

    publish(s, "user=ada", NULL, "a");
    publish(s, "user=ada", NULL, "b");
    publish(s, "user=ada", NULL, "c");
    st = stream_open(s, keep_printf("%s&seq=0", base), NULL);
    expect_message(st, 1, "a");
    e = stream_next(st);
    expect_message(st, 3, "c");
    stream_close(st);
    st = stream_open(s,
                     keep_printf("%s%s", base, with_id(cursors[_i][0], e->id)),
                     with_id(cursors[_i][1], e->id));
    expect_message(st, 3, "c");
}
END_TEST

START_TEST(a_reconnect_without_cursor_brings_all_again)
{
    struct server *s = server_start(NULL);
    struct stream *st;
    int i;

    publish(s, "user=ada", NULL, "a");
    publish(s, "user=ada", NULL, "b");
    for (i = 0; i < 3; i++) {
        st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
        expect_message(st, 1, "a");
        expect_message(st, 2, "b");
        stream_close(st);
    }
}
END_TEST

START_TEST(an_acknowledgement_empties_the_mailbox_up_to_its_number)
{
    struct server *s = server_start(NULL);
    const char *mids[3];
    struct stream *st;
    int i;

    for (i = 0; i < 3; i++) {
        mids[i] = publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
    st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    for (i = 0; i < 3; i++) {
        expect_message(st, i + 1, keep_printf("m%d", i));
    }
    acknowledge(s, "user=ada&device=d1&seq=2");
    ck_assert_int_eq(count_of(s, mids[0], "acked"), 1);
    ck_assert_int_eq(count_of(s, mids[1], "acked"), 1);
    ck_assert_int_eq(count_of(s, mids[2], "acked"), 0);
    ck_assert_int_eq(count_of(s, mids[2], "in-flight"), 1);
    /* Late and repeated ones change nothing. */
    acknowledge(s, "user=ada&device=d1&seq=1");
    acknowledge(s, "user=ada&device=d1&seq=2");
    ck_assert_int_eq(count_of(s, mids[2], "in-flight"), 1);
    stream_close(st);
    st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    expect_message(st, 1, "m2");
}
END_TEST

START_TEST(an_acknowledgement_may_name_the_whole_id)
{
    struct server *s = server_start(NULL);
    const char *mid = publish(s, "user=ada", NULL, "a");
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    const struct event *e = stream_next(st);

    ck_assert_str_eq(e->mid, mid);
    acknowledge(s, keep_printf("user=ada&device=d1&id=%s", e->id));
    ck_assert_int_eq(count_of(s, mid, "acked"), 1);
}
END_TEST

START_TEST(an_acknowledgement_beyond_what_was_sent_is_409)
{
    struct server *s = server_start(NULL);
    const char *mid = publish(s, "user=ada", NULL, "a");
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    const char *other = publish(s, "user=bob", NULL, "b");

    expect_message(st, 1, "a");
    http_expect(acknowledge_try(s, "user=ada&device=d1&seq=2"), 409, NULL);
    http_expect(acknowledge_try(s, "user=ada&device=d1&seq=9999999999"), 409,
                NULL);
    http_expect(
        acknowledge_try(s, keep_printf("user=ada&device=d1&id=1.%s", other)),
        409, NULL);
    ck_assert_int_eq(count_of(s, mid, "in-flight"), 1);
    ck_assert_int_eq(count_of(s, mid, "acked"), 0);
}
END_TEST

START_TEST(an_acknowledgement_of_another_user_or_device_changes_nothing)
{
    struct server *s = server_start(NULL);
    const char *mid = publish(s, "user=ada", NULL, "a");
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    const struct event *e = stream_next(st);

    http_expect(acknowledge_try(s, "user=bob&device=d1&seq=1"), 404, NULL);
    http_expect(acknowledge_try(s, "user=ada&device=d2&seq=1"), 404, NULL);
    http_expect(acknowledge_try(s, "user=ada&device=d1&app=x&seq=1"), 404,
                NULL);
    http_expect(
        acknowledge_try(s, keep_printf("user=bob&device=d1&id=%s", e->id)),
        404, NULL);
    ck_assert_int_eq(count_of(s, mid, "in-flight"), 1);
    ck_assert_int_eq(count_of(s, mid, "acked"), 0);
}
END_TEST

START_TEST(an_acknowledgement_by_get_acknowledges_nothing)
{
    struct server *s = server_start(NULL);
    const char *mid = publish(s, "user=ada", NULL, "a");
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    static const char *const methods[] = {"GET", "HEAD"};

    expect_message(st, 1, "a");
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        const struct request q = {.method = methods[i],
                                  .target = "/ramen/ack?user=ada&device=d1"
                                            "&seq=1",
                                  .headers = "Push-Client: test/1\r\n"};
        struct answer *a = http_ask(s, &q);

        ck_assert_int_eq(a->status, 405);
        ck_assert_str_eq(http_header(a, "Allow"), "POST, OPTIONS");
    }
    ck_assert_int_eq(count_of(s, mid, "acked"), 0);
}
END_TEST

START_TEST(a_mid_of_another_session_acknowledges_all_before_it)
{
    struct server *s = server_start(NULL);
    const char *a = publish(s, "user=ada", NULL, "a");
    const char *b = publish(s, "user=ada", NULL, "b");
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);

    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
    stream_close(st);
    /* Number 1 was not b; who has b has what came before it in its lane. */
    st = stream_open(s, keep_printf("user=ada&device=d1&id=1.%s", b), NULL);
    ck_assert_int_eq(count_of(s, b, "acked"), 1);
    ck_assert_int_eq(count_of(s, a, "acked"), 1);
    publish(s, "user=ada", NULL, "c");
    expect_message(st, 1, "c");
}
END_TEST

START_TEST(a_cursor_beyond_what_was_sent_is_stale_until_it_changes)
{
    struct server *s = server_start(NULL);
    struct stream *st;
    int i;

    for (i = 0; i < 3; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
    /* The same stale number twice, though 3 is reached in between. */
    for (i = 0; i < 2; i++) {
        st = stream_open(s, "user=ada&device=d1&seq=3", NULL);
        expect_message(st, 1, "m0");
        expect_message(st, 2, "m1");
        expect_message(st, 3, "m2");
        stream_close(st);
    }
    st = stream_open(s, "user=ada&device=d1&seq=2", NULL);
    expect_message(st, 3, "m2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("walk");
    TCase *tc = case_add(suite, "walk", 30);

    tcase_add_loop_test(tc, the_walk_with_seq, 0, 3);
    tcase_add_loop_test(tc, the_walk_with_last_event_id, 0, 3);
    tcase_add_test(tc, what_is_urgent_takes_the_next_number_after_a_cut);
    tcase_add_loop_test(tc, every_way_to_show_the_cursor_resumes, 0, 6);
    tcase_add_test(tc, a_reconnect_without_cursor_brings_all_again);
    tc = case_add(suite, "acknowledgements", 30);
    tcase_add_test(tc,
                   an_acknowledgement_empties_the_mailbox_up_to_its_number);
    tcase_add_test(tc, an_acknowledgement_may_name_the_whole_id);
    tcase_add_test(tc, an_acknowledgement_beyond_what_was_sent_is_409);
    tcase_add_test(
        tc, an_acknowledgement_of_another_user_or_device_changes_nothing);
    tcase_add_test(tc, an_acknowledgement_by_get_acknowledges_nothing);
    tcase_add_test(tc, a_mid_of_another_session_acknowledges_all_before_it);
    tcase_add_test(tc,
                   a_cursor_beyond_what_was_sent_is_stale_until_it_changes);
    return case_run(suite);
}
