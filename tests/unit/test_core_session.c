#include "core/session.h"
#include "core_suite.h"
#include "core_fixture.h"

#include <stdio.h>
#include <string.h>

/* docs/protocol.md, "Resume" and "Acknowledge". */

/* As many messages as the letters from a on; their mids. */
static void say(unsigned count, uint64_t *mids)
{
    for (unsigned i = 0; i < count; i++) {
        char text[2] = {(char)('a' + i), '\0'};

        mids[i] = world_say(&w, user, text);
    }
}

/*
 * Five messages a…e were sent as 1…5, the first two were acknowledged; then
 * f comes, urgently, and the client resumes.
 */
typedef enum { NO_CURSOR, PLAIN, RIGHT, WRONG, UNKNOWN } claim_t;

static const struct {
    const char *why;
    claim_t claim; /* RIGHT: the mid sent as seq; WRONG: the mid of e as 4 */
    uint64_t seq;
    const char *sent; /* next */
    uint64_t acked;   /* after the resume */
} resumes[] = {
    {"no cursor: a new session", NO_CURSOR, 0, "1=f 2=c 3=d 4=e", 0},
    {"0: a new session", PLAIN, 0, "1=f 2=c 3=d 4=e", 0},
    {"0 with any mid", UNKNOWN, 0, "1=f 2=c 3=d 4=e", 0},
    {"below the acknowledged", PLAIN, 1, "2=f 3=c 4=d 5=e", 1},
    {"below, with its mid", RIGHT, 1, "2=f 3=c 4=d 5=e", 1},
    {"below, with a mid unknown", UNKNOWN, 1, "2=f 3=c 4=d 5=e", 1},
    {"the acknowledged itself", PLAIN, 2, "3=f 4=c 5=d 6=e", 2},
    {"one more", PLAIN, 3, "4=f 5=d 6=e", 3},
    {"one more, with its mid", RIGHT, 3, "4=f 5=d 6=e", 3},
    {"all", PLAIN, 5, "6=f", 5},
    {"all, with its mid", RIGHT, 5, "6=f", 5},
    {"the mid of another", WRONG, 4, "1=f", 0},
    {"a mid of nowhere", UNKNOWN, 4, "1=f 2=c 3=d 4=e", 0},
    {"beyond what was sent", PLAIN, 6, "1=f 2=c 3=d 4=e", 0},
    {"beyond, with a mid of nowhere", UNKNOWN, 6, "1=f 2=c 3=d 4=e", 0},
    {"beyond, with the mid of e", WRONG, 9, "1=f", 0},
    {"far beyond", PLAIN, INT64_MAX, "1=f 2=c 3=d 4=e", 0},
};

START_TEST(a_cursor_resumes_as_the_row_says)
{
    push_cursor_t at = cursor(resumes[_i].seq);
    uint64_t mids[5];

    say(5, mids);
    ck_assert_str_eq(world_flush(&w, device), "1=a 2=b 3=c 4=d 5=e");
    ck_assert_int_eq(world_ack(&w, device, cursor(2)), PUSH_OK);
    world_publish(&w, user, spec_urgent("f", PUSH_HIGH));
    switch (resumes[_i].claim) {
    case RIGHT:
        at = cursor_mid(at.seq, mids[at.seq - 1]);
        break;
    case WRONG:
        at = cursor_mid(at.seq, mids[4]);
        break;
    case UNKNOWN:
        at = cursor_mid(at.seq, 4711);
        break;
    default:
        break;
    }
    world_take_up(&w, device, resumes[_i].claim == NO_CURSOR ? NULL : &at);
    ck_assert_msg(device->acked == resumes[_i].acked
                      && device->sent == resumes[_i].acked,
                  "%s", resumes[_i].why);
    ck_assert_msg(!strcmp(world_flush(&w, device), resumes[_i].sent), "%s: %s",
                  resumes[_i].why, w.text);
    world_cleanup(&w);
    world_begin();
}
END_TEST

START_TEST(a_plain_cursor_found_stale_stays_stale_until_another_is_shown)
{
    uint64_t mids[3];

    say(3, mids);
    world_resume(&w, device, cursor(2));
    ck_assert_str_eq(world_flush(&w, device), "1=a 2=b 3=c");
    world_resume(&w, device, cursor(2));
    ck_assert_str_eq(world_flush(&w, device), "1=a 2=b 3=c");
    world_resume(&w, device, cursor(1));
    ck_assert_str_eq(world_flush(&w, device), "2=b 3=c");
    world_resume(&w, device, cursor(2));
    ck_assert_str_eq(world_flush(&w, device), "3=c");
}
END_TEST

