#include "store_disk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/disk/disk.h"
#include "store/disk/durable.h"
#include "store/upkeep/sweep.h"
#include "store/ops/view.h"
#include "store/disk/wal.h"
#include "store/ops/life.h"
#include "store/disk/journal_thread.h"
#include "store/shm/clock.h"

/* The journal, and what a start makes of what it wrote. */

static disk_t disk;

static void begin(void)
{
    disk_init(&disk);
}

static void end(void)
{
    disk_cleanup(&disk);
}

static push_stream_ref_t checkin(const char *user, const char *channel)
{
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(fixture_checkin(&disk.g, user, "d", channel, &stream_ref),
                     PUSH_OK);
    return stream_ref;
}

static void say(push_log_kind_t kind, const char *name, const char *text)
{
    ck_assert_int_eq(disk_accept(&disk, kind, name, text), PUSH_OK);
}

START_TEST(what_was_published_comes_back_in_its_order)
{
    push_stream_ref_t stream_ref;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    say(PUSH_LOG_USER, "ada", "a");
    say(PUSH_LOG_USER, "eve", "e");
    say(PUSH_LOG_USER, "ada", "b");
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.restored.messages, 3);
    say(PUSH_LOG_USER, "ada", "c");
    stream_ref = checkin("ada", NULL);
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref), "1=a 2=b 3=c");
}
END_TEST

START_TEST(a_message_keeps_its_id_and_ids_go_on_above_it)
{
    uint64_t mid;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    fixture_pass(&disk.g, 100000); /* the wall clock is set back later */
    say(PUSH_LOG_USER, "ada", "a");
    mid = disk.g.receipt.mid;
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    say(PUSH_LOG_USER, "ada", "b");
    ck_assert_uint_gt(disk.g.receipt.mid, mid);
    {
        uint32_t recalled;

        ck_assert_int_eq(push_store_recall(&disk.g.store, SOUGHT(mid),
                                           &disk.g.now, &recalled),
                         PUSH_OK);
    }
}
END_TEST

START_TEST(what_expired_meanwhile_does_not_come_back)
{
    push_audience_t audience = {PUSH_LOG_USER, named("ada"), 0};
    push_message_spec_t d = spec("x");
    int64_t begun;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    d.ttl = 50;
    store_publish(&disk.g.store, &audience, &d, &disk.g.now, &disk.g.receipt);
    begun = push_clock_now().mono;
    push_journal_stop(&disk.g.store);
    DISK_AWAIT(push_clock_now().mono > begun + 100);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.restored.messages, 0);
}
END_TEST

/* A subscription that was taken before the first message of all. */
START_TEST(a_place_in_a_channel_comes_back)
{
    push_stream_ref_t stream_ref;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    stream_ref = checkin("ada", "c");
    push_store_checkout(&disk.g.store, &stream_ref, &disk.g.now);
    if (_i) {
        say(PUSH_LOG_CHANNEL, "c", "a");
        say(PUSH_LOG_CHANNEL, "c", "b");
    }
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.restored.devices, 1);
    say(PUSH_LOG_CHANNEL, "c", "c");
    stream_ref = checkin("ada", "c");
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref),
                     _i ? "1=a 2=b 3=c" : "1=c");
}
END_TEST

START_TEST(what_was_acknowledged_does_not_come_back)
{
    push_stream_ref_t stream_ref;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    stream_ref = checkin("ada", "c");
    say(PUSH_LOG_USER, "ada", "a");
    say(PUSH_LOG_CHANNEL, "c", "b");
    say(PUSH_LOG_USER, "ada", "c");
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref), "1=a 2=b 3=c");
    ck_assert_int_eq(fixture_ack(&disk.g, "ada", &stream_ref, 2), PUSH_OK);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    stream_ref = checkin("ada", "c");
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref), "1=c");
}
END_TEST

