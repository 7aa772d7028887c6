#include "core_suite.h"
#include "store/shard/context.h"
#include "store/ops/forget.h"
#include "store_disk.h"
#include "store/shard/shard.h"

#include <stdio.h>

/* What had been lost or forgotten before a restart is told after it. */

static disk_t disk;

static void begin(void)
{
    disk_init(&disk);
}

static void end(void)
{
    disk_cleanup(&disk);
}

static push_stream_ref_t checkin(const char *user)
{
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(fixture_checkin(&disk.g, user, "d", NULL, &stream_ref),
                     PUSH_OK);
    return stream_ref;
}

static void say(const char *user, const char *text)
{
    ck_assert_int_eq(disk_accept(&disk, PUSH_LOG_USER, user, text), PUSH_OK);
}

/* Told one by one while its message is on disk; then, if at all, as one. */
START_TEST(what_was_lost_before_anybody_came_is_told_after_restarts)
{
    static const char *const told[] = {"!normal:2 1=c", "!normal:1 1=c"};
    push_stream_ref_t stream_ref;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    disk.g.store.limits.max_pending = 1;
    say("ada", "a");
    say("ada", "b");
    say("ada", "c");
    for (int i = 0; i <= _i; i++) {
        disk_again(&disk, PUSH_DURABILITY_COMMIT);
    }
    stream_ref = checkin("ada");
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref), told[_i]);
}
END_TEST

static void forget_devices_of(const char *user)
{
    unsigned shard = push_store_name(&disk.g.store, named(user)).shard;

    ck_assert(push_shard_enter(&disk.g.store, shard));
    ck_assert_uint_eq(push_forget_away(&disk.g.store, shard,
                                       disk.g.now.mono + 1, &disk.g.now),
                      1);
    push_shard_leave(&disk.g.store, shard);
}

static void expect_state_lost(const char *user)
{
    push_stream_ref_t stream_ref = checkin(user);

    fixture_flush(&disk.g, &stream_ref);
    ck_assert_uint_eq(disk.g.delivery.gaps_count, 1);
    ck_assert_int_eq(disk.g.delivery.gaps[0].reason, PUSH_GAP_STATE_LOST);
}

START_TEST(a_device_that_full_memory_forgot_is_told_after_restarts)
{
    push_stream_ref_t stream_ref;

    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    stream_ref = checkin("ada");
    push_store_checkout(&disk.g.store, &stream_ref, &disk.g.now);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    forget_devices_of("ada");
    for (int i = 0; i <= _i; i++) {
        disk_again(&disk, PUSH_DURABILITY_INTERVAL);
        ck_assert_uint_eq(disk.recovery.restored.devices, 0);
    }
    expect_state_lost("ada");
}
END_TEST

static bool is_known(const char *user)
{
    push_name_t name = push_store_name(&disk.g.store, named(user));
    unsigned char id[PUSH_CONTEXT_BYTES];

    push_store_context_id(name.text, named("d"), (push_text_t){NULL, 0}, id);
    return push_store_device(&disk.g.store, name.shard, id);
}

#define DEVICES 4000

START_TEST(a_device_that_a_restart_has_no_memory_for_is_told)
{
    push_stream_ref_t stream_ref;
    int forgotten = 0;
    char name[16];

    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    for (int i = 0; i < DEVICES; i++) {
        snprintf(name, sizeof(name), "u%d", i);
        stream_ref = checkin(name);
        push_store_checkout(&disk.g.store, &stream_ref, &disk.g.now);
    }
    ck_assert_int_eq(disk_recover(&disk, (size_t)2 << 20), PUSH_RECOVERED);
    ck_assert_uint_lt(disk.recovery.restored.devices, DEVICES);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    for (int i = 0; i < DEVICES; i += 40) {
        snprintf(name, sizeof(name), "u%d", i);
        if (!is_known(name)) {
            expect_state_lost(name);
            forgotten++;
        }
    }
    ck_assert_int_gt(forgotten, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("losses");
    TCase *back = unit_case(suite, "back", 60);

    tcase_add_checked_fixture(back, begin, end);
    tcase_add_loop_test(
        back, what_was_lost_before_anybody_came_is_told_after_restarts, 0, 2);
    tcase_add_loop_test(
        back, a_device_that_full_memory_forgot_is_told_after_restarts, 0, 2);
    tcase_add_test(back, a_device_that_a_restart_has_no_memory_for_is_told);
    return unit_run(suite);
}
