#include "core/log.h"
#include "core/message_texts.h"
#include "core_suite.h"
#include "core_world.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static world_t world;
static push_heap_t *heap;
static push_log_t *lg;

#define LANE PUSH_NORMAL

static void begin(void)
{
    world_init(&world);
    heap = world.heap;
    lg = &world_channel(&world)->log;
}

static void end(void)
{
    watched_heap_destroy(&world.memory);
}

/* The lane as if so many messages had come and gone. */
static void start_at(uint32_t at)
{
    lg->lanes[LANE].head = at;
    lg->lanes[LANE].tail = at;
    lg->lanes[LANE].evicted = at;
}

static push_ref_t append_text(const char *text)
{
    push_message_spec_t d = spec(text);
    push_ref_t ref;

    NEEDS(push_log_reserve(heap, lg, d.urgency) == PUSH_OK, "no memory");
    ref = push_message_create(
        heap, &d, push_mid_next(&world.clock, world.now.wall, 0, 0),
        &world.now);
    NEEDS(ref, "no memory");
    push_log_append(heap, lg, ref);
    return ref;
}

static void append_number(unsigned n)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", n);
    append_text(text);
}

static void expect_number(uint32_t at, unsigned n)
{
    push_ref_t ref = PUSH_NONE;
    push_text_t data;
    char text[16];

    ck_assert_int_eq(push_log_read(heap, lg, LANE, at, &ref),
                     PUSH_SLOT_MESSAGE);
    snprintf(text, sizeof(text), "%u", n);
    data = world_payload(push_at(heap, ref));
    ck_assert_uint_eq(data.len, strlen(text));
    ck_assert_mem_eq(data.at, text, data.len);
}

static push_slot_t slot(uint32_t at)
{
    push_ref_t ref;

    return push_log_read(heap, lg, LANE, at, &ref);
}

START_TEST(a_ring_that_grows_keeps_every_position)
{
    for (unsigned i = 0; i < 1000; i++) {
        append_number(i);
        watched_heap_reclaim(&world.memory);
    }
    for (unsigned i = 0; i < 1000; i++) {
        expect_number(i, i);
    }
    ck_assert_int_eq(slot(1000), PUSH_SLOT_END);
    ck_assert_uint_eq(push_log_length(lg), 1000);
    world_cleanup(&world);
    begin();
}
END_TEST

START_TEST(positions_go_on_over_their_wrap)
{
    start_at(UINT32_MAX - 5);
    for (unsigned i = 0; i < 100; i++) {
        append_number(i);
    }
    for (unsigned i = 0; i < 100; i++) {
        expect_number(UINT32_MAX - 5 + i, i);
    }
    ck_assert_int_eq(slot(UINT32_MAX - 6), PUSH_SLOT_PASSED);
    ck_assert_int_eq(slot(94), PUSH_SLOT_END);
    ck_assert_uint_eq(push_log_length(lg), 100);
    for (uint32_t at = UINT32_MAX - 5; at != 90; at++) {
        push_log_remove(heap, lg, LANE, at, PUSH_SLOT_EVICTED);
    }
    push_log_trim(heap, lg, LANE);
    ck_assert_uint_eq(lg->lanes[LANE].tail, 90);
    ck_assert_uint_eq(lg->lanes[LANE].evicted, 90);
    expect_number(90, 96);
}
END_TEST

START_TEST(a_message_in_the_middle_goes_and_its_slot_says_why)
{
    for (unsigned i = 0; i < 6; i++) {
        append_number(i);
    }
    push_log_remove(heap, lg, LANE, 2, PUSH_SLOT_GONE);
    push_log_remove(heap, lg, LANE, 3, PUSH_SLOT_EVICTED);
    push_log_trim(heap, lg, LANE);
    ck_assert_int_eq(slot(2), PUSH_SLOT_GONE);
    ck_assert_int_eq(slot(3), PUSH_SLOT_EVICTED);
    expect_number(0, 0);
    expect_number(4, 4);
    ck_assert_uint_eq(lg->lanes[LANE].tail, 0);
}
END_TEST

START_TEST(trimming_gives_up_empty_slots_and_notes_the_last_eviction)
{
    for (unsigned i = 0; i < 6; i++) {
        append_number(i);
    }
    push_log_remove(heap, lg, LANE, 0, PUSH_SLOT_GONE);
    push_log_remove(heap, lg, LANE, 1, PUSH_SLOT_EVICTED);
    push_log_remove(heap, lg, LANE, 2, PUSH_SLOT_GONE);
    push_log_remove(heap, lg, LANE, 4, PUSH_SLOT_EVICTED);
    push_log_trim(heap, lg, LANE);
    ck_assert_uint_eq(lg->lanes[LANE].tail, 3);
    ck_assert_uint_eq(lg->lanes[LANE].evicted, 2);
    ck_assert_int_eq(slot(2), PUSH_SLOT_PASSED);
    ck_assert_int_eq(slot(4), PUSH_SLOT_EVICTED);
}
END_TEST