START_TEST(a_gap_that_was_not_told_is_told_after_a_restart)
{
    push_stream_ref_t stream_ref;

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    disk.g.store.limits.max_pending = 2;
    disk.g.store.limits.history = 2;
    stream_ref = checkin("ada", "c");
    push_store_checkout(&disk.g.store, &stream_ref, &disk.g.now);
    for (int i = 0; i < 3; i++) {
        say(PUSH_LOG_USER, "ada", "u");
        say(PUSH_LOG_CHANNEL, "c", "c");
    }
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    stream_ref = checkin("ada", "c");
    /* One of the channel's, as memory; one of the mailbox. */
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref),
                     "!normal:1 !normal:1 1=u 2=c 3=u 4=c");
}
END_TEST

START_TEST(memory_that_is_too_small_keeps_the_urgent_and_the_new)
{
    static char text[4097];
    push_stream_ref_t stream_ref;

    memset(text, 'x', sizeof(text) - 1);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    stream_ref = checkin("ada", NULL);
    push_store_checkout(&disk.g.store, &stream_ref, &disk.g.now);
    /* The state holds more than a segment of 2 MiB. */
    fixture_publish(&disk.g, PUSH_LOG_USER, "ada", "urgent", PUSH_HIGH);
    for (int i = 0; i < 600; i++) {
        fixture_publish(&disk.g, PUSH_LOG_USER, "ada", text, PUSH_LOW);
    }
    ck_assert_int_eq(disk_recover(&disk, (size_t)2 << 20), PUSH_RECOVERED);
    ck_assert_uint_gt(disk.recovery.restored.dropped, 100);
    ck_assert_uint_gt(disk.recovery.restored.messages, 50);
    stream_ref = checkin("ada", NULL);
    fixture_flush(&disk.g, &stream_ref);
    ck_assert_int_eq(disk.g.delivery.gaps[0].reason, PUSH_GAP_STATE_LOST);
    ck_assert_uint_eq(disk.g.delivery.gaps[0].dropped,
                      disk.recovery.restored.dropped);
    ck_assert_int_eq(push_message_urgency(disk.g.delivery.picks[0].message),
                     PUSH_HIGH);
}
END_TEST

static push_publication_t keyed(const char *text)
{
    return (push_publication_t){.audience = {PUSH_LOG_USER, named("ada"), 0},
                                .spec = spec(text),
                                .key = named("key"),
                                .now = disk.g.now};
}

START_TEST(a_key_comes_back_with_its_answer)
{
    push_publication_t first, second, other;
    push_answer_t answer, again;
    push_commit_t commit = {0};

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    first = keyed("x");
    ck_assert_int_eq(
        disk.broker.publish(&disk.broker, &first, &commit, &answer), PUSH_OK);
    ck_assert_int_eq(disk.broker.settle(&disk.broker, &commit, &answer),
                     PUSH_OK);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    second = keyed("x");
    ck_assert_int_eq(
        disk.broker.publish(&disk.broker, &second, &commit, &again), PUSH_OK);
    ck_assert(again.again && !answer.again);
    ck_assert_uint_eq(again.receipt.mid, answer.receipt.mid);
    other = keyed("y");
    ck_assert_int_eq(disk.broker.publish(&disk.broker, &other, &commit,
                                         &again),
                     PUSH_KEY_REUSED);
}
END_TEST

/* ---- processes that die, disks that fail ---- */

static int latch[2];

/* Holds the transaction until the test says so. */
static bool wait_for_latch(void *data, const push_record_t *record,
                           push_record_t **found)
{
    char c;

    (void)record;
    (void)found;
    *(_Atomic int *)data = 1;
    return read(latch[0], &c, 1) < 0;
}

static int block_writers(void *data)
{
    static const unsigned char id[PUSH_CONTEXT_BYTES];
    push_durable_error_t error;
    push_durable_t *durable;
    push_records_t records = {0};
    const push_durable_job_t job = {&records, 0, wait_for_latch, data};

    push_records_append(&records, push_device_refresh(id, 0));
    CHILD_NEEDS(push_durable_open(&durable, disk.file, DISK_SIZE,
                                  PUSH_DURABLE_WRITE, &error)
                == PUSH_DURABLE_OK);
    CHILD_NEEDS(push_durable_write(durable, &job, &error) == PUSH_DURABLE_OK);
    push_records_cleanup(&records);
    push_durable_close(durable);
    return 0;
}

