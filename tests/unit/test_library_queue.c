/*
 * Queues on a real Redis: what a queue took stays until it is done, and what it
 * has no room for is refused.
 */
#include "library_kit.h"

#include "broker/library/later_calls.h"
#include "harness/case.h"

#define LOG "u$trigger/x"
#define CAP 3

static push_publish_call_t item(struct library *l, const char *record)
{
    push_publish_call_t call = library_message(l, LOG, record);

    call.queue = true;
    call.cap = CAP;
    return call;
}

static push_published_t put(struct library *l, const char *record,
                            uint64_t *tick)
{
    push_publish_call_t call = item(l, record);
    push_publish_reply_t published = library_publish(l, &call);

    if (tick) {
        *tick = published.tick;
    }
    return published.outcome;
}

/* As many as it may have. */
static void fill(struct library *l, uint64_t ticks[CAP])
{
    for (int i = 0; i < CAP; i++) {
        ck_assert_int_eq(put(l, "x", &ticks[i]), PUSH_PUBLISHED_NEW);
    }
    ck_assert_int_eq(put(l, "x", NULL), PUSH_PUBLISHED_NO_ROOM);
}

/* How many of them were there. */
static int64_t done(struct library *l, const uint64_t *ticks, unsigned count)
{
    uint64_t mids[CAP];
    const uint8_t lanes[CAP] = {PUSH_NORMAL, PUSH_NORMAL, PUSH_NORMAL};
    const push_done_call_t call = {l->home, TEXT(LOG), mids, lanes, count};
    push_command_t command;

    for (unsigned i = 0; i < count; i++) {
        mids[i] = push_mid_of_tick(ticks[i], l->home.partition);
    }
    push_library_done(&command, &call);
    return push_reply_integer(library_send(l, &command));
}

START_TEST(a_full_queue_refuses_until_something_of_it_is_done)
{
    struct library *l = library_start(NULL);
    uint64_t ticks[CAP], more;

    fill(l, ticks);
    ck_assert_int_eq(put(l, "x", &more), PUSH_PUBLISHED_NO_ROOM);
    ck_assert_uint_eq(more, 0);
    ck_assert_int_eq(done(l, ticks + 1, 1), 1);
    ck_assert_int_eq(done(l, ticks + 1, 1), 0);
    ck_assert_int_eq(put(l, "x", &ticks[1]), PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(put(l, "x", NULL), PUSH_PUBLISHED_NO_ROOM);
    ck_assert_int_eq(done(l, ticks, CAP), CAP);
    ck_assert_uint_eq(redis_call(l->redis, "KEYS *" LOG "*")->elements, 0);
    fill(l, ticks);
}
END_TEST

START_TEST(what_it_took_is_answered_again_when_it_is_full)
{
    struct library *l = library_start(NULL);
    const unsigned char key[PUSH_KEY_BYTES] = {7};
    push_publish_call_t call = item(l, "first");
    push_publish_reply_t first;
    uint64_t ticks[CAP];

    call.key = key;
    call.request = 1;
    call.window = 60000;
    first = library_publish(l, &call);
    ck_assert_int_eq(put(l, "x", &ticks[0]), PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(put(l, "x", &ticks[1]), PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(put(l, "x", NULL), PUSH_PUBLISHED_NO_ROOM);
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_AGAIN);
    ck_assert_uint_eq(library_publish(l, &call).tick, first.tick);
}
END_TEST

/* It has the place of the older one, as long as that waits. */
START_TEST(a_full_queue_takes_what_replaces_something_that_waits)
{
    struct library *l = library_start(NULL);
    push_publish_call_t call = item(l, "topic");
    uint64_t ticks[CAP];

    call.topic = TEXT("t");
    ticks[0] = library_publish(l, &call).tick;
    ck_assert_int_eq(put(l, "x", &ticks[1]), PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(put(l, "x", &ticks[2]), PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(put(l, "x", NULL), PUSH_PUBLISHED_NO_ROOM);
    ticks[0] = library_publish(l, &call).tick;
    ck_assert_uint_ne(ticks[0], 0);
    ck_assert_int_eq(done(l, ticks, 1), 1);
    ck_assert_int_eq(put(l, "x", &ticks[0]), PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(library_publish(l, &call).outcome,
                     PUSH_PUBLISHED_NO_ROOM);
    ck_assert_int_eq(done(l, ticks, CAP), CAP);
}
END_TEST

/* What was kept for later was accepted before. */
START_TEST(what_was_kept_for_later_has_room_and_takes_that_of_nothing)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    const push_schedule_call_t schedule = {.home = l->home,
                                           .log = TEXT(LOG),
                                           .shown = TEXT("shown"),
                                           .record = TEXT("later"),
                                           .ttl = 60000,
                                           .after = 1000,
                                           .window = 300000,
                                           .most = 1 << 20};
    push_publish_call_t call = item(l, "later");
    push_publish_reply_t kept;
    push_command_t command;
    uint64_t ticks[CAP];

    push_library_schedule(&command, &schedule);
    ck_assert(push_publish_reply(library_send(l, &command), &kept));
    fill(l, ticks);
    library_set_clock(l, now + 2000);
    call.kept = kept.tick;
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(done(l, ticks, 1), 1);
    ck_assert_int_eq(put(l, "x", NULL), PUSH_PUBLISHED_NO_ROOM);
    ck_assert_int_eq(done(l, ticks + 1, CAP - 1), CAP - 1);
}
END_TEST

START_TEST(what_has_expired_has_no_room_any_more)
{
    int64_t now;
    struct library *l = library_start_clock(&now);
    push_publish_call_t call = item(l, "short");
    uint64_t ticks[CAP];

    fill(l, ticks);
    ck_assert_int_eq(done(l, ticks, 1), 1);
    call.ttl = 1000;
    ck_assert_int_eq(library_publish(l, &call).outcome, PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(put(l, "x", NULL), PUSH_PUBLISHED_NO_ROOM);
    library_set_clock(l, now + 2000);
    ck_assert_int_eq(put(l, "x", NULL), PUSH_PUBLISHED_NEW);
    ck_assert_int_eq(put(l, "x", NULL), PUSH_PUBLISHED_NO_ROOM);
    ck_assert_int_eq(done(l, ticks + 1, CAP - 1), CAP - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("library queue");
    TCase *tc = case_add(suite, "queue", 60);

    tcase_add_test(tc, a_full_queue_refuses_until_something_of_it_is_done);
    tcase_add_test(tc, what_it_took_is_answered_again_when_it_is_full);
    tcase_add_test(tc, a_full_queue_takes_what_replaces_something_that_waits);
    tcase_add_test(tc,
                   what_was_kept_for_later_has_room_and_takes_that_of_nothing);
    tcase_add_test(tc, what_has_expired_has_no_room_any_more);
    return case_run(suite);
}
