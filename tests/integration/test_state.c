/*
 * The state on disk where it cannot be as it should: full, damaged, of the
 * wrong kind, or larger than the memory.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "case.h"
#include "disk.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static struct server *start(const char *global)
{
    struct server_options o = {.global = global};

    return server_start(&o);
}

/* ---- full disks, small memory ---- */

static char *filler(void)
{
    return keep_printf("%016384d", 7);
}

/* More than a state of 1 MB holds, all of it at once: it has to be full before
 * the first ends, however slow the disk is. Returns what was answered. */
static struct answer *fill(const struct server *s, int ttl)
{
    char *lines = keep_copy("", 0);

    for (int i = 0; i < 150; i++) {
        lines = keep_printf(
            "%s{\"user\":\"ada\",\"ttl\":%d,\"text\":\"%s\"}\n", lines, ttl,
            filler());
    }
    return publish_lines(s, lines);
}

START_TEST(with_commit_a_full_state_refuses_and_gets_well_by_itself)
{
    struct server *s = start("PushStateDir state 1M\nPushDurability commit\n");
    struct answer *a;

    server_allow(s, "PUSH0077");
    ck_assert_ptr_nonnull(strstr(fill(s, 5)->body, "\"id\""));
    wait_until((a = publish_try(s, "user=ada", "TTL: 5\r\n", filler()))->status
               != 201);
    http_expect(a, 503, "state-unavailable");
    ck_assert_ptr_nonnull(http_header(a, "Retry-After"));
    /* Who writes says so, after whoever waits may have been answered. */
    wait_until(serverlog_count(s, "PUSH0077") == 1);
    ck_assert_int_eq(http_get(s, "/push/health")->status, 503);
    wait_until(publish_try(s, "user=eve", NULL, "well")->status == 201);
    wait_until(http_get(s, "/push/health")->status == 200);
    /* Where room comes back bit by bit, it may fill up again. */
    ck_assert_int_eq(serverlog_count(s, "PUSH0076"),
                     serverlog_count(s, "PUSH0077"));
    server_kill(s);
    server_again(s);
    expect_message(stream_open(s, "user=eve&device=d&seq=0", NULL), 1, "well");
}
END_TEST

START_TEST(with_interval_a_full_state_lets_the_service_go_on)
{
    struct server_options o = {.children = 1,
                               .global = "PushStateDir state 1M\n"};
    struct server *s = server_start(&o);
    int records;

    server_allow(s, "PUSH0077");
    ck_assert_ptr_null(strstr(fill(s, 6)->body, "\"error\""));
    wait_until(serverlog_count(s, "PUSH0077") == 1);
    ck_assert_str_eq(json_text_at(http_get(s, "/push/health")->json, "status"),
                     "degraded");
    publish(s, "user=eve", NULL, "in memory");
    wait_until(serverlog_count(s, "PUSH0076") == 1);
    /* Where it got well before that publish, what comes after it says when
     * both are on the disk: a child writes in the order of its queue. */
    records = stat_of(s, "state.records");
    publish(s, "user=eve", NULL, "on disk");
    wait_until(stat_of(s, "state.records") > records);
    server_kill(s);
    server_again(s);
    expect_message(stream_open(s, "user=eve&device=d&seq=0", NULL), 1,
                   "in memory");
}
END_TEST

START_TEST(a_full_disk_is_reported_once_and_made_good_when_there_is_room)
{
    const char *disk = disk_mount("40m");
    struct server *s;

    if (disk == NULL) {
        return;
    }
    s = start(keep_printf("PushStateDir %s/state\n", disk));
    server_allow(s, "PUSH0077");
    publish(s, "user=ada", NULL, "before");
    wait_until(stat_of(s, "state.records") > 0);
    disk_fill(disk);
    for (int i = 0; i < 20; i++) {
        publish(s, "user=ada", NULL, filler());
    }
    wait_until(serverlog_count(s, "PUSH0077") == 1);
    disk_empty(disk);
    wait_until(serverlog_count(s, "PUSH0076") == 1);
    server_kill(s);
    server_again(s);
    ck_assert_int_eq(serverlog_count(s, "came back: 21 messages"), 1);
}
END_TEST

