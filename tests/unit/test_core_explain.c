#include "core_suite.h"

#include <stdio.h>
#include <string.h>

#include "core/explain.h"

/* Which facts make which cause, and what is said. */

#define NOW INT64_C(1795972305000)

static push_facts_t f;
static push_explanation_t e;

/* Published 100 s ago to ada, whose phone acknowledges and has a stream. */
static void set_up(void)
{
    memset(&f, 0, sizeof(f));
    f.now = NOW;
    strcpy(f.user, "ada");
    f.devices = 1;
    f.max_pending = 1000;
    f.history = 50;
    f.message = (push_message_facts_t){
        .mid = (uint64_t)(NOW - 100000) << 22,
        .known = PUSH_KNOWN_HERE,
        .kind = PUSH_LOG_USER,
        .urgency = PUSH_NORMAL,
        .ends = NOW + 200000,
    };
    strcpy(f.message.name, "ada");
    f.device = (push_device_facts_t){
        .known = true,
        .traits = PUSH_DEVICE_ONLINE | PUSH_DEVICE_EXPLICIT,
        .lowest = PUSH_VERY_LOW,
        .first_seen = NOW - 86400000,
        .last_seen = NOW - 3600000,
        .max_in_flight = 16,
        .pending = 1,
        .wants = true,
        .follows = true,
        .fate = PUSH_PENDING,
    };
    strcpy(f.device.label, "phone-7");
}

/* ---- one fact after the other ---- */

static void never(void)
{
    f.message.known = PUSH_KNOWN_NEVER;
}
static void before(void)
{
    f.message.known = PUSH_KNOWN_BEFORE;
}
static void unknown(void)
{
    f.message.known = PUSH_KNOWN_NOT;
}
static void silent(void)
{
    f.message.mid = 0;
}
static void away(void)
{
    f.device.traits = PUSH_DEVICE_EXPLICIT;
}
static void stale(void)
{
    f.device.stale = true;
}
static void silent_stale(void)
{
    silent();
    stale();
}
static void implicit(void)
{
    f.device.traits = PUSH_DEVICE_ONLINE;
}

static void foreign(void)
{
    unknown();
    f.message.foreign = true;
}

static void gone(push_gone_why_t why)
{
    f.message.known = PUSH_KNOWN_GONE;
    f.message.gone = why;
    f.message.gone_at = NOW - 74000;
}

static void gone_expired(void)
{
    gone(PUSH_GONE_EXPIRED);
}
static void gone_replaced(void)
{
    gone(PUSH_GONE_REPLACED);
}
static void gone_recalled(void)
{
    gone(PUSH_GONE_RECALLED);
}
static void gone_mailbox(void)
{
    gone(PUSH_GONE_MAILBOX);
}
static void gone_memory(void)
{
    gone(PUSH_GONE_MEMORY);
}
static void gone_nobody(void)
{
    gone(PUSH_GONE_NOBODY);
}
static void gone_settled(void)
{
    gone(PUSH_GONE_SETTLED);
}

static void gone_history(void)
{
    gone(PUSH_GONE_HISTORY);
    strcpy(f.message.name, "news");
}

static void other_user(void)
{
    strcpy(f.message.name, "bob");
}

static void other_device(void)
{
    f.device.wants = false;
    strcpy(f.message.device, "tablet");
}

static void other_devices(void)
{
    f.device.fate = PUSH_FILTERED;
    strcpy(f.message.where, "os=ios");
}

static void channel(void)
{
    f.message.kind = PUSH_LOG_CHANNEL;
    strcpy(f.message.name, "news");
}

static void not_followed(void)
{
    channel();
    f.device.follows = false;
}

static void followed_later(void)
{
    channel();
    f.device.joined_late = true;
}

static void came_later(void)
{
    f.message.kind = PUSH_LOG_BROADCAST;
    f.device.joined_late = true;
}

static void no_device(void)
{
    f.devices = 0;
    f.device.known = false;
}

static void no_device_in_time(void)
{
    no_device();
    f.message.ends = NOW - 1;
}

static void unknown_device(void)
{
    f.device.known = false;
    strcpy(f.asked, "watch");
}

static void over(push_fate_t fate)
{
    f.message.fate = fate;
    f.message.ends = NOW - 40000;
    f.device.fate = fate;
}

static void expired(void)
{
    over(PUSH_EXPIRED);
}
static void recalled(void)
{
    over(PUSH_RECALLED);
}

static void expired_away(void)
{
    expired();
    away();
}

