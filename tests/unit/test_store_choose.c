#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/ops/assign.h"
#include "store/ops/choose.h"
#include "store/upkeep/sweep.h"
#include "store/upkeep/validate.h"
#include "store_disk.h"

/* Devices that ask for other channels while they are there, or away. */

static disk_t disk;

static void begin(void)
{
    disk_init(&disk);
}

static void expect_well(void)
{
    push_check_t check;

    push_validate(&disk.g.store, &check);
    ck_assert_msg(!check.wrong, "%s", check.texts[0]);
    ck_assert_uint_eq(check.leaked, 0);
}

static void end(void)
{
    expect_well();
    disk_cleanup(&disk);
}

/* ---- what is asked for ---- */

static push_status_t choose_of(const push_text_t *channels, unsigned count,
                               bool from_oldest)
{
    push_checkin_t c = {.user = named("ada"),
                        .channels = channels,
                        .channels_count = count,
                        .from_oldest = from_oldest,
                        .max_subscriptions = 100};

    c.labels[PUSH_LABEL_DEVICE] = named("phone");
    return push_store_choose(&disk.g.store, &c, &disk.g.now);
}

/* The channels have names of one letter. */
static push_status_t try_choose(const char *letters, bool from_oldest)
{
    push_text_t channels[26];
    unsigned count = 0;

    for (; letters[count]; count++) {
        channels[count] = (push_text_t){letters + count, 1};
    }
    return choose_of(channels, count, from_oldest);
}

static void choose(const char *letters)
{
    ck_assert_int_eq(try_choose(letters, false), PUSH_OK);
    expect_well();
}

static push_stream_ref_t come(const char *channel)
{
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(fixture_checkin(&disk.g, "ada", "phone", channel,
                                     &stream_ref),
                     PUSH_OK);
    return stream_ref;
}

