/* test_session.c - what was received, what is done, what is acknowledged. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "message.h"
#include "session.h"
#include "suite.h"

static struct pushc_mem mem;
static struct pushc_session s;

static void setup(void)
{
    mem = pushc_mem_make(NULL, NULL);
    memset(&s, 0, sizeof(s));
    s.window = 8;
    s.max_messages = 100;
    s.max_bytes = 1 << 20;
    s.dedup = 50;
    s.pause = 10;
    ck_assert_int_eq(pushc_session_init(&s, &mem), PUSHC_OK);
}

static void teardown(void)
{
    pushc_session_cleanup(&s);
}

static enum pushc_receipt receive(const char *id)
{
    struct pushc_block b = {.event = "message",
                            .data = "d",
                            .length = 1,
                            .id = id,
                            .has_id = 1,
                            .has_data = 1};

    return pushc_session_receive(&s, &b);
}

static enum pushc_receipt receive_n(int seq, int mid)
{
    char id[64];

    snprintf(id, sizeof(id), "%d.m%d", seq, mid);
    return receive(id);
}

static struct pushc_item *take(void)
{
    struct pushc_item *item = pushc_session_next(&s, 0);

    ck_assert_ptr_nonnull(item);
    return item;
}

START_TEST(the_cursor_stops_before_the_first_that_is_not_done)
{
    struct pushc_item *a, *b, *c;

    receive_n(1, 1);
    receive_n(2, 2);
    receive_n(3, 3);
    a = take();
    b = take();
    c = take();
    pushc_session_done(&s, c);
    ck_assert_str_eq(s.cursor, "");
    ck_assert(!pushc_session_unacked(&s));
    pushc_session_done(&s, a);
    ck_assert_str_eq(s.cursor, "1.m1");
    pushc_session_done(&s, b);
    ck_assert_str_eq(s.cursor, "3.m3");
    ck_assert_uint_eq(s.unsent, 3);
}
END_TEST

START_TEST(a_repeat_is_done_when_its_message_is)
{
    struct pushc_item *a;

    receive_n(7, 1);
    a = take();
    pushc_session_connected(&s);
    ck_assert_int_eq(receive_n(3, 1), PUSHC_RECEIVED_REPEAT);
    ck_assert_ptr_null(pushc_session_next(&s, 0));
    ck_assert_str_eq(s.cursor, "");
    pushc_session_done(&s, a);
    ck_assert_str_eq(s.cursor, "3.m1");
    /* Once done, a repeat moves the cursor at once. */
    pushc_session_connected(&s);
    ck_assert_int_eq(receive_n(9, 1), PUSHC_RECEIVED_REPEAT);
    ck_assert_str_eq(s.cursor, "9.m1");
    ck_assert_uint_eq(s.received, 1);
    ck_assert_uint_eq(s.repeated, 2);
}
END_TEST

START_TEST(what_is_done_after_the_cut_moves_no_cursor_of_the_old_stream)
{
    struct pushc_item *a, *b;

    receive_n(1, 1);
    receive_n(2, 2);
    a = take();
    b = take();
    pushc_session_done(&s, a);
    pushc_session_connected(&s);
    pushc_session_done(&s, b);
    ck_assert_str_eq(s.cursor, "1.m1");
    ck_assert(!pushc_session_unacked(&s));
}
END_TEST

START_TEST(what_is_done_while_an_attempt_is_under_way_moves_the_cursor_no_more)
{
    struct pushc_item *a, *b;

    receive_n(1, 1);
    receive_n(2, 2);
    a = take();
    b = take();
    pushc_session_done(&s, a);
    pushc_session_attempt(&s);
    pushc_session_done(&s, b);
    ck_assert_str_eq(s.cursor, "1.m1");
    /* What was done before may still be acknowledged at the end. */
    ck_assert(pushc_session_unacked(&s));
    pushc_session_connected(&s);
    ck_assert_int_eq(receive_n(2, 2), PUSHC_RECEIVED_REPEAT);
    ck_assert_str_eq(s.cursor, "2.m2");
}
END_TEST