START_TEST(a_ring_is_reused_and_does_not_grow_while_it_has_room)
{
    uint32_t objects;

    for (unsigned i = 0; i < 4; i++) {
        append_number(i);
    }
    objects = world.memory.live;
    for (unsigned i = 4; i < 500; i++) {
        push_log_remove(heap, lg, LANE, i - 4, PUSH_SLOT_GONE);
        push_log_trim(heap, lg, LANE);
        append_number(i);
        ck_assert_uint_eq(world.memory.live, objects);
        expect_number(i, i);
        expect_number(i - 3, i - 3);
    }
}
END_TEST

START_TEST(a_lane_that_cannot_grow_is_as_it_was)
{
    for (unsigned i = 0; i < 4; i++) {
        append_number(i);
    }
    watched_heap_fail_at(&world.memory, 1);
    ck_assert_int_eq(push_log_reserve(heap, lg, LANE), PUSH_NO_MEMORY);
    for (unsigned i = 0; i < 4; i++) {
        expect_number(i, i);
    }
    append_number(4);
    expect_number(4, 4);
}
END_TEST

START_TEST(a_message_is_found_by_its_mid_in_any_lane)
{
    push_message_spec_t d = spec_urgent("low", PUSH_LOW);
    push_message_t *first = push_at(heap, append_text("a"));
    push_entry_t entry;
    push_ref_t ref;

    ck_assert_int_eq(push_log_reserve(heap, lg, PUSH_LOW), PUSH_OK);
    ref = push_message_create(heap, &d, 77, &world.now);
    push_log_append(heap, lg, ref);
    ck_assert(push_log_find(heap, lg, 77, &entry));
    ck_assert_uint_eq(entry.lane, PUSH_LOW);
    ck_assert_ptr_eq(entry.message, push_at(heap, ref));
    ck_assert(push_log_find(heap, lg, first->mid, &entry));
    ck_assert_ptr_eq(entry.message, first);
    ck_assert_uint_eq(entry.at, 0);
    ck_assert(!push_log_find(heap, lg, 78, &entry));
}
END_TEST

START_TEST(a_sweep_ends_what_expired_and_forgets_it_a_minute_later)
{
    push_message_t *short_lived = push_at(heap, append_text("a"));
    push_time_t later = world.now;

    atomic_store(&short_lived->life,
                 (uint64_t)(world.now.mono + 1000) << 24
                     | push_message_payload(short_lived).len);
    append_text("b");
    ck_assert_uint_eq(push_log_sweep(heap, lg, false, &later), 0);
    later.mono += 1000;
    ck_assert_uint_eq(push_log_sweep(heap, lg, false, &later), 0);
    ck_assert_int_eq(push_message_fate(short_lived), PUSH_EXPIRED);
    ck_assert_uint_eq(core_counted(&world.memory, PUSH_TOTAL_EXPIRED), 1);
    later.mono += 59999;
    ck_assert_uint_eq(push_log_sweep(heap, lg, false, &later), 0);
    later.mono += 1;
    ck_assert_uint_eq(push_log_sweep(heap, lg, false, &later), 1);
    ck_assert_uint_eq(push_log_length(lg), 1);
    ck_assert_uint_eq(lg->lanes[LANE].evicted, 0);
}
END_TEST

START_TEST(a_sweep_has_nothing_to_do_before_something_is_due)
{
    push_message_t *message = push_at(heap, append_text("a"));
    push_time_t later = world.now;
    int64_t until = push_message_until(message);

    push_log_sweep(heap, lg, false, &later);
    ck_assert_int_eq(lg->due, until);
    push_log_end(heap, lg, message, PUSH_RECALLED, &world.now);
    ck_assert_int_eq(lg->due, push_message_until(message));
    ck_assert_int_lt(lg->due, until);
    later.mono = lg->due - 1;
    ck_assert_uint_eq(push_log_sweep(heap, lg, false, &later), 0);
    later.mono++;
    ck_assert_uint_eq(push_log_sweep(heap, lg, false, &later), 1);
    ck_assert_int_eq(lg->due, INT64_MAX);
    until = push_message_until(push_at(heap, append_text("b")));
    ck_assert_int_eq(lg->due, until);
}
END_TEST

START_TEST(a_sweep_in_a_hurry_forgets_at_once_what_has_ended)
{
    push_message_t *message = push_at(heap, append_text("a"));

    append_text("b");
    push_log_end(heap, lg, message, PUSH_RECALLED, &world.now);
    ck_assert_uint_eq(push_log_sweep(heap, lg, true, &world.now), 1);
    ck_assert_uint_eq(push_log_length(lg), 1);
}
END_TEST

