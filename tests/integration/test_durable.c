/*
 * State on disk: what outlives the end of the server, however it ends.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "load.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define COMMIT   "PushStateDir state\nPushDurability commit\n"
#define INTERVAL "PushStateDir state\nPushDurability interval\n"

#define USERS 4

static struct server *start(const char *global)
{
    struct server_options o = {.global = global};

    return server_start(&o);
}

/* ---- what was accepted, against what comes ---- */

static bool text_has(const char *text, const char *mid)
{
    return strstr(text, keep_printf("\"mid\":\"%s\"", mid)) != NULL;
}

/* How many messages were accepted for a user, with those of the channel. */
static int owed_to(const char *accepted, int user)
{
    char *name = keep_printf("\"user\":\"u%d\"}", user);
    const char *line = accepted;
    int count = 0;

    while (line != NULL && *line != '\0') {
        size_t length = strcspn(line, "\n");
        char *copy = keep_copy(line, length);

        count += strstr(copy, "\"accepted\"") != NULL
                 && (strstr(copy, name) != NULL
                     || strstr(copy, "\"channel\"") != NULL);
        line += length + (line[length] == '\n');
    }
    return count;
}

static void note_devices(FILE *log)
{
    for (int i = 0; i < USERS; i++) {
        fprintf(log,
                "{\"t\":0,\"what\":\"device\",\"device\":\"u%d/d\","
                "\"user\":\"u%d\",\"channels\":[\"c\"]}\n",
                i, i);
    }
}

static char *query_of(int user)
{
    return keep_printf("user=u%d&device=d&channel=c&seq=0", user);
}

static void make_devices(const struct server *s)
{
    for (int i = 0; i < USERS; i++) {
        leave(s, stream_open(s, query_of(i), NULL));
    }
}

/* Takes what comes until all that is owed was there. */
static void collect(const struct server *s, int user, const char *accepted,
                    FILE *log)
{
    struct stream *st = stream_open(s, query_of(user), NULL);
    int owed = owed_to(accepted, user);

    fprintf(log,
            "{\"t\":%lld,\"what\":\"connected\",\"device\":\"u%d/d\","
            "\"conn\":1}\n",
            (long long)wait_now(), user);
    while (owed > 0) {
        const struct event *e = stream_next_in(st, WAIT_MS);

        if (e == NULL) {
            break;
        }
        ck_assert_str_ne(e->type, "push.gap");
        fprintf(log,
                "{\"t\":%lld,\"what\":\"received\",\"device\":\"u%d/d\","
                "\"conn\":1,\"seq\":%lld,\"mid\":\"%s\"}\n"
                "{\"t\":%lld,\"what\":\"delivered\",\"device\":\"u%d/d\","
                "\"mid\":\"%s\",\"key\":\"%s\"}\n",
                (long long)wait_now(), user, (long long)e->seq, e->mid,
                (long long)wait_now(), user, e->mid, e->data);
        owed -= text_has(accepted, e->mid);
    }
    stream_close(st);
}

static void judge(const struct server *s, const char *accepted)
{
    char *name = keep_printf("%s/logs/checked", s->root);
    const char *build = getenv("PUSH_BUILD");
    FILE *log = fopen(name, "w");

    ck_assert_ptr_nonnull(log);
    note_devices(log);
    fputs(accepted, log);
    for (int i = 0; i < USERS; i++) {
        collect(s, i, accepted, log);
    }
    fclose(log);
    ck_assert_int_eq(system(keep_printf("%s/push-checker %s",
                                        build != NULL ? build : "build",
                                        name)),
                     0);
}

START_TEST(with_commit_nothing_accepted_is_lost_when_everything_is_killed)
{
    const struct load_options options = {8, USERS, 0, _i};
    struct server *s = start(COMMIT);
    int wanted = 40 + 157 * _i;
    struct load *load;
    const char *accepted;

    make_devices(s);
    load = load_start(s, &options);
    wait_until(load_accepted(load) >= wanted);
    server_kill(s);
    accepted = load_end(load, INT64_MAX);
    server_again(s);
    judge(s, accepted);
}
END_TEST