START_TEST(the_set_of_message_ids_is_bounded_and_keeps_what_is_held)
{
    struct pushc_item *held;
    int i;

    receive_n(1, 0);
    held = take();
    for (i = 1; i < 5000; i++) {
        pushc_session_connected(&s);
        ck_assert_int_eq(receive_n(i, i), PUSHC_RECEIVED_NEW);
        pushc_session_done(&s, take());
        ck_assert_uint_le(s.records.count, 51);
    }
    pushc_session_connected(&s);
    ck_assert_int_eq(receive_n(1, 0), PUSHC_RECEIVED_REPEAT);
    ck_assert_int_eq(receive_n(2, 4999), PUSHC_RECEIVED_REPEAT);
    ck_assert_int_eq(receive_n(3, 4960), PUSHC_RECEIVED_REPEAT);
    ck_assert_int_eq(receive_n(4, 1), PUSHC_RECEIVED_NEW);
    pushc_session_done(&s, held);
}
END_TEST

START_TEST(a_done_message_that_is_resent_after_thousands_is_still_a_repeat)
{
    struct pushc_item *held;
    int i;

    /* 2 to 20 are done, but behind 1, which is not: none is acknowledged. */
    receive_n(1, 1);
    held = take();
    for (i = 2; i <= 20; i++) {
        receive_n(i, i);
        pushc_session_done(&s, take());
    }
    pushc_session_connected(&s);
    pushc_session_done(&s, held);
    for (i = 1; i < 5000; i++) {
        ck_assert_int_eq(receive_n(i, 1000 + i), PUSHC_RECEIVED_NEW);
        pushc_session_done(&s, take());
    }
    for (i = 1; i <= 20; i++) {
        ck_assert_int_eq(receive_n(5000 + i, i), PUSHC_RECEIVED_REPEAT);
    }
    ck_assert_str_eq(s.cursor, "5020.m20");
    ck_assert_uint_le(s.records.count, 80);
}
END_TEST

START_TEST(a_server_that_never_acknowledges_does_not_fill_the_memory)
{
    int i;

    for (i = 1; i < 5000; i++) {
        struct pushc_item *item;

        ck_assert_int_eq(receive_n(1, 2 * i), PUSHC_RECEIVED_NEW);
        ck_assert_int_eq(receive_n(2, 2 * i + 1), PUSHC_RECEIVED_NEW);
        item = take();
        pushc_session_done(&s, take());
        pushc_session_connected(&s);
        pushc_session_done(&s, item);
        ck_assert_uint_le(s.records.count, 50 * 8 + 2);
    }
}
END_TEST

START_TEST(messages_without_an_id_are_handed_over_and_acknowledge_nothing)
{
    struct pushc_block b = {
        .event = "e", .data = "", .id = "7.m7", .has_data = 1};
    struct pushc_item *item;

    receive_n(7, 7);
    ck_assert_int_eq(pushc_session_receive(&s, &b), PUSHC_RECEIVED_NEW);
    pushc_session_done(&s, take());
    ck_assert_str_eq(s.cursor, "7.m7");
    item = take();
    ck_assert_uint_eq(item->pub.seq, 0);
    ck_assert_str_eq(item->pub.id, "");
    pushc_session_done(&s, item);
    ck_assert_str_eq(s.cursor, "7.m7");
    ck_assert_uint_eq(s.unsent, 1);
}
END_TEST

START_TEST(an_id_alone_moves_the_cursor_once_all_before_it_is_done)
{
    struct pushc_block b = {
        .event = "message", .data = "", .id = "2.m2", .has_id = 1};

    receive_n(1, 1);
    ck_assert_int_eq(pushc_session_receive(&s, &b), PUSHC_RECEIVED_ID);
    ck_assert_str_eq(s.cursor, "");
    pushc_session_done(&s, take());
    ck_assert_str_eq(s.cursor, "2.m2");
}
END_TEST

START_TEST(an_id_of_another_hub_is_a_cursor_and_not_acknowledged)
{
    receive("abc:5");
    pushc_session_done(&s, take());
    ck_assert_str_eq(s.cursor, "abc:5");
    ck_assert(!pushc_session_unacked(&s));
}
END_TEST