static void assign(const char *channel, bool subscribe)
{
    push_assignment_t asked = {.user = named("ada"),
                               .channel = named(channel),
                               .subscribe = subscribe,
                               .most = 256};

    disk.broker.assign(&disk.broker, &asked, 1);
    ck_assert_int_eq(asked.status, PUSH_OK);
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

static void expect_counts(const char *channel, uint32_t subscribers,
                          uint32_t connected)
{
    disk_counts_t counts = disk_counts(&disk, channel);

    ck_assert_uint_eq(counts.subscribers, subscribers);
    ck_assert_uint_eq(counts.connected, connected);
}

/* ---- places ---- */

START_TEST(an_open_stream_follows_others_at_once)
{
    push_stream_ref_t phone = come("a");

    choose("bc");
    cast("a", "a1");
    cast("b", "b1");
    cast("c", "c1");
    expect(&phone, "1=b1 2=c1");
    expect_counts("a", 0, 0);
    expect_counts("b", 1, 1);
    choose("");
    cast("b", "b2");
    expect(&phone, "");
    ck_assert_int_eq(fixture_ack(&disk.g, "ada", &phone, 2), PUSH_OK);
    fixture_pass(&disk.g, 2000);
    ck_assert(push_store_sweep_due(&disk.g.store, &disk.g.now));
    expect_counts("b", 0, 0);
}
END_TEST

START_TEST(it_keeps_its_place_and_begins_as_asked)
{
    push_stream_ref_t phone = come("a");

    cast("a", "a1");
    cast("b", "b1");
    choose("ba");
    cast("b", "b2");
    expect(&phone, "1=a1 2=b2");
    choose("ab");
    choose("ba");
    expect(&phone, "");
    fixture_checkin(&disk.g, "bob", "x", "c", &(push_stream_ref_t){0});
    cast("c", "c1");
    ck_assert_int_eq(try_choose("abc", true), PUSH_OK);
    expect(&phone, "3=c1");
}
END_TEST

START_TEST(a_device_that_is_away_may_choose)
{
    push_stream_ref_t phone = come("a");

    push_store_checkout(&disk.g.store, &phone, &disk.g.now);
    choose("ab");
    expect_counts("b", 1, 0);
    cast("b", "b1");
    choose("b");
    expect_counts("a", 0, 0);
    phone = come("b");
    expect(&phone, "1=b1");
}
END_TEST

/* ---- what is in flight ---- */

START_TEST(what_is_in_flight_moves_along)
{
    static const push_cursor_t first = {.seq = 1};
    push_stream_ref_t phone = come("a");

    assign("tag", true);
    cast("a", "a1");
    cast("tag", "t1");
    expect(&phone, "1=a1 2=t1");
    choose("bcd");
    cast("a", "a2");
    cast("tag", "t2");
    cast("d", "d1");
    expect(&phone, "3=t2 4=d1");
    expect_counts("a", 1, 1);
    ck_assert_int_eq(fixture_resume(&disk.g, "ada", "phone", &first, &phone),
                     PUSH_OK);
    expect(&phone, "2=t1 3=t2");
    expect_counts("a", 0, 0);
}
END_TEST

START_TEST(what_was_left_goes_when_it_is_acknowledged)
{
    push_stream_ref_t phone = come("a");

    cast("a", "a1");
    expect(&phone, "1=a1");
    choose("b");
    expect_counts("a", 1, 1);
    cast("b", "b1");
    expect(&phone, "2=b1");
    ck_assert_int_eq(fixture_ack(&disk.g, "ada", &phone, 2), PUSH_OK);
    choose("b");
    expect_counts("a", 0, 0);
    cast("b", "b2");
    expect(&phone, "3=b2");
}
END_TEST

START_TEST(what_was_left_may_be_followed_again)
{
    push_stream_ref_t phone = come("a");

    cast("a", "a1");
    expect(&phone, "1=a1");
    choose("");
    cast("a", "between");
    choose("a");
    expect(&phone, "");
    cast("a", "a2");
    expect(&phone, "2=a2");
    choose("");
    cast("a", "meanwhile");
    ck_assert_int_eq(try_choose("a", true), PUSH_OK);
    expect(&phone, "3=meanwhile");
    expect_counts("a", 1, 1);
}
END_TEST

/* ---- beside what the server subscribes it to ---- */

START_TEST(the_servers_channels_stay)
{
    push_stream_ref_t phone = come(NULL);

    assign("a", true);
    choose("ab");
    cast("a", "a1");
    expect(&phone, "1=a1");
    assign("a", false);
    cast("a", "a2");
    expect(&phone, "2=a2");
    assign("a", true);
    choose("b");
    cast("a", "a3");
    cast("b", "b1");
    expect(&phone, "3=a3 4=b1");
    assign("a", false);
    cast("a", "a4");
    expect(&phone, "");
}
END_TEST

/* ---- limits ---- */

START_TEST(who_is_not_known_chooses_nothing)
{
    ck_assert_int_eq(try_choose("a", false), PUSH_NOT_FOUND);
    come("a");
    cast("a", "a1");
    expect_counts("a", 1, 1);
}
END_TEST

static void fill_names(char (*names)[8], push_text_t *channels, char letter)
{
    for (unsigned i = 0; i < PUSH_CHANNELS_OWN; i++) {
        snprintf(names[i], sizeof(*names), "%c%u", letter, i);
        channels[i] = named(names[i]);
    }
}

/* The limit of the user is 100. */
START_TEST(there_are_limits_and_nothing_changes_beyond)
{
    char names[PUSH_CHANNELS_OWN][8];
    push_text_t channels[PUSH_CHANNELS_OWN];
    push_stream_ref_t phone = come("a");
    push_checkin_t c = {.user = named("ada"),
                        .channels = channels,
                        .channels_count = PUSH_CHANNELS_OWN,
                        .max_subscriptions = 100};
    push_stream_ref_t other;

    fill_names(names, channels, 'x');
    ck_assert_int_eq(fixture_checkin(&disk.g, "ada", "tablet", "a", &other),
                     PUSH_OK);
    c.labels[PUSH_LABEL_DEVICE] = named("tablet");
    ck_assert_int_eq(push_store_choose(&disk.g.store, &c, &disk.g.now),
                     PUSH_OK);
    ck_assert_int_eq(choose_of(channels, PUSH_CHANNELS_OWN, false),
                     PUSH_TOO_MANY_SUBSCRIPTIONS);
    cast("a", "a1");
    expect(&phone, "1=a1");
    ck_assert_int_eq(choose_of(channels, 36, false), PUSH_OK);
}
END_TEST

START_TEST(too_much_that_was_left_has_to_be_acknowledged_first)
{
    char names[PUSH_CHANNELS_OWN][8];
    push_text_t channels[PUSH_CHANNELS_OWN];
    push_stream_ref_t phone = come("a");

    for (char letter = 'x'; letter <= 'z'; letter++) {
        fill_names(names, channels, letter);
        ck_assert_int_eq(choose_of(channels, PUSH_CHANNELS_OWN, false),
                         letter < 'z' ? PUSH_OK : PUSH_BUSY);
        for (unsigned i = 0; letter < 'z' && i < PUSH_CHANNELS_OWN; i++) {
            cast(names[i], "m");
        }
        fixture_flush(&disk.g, &phone);
        expect_well();
    }
    ck_assert_int_eq(fixture_ack(&disk.g, "ada", &phone, PUSH_CHANNELS_OWN),
                     PUSH_OK);
    ck_assert_int_eq(choose_of(channels, PUSH_CHANNELS_OWN, false), PUSH_OK);
    cast("z7", "here");
    expect(&phone, "129=here");
}
END_TEST

/* ---- the disk ---- */

START_TEST(a_restart_knows_what_was_chosen)
{
    push_stream_ref_t phone;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    phone = come("a");
    cast("a", "a1");
    expect(&phone, "1=a1");
    choose("bc");
    push_store_checkout(&disk.g.store, &phone, &disk.g.now);
    cast("c", "c1");
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    expect_counts("c", 1, 0);
    choose("c");
    phone = come("c");
    ck_assert_ptr_nonnull(strstr(fixture_flush(&disk.g, &phone), "1=c1"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_choose");
    TCase *all = unit_case(suite, "all", 60);

    tcase_add_checked_fixture(all, begin, end);
    tcase_add_test(all, an_open_stream_follows_others_at_once);
    tcase_add_test(all, it_keeps_its_place_and_begins_as_asked);
    tcase_add_test(all, a_device_that_is_away_may_choose);
    tcase_add_test(all, what_is_in_flight_moves_along);
    tcase_add_test(all, what_was_left_goes_when_it_is_acknowledged);
    tcase_add_test(all, what_was_left_may_be_followed_again);
    tcase_add_test(all, the_servers_channels_stay);
    tcase_add_test(all, who_is_not_known_chooses_nothing);
    tcase_add_test(all, there_are_limits_and_nothing_changes_beyond);
    tcase_add_test(all, too_much_that_was_left_has_to_be_acknowledged_first);
    tcase_add_test(all, a_restart_knows_what_was_chosen);
    return unit_run(suite);
}