START_TEST(a_stale_plain_cursor_with_the_right_mid_is_taken)
{
    uint64_t mids[3];

    say(3, mids);
    world_resume(&w, device, cursor(2));
    world_flush(&w, device);
    world_resume(&w, device, cursor_mid(2, mids[1]));
    ck_assert_str_eq(world_flush(&w, device), "3=c");
}
END_TEST

START_TEST(an_acknowledgement_ends_the_staleness_of_a_plain_cursor)
{
    uint64_t mids[3];

    say(3, mids);
    world_resume(&w, device, cursor(2));
    world_flush(&w, device);
    ck_assert_int_eq(world_ack(&w, device, cursor(1)), PUSH_OK);
    world_resume(&w, device, cursor(2));
    ck_assert_str_eq(world_flush(&w, device), "3=c");
}
END_TEST

START_TEST(the_mid_of_another_session_acknowledges_all_before_it_in_its_lane)
{
    push_message_spec_t other = spec("for other");
    uint64_t mids[4], low, others;

    other.device = words("other");
    world_publish(&w, user, spec_urgent("low", PUSH_LOW));
    low = w.receipt.mid;
    world_publish(&w, user, other);
    others = w.receipt.mid;
    say(4, mids);
    world_resume(&w, device, cursor_mid(99, mids[2]));
    ck_assert_str_eq(world_flush(&w, device), "1=d 2=low");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(world_fate(&w, device, mids[i]), PUSH_ACKED);
    }
    ck_assert_int_eq(world_fate(&w, device, mids[3]), PUSH_IN_FLIGHT);
    ck_assert_int_eq(world_fate(&w, device, low), PUSH_IN_FLIGHT);
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_ACKED), 3);
    /* Nothing is noted of what was never meant for the device. */
    device = world_device(&w, user, "other", NULL, 0);
    ck_assert_int_eq(world_fate(&w, device, others), PUSH_PENDING);
}
END_TEST

START_TEST(a_mid_of_a_channel_acknowledges_all_before_it_in_its_lane)
{
    push_channel_t *channel = world_channel(&w);
    uint64_t mids[4];

    device = world_device(&w, user, "e", &channel, 1);
    world_open(&w, device, NULL);
    for (int i = 0; i < 4; i++) {
        char text[] = {(char)('a' + i), '\0'};

        world_cast(&w, channel, spec(text));
        mids[i] = w.receipt.mid;
    }
    world_cast(&w, channel, spec_urgent("low", PUSH_LOW));
    ck_assert_str_eq(world_flush(&w, device), "1=a 2=b 3=c 4=d 5=low");
    world_resume(&w, device, cursor_mid(99, mids[2]));
    ck_assert_str_eq(world_flush(&w, device), "1=d 2=low");
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_ACKED), 3);
    world_resume(&w, device, cursor_mid(99, mids[0]));
    ck_assert_str_eq(world_flush(&w, device), "1=d 2=low");
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_ACKED), 3);
}
END_TEST

START_TEST(a_mid_meant_for_another_device_acknowledges_nothing)
{
    push_device_t *other = world_device(&w, user, "other", NULL, 0);
    push_message_spec_t d = spec("for other");

    d.device = words("other");
    ck_assert_int_eq(world_publish(&w, user, d), PUSH_OK);
    world_resume(&w, device, cursor_mid(1, w.receipt.mid));
    world_open(&w, other, NULL);
    ck_assert_str_eq(world_flush(&w, other), "1=for other");
}
END_TEST

START_TEST(what_comes_back_competes_again_by_urgency)
{
    uint64_t mids[3];

    say(3, mids);
    world_flush(&w, device);
    ck_assert_int_eq(world_publish(&w, user, spec_urgent("low", PUSH_LOW)),
                     PUSH_OK);
    ck_assert_int_eq(world_publish(&w, user, spec_urgent("high", PUSH_HIGH)),
                     PUSH_OK);
    world_resume(&w, device, cursor_mid(1, mids[0]));
    ck_assert_str_eq(world_flush(&w, device), "2=high 3=b 4=c 5=low");
}
END_TEST

START_TEST(what_expired_in_flight_is_not_sent_again)
{
    push_message_spec_t d = spec("brief");

    d.ttl = 1000;
    ck_assert_int_eq(world_publish(&w, user, d), PUSH_OK);
    world_say(&w, user, "long");
    ck_assert_str_eq(world_flush(&w, device), "1=brief 2=long");
    world_pass(&w, 1000);
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "1=long");
}
END_TEST

/* ---- acknowledgements ---- */