START_TEST(with_interval_at_most_the_last_second_is_lost)
{
    const struct load_options options = {4, USERS, 10, 0};
    struct server *s = start(INTERVAL);
    int64_t begin, killed;
    struct load *load;
    const char *accepted;

    make_devices(s);
    begin = wait_now();
    load = load_start(s, &options);
    wait_until(wait_now() > begin + 2500 && load_accepted(load) > 100);
    killed = wait_now();
    server_kill(s);
    accepted = load_end(load, killed - 1000);
    server_again(s);
    judge(s, accepted);
}
END_TEST

START_TEST(a_stop_loses_nothing)
{
    const char *const durabilities[] = {COMMIT, INTERVAL};
    struct server *s = start(durabilities[_i]);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0", NULL);

    publish(s, "user=ada", NULL, "a");
    publish(s, "user=ada", "Urgency: high\r\n", "b");
    publish(s, "user=ada", NULL, "c");
    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
    expect_message(st, 3, "c");
    acknowledge(s, "user=ada&device=d&seq=2");
    publish(s, "user=eve", NULL, "e");
    server_rest(s);
    server_again(s);
    ck_assert_int_eq(serverlog_count(s, "came back: 4 messages, 1 devices"),
                     1);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    expect_message(st, 1, "c");
    st = stream_open(s, "user=eve&device=d&seq=0", NULL);
    expect_message(st, 1, "e");
}
END_TEST

START_TEST(acknowledgements_and_places_in_channels_come_back)
{
    struct server *s = start(COMMIT);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&channel=c",
                                    NULL);
    int64_t acknowledged;

    publish(s, "user=ada", NULL, "a");
    publish(s, "channel=c", NULL, "b");
    publish(s, "broadcast=1", NULL, "all");
    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
    expect_message(st, 3, "all");
    acknowledge(s, "user=ada&device=d&seq=3");
    acknowledged = wait_now();
    /* A sweep, an interval, and as much again for a machine that is busy. */
    wait_until(wait_now() > acknowledged + 3000);
    publish(s, "channel=c", NULL, "c");
    publish(s, "user=ada", NULL, "d");
    server_kill(s);
    server_again(s);
    st = stream_open(s, "user=ada&device=d&seq=0&channel=c", NULL);
    expect_message(st, 1, "c");
    expect_message(st, 2, "d");
    publish(s, "channel=c", NULL, "last");
    expect_message(st, 3, "last");
}
END_TEST

START_TEST(a_retry_after_a_crash_is_not_sent_twice)
{
    static const char key[] = "Idempotency-Key: once\r\n";
    struct server *s = start(COMMIT);
    const char *mid = publish(s, "user=ada", key, "a");
    struct stream *st;

    server_kill(s);
    server_again(s);
    ck_assert_str_eq(publish(s, "user=ada", key, "a"), mid);
    http_expect(publish_try(s, "user=ada", key, "b"), 422, "Idempotency-Key");
    publish(s, "user=ada", NULL, "next");
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    expect_message(st, 1, "a");
    expect_message(st, 2, "next");
}
END_TEST

START_TEST(what_ended_before_the_crash_stays_so)
{
    struct server *s = start(COMMIT);
    const char *recalled = publish(s, "user=ada", NULL, "recalled");
    struct stream *st;
    int64_t begin = wait_now();

    publish(s, "user=ada", "TTL: 1\r\n", "stale");
    publish(s, "user=ada", "Topic: t\r\n", "older");
    publish(s, "user=ada", "Topic: t\r\n", "newer");
    ck_assert_int_eq(http_do(s, "DELETE",
                             keep_printf("/push/messages/%s", recalled), NULL,
                             NULL)
                         ->status,
                     200);
    server_kill(s);
    wait_until(wait_now() > begin + 1100);
    server_again(s);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    expect_message(st, 1, "newer");
    publish(s, "user=ada", NULL, "next");
    expect_message(st, 2, "next");
}
END_TEST

START_TEST(what_a_killed_child_had_queued_gets_to_disk)
{
    struct server *s = start(INTERVAL);
    struct stream *st;
    pid_t pids[8];

    server_allow(s, "exit signal Killed");
    for (int i = 0; i < 20; i++) {
        publish(s, "user=ada", NULL, keep_printf("m%d", i));
    }
    for (int i = server_children(s, pids, 8); i > 0; i--) {
        kill(pids[i - 1], SIGKILL);
    }
    wait_until(stat_of(s, "state.records") >= 20);
    server_kill(s);
    server_again(s);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    for (int i = 0; i < 20; i++) {
        expect_message(st, i + 1, keep_printf("m%d", i));
    }
}
END_TEST

