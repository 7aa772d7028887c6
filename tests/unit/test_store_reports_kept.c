#include "core_suite.h"
#include "core_world.h"
#include "store/disk/journal_thread.h"
#include "store/upkeep/sweep.h"
#include "store_disk.h"
#include "store_reports.h"

#include <stdatomic.h>
#include <string.h>

/* Reports over restarts, with a directory. */

static disk_t disk;

static void disk_begin(void)
{
    disk_init(&disk);
}

static void disk_end(void)
{
    disk_cleanup(&disk);
}

static char *disk_report(push_period_t step)
{
    const push_report_query_t query = {
        .step = step, .to = INT64_MAX, .now = push_clock_now()};

    told[0] = '\0';
    ck_assert_int_eq(
        push_report_read(&disk.g.store, &query, reports_tell, &step), PUSH_OK);
    return told;
}

static void disk_sweep(int64_t wall_ms)
{
    const push_time_t now = {.mono = push_clock_now().mono, .wall = wall_ms};

    atomic_store(&disk.g.store.segment->sweep_next, 0);
    ck_assert(push_store_sweep_due(&disk.g.store, &now));
}

static void disk_happens(push_tally_kind_t what, uint32_t more)
{
    fixture_happens(&disk.g, FIRST, what, more);
}

static void disk_rename(const char *name)
{
    push_class_name_t names[1] = {{.len = (uint8_t)strlen(name)}};
    push_naming_t naming = {
        .names = names, .count = 1, .now = push_clock_now()};

    memcpy(names[0].text, name, names[0].len);
    ck_assert_int_eq(push_report_rename(&disk.g.store, &naming), PUSH_OK);
}

/* How often it stops between: what is open goes on, and is not doubled. */
START_TEST(minutes_days_and_names_come_back_from_the_disk)
{
    int64_t now = push_clock_now().wall;
    char before[2][2048];

    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    disk_rename("order");
    disk_sweep(now - 3 * PUSH_DAY_MS);
    disk_happens(PUSH_TALLY_PUBLISHED, 5);
    disk_sweep(now - 2 * PUSH_MINUTE_MS);
    disk_happens(PUSH_TALLY_ACKED, 7);
    disk_sweep(now);
    disk_happens(PUSH_TALLY_EXPIRED, 9);
    strcpy(before[0], disk_report(PUSH_STEP_MINUTE));
    strcpy(before[1], disk_report(PUSH_STEP_DAY));
    for (int i = 0; i < 3; i++) {
        disk_again(&disk, PUSH_DURABILITY_INTERVAL);
        if (push_clock_now().wall / PUSH_MINUTE_MS == now / PUSH_MINUTE_MS) {
            ck_assert_str_eq(disk_report(PUSH_STEP_MINUTE), before[0]);
            ck_assert_str_eq(disk_report(PUSH_STEP_DAY), before[1]);
        }
        disk_sweep(push_clock_now().wall);
    }
    ck_assert_ptr_nonnull(
        strstr(disk_report(PUSH_STEP_DAY), " order published=5; "));
    ck_assert_ptr_nonnull(strstr(disk_report(PUSH_STEP_MINUTE), "expired=9"));
    /* The name has its class again, and no other name gets it. */
    disk_rename("other-name");
    ck_assert_uint_eq(push_class_of(&disk.g.store.classes, named("order")),
                      PUSH_CLASS_OTHER);
    ck_assert_uint_eq(
        push_class_of(&disk.g.store.classes, named("other-name")), FIRST + 1);
}
END_TEST

/* What the queue of a process had when it died is written by another one. */
START_TEST(a_minute_that_its_process_did_not_write_is_made_good)
{
    int64_t now = push_clock_now().wall;

    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    disk_sweep(now - PUSH_MINUTE_MS);
    disk_happens(PUSH_TALLY_PUBLISHED, 5);
    push_journal_stop(&disk.g.store);
    disk_sweep(now);
    disk_happens(PUSH_TALLY_PUBLISHED, 2);
    atomic_store(&disk.g.store.segment->disk.missing, UINT64_MAX);
    disk_start(&disk, PUSH_DURABILITY_INTERVAL, DISK_SIZE);
    DISK_AWAIT(!atomic_load(&disk.g.store.segment->disk.missing));
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    ck_assert_ptr_nonnull(
        strstr(disk_report(PUSH_STEP_MINUTE), "published=5"));
    ck_assert_ptr_nonnull(
        strstr(disk_report(PUSH_STEP_MINUTE), "published=2"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reports that are kept");
    TCase *restarts = unit_case(suite, "restarts", 60);

    tcase_add_checked_fixture(restarts, disk_begin, disk_end);
    tcase_add_test(restarts, minutes_days_and_names_come_back_from_the_disk);
    tcase_add_test(restarts,
                   a_minute_that_its_process_did_not_write_is_made_good);
    return unit_run(suite);
}