static void expired_before(void)
{
    expired();
    f.device.first_seen = NOW - 30000;
}

static void expired_held(void)
{
    expired();
    f.device.held = true;
}

static void expired_at_once(void)
{
    expired();
    f.message.now_only = true;
}

static void replaced(void)
{
    over(PUSH_REPLACED);
    f.message.successor = f.message.mid + 4096;
}

static void evicted(void)
{
    f.device.fate = PUSH_EVICTED;
}
static void refused(void)
{
    f.device.fate = PUSH_REFUSED;
}

static void acked(void)
{
    f.device.fate = PUSH_ACKED;
    f.device.fate_at = NOW - 3000;
}

static void assumed(void)
{
    implicit();
    f.device.fate = PUSH_ACKED;
}

/* Of a client that says nothing, what was written counts, expired or not. */
static void assumed_after(void)
{
    expired_held();
    implicit();
}

static void window_full(void)
{
    f.device.sent = 28;
    f.device.acked = 12;
    f.device.last_ack = NOW - 74000;
    f.device.oldest_sent = NOW - 75000;
}

static void window_just_full(void)
{
    window_full();
    f.device.oldest_sent = NOW - 4000;
}

static void implicit_full(void)
{
    window_full();
    implicit();
    f.device.sent = 12 + 32;
}

static void implicit_half(void)
{
    window_full();
    implicit();
}

static void socket_full(void)
{
    window_full();
    f.device.blocked = NOW - 130000;
}

static void filtered(void)
{
    f.message.urgency = PUSH_LOW;
    f.device.lowest = PUSH_NORMAL;
    f.device.filtered = 1;
}

static void in_flight(void)
{
    window_full();
    f.device.fate = PUSH_IN_FLIGHT;
    f.device.seq = 20;
}

static void in_flight_away(void)
{
    in_flight();
    away();
}

static void in_flight_blocked(void)
{
    socket_full();
    f.device.fate = PUSH_IN_FLIGHT;
    f.device.seq = 28;
}

static void dismissed(void)
{
    away();
    f.device.traits |= PUSH_DEVICE_DISMISSED;
}

static void revoked(void)
{
    away();
    f.device.traits |= PUSH_DEVICE_REVOKED;
}

static void token_over(void)
{
    away();
    f.device.went = PUSH_WENT_TOKEN;
}

static void silent_idle(void)
{
    silent();
    f.device.pending = 0;
}

static void silent_acked(void)
{
    silent_idle();
    f.device.sent = 7;
    f.device.acked = 7;
    f.device.last_ack = NOW - 5000;
}

static void silent_old(void)
{
    silent_idle();
    f.device.published = true;
}

static void silent_filtered(void)
{
    filtered();
    silent();
}

static void silent_full(void)
{
    window_full();
    silent();
}