START_TEST(it_is_full_by_messages_bytes_or_ids_without_acknowledgement)
{
    struct pushc_item *first;
    int i;

    s.max_messages = 3;
    receive_n(1, 1);
    receive_n(2, 2);
    ck_assert(!pushc_session_full(&s));
    receive_n(3, 3);
    ck_assert(pushc_session_full(&s));
    first = take();
    for (i = 0; i < 2; i++) {
        pushc_session_done(&s, take());
    }
    /* The first one is held: ids 1 to 3 cannot be acknowledged. */
    ck_assert(pushc_session_full(&s));
    pushc_session_done(&s, first);
    ck_assert(!pushc_session_full(&s));
    s.max_bytes = 10;
    receive_n(4, 4);
    ck_assert(pushc_session_full(&s));
    pushc_session_done(&s, take());
    ck_assert(!pushc_session_full(&s));
    ck_assert_uint_eq(s.bytes, 0);
}
END_TEST

START_TEST(a_retried_message_comes_first_after_a_pause_that_doubles)
{
    struct pushc_item *a;
    uint64_t now = 1000;
    int i;

    receive_n(1, 1);
    receive_n(2, 2);
    for (i = 0; i < 20; i++) {
        uint64_t pause = 10u << (i < 12 ? i : 12);

        a = pushc_session_next(&s, now);
        ck_assert_ptr_nonnull(a);
        ck_assert_str_eq(a->pub.mid, "m1");
        ck_assert_uint_eq(a->pub.attempt, (unsigned)i + 1);
        pushc_session_retry(&s, a, now);
        pause = pause > 30000 ? 30000 : pause;
        ck_assert_uint_eq(pushc_session_next_at(&s), now + pause);
        ck_assert_ptr_null(pushc_session_next(&s, now + pause - 1));
        now += pause;
    }
}
END_TEST

START_TEST(an_acknowledgement_that_failed_is_due_again)
{
    receive_n(1, 1);
    pushc_session_done(&s, take());
    ck_assert(pushc_session_unacked(&s));
    pushc_session_ack_begin(&s);
    ck_assert(!pushc_session_unacked(&s));
    pushc_session_ack_end(&s, 0);
    ck_assert(pushc_session_unacked(&s));
    pushc_session_ack_begin(&s);
    pushc_session_ack_end(&s, 1);
    ck_assert(!pushc_session_unacked(&s));
}
END_TEST

START_TEST(half_a_window_is_urgent)
{
    int i;

    for (i = 1; i <= 4; i++) {
        ck_assert(!pushc_session_ack_urgent(&s));
        receive_n(i, i);
        pushc_session_done(&s, take());
    }
    ck_assert(pushc_session_ack_urgent(&s));
}
END_TEST

static const struct {
    const char *id;
    int ok;
    uint64_t seq;
    const char *mid;
} ids[] = {
    {"17.0hZk3x9Qa2B", 1, 17, "0hZk3x9Qa2B"},
    {"17.0hZk3x9Qa2B.x7Kq2m", 1, 17, "0hZk3x9Qa2B"},
    {"17", 1, 17, ""},
    {"17.", 1, 17, ""},
    {"17..d", 1, 17, ""},
    {"1.aaaaaaaaaabbbbbbbbbbccccccccccd", 1, 1,
     "aaaaaaaaaabbbbbbbbbbccccccccccd"},
    {"1.aaaaaaaaaabbbbbbbbbbccccccccccde", 1, 1, ""},
    {"9007199254740993.m", 1, 9007199254740993u, "m"},
    {"9999999999999999999.m", 1, 9999999999999999999u, "m"},
    {"99999999999999999999.m", 0, 0, ""},
    {"", 0, 0, ""},
    {"0.m", 0, 0, ""},
    {".m", 0, 0, ""},
    {"-1.m", 0, 0, ""},
    {"1x.m", 0, 0, ""},
    {"a.b", 0, 0, ""},
};

START_TEST(ids_are_split)
{
    char mid[PUSHC_MID_MAX];
    uint64_t seq;

    ck_assert_int_eq(pushc_id_split(ids[_i].id, &seq, mid), ids[_i].ok);
    if (ids[_i].ok) {
        ck_assert_uint_eq(seq, ids[_i].seq);
        ck_assert_str_eq(mid, ids[_i].mid);
    }
}
END_TEST