START_TEST(memory_too_small_for_the_state_keeps_what_is_urgent_and_tells)
{
    struct server *s = start("PushShmSize 8M\nPushStateDir state\n");
    const char *payload = filler();
    struct stream *st;

    leave(s, stream_open(s, "user=ada&device=d&seq=0", NULL));
    publish(s, "user=ada", "Urgency: high\r\n", "high");
    for (int i = 0; i < 200; i++) {
        publish(s, "user=ada", "Urgency: low\r\n", payload);
    }
    server_rest(s);
    s->options.global = "PushShmSize 2M\nPushStateDir state\n";
    server_allow(s, "PUSH0072");
    server_again(s);
    ck_assert_int_eq(serverlog_count(s, "PUSH0072"), 1);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    {
        const struct event *gap = stream_next(st);

        ck_assert_str_eq(gap->type, "push.gap");
        ck_assert_ptr_nonnull(strstr(gap->data, "\"state-lost\""));
        ck_assert_ptr_nonnull(strstr(gap->data, "\"low\""));
    }
    expect_message(st, 1, "high");
}
END_TEST

/* ---- what cannot be used is refused ---- */

static void prepare_none(const char *dir)
{
    (void)dir;
}

static void prepare_file(const char *dir)
{
    FILE *f = fopen(dir, "w");

    ck_assert_ptr_nonnull(f);
    fclose(f);
}

static void prepare_open_directory(const char *dir)
{
    ck_assert_int_eq(mkdir(dir, 0755), 0);
    ck_assert_int_eq(chown(dir, 33, 33), 0);
}

static void prepare_foreign_owner(const char *dir)
{
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    ck_assert_int_eq(chown(dir, 12345, 12345), 0);
}

static void prepare_no_database(const char *dir)
{
    char *path = keep_printf("%s/state.mdb", dir);
    FILE *f;

    ck_assert_int_eq(mkdir(dir, 0700), 0);
    ck_assert_int_eq(chown(dir, 33, 33), 0);
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "%08192d", 1);
    fclose(f);
    ck_assert_int_eq(chown(path, 33, 33), 0);
}

static void prepare_own_directory(const char *dir)
{
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    ck_assert_int_eq(chown(dir, 33, 33), 0);
}

static void prepare_foreign_lock(const char *dir)
{
    prepare_own_directory(dir);
    ck_assert_int_eq(mkfifo(keep_printf("%s/lock", dir), 0600), 0);
}

static void prepare_linked_lock(const char *dir)
{
    prepare_own_directory(dir);
    ck_assert_int_eq(symlink("/tmp/other", keep_printf("%s/lock", dir)), 0);
}

static const struct {
    void (*prepare)(const char *dir);
    const char *lines; /* %s: the directory */
    const char *mention;
    bool root;       /* only root can prepare it */
    bool at_a_start; /* only a start looks at it */
} refusals[] = {
    {prepare_none, "PushDurability commit\n", "need a PushStateDir", false,
     false},
    {prepare_none, "PushDurability often\n", "commit, interval or memory",
     false, false},
    {prepare_none, "PushStateDir %s 1K\n", "from 1M to 1024G", false, false},
    {prepare_none, "PushStateDir %s/not/there\n", "cannot be made", false,
     false},
    {prepare_file, "PushStateDir %s\n", "is not a directory", false, false},
    {prepare_open_directory, "PushStateDir %s\n", "chmod it to 0700", true,
     false},
    {prepare_foreign_owner, "PushStateDir %s\n", "chown it", true, false},
    {prepare_foreign_lock, "PushStateDir %s\n", "not ours: remove it", true,
     false},
    {prepare_linked_lock, "PushStateDir %s\n", "cannot be written to", true,
     false},
    {prepare_no_database, "PushStateDir %s\n", "move it away", true, true},
};

/* The sentence behind the tag in what httpd said. */
static const char *sentence_in(const char *said)
{
    const char *tag = strstr(said, "PUSH00");

    return tag != NULL ? keep_copy(tag, strcspn(tag, "\n")) : "";
}