static int publish_and_die(void *data)
{
    (void)data;
    disk_start(&disk, PUSH_DURABILITY_INTERVAL, DISK_SIZE);
    for (int i = 0; i < 10; i++) {
        CHILD_NEEDS(
            fixture_publish(&disk.g, PUSH_LOG_USER, "ada", "x", PUSH_HIGH)
            == PUSH_OK);
    }
    return 0;
}

START_TEST(what_a_dead_process_had_queued_is_written_by_another)
{
    _Atomic int *blocked = shared_memory(sizeof(*blocked));
    push_disk_t *shared;
    pid_t blocker;

    ck_assert_int_eq(pipe(latch), 0);
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    shared = &disk.g.store.segment->disk;
    blocker = child_start(block_writers, (void *)blocked);
    DISK_AWAIT(atomic_load(blocked));
    child_expect(child_start(publish_and_die, NULL));
    ck_assert_uint_eq(shared->records, 0);
    ck_assert_int_eq(write(latch[1], "x", 1), 1);
    child_expect(blocker);
    disk_start(&disk, PUSH_DURABILITY_INTERVAL, DISK_SIZE);
    push_disk_reap(&disk.g.store);
    DISK_AWAIT(!shared->missing && shared->records >= 10);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    ck_assert_uint_eq(disk.recovery.restored.messages, 10);
}
END_TEST

START_TEST(with_commit_a_failing_disk_is_an_error_and_gets_well_by_itself)
{
    push_stream_ref_t stream_ref;
    char hidden[128];

    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    snprintf(hidden, sizeof(hidden), "%s/hidden", disk.dir);
    ck_assert_int_eq(rename(disk.file, hidden), 0);
    /* The log is in use once the state names it. */
    ck_assert_int_eq(disk_accept(&disk, PUSH_LOG_USER, "ada", "refused"),
                     PUSH_NO_STATE);
    DISK_AWAIT(disk.failed == 1);
    ck_assert_int_eq(disk_accept(&disk, PUSH_LOG_USER, "ada", "refused"),
                     PUSH_NO_STATE);
    ck_assert_int_eq(rename(hidden, disk.file), 0);
    DISK_AWAIT(disk_accept(&disk, PUSH_LOG_USER, "ada", "well") == PUSH_OK);
    ck_assert_int_eq(disk.failed, 1);
    ck_assert_int_eq(disk.well, 1);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    stream_ref = checkin("ada", NULL);
    ck_assert_str_eq(fixture_flush(&disk.g, &stream_ref), "1=well");
}
END_TEST

static int commit_and_die(void *data)
{
    uint32_t recalled;

    (void)data;
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    for (int i = 0; i < 10; i++) {
        CHILD_NEEDS(disk_accept(&disk, PUSH_LOG_USER, "ada", "x") == PUSH_OK);
    }
    CHILD_NEEDS(push_store_recall(&disk.g.store, SOUGHT(disk.g.receipt.mid),
                                  &disk.g.now, &recalled)
                == PUSH_OK);
    return 0;
}

START_TEST(what_is_in_the_log_of_a_dead_process_comes_back)
{
    char log[128];
    pid_t pid;

    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    pid = child_start(commit_and_die, NULL);
    child_expect(pid);
    snprintf(log, sizeof(log), "%s/commit.%d", disk.dir, (int)pid);
    ck_assert_int_eq(access(log, F_OK), 0);
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    ck_assert_uint_eq(disk.recovery.restored.messages, 9);
    ck_assert_int_ne(access(log, F_OK), 0);
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    ck_assert_uint_eq(disk.recovery.restored.messages, 9);
}
END_TEST

START_TEST(the_log_of_a_dead_process_goes_when_the_state_has_what_it_held)
{
    char log[128];
    pid_t pid;

    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    pid = child_start(commit_and_die, NULL);
    child_expect(pid);
    snprintf(log, sizeof(log), "%s/commit.%d", disk.dir, (int)pid);
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    ck_assert_int_eq(access(log, F_OK), 0);
    push_disk_reap(&disk.g.store);
    DISK_AWAIT(access(log, F_OK) != 0);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.restored.messages, 9);
}
END_TEST