START_TEST(a_line_of_a_stream_is_answered_when_it_is_on_disk)
{
    struct server *s = start(COMMIT);
    struct answer *a = publish_lines(s, "{\"user\":\"ada\",\"text\":\"a\"}\n"
                                        "{\"user\":\"ada\"}\n"
                                        "{\"user\":\"ada\",\"text\":\"b\","
                                        "\"key\":\"k\"}\n");
    struct stream *st;

    ck_assert_ptr_nonnull(strstr(a->body, "\"error\""));
    server_kill(s);
    server_again(s);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
}
END_TEST

START_TEST(a_server_whose_parent_was_killed_keeps_its_state)
{
    struct server *s = start(COMMIT);
    struct server_options o = {
        .global = keep_printf("PushStateDir %s/state\n", s->root)};
    struct stream *st;

    publish(s, "user=ada", NULL, "a");
    kill(s->pid, SIGKILL);
    ck_assert_ptr_nonnull(
        strstr(server_refusal(&o), "is in use by another server"));
    publish(s, "user=ada", NULL, "b");
    server_kill(s);
    server_again(s);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
}
END_TEST

START_TEST(state_goes_on_over_a_graceful_restart)
{
    struct server *s = start(COMMIT);
    struct stream *st;

    publish(s, "user=ada", NULL, "a");
    server_graceful(s);
    publish(s, "user=ada", NULL, "b");
    server_kill(s);
    server_again(s);
    st = stream_open(s, "user=ada&device=d&seq=0", NULL);
    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
}
END_TEST

/* ---- full disks, small memory ---- */

static char *filler(void)
{
    return keep_printf("%016384d", 7);
}

/* Publishes until the state is full; how many were accepted. */
static int fill(const struct server *s, const char *headers)
{
    const char *payload = filler();
    struct answer *a = publish_try(s, "user=ada", headers, payload);
    int accepted = 0;

    while (a->status == 201) {
        accepted++;
        ck_assert_int_lt(accepted, 3000);
        a = publish_try(s, "user=ada", headers, payload);
    }
    http_expect(a, 503, "state-unavailable");
    ck_assert_ptr_nonnull(http_header(a, "Retry-After"));
    return accepted;
}

START_TEST(with_commit_a_full_state_refuses_and_gets_well_by_itself)
{
    struct server *s = start("PushStateDir state 1M\nPushDurability commit\n");
    int accepted;

    server_allow(s, "PUSH0057");
    accepted = fill(s, "TTL: 2\r\n");
    ck_assert_int_gt(accepted, 10);
    ck_assert_int_eq(serverlog_count(s, "PUSH0057"), 1);
    ck_assert_int_eq(http_get(s, "/push/health")->status, 503);
    wait_until(publish_try(s, "user=ada", NULL, "well")->status == 201);
    ck_assert_int_eq(http_get(s, "/push/health")->status, 200);
    ck_assert_int_eq(serverlog_count(s, "PUSH0056"), 1);
    server_kill(s);
    server_again(s);
    expect_message(stream_open(s, "user=ada&device=d&seq=0", NULL), 1, "well");
}
END_TEST

START_TEST(with_interval_a_full_state_lets_the_service_go_on)
{
    struct server *s = start("PushStateDir state 1M\n");
    const char *payload = filler();

    server_allow(s, "PUSH0057");
    for (int i = 0; i < 150; i++) {
        publish(s, "user=ada", "TTL: 3\r\n", payload);
    }
    wait_until(serverlog_count(s, "PUSH0057") == 1);
    ck_assert_str_eq(json_text_at(http_get(s, "/push/health")->json, "status"),
                     "degraded");
    publish(s, "user=eve", NULL, "in memory");
    wait_until(serverlog_count(s, "PUSH0056") == 1);
    server_kill(s);
    server_again(s);
    expect_message(stream_open(s, "user=eve&device=d&seq=0", NULL), 1,
                   "in memory");
}
END_TEST

