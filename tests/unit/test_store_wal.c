#include "store_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core_suite.h"
#include "core_world.h"
#include "store/disk/wal_internal.h"
#include "store/disk/journal_thread.h"

/*
 * Write-ahead logs: what they say of damage, of their end, and of what was
 * there before.
 */

static const uint64_t key[2] = {1, 2};

static char dir[64], path[128];
static push_wal_t *wal;

/* What the last read gave: so many records, their last bytes in order. */
static char seen[256];

static void begin(void)
{
    strcpy(dir, "/tmp/push-wal-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/" PUSH_WAL_PREFIX "%d", dir,
             (int)getpid());
    wal = push_wal_create(dir, key);
    ck_assert_ptr_nonnull(wal);
}

static void end(void)
{
    push_wal_destroy(wal, false);
    unlink(path);
    ck_assert_int_eq(rmdir(dir), 0);
}

/* One batch; each letter is a record, of another length than the others. */
static void append(const char *letters)
{
    push_records_t records = {0};

    for (; *letters; letters++) {
        size_t len = 10 + (size_t)(*letters - 'a') * 7;
        push_record_t *record = calloc(1, sizeof(*record) + len);

        ck_assert_ptr_nonnull(record);
        record->key_len = 2;
        record->key[0] = 'M';
        record->key[1] = (unsigned char)*letters;
        record->len = (uint32_t)len;
        memset(record->value, *letters, len);
        push_records_append(&records, record);
    }
    ck_assert(push_wal_append(wal, &records));
    push_records_cleanup(&records);
}

static bool visit(void *data, const push_durable_item_t *item)
{
    (void)data;
    seen[strlen(seen)] = item->key.at[1];
    return true;
}

static push_wal_status_t read_by(const uint64_t by[2], uint64_t id)
{
    const push_wal_source_t source = {
        dir, {by[0], by[1]}, PUSH_STATE_VERSION, visit, NULL};

    memset(seen, 0, sizeof(seen));
    return push_wal_read(&source, (uint32_t)getpid(), id);
}

static push_wal_status_t read_it(void)
{
    return read_by(key, push_wal_id(wal));
}