/* A test of the configuration finds the same, and makes nothing. */
static void expect_found_by_test(struct server_options o, const char *dir,
                                 const char *refusal)
{
    bool there = access(dir, F_OK) == 0;
    const char *said;

    o.test = true;
    said = server_refusal(&o);
    ck_assert_str_eq(sentence_in(said), sentence_in(refusal));
    ck_assert(there == (access(dir, F_OK) == 0));
}

START_TEST(a_state_that_cannot_be_used_is_refused_with_a_sentence)
{
    char *place = keep_printf("/tmp/push-state-XXXXXX");
    struct server_options o = {0};
    char *dir;

    if (refusals[_i].root && geteuid() != 0) {
        return;
    }
    ck_assert_ptr_nonnull(mkdtemp(place));
    ck_assert_int_eq(chmod(place, 0755), 0);
    dir = keep_printf("%s/state", place);
    refusals[_i].prepare(dir);
    o.global = strstr(refusals[_i].lines, "%s") != NULL
                   ? keep_printf("PushStateDir %s%s", dir,
                                 strstr(refusals[_i].lines, "%s") + 2)
                   : refusals[_i].lines;
    {
        const char *said = server_refusal(&o);

        ck_assert_msg(strstr(said, refusals[_i].mention) != NULL,
                      "expected \"%s\" in: %s", refusals[_i].mention, said);
        if (!refusals[_i].at_a_start) {
            expect_found_by_test(o, dir, said);
        }
    }
    ck_assert_int_eq(system(keep_printf("rm -rf '%s'", place)), 0);
}
END_TEST

/* Where a server runs, its lock does not matter; where none does, the
 * directory that a start would make is not there after the test. */
START_TEST(a_test_of_the_configuration_finds_nothing_wrong_with_one_that_works)
{
    struct server *s = start("PushStateDir state\n");
    const char *dir = keep_printf("%s/state", s->root);

    ck_assert(server_tests_well(s));
    server_rest(s);
    ck_assert(server_tests_well(s));
    ck_assert_int_eq(system(keep_printf("rm -r '%s'", dir)), 0);
    ck_assert(server_tests_well(s));
    ck_assert_int_ne(access(dir, F_OK), 0);
}
END_TEST

START_TEST(a_damaged_state_is_set_aside_and_what_can_be_read_comes_back)
{
    struct server *s = start("PushStateDir state\nPushDurability commit\n");
    struct stat st;
    char *path = keep_printf("%s/state/state.mdb", s->root);
    FILE *f;

    for (int i = 0; i < 100; i++) {
        publish(s, keep_printf("user=u%d", i), NULL, filler());
    }
    server_rest(s);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size / 2), 0);
    server_allow(s, "PUSH0071");
    server_again(s);
    ck_assert_int_eq(serverlog_count(s, "PUSH0071"), 1);
    ck_assert_int_eq(
        serverlog_count(s, "the old file is kept as state.mdb.damaged-"), 1);
    ck_assert_int_lt(stat_of(s, "messages"), 100);
    publish(s, "user=new", NULL, "well");
    server_kill(s);
    server_again(s);
    expect_message(stream_open(s, "user=new&device=d&seq=0", NULL), 1, "well");
    f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    fclose(f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *full = case_add(suite, "full", 60);
    TCase *unusable = case_add(suite, "unusable", 60);

    tcase_add_test(full,
                   with_commit_a_full_state_refuses_and_gets_well_by_itself);
    tcase_add_test(full, with_interval_a_full_state_lets_the_service_go_on);
    tcase_add_test(
        full, a_full_disk_is_reported_once_and_made_good_when_there_is_room);
    tcase_add_test(
        full, memory_too_small_for_the_state_keeps_what_is_urgent_and_tells);
    tcase_add_loop_test(unusable,
                        a_state_that_cannot_be_used_is_refused_with_a_sentence,
                        0, (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(
        unusable,
        a_test_of_the_configuration_finds_nothing_wrong_with_one_that_works);
    tcase_add_test(
        unusable,
        a_damaged_state_is_set_aside_and_what_can_be_read_comes_back);
    return case_run(suite);
}