/* A file system of its own, which is filled up. */
START_TEST(a_full_disk_is_reported_once_and_made_good_when_there_is_room)
{
    char *place = keep_printf("/tmp/push-disk-XXXXXX");
    char *ballast;
    struct server *s;
    FILE *f;

    ck_assert_ptr_nonnull(mkdtemp(place));
    if (mount("none", place, "tmpfs", 0, "size=40m,mode=0755") != 0) {
        ck_assert_int_eq(rmdir(place), 0);
        return; /* not allowed here */
    }
    s = start(keep_printf("PushStateDir %s/state\n", place));
    server_allow(s, "PUSH0057");
    publish(s, "user=ada", NULL, "before");
    wait_until(stat_of(s, "state.records") > 0);
    ballast = keep_printf("%s/ballast", place);
    f = fopen(ballast, "w");
    ck_assert_ptr_nonnull(f);
    setvbuf(f, NULL, _IONBF, 0);
    while (fwrite(filler(), 1, 16384, f) == 16384) {
    }
    fclose(f);
    for (int i = 0; i < 20; i++) {
        publish(s, "user=ada", NULL, filler());
    }
    wait_until(serverlog_count(s, "PUSH0057") == 1);
    ck_assert_int_eq(unlink(ballast), 0);
    wait_until(serverlog_count(s, "PUSH0056") == 1);
    server_kill(s);
    server_again(s);
    ck_assert_int_eq(serverlog_count(s, "came back: 21 messages"), 1);
    server_rest(s);
    ck_assert_int_eq(umount(place), 0);
    ck_assert_int_eq(rmdir(place), 0);
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
    server_allow(s, "PUSH0052");
    server_again(s);
    ck_assert_int_eq(serverlog_count(s, "PUSH0052"), 1);
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

static const struct {
    void (*prepare)(const char *dir);
    const char *lines; /* %s: the directory */
    const char *mention;
    bool root; /* only root can prepare it */
} refusals[] = {
    {prepare_none, "PushDurability commit\n", "need a PushStateDir", false},
    {prepare_none, "PushDurability often\n", "commit, interval or memory",
     false},
    {prepare_none, "PushStateDir %s 1K\n", "from 1M to 1024G", false},
    {prepare_none, "PushStateDir %s/not/there\n", "cannot be made", false},
    {prepare_file, "PushStateDir %s\n", "is not a directory", false},
    {prepare_open_directory, "PushStateDir %s\n", "chmod it to 0700", true},
    {prepare_foreign_owner, "PushStateDir %s\n", "chown it", true},
    {prepare_no_database, "PushStateDir %s\n", "move it away", true},
};

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
    }
    ck_assert_int_eq(system(keep_printf("rm -rf '%s'", place)), 0);
}
END_TEST

START_TEST(a_damaged_state_is_set_aside_and_what_can_be_read_comes_back)
{
    struct server *s = start(COMMIT);
    struct stat st;
    char *path = keep_printf("%s/state/state.mdb", s->root);
    FILE *f;

    for (int i = 0; i < 100; i++) {
        publish(s, keep_printf("user=u%d", i), NULL, filler());
    }
    server_rest(s);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(truncate(path, st.st_size / 2), 0);
    server_allow(s, "PUSH0051");
    server_again(s);
    ck_assert_int_eq(serverlog_count(s, "PUSH0051"), 1);
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
    Suite *suite = suite_create("durable");
    TCase *crash = case_add(suite, "crash", 120);
    TCase *back = case_add(suite, "back", 60);
    TCase *full = case_add(suite, "full", 60);
    TCase *unusable = case_add(suite, "unusable", 60);

    tcase_add_loop_test(
        crash, with_commit_nothing_accepted_is_lost_when_everything_is_killed,
        0, 3);
    tcase_add_test(crash, with_interval_at_most_the_last_second_is_lost);
    tcase_add_test(crash, what_a_killed_child_had_queued_gets_to_disk);
    tcase_add_test(crash, a_server_whose_parent_was_killed_keeps_its_state);
    tcase_add_loop_test(back, a_stop_loses_nothing, 0, 2);
    tcase_add_test(back, acknowledgements_and_places_in_channels_come_back);
    tcase_add_test(back, a_retry_after_a_crash_is_not_sent_twice);
    tcase_add_test(back, what_ended_before_the_crash_stays_so);
    tcase_add_test(back, a_line_of_a_stream_is_answered_when_it_is_on_disk);
    tcase_add_test(back, state_goes_on_over_a_graceful_restart);
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
        a_damaged_state_is_set_aside_and_what_can_be_read_comes_back);
    return case_run(suite);
}