static void change(long at, const void *to, size_t len)
{
    FILE *f = fopen(path, "r+");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, at, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(to, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

static void get(long at, void *to, size_t len)
{
    FILE *f = fopen(path, "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fseek(f, at, SEEK_SET), 0);
    ck_assert_uint_eq(fread(to, 1, len, f), len);
    fclose(f);
}

/* Where a batch that begins at `at` ends. */
static long behind(long at)
{
    push_wal_mark_t head;

    get(at, &head, sizeof(head));
    ck_assert_uint_eq(head.magic, PUSH_WAL_HEAD);
    return at + (long)(2 * sizeof(head)) + (long)head.len;
}

/* ---- what is well ---- */

START_TEST(a_log_gives_what_was_appended_in_its_order)
{
    ck_assert_int_eq(read_it(), PUSH_WAL_WELL);
    ck_assert_str_eq(seen, "");
    append("a");
    append("bcd");
    append("e");
    ck_assert_int_eq(read_it(), PUSH_WAL_WELL);
    ck_assert_str_eq(seen, "abcde");
}
END_TEST

START_TEST(what_a_lap_left_of_the_one_before_is_no_damage)
{
    append("abc");
    append("defg");
    push_wal_rewind(wal);
    ck_assert_int_eq(read_it(), PUSH_WAL_WELL);
    append("h");
    ck_assert_int_eq(read_it(), PUSH_WAL_WELL);
    ck_assert_int_eq(seen[0], 'h');
    push_wal_rewind(wal);
    append("i");
    append("j");
    ck_assert_int_eq(read_it(), PUSH_WAL_WELL);
    ck_assert_ptr_nonnull(strstr(seen, "ij"));
}
END_TEST

/* Versions of the state before 2: frames alone, by a key of their own. */
START_TEST(a_log_of_the_version_before_is_read)
{
    static const uint64_t old[2] = {0x6d6f645f70757368ULL, 0x636f6d6d6974ULL};
    const push_wal_source_t source = {dir, {1, 2}, 1, visit, NULL};
    struct {
        push_wal_frame_t frame;
        char bytes[8];
    } one = {{.magic = 0x4c415750u, .key_len = 2, .value_len = 6}, "Mxabcde"};

    one.frame.sum = push_wal_frame_sum(&one.frame, one.bytes, old, 0);
    change(0, &one, sizeof(one));
    memset(seen, 0, sizeof(seen));
    ck_assert_int_eq(push_wal_read(&source, (uint32_t)getpid(), 0),
                     PUSH_WAL_WELL);
    ck_assert_str_eq(seen, "x");
}
END_TEST

/* ---- what is damage ---- */

/* Two laps: "abc", "defg", "hij"; then "kl", "m" over the first of them. */
static void fill_laps(void)
{
    append("abc");
    append("defg");
    append("hij");
    push_wal_rewind(wal);
    append("kl");
    append("m");
}

static bool has_all(const char *letters)
{
    while (*letters && strchr(seen, *letters)) {
        letters++;
    }
    return !*letters;
}

START_TEST(a_byte_that_changed_is_told_or_took_nothing)
{
    bool second = _i;
    const char *whole = second ? "klm" : "abc";
    long stop;

    if (second) {
        fill_laps();
    }
    else {
        append("ab");
        append("c");
    }
    stop = behind(behind(PUSH_WAL_BEGIN));
    for (long at = 0; at < stop;
         at += at < 64 || at >= PUSH_WAL_BEGIN ? 1 : 509) {
        unsigned char was, is;
        push_wal_status_t status;

        get(at, &was, 1);
        is = was ^ 0x10;
        change(at, &is, 1);
        status = read_it();
        ck_assert_msg(status == PUSH_WAL_DAMAGED
                          || (status == PUSH_WAL_WELL && has_all(whole)),
                      "the byte at %ld: status %d, \"%s\"", at, (int)status,
                      seen);
        change(at, &was, 1);
    }
    ck_assert_int_eq(read_it(), PUSH_WAL_WELL);
}
END_TEST

START_TEST(what_stands_behind_damage_still_comes)
{
    long first;

    append("a");
    append("b");
    append("c");
    first = behind(PUSH_WAL_BEGIN);
    change(first + (long)sizeof(push_wal_mark_t) + 40, "?", 1);
    ck_assert_int_eq(read_it(), PUSH_WAL_DAMAGED);
    ck_assert_str_eq(seen, "ac");
}
END_TEST

/* Whether somebody had been told that it is on disk, nobody knows. */
START_TEST(a_batch_that_was_cut_off_is_told)
{
    static const char zeros[64];

    append("abc");
    change(behind(PUSH_WAL_BEGIN) - (long)sizeof(zeros), zeros, sizeof(zeros));
    ck_assert_int_eq(read_it(), PUSH_WAL_DAMAGED);
    ck_assert_str_eq(seen, "ab");
}
END_TEST

START_TEST(a_batch_without_its_first_block_is_told)
{
    static const char zeros[64];

    append("abcd");
    change(PUSH_WAL_BEGIN, zeros, sizeof(zeros));
    ck_assert_int_eq(read_it(), PUSH_WAL_DAMAGED);
    ck_assert(has_all("bcd"));
}
END_TEST

START_TEST(a_log_that_is_too_short_is_told)
{
    append("abc");
    ck_assert_int_eq(truncate(path, (off_t)PUSH_WAL_SIZE / 2), 0);
    ck_assert_int_eq(read_it(), PUSH_WAL_DAMAGED);
    ck_assert_str_eq(seen, "abc");
}
END_TEST

START_TEST(another_log_is_told_where_one_is_expected)
{
    static const uint64_t other[2] = {1, 3};

    append("abc");
    ck_assert_int_eq(read_by(key, push_wal_id(wal) + 1), PUSH_WAL_DAMAGED);
    ck_assert_int_eq(read_by(other, push_wal_id(wal)), PUSH_WAL_DAMAGED);
    ck_assert_str_eq(seen, "");
    ck_assert_int_eq(read_by(other, 0), PUSH_WAL_WELL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(read_it(), PUSH_WAL_MISSING);
    ck_assert_int_eq(read_by(key, 0), PUSH_WAL_WELL);
}
END_TEST

/* ---- what a start makes of it ---- */

static disk_t disk;

static void begin_disk(void)
{
    disk_init(&disk);
}

static void end_disk(void)
{
    disk_cleanup(&disk);
}

static int commit_and_die(void *data)
{
    push_stream_ref_t stream_ref;

    (void)data;
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    CHILD_NEEDS(fixture_checkin(&disk.g, "ada", "d", NULL, &stream_ref)
                == PUSH_OK);
    for (int i = 0; i < 30; i++) {
        CHILD_NEEDS(disk_accept(&disk, PUSH_LOG_USER, "ada", "x") == PUSH_OK);
    }
    return 0;
}

/* The log of a child that is gone. */
static void leave_log(void)
{
    pid_t pid;

    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    pid = child_start(commit_and_die, NULL);
    child_expect(pid);
    snprintf(path, sizeof(path), "%s/" PUSH_WAL_PREFIX "%d", disk.dir,
             (int)pid);
}

static void expect_told(void)
{
    push_stream_ref_t stream_ref;

    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    ck_assert_uint_eq(disk.recovery.logs, 1);
    ck_assert_ptr_nonnull(strstr(disk.recovery.why.text, "commit."));
    ck_assert_int_eq(fixture_checkin(&disk.g, "ada", "d", NULL, &stream_ref),
                     PUSH_OK);
    fixture_flush(&disk.g, &stream_ref);
    ck_assert_uint_eq(disk.g.delivery.gaps_count, 1);
    ck_assert_int_eq(disk.g.delivery.gaps[0].reason, PUSH_GAP_STATE_LOST);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.logs, 0);
}

START_TEST(a_log_in_which_a_byte_changed_is_told_and_set_aside)
{
    char aside[sizeof(disk.dir) + sizeof(disk.recovery.aside) + 1];
    long at;

    leave_log();
    at = behind(behind(PUSH_WAL_BEGIN)) + 60;
    change(at, "?", 1);
    expect_told();
    ck_assert_int_ne(access(path, F_OK), 0);
    snprintf(aside, sizeof(aside), "rm %s.damaged-*", path);
    ck_assert_int_eq(system(aside), 0);
}
END_TEST

START_TEST(a_log_that_is_gone_is_told)
{
    leave_log();
    ck_assert_int_eq(unlink(path), 0);
    expect_told();
}
END_TEST

START_TEST(an_orderly_end_leaves_no_log_that_is_missed)
{
    ck_assert_int_eq(disk_recover(&disk, DISK_ROOM), PUSH_RECOVERED);
    disk_start(&disk, PUSH_DURABILITY_COMMIT, DISK_SIZE);
    ck_assert_int_eq(disk_accept(&disk, PUSH_LOG_USER, "ada", "x"), PUSH_OK);
    push_journal_stop(&disk.g.store);
    snprintf(path, sizeof(path), "%s/" PUSH_WAL_PREFIX "%d", disk.dir,
             (int)getpid());
    ck_assert_int_ne(access(path, F_OK), 0);
    disk_again(&disk, PUSH_DURABILITY_COMMIT);
    ck_assert_uint_eq(disk.recovery.logs, 0);
    ck_assert_uint_eq(disk.recovery.restored.messages, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wal");
    TCase *well = unit_case(suite, "well", 20);
    TCase *damage = unit_case(suite, "damage", 60);
    TCase *start = unit_case(suite, "start", 20);

    tcase_add_checked_fixture(well, begin, end);
    tcase_add_checked_fixture(damage, begin, end);
    tcase_add_checked_fixture(start, begin_disk, end_disk);
    tcase_add_test(well, a_log_gives_what_was_appended_in_its_order);
    tcase_add_test(well, what_a_lap_left_of_the_one_before_is_no_damage);
    tcase_add_test(well, a_log_of_the_version_before_is_read);
    tcase_add_loop_test(damage, a_byte_that_changed_is_told_or_took_nothing, 0,
                        2);
    tcase_add_test(damage, what_stands_behind_damage_still_comes);
    tcase_add_test(damage, a_batch_that_was_cut_off_is_told);
    tcase_add_test(damage, a_batch_without_its_first_block_is_told);
    tcase_add_test(damage, a_log_that_is_too_short_is_told);
    tcase_add_test(damage, another_log_is_told_where_one_is_expected);
    tcase_add_test(start, a_log_in_which_a_byte_changed_is_told_and_set_aside);
    tcase_add_test(start, a_log_that_is_gone_is_told);
    tcase_add_test(start, an_orderly_end_leaves_no_log_that_is_missed);
    return unit_run(suite);
}
