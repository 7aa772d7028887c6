#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/ops/assign.h"
#include "store/ops/view.h"
#include "store/shard/shard.h"
#include "store/upkeep/sweep.h"
#include "store/upkeep/validate.h"
#include "store_disk.h"

/* What the server subscribes users to, beside what their devices ask for. */

static disk_t disk;

static void begin(void)
{
    disk_init(&disk);
}

static void end(void)
{
    push_check_t check;

    push_validate(&disk.g.store, &check);
    ck_assert_msg(!check.wrong, "%s", check.texts[0]);
    ck_assert_uint_eq(check.leaked, 0);
    disk_cleanup(&disk);
}

static push_status_t ask_most(const char *user, const char *channel,
                              bool subscribe, uint32_t most)
{
    push_assignment_t asked = {.user = named(user),
                               .channel = named(channel),
                               .subscribe = subscribe,
                               .most = most};

    disk.broker.assign(&disk.broker, &asked, 1);
    return asked.status;
}

static void assign(const char *user, const char *channel)
{
    ck_assert_int_eq(ask_most(user, channel, true, 256), PUSH_OK);
}

static void unassign(const char *user, const char *channel)
{
    ck_assert_int_eq(ask_most(user, channel, false, 256), PUSH_OK);
}

static push_stream_ref_t come(const char *user, const char *device,
                              const char *channel)
{
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(
        fixture_checkin(&disk.g, user, device, channel, &stream_ref), PUSH_OK);
    return stream_ref;
}

static void cast(const char *channel, const char *text)
{
    ck_assert_int_eq(fixture_publish(&disk.g, PUSH_LOG_CHANNEL, channel, text,
                                     PUSH_NORMAL),
                     PUSH_OK);
}

static void expect(const push_stream_ref_t *stream_ref, const char *text)
{
    ck_assert_str_eq(fixture_flush(&disk.g, stream_ref), text);
}

static void add_name(void *data, const push_channel_view_t *view)
{
    char *text = data;
    size_t len = strlen(text);

    snprintf(text + len, 256 - len, "%s%.*s", len ? " " : "",
             (int)view->name.len, view->name.at);
}

/* The channels that the server subscribes the user to, with spaces. */
static const char *assigned(const char *user)
{
    static char text[256];
    const push_visitor_t visitor = {.channel = add_name, .data = text};

    text[0] = '\0';
    ck_assert_int_eq(push_view_assigned(&disk.g.store, named(user), &visitor),
                     PUSH_OK);
    return text;
}

/* ---- devices that are there, and that come ---- */

START_TEST(a_device_that_is_there_follows_at_once)
{
    push_stream_ref_t phone = come("ada", "phone", NULL);

    cast("news", "before");
    assign("ada", "news");
    expect(&phone, "");
    cast("news", "behind");
    expect(&phone, "1=behind");
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 1);
    ck_assert_uint_eq(disk_counts(&disk, "news").connected, 1);
    ck_assert_str_eq(assigned("ada"), "news");
    ck_assert_str_eq(assigned("bob"), "");
}
END_TEST

START_TEST(a_device_that_is_away_finds_what_came_meanwhile)
{
    push_stream_ref_t phone = come("ada", "phone", NULL);

    push_store_checkout(&disk.g.store, &phone, &disk.g.now);
    assign("ada", "news");
    cast("news", "meanwhile");
    ck_assert_uint_eq(disk_counts(&disk, "news").connected, 0);
    phone = come("ada", "phone", NULL);
    expect(&phone, "1=meanwhile");
}
END_TEST

START_TEST(a_device_that_comes_later_follows)
{
    push_stream_ref_t phone, tablet;

    assign("ada", "news");
    assign("ada", "sport");
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 0);
    phone = come("ada", "phone", NULL);
    tablet = come("ada", "tablet", "own");
    cast("sport", "s");
    cast("own", "o");
    cast("news", "n");
    expect(&phone, "1=s 2=n");
    expect(&tablet, "1=s 2=o 3=n");
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 2);
}
END_TEST

