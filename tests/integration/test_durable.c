/*
 * State on disk: what outlives the end of the server, however it ends.
 */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "load.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "token.h"
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

#define ADA "user=ada&device=d&seq=0"

/* All is killed and started again. */
static void crash_and_start(struct server *s)
{
    server_kill(s);
    server_again(s);
}

/* What was accepted for ada: count texts in this order, and nothing else. */
static void expect_kept(const struct server *s, const char *const *texts,
                        int count)
{
    struct stream *st = stream_open(s, ADA, NULL);

    for (int i = 0; i < count; i++) {
        expect_message(st, i + 1, texts[i]);
    }
    publish(s, "user=ada", NULL, "the last");
    expect_message(st, count + 1, "the last");
}

#define EXPECT_KEPT(s, ...)                                                   \
    expect_kept(                                                              \
        s, (const char *const[]){__VA_ARGS__},                                \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

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
    expect_message(st, 1, "a");
    publish(s, "user=ada", "Urgency: high\r\n", "b");
    expect_message(st, 2, "b");
    publish(s, "user=ada", NULL, "c");
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
    /* A sweep, an interval, and twice as much for a machine that is busy. */
    wait_until(wait_now() > acknowledged + 4500);
    publish(s, "channel=c", NULL, "c");
    publish(s, "user=ada", NULL, "d");
    crash_and_start(s);
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

    crash_and_start(s);
    ck_assert_str_eq(publish(s, "user=ada", key, "a"), mid);
    http_expect(publish_try(s, "user=ada", key, "b"), 422, "Idempotency-Key");
    publish(s, "user=ada", NULL, "next");
    EXPECT_KEPT(s, "a", "next");
}
END_TEST

START_TEST(who_was_sent_away_before_the_crash_stays_so)
{
    static const char *const global[] = {INTERVAL, COMMIT};
    const char *keys = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                                   token_file(TOKEN_SECRET, 0640));
    struct server_options o = {.global = global[_i],
                               .receive = keys,
                               .admin = keep_printf("%sRequire all granted",
                                                    keys)};
    struct server *s = server_start(&o);
    const char *old = token_bearer("ada", "");
    const char *later;

    http_expect(http_do(s, "HEAD", "/ramen/receive", old, NULL), 200, NULL);
    http_expect(http_do(s, "POST", "/push/users/ada/revoke", token_root(), ""),
                200, NULL);
    crash_and_start(s);
    http_expect(http_do(s, "GET", "/ramen/receive", old, NULL), 401,
                "revoked");
    wait_until((later = token_bearer("ada", ""))
               && http_do(s, "HEAD", "/ramen/receive", later, NULL)->status
                      == 200);
    http_expect(http_do(s, "HEAD", "/ramen/receive", token_bearer("bob", ""),
                        NULL),
                200, NULL);
    ck_assert_int_ge(serverlog_count(s, "1 revocations"), 1);
}
END_TEST

START_TEST(what_ended_before_the_crash_stays_so)
{
    struct server *s = start(COMMIT);
    const char *recalled = publish(s, "user=ada", NULL, "recalled");
    int64_t begin;

    publish(s, "user=ada", "TTL: 1\r\n", "stale");
    begin = wait_now();
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
    EXPECT_KEPT(s, "newer");
}
END_TEST

START_TEST(what_a_killed_child_had_queued_gets_to_disk)
{
    struct server *s = start(INTERVAL);
    const char *texts[20];
    pid_t pids[8];

    server_allow(s, "exit signal Killed");
    for (int i = 0; i < 20; i++) {
        texts[i] = keep_printf("m%d", i);
        publish(s, "user=ada", NULL, texts[i]);
    }
    for (int i = server_children(s, pids, 8); i > 0; i--) {
        kill(pids[i - 1], SIGKILL);
    }
    wait_until(stat_of(s, "state.records") >= 20);
    crash_and_start(s);
    expect_kept(s, texts, 20);
}
END_TEST

START_TEST(a_line_of_a_stream_is_answered_when_it_is_on_disk)
{
    struct server *s = start(COMMIT);
    struct answer *a = publish_lines(s, "{\"user\":\"ada\",\"text\":\"a\"}\n"
                                        "{\"user\":\"ada\"}\n"
                                        "{\"user\":\"ada\",\"text\":\"b\","
                                        "\"key\":\"k\"}\n");

    ck_assert_ptr_nonnull(strstr(a->body, "\"error\""));
    crash_and_start(s);
    EXPECT_KEPT(s, "a", "b");
}
END_TEST