static const struct {
    void (*change)(void);
    push_cause_t cause;
    const char *sentence; /* how it begins */
} rows[] = {
    {never, PUSH_CAUSE_NEVER_GIVEN, "This server never gave that id"},
    {before, PUSH_CAUSE_BEFORE_START, "It was published 100 s ago by another"},
    {unknown, PUSH_CAUSE_FORGOTTEN,
     "It was published 100 s ago, and is forgotten"},
    {foreign, PUSH_CAUSE_ANOTHER_USER, "It was for somebody else"},
    {gone_expired, PUSH_CAUSE_FORGOTTEN,
     "It was published 100 s ago, its time ended 74 s ago, and"},
    {gone_settled, PUSH_CAUSE_FORGOTTEN, "It was published 100 s ago, its"},
    {gone_replaced, PUSH_CAUSE_REPLACED, "A newer message of its topic"},
    {gone_recalled, PUSH_CAUSE_RECALLED, "It was recalled, and is forgotten"},
    {gone_mailbox, PUSH_CAUSE_EVICTED_MAILBOX,
     "It was dropped for newer ones: at most 1000 messages are kept"},
    {gone_memory, PUSH_CAUSE_EVICTED_MEMORY,
     "It was dropped 74 s ago: the memory was full (PushShmSize)."},
    {gone_history, PUSH_CAUSE_EVICTED_HISTORY,
     "It was dropped 74 s ago: channel news keeps its newest 50 messages"},
    {gone_nobody, PUSH_CAUSE_NO_STREAM_THEN,
     "Its TTL was 0, so it was only for streams that were open when it was "
     "published, 100 s ago: there were none."},
    {other_user, PUSH_CAUSE_ANOTHER_USER,
     "It was for another user, bob, not for ada."},
    {other_device, PUSH_CAUSE_ANOTHER_DEVICE,
     "It was for another device of user ada, tablet, not for phone-7."},
    {other_devices, PUSH_CAUSE_PREDICATE,
     "It was not for phone-7: only for devices where os=ios."},
    {not_followed, PUSH_CAUSE_NOT_FOLLOWED,
     "phone-7 does not follow channel news"},
    {followed_later, PUSH_CAUSE_FOLLOWED_LATER,
     "phone-7 began to follow channel news after"},
    {came_later, PUSH_CAUSE_CAME_LATER, "It was for all devices of its time"},
    {no_device, PUSH_CAUSE_NO_DEVICE,
     "It waits for the first device of user ada, none of which is known here, "
     "for 3 min more."},
    {no_device_in_time, PUSH_CAUSE_NO_DEVICE, "No device of user ada is"},
    {unknown_device, PUSH_CAUSE_UNKNOWN_DEVICE,
     "User ada has no device watch here"},
    {expired_away, PUSH_CAUSE_EXPIRED_AWAY,
     "Its TTL of 60 s ended while phone-7 was away."},
    {expired_before, PUSH_CAUSE_CAME_LATER,
     "Its TTL of 60 s ended before phone-7 came for the first time."},
    {expired_held, PUSH_CAUSE_EXPIRED_UNACKED,
     "It was written to phone-7, which did not acknowledge it before its TTL "
     "of 60 s ended."},
    {expired_at_once, PUSH_CAUSE_NO_STREAM_THEN, "Its TTL was 0"},
    {expired, PUSH_CAUSE_EXPIRED_WAITING,
     "Its TTL of 60 s ended while it waited for phone-7"},
    {replaced, PUSH_CAUSE_REPLACED, "Message "},
    {recalled, PUSH_CAUSE_RECALLED, "Its publisher or an administrator"},
    {evicted, PUSH_CAUSE_EVICTED_MAILBOX,
     "It was dropped from the mailbox of phone-7 for newer ones: that holds "
     "1000 messages"},
    {refused, PUSH_CAUSE_REFUSED, "The mailbox of phone-7 refused it"},
    {acked, PUSH_CAUSE_ACKED, "It arrived: phone-7 acknowledged it 3 s ago."},
    {assumed, PUSH_CAUSE_ASSUMED, "It was written to phone-7"},
    {assumed_after, PUSH_CAUSE_ASSUMED, "It was written to phone-7"},
    {away, PUSH_CAUSE_AWAY, "It waits: phone-7 is away for 60 min."},
    {stale, PUSH_CAUSE_NODE_SILENT,
     "It waits: the node that has phone-7 does not answer"},
    {silent_stale, PUSH_CAUSE_NODE_SILENT,
     "It is not known: the node that has phone-7 does not answer"},
    {dismissed, PUSH_CAUSE_DISMISSED, "It waits: phone-7 has no stream for"},
    {revoked, PUSH_CAUSE_REVOKED, "It waits: phone-7 has no stream for"},
    {token_over, PUSH_CAUSE_TOKEN_EXPIRED,
     "It waits: phone-7 has no stream for 60 min: its token expired"},
    {window_full, PUSH_CAUSE_WINDOW_FULL,
     "It waits: phone-7 has 16 messages in flight and has acknowledged none "
     "for 74 s."},
    {window_just_full, PUSH_CAUSE_WINDOW_FULL,
     "It waits: phone-7 has 16 messages in flight and has acknowledged none "
     "for 4 s."},
    {implicit_full, PUSH_CAUSE_WINDOW_FULL,
     "It waits: phone-7 has 32 messages in flight, and its connection has "
     "confirmed none for"},
    {implicit_half, PUSH_CAUSE_ON_ITS_WAY, "It is on its way: phone-7"},
    {socket_full, PUSH_CAUSE_SOCKET_FULL,
     "It waits: the socket of phone-7 is full for 2 min: its client"},
    {filtered, PUSH_CAUSE_FILTERED,
     "It waits: its urgency is low, and the stream of phone-7 takes nothing "
     "below normal."},
    {in_flight, PUSH_CAUSE_IN_FLIGHT,
     "It was written to phone-7 as seq 20, which has not acknowledged it: it "
     "has acknowledged nothing for 74 s."},
    {in_flight_away, PUSH_CAUSE_AWAY,
     "It was written, but not acknowledged, and will be again when it is "
     "back: phone-7 is away"},
    {in_flight_blocked, PUSH_CAUSE_SOCKET_FULL,
     "It may be written in part: the socket of phone-7 is full"},
    {set_up, PUSH_CAUSE_ON_ITS_WAY, "It is on its way: phone-7 has an open"},
    {silent, PUSH_CAUSE_ON_ITS_WAY,
     "phone-7 has an open stream, and 1 message on the way to it."},
    {silent_idle, PUSH_CAUSE_NOTHING_PUBLISHED, "phone-7 has an open stream"},
    {silent_old, PUSH_CAUSE_NOTHING_WAITS, "phone-7 has an open stream"},
    {silent_acked, PUSH_CAUSE_ALL_ACKED,
     "phone-7 has acknowledged all that was for it, the last 5 s ago."},
    {silent_filtered, PUSH_CAUSE_FILTERED,
     "What waits for phone-7, 1 message, is of an urgency that"},
    {silent_full, PUSH_CAUSE_WINDOW_FULL,
     "phone-7 has 16 messages in flight and has acknowledged none for 74 s."},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

START_TEST(the_facts_decide_the_cause_and_the_sentence)
{
    rows[_i].change();
    push_explain(&f, &e);
    ck_assert_msg(e.cause == rows[_i].cause
                      && !strncmp(e.verdict, rows[_i].sentence,
                                  strlen(rows[_i].sentence)),
                  "not %s but %s: %s", push_cause_name(rows[_i].cause),
                  push_cause_name(e.cause), e.verdict);
    ck_assert_int_eq(e.verdict[strlen(e.verdict) - 1], '.');
    for (unsigned i = 0; i < e.count; i++) {
        ck_assert_int_eq(e.steps[i].text[strlen(e.steps[i].text) - 1], '.');
    }
}
END_TEST

START_TEST(every_cause_is_told_by_some_facts)
{
    for (int cause = 0; cause < PUSH_CAUSES; cause++) {
        bool found = false;

        for (size_t i = 0; i < ROWS; i++) {
            found |= rows[i].cause == (push_cause_t)cause;
        }
        ck_assert_msg(found, "no row for %s",
                      push_cause_name((push_cause_t)cause));
    }
}
END_TEST

/* The moments of the steps, in s before now. */
static const char *moments(void)
{
    static char text[256];
    size_t len = 0;

    for (unsigned i = 0; i < e.count; i++) {
        len += (size_t)snprintf(
            text + len, sizeof(text) - len, "%s%s=%d", i ? " " : "",
            e.steps[i].what,
            e.steps[i].at ? (int)((NOW - e.steps[i].at) / 1000) : -1);
    }
    return text;
}

START_TEST(the_steps_stand_in_the_order_of_time)
{
    acked();
    f.device.lost = 2;
    f.trace.on = true;
    f.trace.base = NOW - 90000;
    f.trace.count = 3;
    f.trace.entries[0] = push_trace_event(PUSH_TRACE_WRITTEN, 12,
                                          f.message.mid);
    f.trace.entries[1] = push_trace_event(PUSH_TRACE_AGAIN, 1, f.message.mid);
    f.trace.entries[1].at = 50000;
    f.trace.entries[2] = push_trace_event(PUSH_TRACE_WRITTEN, 13, 4711);
    push_explain(&f, &e);
    ck_assert_str_eq(moments(), "known=86400 stream-open=3600 published=100 "
                                "gap=-1 written=90 written-again=40 "
                                "acknowledged=3");
    ck_assert_str_eq(e.steps[4].text, "It was written as seq 12.");
}
END_TEST

static const struct {
    int64_t ms;
    const char *text;
} spans[] = {
    {-5, "0 s"},         {999, "0 s"},          {119999, "119 s"},
    {120000, "2 min"},   {7199999, "119 min"},  {7200000, "2 h"},
    {172799999, "47 h"}, {172800000, "2 days"}, {8640000000, "100 days"}};

START_TEST(a_span_is_said_in_the_unit_that_one_can_imagine)
{
    push_span_t span;

    ck_assert_str_eq(push_explain_span(spans[_i].ms, &span), spans[_i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain");
    TCase *tc = unit_case(suite, "explain", 10);

    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_loop_test(tc, the_facts_decide_the_cause_and_the_sentence, 0,
                        (int)ROWS);
    tcase_add_test(tc, every_cause_is_told_by_some_facts);
    tcase_add_test(tc, the_steps_stand_in_the_order_of_time);
    tcase_add_loop_test(tc, a_span_is_said_in_the_unit_that_one_can_imagine, 0,
                        (int)(sizeof(spans) / sizeof(spans[0])));
    return unit_run(suite);
}