START_TEST(a_check_in_keeps_its_place_in_what_is_assigned)
{
    push_stream_ref_t phone = come("ada", "phone", NULL);

    assign("ada", "news");
    push_store_checkout(&disk.g.store, &phone, &disk.g.now);
    cast("news", "1");
    phone = come("ada", "phone", "own");
    expect(&phone, "1=1");
}
END_TEST

/* ---- the end of it ---- */

START_TEST(it_ends_for_devices_that_are_there)
{
    push_stream_ref_t phone = come("ada", "phone", NULL);

    assign("ada", "news");
    assign("ada", "sport");
    unassign("ada", "news");
    cast("news", "n");
    cast("sport", "s");
    expect(&phone, "1=s");
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 0);
    ck_assert_uint_eq(disk_counts(&disk, "news").connected, 0);
    ck_assert_str_eq(assigned("ada"), "sport");
}
END_TEST

START_TEST(what_a_device_asks_for_stays_its_own)
{
    push_stream_ref_t phone = come("ada", "phone", "news");

    assign("ada", "news");
    cast("news", "1");
    expect(&phone, "1=1");
    unassign("ada", "news");
    cast("news", "2");
    expect(&phone, "2=2");
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 1);
}
END_TEST

/* What is in flight keeps its place, and is acknowledged as any other. */
START_TEST(what_is_in_flight_when_it_ends_is_acknowledged)
{
    push_stream_ref_t phone = come("ada", "phone", NULL);
    push_check_t check;

    assign("ada", "news");
    assign("ada", "sport");
    cast("news", "n1");
    cast("sport", "s1");
    expect(&phone, "1=n1 2=s1");
    unassign("ada", "news");
    cast("news", "n2");
    cast("sport", "s2");
    expect(&phone, "3=s2");
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 1);
    ck_assert_int_eq(fixture_ack(&disk.g, "ada", &phone, 3), PUSH_OK);
    fixture_pass(&disk.g, 2000);
    ck_assert(push_store_sweep_due(&disk.g.store, &disk.g.now));
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 0);
    push_validate(&disk.g.store, &check);
    ck_assert_uint_eq(check.wrong, 0);
    cast("sport", "s3");
    expect(&phone, "4=s3");
}
END_TEST

START_TEST(it_may_begin_again_while_something_is_in_flight)
{
    push_stream_ref_t phone = come("ada", "phone", NULL);

    assign("ada", "news");
    cast("news", "1");
    expect(&phone, "1=1");
    unassign("ada", "news");
    cast("news", "between");
    assign("ada", "news");
    expect(&phone, "");
    cast("news", "2");
    expect(&phone, "2=2");
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 1);
}
END_TEST

/* Nobody is lost who is asked for by the device itself. */
START_TEST(a_device_may_ask_for_what_has_just_ended)
{
    push_stream_ref_t phone = come("ada", "phone", NULL);

    assign("ada", "news");
    cast("news", "1");
    expect(&phone, "1=1");
    unassign("ada", "news");
    phone = come("ada", "phone", "news");
    cast("news", "2");
    expect(&phone, "1=2");
}
END_TEST

/* A check-in that has read the list has to see that it is another one now. */
START_TEST(a_list_that_went_and_came_is_another_one)
{
    push_name_t ada = push_store_name(&disk.g.store, named("ada"));
    push_assigned_copy_t copy = {0}, none = {0};

    assign("ada", "news");
    ck_assert(push_shard_enter(&disk.g.store, ada.shard));
    ck_assert(push_assigned_copy(&disk.g.store, &ada, &copy));
    ck_assert(push_assigned_current(&disk.g.store, &ada, &copy));
    push_shard_leave(&disk.g.store, ada.shard);
    unassign("ada", "news");
    ck_assert(push_shard_enter(&disk.g.store, ada.shard));
    ck_assert(!push_assigned_current(&disk.g.store, &ada, &copy));
    ck_assert(push_assigned_copy(&disk.g.store, &ada, &none));
    ck_assert_ptr_null(none.list);
    push_shard_leave(&disk.g.store, ada.shard);
    assign("ada", "sport");
    ck_assert(push_shard_enter(&disk.g.store, ada.shard));
    ck_assert(!push_assigned_current(&disk.g.store, &ada, &copy));
    ck_assert(!push_assigned_current(&disk.g.store, &ada, &none));
    push_shard_leave(&disk.g.store, ada.shard);
    free(copy.list);
}
END_TEST