static const struct {
    const char *text;
    long length; /* -1: not base64 */
} base64[] = {{"", 0},       {"YQ==", 1},      {"YWI=", 2},  {"YWJj", 3},
              {"YW\nJj", 3}, {"YWJjZA==", 4},  {"Y", -1},    {"YQ=", -1},
              {"Y===", -1},  {"YQ==YQ==", -1}, {"Y!==", -1}, {"====", -1}};

START_TEST(base64_is_decoded_strictly)
{
    char out[32];

    ck_assert_int_eq(pushc_base64_decode(base64[_i].text,
                                         strlen(base64[_i].text), out),
                     base64[_i].length);
}
END_TEST

/* A model: the server resends in any order after each cut; whatever happens,
 * no cursor covers a message that is not done, and none is handed over
 * twice. */
START_TEST(no_schedule_breaks_the_promises)
{
    unsigned seed = 77 + (unsigned)_i;
    struct pushc_item *held[64];
    int held_count = 0, seq = 0, step;
    int seen[200] = {0}, done[200] = {0}, at[10000];

    for (step = 0; step < 9000; step++) {
        int what = rand_r(&seed) % 10;
        uint64_t c;
        char mid[PUSHC_MID_MAX];

        if (what < 5 && !pushc_session_full(&s)) {
            int m = rand_r(&seed) % 40; /* below what is remembered */

            at[++seq] = m;
            if (receive_n(seq, m) == PUSHC_RECEIVED_NEW) {
                ck_assert_int_eq(seen[m]++, 0);
            }
        }
        else if (what < 7 && held_count < 64 && s.queue.first) {
            held[held_count++] = take();
        }
        else if (what < 9 && held_count > 0) {
            int i = rand_r(&seed) % held_count;

            done[atoi(held[i]->pub.mid + 1)] = 1;
            pushc_session_done(&s, held[i]);
            held[i] = held[--held_count];
        }
        else if (rand_r(&seed) % 20 == 0) {
            pushc_session_connected(&s);
            s.cursor[0] = '\0';
            seq = 0;
        }
        pushc_id_split(s.cursor, &c, mid);
        for (; c > 0; c--) {
            if (!done[at[c]]) {
                ck_abort_msg("step %d: %s covers m%d", step, s.cursor, at[c]);
            }
        }
    }
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("session", 60);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_cursor_stops_before_the_first_that_is_not_done);
    tcase_add_test(tc, a_repeat_is_done_when_its_message_is);
    tcase_add_test(
        tc, what_is_done_after_the_cut_moves_no_cursor_of_the_old_stream);
    tcase_add_test(
        tc,
        what_is_done_while_an_attempt_is_under_way_moves_the_cursor_no_more);
    tcase_add_test(tc,
                   the_set_of_message_ids_is_bounded_and_keeps_what_is_held);
    tcase_add_test(
        tc, a_done_message_that_is_resent_after_thousands_is_still_a_repeat);
    tcase_add_test(tc,
                   a_server_that_never_acknowledges_does_not_fill_the_memory);
    tcase_add_test(
        tc, messages_without_an_id_are_handed_over_and_acknowledge_nothing);
    tcase_add_test(tc,
                   an_id_alone_moves_the_cursor_once_all_before_it_is_done);
    tcase_add_test(tc, an_id_of_another_hub_is_a_cursor_and_not_acknowledged);
    tcase_add_test(
        tc, it_is_full_by_messages_bytes_or_ids_without_acknowledgement);
    tcase_add_test(tc,
                   a_retried_message_comes_first_after_a_pause_that_doubles);
    tcase_add_test(tc, an_acknowledgement_that_failed_is_due_again);
    tcase_add_test(tc, half_a_window_is_urgent);
    tcase_add_loop_test(tc, ids_are_split, 0, sizeof(ids) / sizeof(ids[0]));
    tcase_add_loop_test(tc, base64_is_decoded_strictly, 0,
                        sizeof(base64) / sizeof(base64[0]));
    tcase_add_loop_test(tc, no_schedule_breaks_the_promises, 0, 20);
    return suite_run();
}