static const struct {
    const char *why;
    uint64_t seq;
    int mid; /* 0: none; else the index + 1 of the message it names */
    push_status_t status;
    uint64_t acked;
} acks[] = {
    {"cumulative", 4, 0, PUSH_OK, 4},
    {"cumulative, with the mid", 4, 4, PUSH_OK, 4},
    {"all", 5, 0, PUSH_OK, 5},
    {"repeated", 2, 0, PUSH_OK, 2},
    {"late", 1, 0, PUSH_OK, 2},
    {"late, with another mid", 1, 5, PUSH_OK, 2},
    {"of nothing", 0, 0, PUSH_OK, 2},
    {"beyond the end", 6, 0, PUSH_STALE, 2},
    {"beyond the end, with a mid", 6, 5, PUSH_STALE, 2},
    {"of another message", 4, 5, PUSH_STALE, 2},
    {"far beyond", INT64_MAX, 0, PUSH_STALE, 2},
    {"beyond 2^53", 9007199254740993u, 0, PUSH_STALE, 2},
};

START_TEST(an_acknowledgement_does_what_the_row_says)
{
    push_cursor_t at = cursor(acks[_i].seq);
    uint64_t mids[5];

    say(5, mids);
    world_flush(&w, device);
    ck_assert_int_eq(world_ack(&w, device, cursor(2)), PUSH_OK);
    if (acks[_i].mid) {
        at = cursor_mid(at.seq, mids[acks[_i].mid - 1]);
    }
    ck_assert_msg(world_ack(&w, device, at) == acks[_i].status, "%s",
                  acks[_i].why);
    ck_assert_uint_eq(device->acked, acks[_i].acked);
    ck_assert_uint_eq(device->sent, 5);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_int_eq(world_fate(&w, device, mids[i]),
                         i < acks[_i].acked ? PUSH_ACKED : PUSH_IN_FLIGHT);
    }
}
END_TEST

static const uint64_t far[] = {INT32_MAX - 2u, UINT32_MAX - 2u,
                               9007199254740990u, INT64_MAX - 20};

START_TEST(seq_goes_on_beyond_the_bounds_of_smaller_numbers)
{
    char expected[200];
    uint64_t mids[6];

    device->acked = far[_i];
    device->sent = far[_i];
    say(6, mids);
    snprintf(expected, sizeof(expected), "%lu=a %lu=b %lu=c %lu=d %lu=e %lu=f",
             far[_i] + 1, far[_i] + 2, far[_i] + 3, far[_i] + 4, far[_i] + 5,
             far[_i] + 6);
    ck_assert_str_eq(world_flush(&w, device), expected);
    ck_assert_int_eq(world_ack(&w, device, cursor(far[_i] + 3)), PUSH_OK);
    ck_assert_int_eq(world_ack(&w, device, cursor(far[_i] + 7)), PUSH_STALE);
    world_resume(&w, device, cursor_mid(far[_i] + 5, mids[4]));
    snprintf(expected, sizeof(expected), "%lu=f", far[_i] + 6);
    ck_assert_str_eq(world_flush(&w, device), expected);
    ck_assert_uint_eq(device->acked, far[_i] + 5);
}
END_TEST

START_TEST(beyond_those_bounds_a_cursor_of_another_session_is_a_mismatch)
{
    uint64_t mids[3];

    device->acked = far[_i];
    device->sent = far[_i];
    say(3, mids);
    world_flush(&w, device);
    world_resume(&w, device, cursor_mid(far[_i] + 3, mids[1]));
    ck_assert_uint_eq(device->acked, 0);
    ck_assert_int_eq(world_fate(&w, device, mids[0]), PUSH_ACKED);
    ck_assert_int_eq(world_fate(&w, device, mids[1]), PUSH_ACKED);
    ck_assert_str_eq(world_flush(&w, device), "1=c");
    world_resume(&w, device, cursor(far[_i] + 3));
    ck_assert_str_eq(world_flush(&w, device), "1=c");
    ck_assert_int_eq(world_ack(&w, device, cursor(far[_i] + 1)), PUSH_STALE);
    ck_assert_uint_eq(device->acked, 0);
}
END_TEST

START_TEST(an_acknowledgement_is_counted_once_a_message)
{
    uint64_t mids[5];

    say(5, mids);
    world_flush(&w, device);
    world_ack(&w, device, cursor(3));
    world_ack(&w, device, cursor(3));
    world_resume(&w, device, cursor(4));
    ck_assert_uint_eq(core_counted(&w.memory, PUSH_TOTAL_ACKED), 4);
}
END_TEST

/* ---- what is timed ---- */

static uint64_t cell(unsigned which)
{
    uint64_t sums[PUSH_COUNTS] = {0};

    push_counts_add(sums, &w.memory.counts);
    return sums[which];
}

/* How many acknowledgements were timed of normal urgency, and their sum, µs. */
#define TIMED (PUSH_COUNT_ACK_LATENCY + PUSH_BOUNDS_ACKED_COUNT + 2)
#define SUM   (TIMED + PUSH_BOUNDS_ACKED_COUNT + 1)