START_TEST(a_message_that_is_held_stays_when_its_log_lets_go)
{
    push_ref_t ref = append_text("held");
    push_message_t *message = push_at(heap, ref);

    ck_assert(push_message_hold(message));
    push_log_remove(heap, lg, LANE, 0, PUSH_SLOT_EVICTED);
    watched_heap_reclaim(&world.memory);
    ck_assert_mem_eq(world_payload(message).at, "held", 4);
    push_message_release(heap, ref);
    ck_assert(!push_message_hold(message));
    watched_heap_reclaim(&world.memory);
    watched_heap_check(&world.memory);
}
END_TEST

/* ---- a reader without a lock, beside a writer ---- */

#define WRITTEN 20000u
#define KEPT    50u

static _Atomic int writer_done;

/* Reads in order; returns what it read, or fails by returning UINT32_MAX. */
static void *read_along(void *data)
{
    uint64_t last = 0;
    uint32_t at = UINT32_MAX - 1000;
    uintptr_t *seen = data;

    for (;;) {
        int done = atomic_load(&writer_done);
        push_ref_t ref = PUSH_NONE;
        const push_message_t *m;

        switch (push_log_read(heap, lg, LANE, at, &ref)) {
        case PUSH_SLOT_END:
            if (done) {
                return (void *)(uintptr_t)1;
            }
            sched_yield();
            continue;
        case PUSH_SLOT_PASSED:
            at = push_lane_tail(&lg->lanes[LANE]);
            continue;
        case PUSH_SLOT_MESSAGE:
            m = push_at(heap, ref);
            if (m->mid <= last || memcmp(world_payload(m).at, "text", 4)) {
                return NULL;
            }
            last = m->mid;
            (*seen)++;
            break;
        default:
            break;
        }
        at++;
    }
}

/* Nothing is reclaimed: what memory reuse needs is tested with the store. */
START_TEST(a_reader_beside_a_writer_reads_in_order_and_only_whole_messages)
{
    pthread_t reader;
    uintptr_t seen = 0;
    void *fine;

    start_at(UINT32_MAX - 1000);
    atomic_store(&writer_done, 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_along, &seen), 0);
    for (uint32_t i = 0; i < WRITTEN; i++) {
        append_text("text");
        if (push_log_length(lg) > KEPT) {
            push_log_remove(heap, lg, LANE, lg->lanes[LANE].tail,
                            i % 3 ? PUSH_SLOT_GONE : PUSH_SLOT_EVICTED);
            push_log_trim(heap, lg, LANE);
        }
    }
    atomic_store(&writer_done, 1);
    pthread_join(reader, &fine);
    ck_assert_ptr_nonnull(fine);
    ck_assert_uint_ge(seen, KEPT);
}
END_TEST

/* µs and ms since the publish, by both clocks, and how old it is then. */
static const struct {
    int64_t us, wall, age;
} ages[] = {
    {0, 0, 0},
    {250, 0, 250},
    {999, 1, 999},
    {4800000000, 4800000, 4800000000}, /* beyond 32 bits */
    {70000, 3000, 3000000},            /* another clock was set */
    {70000, -3000, 0},
};

START_TEST(a_message_knows_its_age_to_the_microsecond)
{
    push_message_spec_t d = spec("x");
    push_time_t at = {world.now.mono, world.now.wall, 0xfffffff0};
    push_ref_t ref = push_message_create(
        heap, &d, push_mid_next(&world.clock, world.now.wall, 0, 0), &at);
    const push_message_t *message = push_at(heap, ref);

    at.us += ages[_i].us;
    at.wall += ages[_i].wall;
    ck_assert_int_eq(push_message_age(message, &at), ages[_i].age);
    push_message_release(heap, ref);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = unit_case(suite, "log", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_row_test(tc, a_message_knows_its_age_to_the_microsecond, ages);
    tcase_add_test(tc, a_ring_that_grows_keeps_every_position);
    tcase_add_test(tc, positions_go_on_over_their_wrap);
    tcase_add_test(tc, a_message_in_the_middle_goes_and_its_slot_says_why);
    tcase_add_test(tc,
                   trimming_gives_up_empty_slots_and_notes_the_last_eviction);
    tcase_add_test(tc, a_ring_is_reused_and_does_not_grow_while_it_has_room);
    tcase_add_test(tc, a_lane_that_cannot_grow_is_as_it_was);
    tcase_add_test(tc, a_message_is_found_by_its_mid_in_any_lane);
    tcase_add_test(tc,
                   a_sweep_ends_what_expired_and_forgets_it_a_minute_later);
    tcase_add_test(tc, a_sweep_has_nothing_to_do_before_something_is_due);
    tcase_add_test(tc, a_sweep_in_a_hurry_forgets_at_once_what_has_ended);
    tcase_add_test(tc, a_message_that_is_held_stays_when_its_log_lets_go);
    tcase_add_test(
        tc, a_reader_beside_a_writer_reads_in_order_and_only_whole_messages);
    return unit_run(suite);
}