/* ---- limits ---- */

START_TEST(there_is_a_limit_and_nothing_changes_beyond)
{
    char name[16];

    assign("ada", "a");
    assign("ada", "b");
    ck_assert_int_eq(ask_most("ada", "c", true, 2),
                     PUSH_TOO_MANY_SUBSCRIPTIONS);
    ck_assert_str_eq(assigned("ada"), "a b");
    ck_assert_int_eq(ask_most("ada", "b", true, 2), PUSH_OK);
    ck_assert_int_eq(ask_most("ada", "c", false, 2), PUSH_NOT_FOUND);
    ck_assert_int_eq(ask_most("bob", "a", false, 2), PUSH_NOT_FOUND);
    for (unsigned i = 0; i < PUSH_ASSIGNED_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        assign("eve", name);
    }
    ck_assert_int_eq(ask_most("eve", "more", true, 256),
                     PUSH_TOO_MANY_SUBSCRIPTIONS);
    come("eve", "phone", "own");
    ck_assert_uint_eq(disk_counts(&disk, "63").subscribers, 1);
    ck_assert_uint_eq(disk_counts(&disk, "own").subscribers, 1);
}
END_TEST

/* ---- the disk ---- */

START_TEST(a_restart_knows_what_is_assigned)
{
    push_stream_ref_t phone;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    assign("ada", "news");
    assign("ada", "sport");
    assign("bob", "news");
    unassign("ada", "sport");
    unassign("bob", "news");
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.restored.assigned, 1);
    ck_assert_uint_eq(disk.recovery.restored.invalid, 0);
    ck_assert_str_eq(assigned("ada"), "news");
    ck_assert_str_eq(assigned("bob"), "");
    phone = come("ada", "phone", NULL);
    cast("news", "1");
    expect(&phone, "1=1");
    assign("ada", "more");
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_str_eq(assigned("ada"), "news more");
}
END_TEST

START_TEST(a_device_keeps_what_was_assigned_over_a_restart)
{
    push_stream_ref_t phone;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    phone = come("ada", "phone", NULL);
    assign("ada", "news");
    push_store_checkout(&disk.g.store, &phone, &disk.g.now);
    cast("news", "1");
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk_counts(&disk, "news").subscribers, 1);
    phone = come("ada", "phone", NULL);
    ck_assert_ptr_nonnull(strstr(fixture_flush(&disk.g, &phone), "1=1"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_assign");
    TCase *all = unit_case(suite, "all", 60);

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, a_device_that_is_there_follows_at_once);
    tcase_add_test(all, a_device_that_is_away_finds_what_came_meanwhile);
    tcase_add_test(all, a_device_that_comes_later_follows);
    tcase_add_test(all, a_check_in_keeps_its_place_in_what_is_assigned);
    tcase_add_test(all, it_ends_for_devices_that_are_there);
    tcase_add_test(all, what_a_device_asks_for_stays_its_own);
    tcase_add_test(all, what_is_in_flight_when_it_ends_is_acknowledged);
    tcase_add_test(all, it_may_begin_again_while_something_is_in_flight);
    tcase_add_test(all, a_device_may_ask_for_what_has_just_ended);
    tcase_add_test(all, a_list_that_went_and_came_is_another_one);
    tcase_add_test(all, there_is_a_limit_and_nothing_changes_beyond);
    tcase_add_test(all, a_restart_knows_what_is_assigned);
    tcase_add_test(all, a_device_keeps_what_was_assigned_over_a_restart);
    return unit_run(suite);
}