static uint64_t timed(void)
{
    uint64_t count = 0;

    for (unsigned i = TIMED; i < SUM; i++) {
        count += cell(i);
    }
    return count;
}

START_TEST(one_message_in_flight_is_timed_until_it_is_acknowledged)
{
    uint64_t mids[6];

    say(2, mids);
    world_flush(&w, device);
    world_pass(&w, 100);
    say(1, mids);
    world_flush(&w, device);
    world_pass(&w, 20);
    world_ack(&w, device, cursor(1));
    ck_assert_uint_eq(timed(), 1);
    ck_assert_uint_eq(cell(SUM), 120000);
    /* Those that were in flight meanwhile are not. */
    world_ack(&w, device, cursor(3));
    ck_assert_uint_eq(timed(), 1);
    say(1, mids);
    world_flush(&w, device);
    world_pass(&w, 7);
    world_ack(&w, device, cursor(4));
    ck_assert_uint_eq(timed(), 2);
    ck_assert_uint_eq(cell(SUM), 127000);
}
END_TEST

START_TEST(what_went_back_is_timed_from_when_it_is_sent_again)
{
    uint64_t mids[2];

    say(2, mids);
    world_flush(&w, device);
    world_pass(&w, 1000);
    push_session_return(w.heap, device, 0);
    world_flush(&w, device);
    world_pass(&w, 30);
    world_ack(&w, device, cursor(2));
    ck_assert_uint_eq(timed(), 1);
    ck_assert_uint_eq(cell(SUM), 30000);
}
END_TEST

START_TEST(a_resume_and_an_implicit_window_time_nothing)
{
    world_open_t open = {.implicit = true};
    uint64_t mids[4];

    say(2, mids);
    world_flush(&w, device);
    world_resume(&w, device, cursor(1));
    ck_assert_uint_eq(timed(), 0);
    ck_assert_uint_eq(cell(PUSH_COUNT_REWRITTEN + PUSH_NORMAL), 1);
    world_open(&w, device, &open);
    world_flush(&w, device);
    world_pass(&w, 10);
    world_ack(&w, device, cursor(1));
    ck_assert_uint_eq(timed(), 0);
}
END_TEST

START_TEST(what_was_acknowledged_is_never_sent_again)
{
    uint64_t mids[4];

    say(4, mids);
    world_flush(&w, device);
    world_ack(&w, device, cursor(3));
    world_resume(&w, device, cursor(0));
    ck_assert_str_eq(world_flush(&w, device), "1=d");
    world_resume(&w, device, cursor(77));
    ck_assert_str_eq(world_flush(&w, device), "1=d");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("session");
    TCase *resume = unit_case(suite, "resume", 20);
    TCase *ack = unit_case(suite, "acknowledge", 20);

    tcase_add_checked_fixture(resume, world_begin, world_end);
    tcase_add_checked_fixture(ack, world_begin, world_end);
    tcase_add_row_test(resume, a_cursor_resumes_as_the_row_says, resumes);
    tcase_add_test(
        resume, a_plain_cursor_found_stale_stays_stale_until_another_is_shown);
    tcase_add_test(resume, a_stale_plain_cursor_with_the_right_mid_is_taken);
    tcase_add_test(resume,
                   an_acknowledgement_ends_the_staleness_of_a_plain_cursor);
    tcase_add_test(
        resume,
        the_mid_of_another_session_acknowledges_all_before_it_in_its_lane);
    tcase_add_test(resume,
                   a_mid_of_a_channel_acknowledges_all_before_it_in_its_lane);
    tcase_add_test(resume,
                   a_mid_meant_for_another_device_acknowledges_nothing);
    tcase_add_test(resume, what_comes_back_competes_again_by_urgency);
    tcase_add_test(resume, what_expired_in_flight_is_not_sent_again);
    tcase_add_row_test(ack, an_acknowledgement_does_what_the_row_says, acks);
    tcase_add_row_test(ack, seq_goes_on_beyond_the_bounds_of_smaller_numbers,
                       far);
    tcase_add_row_test(
        ack, beyond_those_bounds_a_cursor_of_another_session_is_a_mismatch,
        far);
    tcase_add_test(ack, an_acknowledgement_is_counted_once_a_message);
    tcase_add_test(ack,
                   one_message_in_flight_is_timed_until_it_is_acknowledged);
    tcase_add_test(ack, what_went_back_is_timed_from_when_it_is_sent_again);
    tcase_add_test(ack, a_resume_and_an_implicit_window_time_nothing);
    tcase_add_test(ack, what_was_acknowledged_is_never_sent_again);
    return unit_run(suite);
}