/* The old file stays, and nothing that it or a log held is lost. */
START_TEST(a_start_that_cannot_write_goes_on_with_the_old_file)
{
    static char text[60001];

    memset(text, 'x', sizeof(text) - 1);
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    for (int i = 0; i < 30; i++) {
        say(PUSH_LOG_USER, "ada", text);
    }
    disk.size = (uint64_t)1 << 20;
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVER_NOT_WRITTEN);
    ck_assert_uint_eq(disk.recovery.restored.messages, 30);
    ck_assert_uint_gt(strlen(disk.recovery.why.text), 10);
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    say(PUSH_LOG_USER, "ada", "new");
    disk.size = 0;
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    ck_assert_uint_eq(disk.recovery.restored.messages, 31);
}
END_TEST

/* More than a log holds. */
START_TEST(a_log_that_is_full_begins_anew)
{
    static char text[60001];
    int count = (int)(PUSH_WAL_SIZE / sizeof(text)) * 2;

    memset(text, 'x', sizeof(text) - 1);
    ck_assert_int_eq(disk_recover(&disk, (size_t)32 << 20), PUSH_RECOVERED);
    disk_start(&disk, PUSH_DURABILITY_COMMIT, (uint64_t)64 << 20);
    for (int i = 0; i < count; i++) {
        say(PUSH_LOG_USER, "ada", text);
    }
    ck_assert_int_eq(disk_recover(&disk, (size_t)32 << 20), PUSH_RECOVERED);
    ck_assert_uint_eq(disk.recovery.restored.messages, (uint64_t)count);
}
END_TEST

START_TEST(with_interval_a_failing_disk_changes_nothing_and_is_made_good)
{
    char hidden[128];

    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    snprintf(hidden, sizeof(hidden), "%s/hidden", disk.dir);
    ck_assert_int_eq(rename(disk.file, hidden), 0);
    say(PUSH_LOG_USER, "ada", "a");
    DISK_AWAIT(disk.failed == 1);
    say(PUSH_LOG_USER, "ada", "b");
    ck_assert_int_eq(rename(hidden, disk.file), 0);
    DISK_AWAIT(disk.well == 1);
    disk_again(&disk, PUSH_DURABILITY_INTERVAL);
    ck_assert_uint_eq(disk.recovery.restored.messages, 2);
}
END_TEST

/* ---- many at once ---- */

#define COMERS 8

/* A new device is in the state before its stream begins. */
static void *come(void *data)
{
    push_text_t user = named(data);
    push_checkin_t c = {.user = user,
                        .labels = {[PUSH_LABEL_DEVICE] = named("d")},
                        .max_in_flight = 10,
                        .max_streams = 16,
                        .max_devices = 64,
                        .max_subscriptions = 4096};
    push_stream_ref_t stream_ref;

    NEEDS(push_store_checkin(&disk.g.store, &c, &disk.g.now, &stream_ref)
              == PUSH_OK,
          "no stream");
    return NULL;
}

static uint64_t devices_now(void)
{
    push_stats_view_t stats;

    push_view_stats(&disk.g.store, &stats);
    return stats.devices;
}

START_TEST(those_who_wait_at_the_same_time_share_a_write)
{
    static char names[COMERS][16];
    _Atomic int *blocked = shared_memory(sizeof(*blocked));
    pthread_t threads[COMERS];
    uint64_t before;
    pid_t child;

    ck_assert_int_eq(pipe(latch), 0);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    before = disk.g.store.segment->disk.writes;
    child = child_start(block_writers, (void *)blocked);
    DISK_AWAIT(atomic_load(blocked));
    for (int i = 0; i < COMERS; i++) {
        snprintf(names[i], sizeof(names[i]), "u%d", i);
        pthread_create(&threads[i], NULL, come, names[i]);
    }
    DISK_AWAIT(devices_now() == COMERS);
    ck_assert_int_eq(write(latch[1], "x", 1), 1);
    for (int i = 0; i < COMERS; i++) {
        pthread_join(threads[i], NULL);
    }
    child_expect(child);
    ck_assert_uint_le(disk.g.store.segment->disk.writes - before, COMERS / 2);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.restored.devices, COMERS);
}
END_TEST

