#include "store/shm/reserve.h"
#include "core_suite.h"
#include "store_fixture.h"

#include <stdatomic.h>
#include <unistd.h>

#define LIMIT    3u
#define ATTEMPTS 200000

/*
 * Each that gets a reservation checks whether there are too many, and gives it
 * back.
 */
static int reserve_and_give_back(void *data)
{
    push_seat_t *seat = data;

    for (int i = 0; i < ATTEMPTS; i++) {
        if (push_reserve_here(&g.store.seats, seat)) {
            CHILD_NEEDS(atomic_load(&seat->streams) <= LIMIT);
            push_reserve_give_back(seat);
        }
    }
    return 0;
}

START_TEST(of_many_who_reserve_at_once_no_more_get_a_place_than_there_are)
{
    push_seat_t *seat = &g.store.seats.seats[0];
    pid_t pids[6];

    seat->limit = LIMIT;
    for (int i = 0; i < 6; i++) {
        pids[i] = child_start(reserve_and_give_back, seat);
    }
    for (int i = 0; i < 6; i++) {
        child_expect(pids[i]);
    }
    ck_assert_uint_eq(seat->streams, 0);
}
END_TEST

START_TEST(the_seat_with_the_most_room_is_found_and_none_where_all_are_full)
{
    push_seat_t *seats = g.store.seats.seats;
    uint32_t self = (uint32_t)getpid();

    for (int i = 1; i < 4; i++) {
        ck_assert_int_eq(push_seat_claim(&g.store.seats, self), i);
    }
    ck_assert_int_eq(push_reserve_find(&g.store.seats), -1);
    seats[1].limit = 2;
    seats[2].limit = 9;
    seats[2].streams = 8;
    ck_assert_int_eq(push_reserve_find(&g.store.seats), 1);
    ck_assert(push_reserve_here(&g.store.seats, &seats[1]));
    ck_assert(push_reserve_here(&g.store.seats, &seats[1]));
    ck_assert(!push_reserve_here(&g.store.seats, &seats[1]));
    ck_assert_int_eq(push_reserve_find(&g.store.seats), 2);
    push_seat_close(&seats[2]);
    ck_assert_int_eq(push_reserve_find(&g.store.seats), -1);
    push_reserve_give_back(&seats[1]);
    ck_assert_int_eq(push_reserve_find(&g.store.seats), 1);
}
END_TEST

START_TEST(reservations_of_all_count_until_they_are_over_or_their_maker_is)
{
    push_seats_t *seats = &g.store.seats;

    ck_assert_int_eq(push_seat_claim(seats, (uint32_t)getpid()), 1);
    ck_assert_int_eq(push_seat_claim(seats, (uint32_t)getpid()), 2);
    seats->seats[2].limit = 2;
    ck_assert(push_reserve_elsewhere(seats, 0, 2));
    ck_assert(push_reserve_elsewhere(seats, 1, 2));
    ck_assert(!push_reserve_elsewhere(seats, 0, 2));
    push_reserve_cancel(seats, 0);
    ck_assert(push_reserve_elsewhere(seats, 0, 2));
    ck_assert(!push_reserve_elsewhere(seats, 0, 2));
    push_seat_leave(seats, 1);
    ck_assert(push_reserve_elsewhere(seats, 0, 2));
    ck_assert(!push_reserve_elsewhere(seats, 0, 2));
    /* Somebody of the seat that was left comes to its end. */
    push_reserve_cancel(seats, 1);
    ck_assert_uint_eq(seats->seats[1].reserved, 0);
}
END_TEST

/* It would be told to come again, though it was told that it is welcome. */
START_TEST(nobody_takes_a_place_that_is_reserved_elsewhere)
{
    push_seats_t *seats = &g.store.seats;
    push_seat_t *to = &seats->seats[1];

    ck_assert_int_eq(push_seat_claim(seats, (uint32_t)getpid()), 1);
    to->limit = 2;
    ck_assert(push_reserve_elsewhere(seats, 0, 1));
    ck_assert(push_reserve_here(seats, to));
    ck_assert(!push_reserve_here(seats, to));
    ck_assert(push_reserve_fulfil(seats, 0, to));
    ck_assert_uint_eq(to->streams, 2);
    ck_assert_uint_eq(seats->seats[0].reserved, 0);
    push_reserve_give_back(to);
    ck_assert(push_reserve_here(seats, to));
}
END_TEST

/* Its child could not start a reactor: what it writes would be no seat. */
START_TEST(who_has_no_seat_reserves_nothing_elsewhere)
{
    push_seats_t *seats = &g.store.seats;

    ck_assert_int_eq(push_seat_claim(seats, (uint32_t)getpid()), 1);
    seats->seats[1].limit = 2;
    ck_assert(
        !push_reserve_elsewhere(seats, push_seat_index(PUSH_SEAT_NOBODY), 1));
    ck_assert(!push_reserve_elsewhere(seats, seats->count, 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("room");
    TCase *tc = unit_case(suite, "room", 60);

    tcase_add_checked_fixture(tc, store_begin, store_end);
    tcase_add_test(
        tc, of_many_who_reserve_at_once_no_more_get_a_place_than_there_are);
    tcase_add_test(
        tc, the_seat_with_the_most_room_is_found_and_none_where_all_are_full);
    tcase_add_test(tc, who_has_no_seat_reserves_nothing_elsewhere);
    tcase_add_test(tc, nobody_takes_a_place_that_is_reserved_elsewhere);
    tcase_add_test(
        tc, reservations_of_all_count_until_they_are_over_or_their_maker_is);
    return unit_run(suite);
}
