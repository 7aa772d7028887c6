#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core_suite.h"
#include "store/disk/disk.h"
#include "store/disk/revocation.h"
#include "store_disk.h"
#include "store/shm/clock.h"

/* Who was sent away stays so over a full restart. */

#define DAY 86400000

static disk_t disk;

static void begin(void)
{
    disk_init(&disk);
    disk.guarded = true;
}

static void end(void)
{
    disk_cleanup(&disk);
}

/* Up to now, for so many ms from now. */
static push_status_t send_away(const char *user, int64_t ms)
{
    push_time_t now = push_clock_now();
    push_commit_t commit = {0};
    push_status_t status = push_revocation_add(&disk.g.store, named(user),
                                               &now, now.mono + ms, &commit);

    return status == PUSH_OK ? push_revocation_wait(&disk.g.store, &commit)
                             : status;
}

/* A token of so many ms before or after now. */
static bool refused(const char *user, int64_t age)
{
    return push_guard_revoked(disk.g.store.guard, named(user),
                              push_clock_now().wall - age);
}

static int revoke_and_die(void *data)
{
    disk_start(&disk, *(const push_durability_t *)data, DISK_SIZE);
    CHILD_NEEDS(send_away("ada", DAY) == PUSH_OK);
    return 0;
}

START_TEST(what_was_answered_is_on_disk_whatever_the_durability)
{
    push_durability_t durability = _i ? PUSH_DURABILITY_COMMIT
                                      : PUSH_DURABILITY_INTERVAL;

    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    child_expect(child_start(revoke_and_die, &durability));
    /* Once from the state, and once from the one that the start wrote. */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
        ck_assert_uint_eq(disk.recovery.restored.revocations, 1);
        ck_assert(refused("ada", 60000));
        ck_assert(!refused("ada", -60000));
        ck_assert(!refused("bob", 60000));
    }
}
END_TEST

/* On disk its end is a wall time, of which a fraction of a ms is unknown. */
START_TEST(a_revocation_whose_time_is_over_does_not_come_back)
{
    int64_t over;

    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    ck_assert_int_eq(send_away("ada", 20), PUSH_OK);
    ck_assert_int_eq(send_away("bob", DAY), PUSH_OK);
    over = push_clock_now().mono + 25;
    DISK_AWAIT(!refused("ada", 60000) && push_clock_now().mono > over);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    ck_assert_uint_eq(disk.recovery.restored.revocations, 1);
    ck_assert(!refused("ada", 60000));
    ck_assert(refused("bob", 60000));
}
END_TEST

#define MANY 3000

START_TEST(thousands_come_back_and_the_later_of_two_counts)
{
    char name[16];
    int64_t before;

    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    for (int i = 0; i < MANY; i++) {
        push_time_t now = push_clock_now();

        snprintf(name, sizeof(name), "u%d", i);
        ck_assert_int_eq(push_revocation_add(&disk.g.store, named(name), &now,
                                             now.mono + DAY, NULL),
                         PUSH_OK);
    }
    before = push_clock_now().wall;
    DISK_AWAIT(push_clock_now().wall > before);
    ck_assert_int_eq(send_away("u7", DAY), PUSH_OK);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    ck_assert_uint_eq(disk.recovery.restored.revocations, MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "u%d", i);
        NEEDS(refused(name, 60000), "%s came back", name);
    }
    ck_assert(push_guard_revoked(disk.g.store.guard, named("u7"), before + 1));
    ck_assert(
        !push_guard_revoked(disk.g.store.guard, named("u8"), before + 1));
}
END_TEST

START_TEST(a_failing_disk_is_an_error_with_commit_and_made_good_with_interval)
{
    char hidden[128];

    disk_again(&disk, _i ? PUSH_DURABILITY_COMMIT : PUSH_DURABILITY_INTERVAL);
    snprintf(hidden, sizeof(hidden), "%s/hidden", disk.dir);
    ck_assert_int_eq(rename(disk.file, hidden), 0);
    ck_assert_int_eq(send_away("ada", DAY), _i ? PUSH_NO_STATE : PUSH_OK);
    ck_assert(refused("ada", 60000));
    DISK_AWAIT(disk.failed == 1);
    ck_assert_int_eq(rename(hidden, disk.file), 0);
    DISK_AWAIT(disk.well == 1);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    ck_assert_uint_eq(disk.recovery.restored.revocations, 1);
    ck_assert(refused("ada", 60000));
}
END_TEST

/* Before its journal writes. */
static int add_and_die(void *data)
{
    push_time_t now = push_clock_now();

    (void)data;
    disk_start(&disk, PUSH_DURABILITY_INTERVAL, DISK_SIZE);
    CHILD_NEEDS(push_revocation_add(&disk.g.store, named("ada"), &now,
                                    now.mono + DAY, NULL)
                == PUSH_OK);
    return 0;
}

START_TEST(what_a_dead_process_had_queued_is_written_by_another)
{
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    child_expect(child_start(add_and_die, NULL));
    disk_start(&disk, PUSH_DURABILITY_INTERVAL, DISK_SIZE);
    push_disk_reap(&disk.g.store);
    DISK_AWAIT(!disk.g.store.segment->disk.missing
               && disk.g.store.segment->disk.records >= 1);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    ck_assert_uint_eq(disk.recovery.restored.revocations, 1);
    ck_assert(refused("ada", 60000));
}
END_TEST

/* Lengths of key and value. */
static const struct {
    uint32_t key, value;
    bool read;
} forms[] = {
    {17, 8, true},  {16, 8, false}, {17, 7, false},
    {17, 9, false}, {17, 0, false}, {1, 8, false},
};

START_TEST(a_record_of_another_form_is_not_read)
{
    static const char bytes[32] = "R";
    push_revoked_record_t record;

    ck_assert_int_eq(push_revoked_read((push_text_t){bytes, forms[_i].key},
                                       (push_text_t){bytes, forms[_i].value},
                                       &record),
                     forms[_i].read);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("revocation");
    TCase *tc = unit_case(suite, "revocation", 60);

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_loop_test(
        tc, what_was_answered_is_on_disk_whatever_the_durability, 0, 2);
    tcase_add_test(tc, a_revocation_whose_time_is_over_does_not_come_back);
    tcase_add_test(tc, thousands_come_back_and_the_later_of_two_counts);
    tcase_add_loop_test(
        tc, a_failing_disk_is_an_error_with_commit_and_made_good_with_interval,
        0, 2);
    tcase_add_test(tc, what_a_dead_process_had_queued_is_written_by_another);
    tcase_add_row_test(tc, a_record_of_another_form_is_not_read, forms);
    return unit_run(suite);
}