/* ---- versions ---- */

static void write_meta(const push_meta_record_t *meta, char type)
{
    push_records_t records = {0};
    const push_durable_job_t job = {&records, 0, NULL, NULL};
    push_durable_error_t error;
    push_durable_t *durable;

    ck_assert_int_eq(push_durable_open(&durable, disk.file, DISK_SIZE,
                                       PUSH_DURABLE_CREATE, &error),
                     PUSH_DURABLE_OK);
    push_records_append(&records, push_meta_make(meta, type));
    ck_assert_int_eq(push_durable_write(durable, &job, &error),
                     PUSH_DURABLE_OK);
    push_records_cleanup(&records);
    push_durable_close(durable);
}

START_TEST(a_state_of_another_version_is_refused_and_left_alone)
{
    const push_meta_record_t meta = {.version = PUSH_STATE_VERSION + 1};
    size_t before, after;
    char *bytes, *again;

    write_meta(&meta, PUSH_RECORD_META);
    bytes = disk_bytes(disk.file, &before);
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVER_REFUSED);
    ck_assert_ptr_nonnull(strstr(disk.recovery.why.text, "version 5"));
    ck_assert_ptr_nonnull(strstr(disk.recovery.why.text, "move it away"));
    again = disk_bytes(disk.file, &after);
    ck_assert_uint_eq(before, after);
    ck_assert(!memcmp(bytes, again, before));
    free(bytes);
    free(again);
}
END_TEST

START_TEST(a_database_of_somebody_else_is_refused)
{
    const push_meta_record_t meta = {.version = PUSH_STATE_VERSION};

    write_meta(&meta, 'a');
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVER_REFUSED);
    ck_assert_ptr_nonnull(strstr(disk.recovery.why.text, "did not write"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disk");
    TCase *back = unit_case(suite, "back", 60);
    TCase *faults = unit_case(suite, "faults", 60);
    TCase *versions = unit_case(suite, "versions", 60);

    tcase_add_checked_fixture(back, begin, end);
    tcase_add_checked_fixture(faults, begin, end);
    tcase_add_checked_fixture(versions, begin, end);
    tcase_add_test(back, what_was_published_comes_back_in_its_order);
    tcase_add_test(back, a_message_keeps_its_id_and_ids_go_on_above_it);
    tcase_add_test(back, what_expired_meanwhile_does_not_come_back);
    tcase_add_loop_test(back, a_place_in_a_channel_comes_back, 0, 2);
    tcase_add_test(back, what_was_acknowledged_does_not_come_back);
    tcase_add_test(back, a_gap_that_was_not_told_is_told_after_a_restart);
    tcase_add_test(back,
                   memory_that_is_too_small_keeps_the_urgent_and_the_new);
    tcase_add_test(back, a_key_comes_back_with_its_answer);
    tcase_add_test(faults,
                   what_a_dead_process_had_queued_is_written_by_another);
    tcase_add_test(
        faults,
        with_commit_a_failing_disk_is_an_error_and_gets_well_by_itself);
    tcase_add_test(faults, what_is_in_the_log_of_a_dead_process_comes_back);
    tcase_add_test(
        faults,
        the_log_of_a_dead_process_goes_when_the_state_has_what_it_held);
    tcase_add_test(faults, a_log_that_is_full_begins_anew);
    tcase_add_test(faults,
                   a_start_that_cannot_write_goes_on_with_the_old_file);
    tcase_add_test(
        faults, with_interval_a_failing_disk_changes_nothing_and_is_made_good);
    tcase_add_test(faults, those_who_wait_at_the_same_time_share_a_write);
    tcase_add_test(versions,
                   a_state_of_another_version_is_refused_and_left_alone);
    tcase_add_test(versions, a_database_of_somebody_else_is_refused);
    return unit_run(suite);
}