START_TEST(a_server_whose_parent_was_killed_keeps_its_state)
{
    struct server *s = start(COMMIT);
    struct server_options o = {
        .global = keep_printf("PushStateDir %s/state\n", s->root)};

    publish(s, "user=ada", NULL, "a");
    kill(s->pid, SIGKILL);
    ck_assert_ptr_nonnull(
        strstr(server_refusal(&o), "is in use by another server"));
    publish(s, "user=ada", NULL, "b");
    crash_and_start(s);
    EXPECT_KEPT(s, "a", "b");
}
END_TEST

START_TEST(the_durable_example_keeps_what_was_accepted)
{
    char path[PATH_MAX];
    struct server *s;

    ck_assert_ptr_nonnull(realpath("conf/examples/durable.conf", path));
    s = start(keep_printf("Include \"%s\"", path));
    publish(s, "user=ada", NULL, "a");
    crash_and_start(s);
    EXPECT_KEPT(s, "a");
}
END_TEST

START_TEST(state_goes_on_over_a_graceful_restart)
{
    struct server *s = start(COMMIT);

    publish(s, "user=ada", NULL, "a");
    server_graceful(s);
    publish(s, "user=ada", NULL, "b");
    crash_and_start(s);
    EXPECT_KEPT(s, "a", "b");
}
END_TEST

/* ---- damage to the log of a child ---- */

#define LOGGED 60

/* Runs a command of the shell on the log that was written to. */
static void harm_log(const struct server *s, const char *how)
{
    char *command = keep_printf(
        "cd %s/state && log=$(grep -l PREC commit.*) && %s", s->root, how);

    ck_assert_int_eq(system(command), 0);
}

static const char *const harms[] = {
    /* one byte, in the first half of what was logged */
    "printf '\\177' | dd of=$log bs=1 seek=8000 conv=notrunc status=none",
    "rm $log",
};

START_TEST(a_log_that_was_harmed_is_told_to_every_device)
{
    struct server_options o = {.global = COMMIT, .children = 1};
    struct server *s = server_start(&o);
    struct stream *st;
    int came = 0;

    leave(s, stream_open(s, ADA, NULL));
    for (int i = 0; i < LOGGED; i++) {
        publish(s, "user=ada", NULL, keep_printf("%0300d", i));
    }
    server_kill(s);
    harm_log(s, harms[_i]);
    server_allow(s, "PUSH0071");
    server_again(s);
    ck_assert_int_eq(serverlog_count(s, "PUSH0071"), 1);
    ck_assert_int_eq(serverlog_count(s, "the state was damaged: commit."), 1);
    came = (int)stat_of(s, "messages");
    ck_assert_int_le(came, LOGGED);
    st = stream_open(s, ADA, NULL);
    {
        const struct event *gap = stream_next(st);

        ck_assert_str_eq(gap->type, "push.gap");
        ck_assert_ptr_nonnull(strstr(gap->data, "\"state-lost\""));
    }
    crash_and_start(s);
    ck_assert_int_eq(serverlog_count(s, "PUSH0071"), 1);
    ck_assert_int_eq((int)stat_of(s, "messages"), came);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("durable");
    TCase *crash = case_add(suite, "crash", 120);
    TCase *back = case_add(suite, "back", 60);

    tcase_add_loop_test(
        crash, with_commit_nothing_accepted_is_lost_when_everything_is_killed,
        0, 3);
    tcase_add_test(crash, with_interval_at_most_the_last_second_is_lost);
    tcase_add_test(crash, what_a_killed_child_had_queued_gets_to_disk);
    tcase_add_test(crash, a_server_whose_parent_was_killed_keeps_its_state);
    tcase_add_loop_test(back, a_stop_loses_nothing, 0, 2);
    tcase_add_test(back, acknowledgements_and_places_in_channels_come_back);
    tcase_add_test(back, a_retry_after_a_crash_is_not_sent_twice);
    tcase_add_loop_test(back, who_was_sent_away_before_the_crash_stays_so, 0,
                        2);
    tcase_add_test(back, what_ended_before_the_crash_stays_so);
    tcase_add_test(back, a_line_of_a_stream_is_answered_when_it_is_on_disk);
    tcase_add_test(back, state_goes_on_over_a_graceful_restart);
    tcase_add_test(back, the_durable_example_keeps_what_was_accepted);
    tcase_add_loop_test(back, a_log_that_was_harmed_is_told_to_every_device, 0,
                        2);
    return case_run(suite);
}
