/*
 * push-import: what one machine had in its PushStateDir, at the nodes of a
 * cluster.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "shell.h"
#include "stream.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

#define COMMIT "PushStateDir state\nPushDurability commit\n"

static struct server *machine(void)
{
    return server_start(&(struct server_options){.global = COMMIT});
}

/* ---- the program ---- */

/* All that it says, and its exit status as the last line. */
static const char *said_by(const char *arguments)
{
    return shell_run(keep_printf("status=0; %s/push-import %s || status=$?; "
                                 "echo \"status $status\"",
                                 shell_build(), arguments));
}

static const char *url_of(const struct cluster *c)
{
    return redis_url(c->redis != NULL ? c->redis : c->engine->servers[0]);
}

static const char *import_said(const struct cluster *c, const struct server *s)
{
    return said_by(
        keep_printf("--secret=%s %s/state %s", c->secret, s->root, url_of(c)));
}

static void expect_said(const char *said, const char *text)
{
    ck_assert_msg(strstr(said, text) != NULL, "\"%s\" is not in\n%s", text,
                  said);
}

static void expect_import(const struct cluster *c, const struct server *s)
{
    expect_said(import_said(c, s), "status 0\n");
}

static struct server *first_node(struct cluster *c)
{
    struct server *node = cluster_add(c);

    cluster_await_well(c);
    return node;
}

/* ---- what comes ---- */

/* These texts in any order, for logs agree on theirs by chance alone, none
 * twice, and then what is published last. */
static void expect_all(const struct server *s, struct stream *st,
                       const char *user, const char *const *texts, int count)
{
    bool got[16] = {false};

    for (int i = 0; i < count; i++) {
        const struct event *e = stream_next(st);
        int found = 0;

        while (found < count
               && (got[found] || strcmp(texts[found], e->data) != 0)) {
            found++;
        }
        ck_assert_msg(found < count, "\"%s\" (event \"%s\") comes for %s",
                      e->data, e->type, user);
        ck_assert_int_eq(e->seq, i + 1);
        got[found] = true;
    }
    publish(s, keep_printf("user=%s", user), NULL, "the last");
    expect_message(st, count + 1, "the last");
}

#define EXPECT_ALL(s, st, user, ...)                                          \
    expect_all(                                                               \
        s, st, user, (const char *const[]){__VA_ARGS__},                      \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static const char *id_of(const struct server *s, const char *user,
                         const char *device)
{
    const json_t *devices = json_at(
        http_get(s, keep_printf("/push/devices?user=%s", user))->json,
        "devices");

    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *one = json_array_get(devices, i);

        if (strcmp(json_text_at(one, "device"), device) == 0) {
            return json_text_at(one, "id");
        }
    }
    ck_abort_msg("%s has no device %s", user, device);
}

/* ---- messages and devices ---- */

/* Some is acknowledged; what waits is said in the test below. */
static void fill(const struct server *s)
{
    struct stream *one = stream_open(
        s, "user=ada&device=d1&seq=0&channel=news", NULL);
    struct stream *two = stream_open(s, "user=ada&device=d2&seq=0", NULL);

    publish(s, "user=ada", NULL, "one");
    expect_message(one, 1, "one");
    publish(s, "channel=news", NULL, "first news");
    expect_message(one, 2, "first news");
    publish(s, "user=ada", NULL, "two");
    expect_message(one, 3, "two");
    publish(s, "channel=news", NULL, "second news");
    expect_message(one, 4, "second news");
    acknowledge(s, "user=ada&device=d1&seq=3");
    expect_message(two, 1, "one");
    expect_message(two, 2, "two");
    acknowledge(s, "user=ada&device=d2&seq=1");
    leave(s, one);
    leave(s, two);
    publish(s, "user=ada", "Urgency: high\r\n", "urgent");
    publish(s, "user=ada", "Topic: score\r\n", "0:1");
    publish(s, "user=ada", "Topic: score\r\n", "0:2");
    publish(s, "user=ada&device=d2", NULL, "for one device");
    publish(s, "channel=news", "Urgency: low\r\n", "late news");
    publish(s, "broadcast=1", NULL, "for all");
    publish(s, "user=bob", NULL, "for bob");
}

static void expect_filled(const struct server *node)
{
    EXPECT_ALL(
        node, stream_open(node, "user=ada&device=d1&seq=0&channel=news", NULL),
        "ada", "second news", "urgent", "0:2", "late news", "for all");
    EXPECT_ALL(node, stream_open(node, "user=ada&device=d2&seq=0", NULL),
               "ada", "two", "urgent", "0:2", "for one device", "for all",
               "the last");
    EXPECT_ALL(node, stream_open(node, "user=bob&device=d&seq=0", NULL), "bob",
               "for bob");
}

static bool is_expired(const struct server *s, const char *mid)
{
    const json_t *state = json_at(life_of(s, mid), "state");

    return state != NULL && strcmp(json_string_value(state), "live") != 0;
}

START_TEST(devices_get_at_a_node_what_they_had_not_acknowledged)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);
    struct server *node;
    const char *mid, *id;

    fill(s);
    mid = publish(s, "user=carl", "TTL: 1\r\n", "over soon");
    wait_until(is_expired(s, mid));
    id = id_of(s, "ada", "d1");
    server_rest(s);
    expect_import(c, s);
    node = first_node(c);
    expect_filled(node);
    ck_assert_str_eq(id_of(node, "ada", "d1"), id);
}
END_TEST

/* What was committed last is in the logs alone. */
START_TEST(a_server_that_was_killed_has_left_all_of_it)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);

    publish(s, "user=bob", NULL, "one");
    publish(s, "user=bob", NULL, "two");
    server_kill(s);
    expect_import(c, s);
    s = first_node(c);
    EXPECT_ALL(s, stream_open(s, "user=bob&device=d&seq=0", NULL), "bob",
               "one", "two");
}
END_TEST

START_TEST(of_a_damaged_state_the_rest_is_there)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);
    const char *said;

    publish(s, "user=bob", NULL, "broken on disk");
    publish(s, "user=bob", NULL, "whole");
    server_rest(s);
    shell_run(keep_printf("cd %s/state; grep -abo 'broken on disk' state.mdb |"
                          " while IFS=: read -r at text; do printf x |"
                          " dd of=state.mdb bs=1 seek=$at conv=notrunc; done",
                          s->root));
    said = import_said(c, s);
    expect_said(said, "the state is damaged: 1 records are lost");
    expect_said(said, "status 4\n");
    s = first_node(c);
    EXPECT_ALL(s, stream_open(s, "user=bob&device=d&seq=0", NULL), "bob",
               "whole");
}
END_TEST

START_TEST(it_goes_to_all_masters_of_a_redis_cluster)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(
        &(struct cluster_options){.masters = 3});

    fill(s);
    server_rest(s);
    expect_import(c, s);
    expect_filled(first_node(c));
}
END_TEST

START_TEST(what_is_imported_twice_is_there_once)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);
    struct server *node;
    const char *said;

    fill(s);
    server_rest(s);
    expect_import(c, s);
    expect_import(c, s);
    node = first_node(c);
    expect_filled(node);
    said = import_said(c, s);
    expect_said(said, "messages: 0 written");
    expect_said(said, "devices: 0 written, 2 were there");
    expect_said(said, "status 0\n");
    /* The streams of the test above have ended; nothing came again. */
    EXPECT_ALL(node, stream_open(node, "user=bob&device=new&seq=0", NULL),
               "bob", "for bob", "the last");
}
END_TEST

/* The server itself still starts with it, and has all of it. */
START_TEST(the_state_is_left_as_it_was)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);

    fill(s);
    server_rest(s);
    shell_run(
        keep_printf("cd %s/state; sha256sum state.mdb >../sums", s->root));
    expect_import(c, s);
    shell_run(keep_printf("cd %s/state; sha256sum -c ../sums", s->root));
    server_again(s);
    expect_filled(s);
}
END_TEST

/* ---- keys and revocations ---- */

START_TEST(an_idempotency_key_gives_its_answer_at_a_node)
{
    static const char key[] = "Idempotency-Key: \"k\"\r\n";
    static const char gone[] = "Idempotency-Key: \"g\"\r\nTTL: 0\r\n";
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);
    struct server *node;
    const char *mid;

    publish(s, "user=bob", key, "once");
    publish(s, "user=bob", gone, "to nobody");
    server_rest(s);
    expect_import(c, s);
    node = first_node(c);
    mid = publish(node, "user=bob", key, "once");
    ck_assert_str_eq(publish(node, "user=bob", key, "once"), mid);
    ck_assert_int_eq(
        json_int_at(http_get(node,
                             keep_printf("/push/messages/%s?user=bob", mid))
                        ->json,
                    "ttl")
            > 0,
        1);
    http_expect(publish_try(node, "user=bob", key, "another"), 422,
                "Idempotency-Key");
    publish(node, "user=bob", gone, "to nobody");
    http_expect(publish_try(node, "user=bob", gone, "to somebody"), 422,
                "Idempotency-Key");
    EXPECT_ALL(node, stream_open(node, "user=bob&device=d&seq=0", NULL), "bob",
               "once");
}
END_TEST

START_TEST(a_token_that_was_revoked_is_refused_by_a_node)
{
    const char *by_token = keep_printf("PushUser jwt\nPushJWTKey %s\n",
                                       token_file(TOKEN_SECRET, 0640));
    struct server *s = server_start(
        &(struct server_options){.global = COMMIT, .receive = by_token});
    struct cluster *c = cluster_prepare(
        &(struct cluster_options){.node = {.receive = by_token}});
    const char *token = token_bearer("ada", "");
    struct server *node;

    stream_open(s, "device=d&seq=0", token);
    for (int i = 0; i < 2; i++) {
        const char *user = i ? "nobody" : "ada";

        ck_assert_int_eq(http_do(s, "POST",
                                 keep_printf("/push/users/%s/revoke", user),
                                 NULL, "")
                             ->status,
                         200);
    }
    server_rest(s);
    /* Of nobody the state has no name. */
    expect_said(import_said(c, s), "status 4\n");
    node = first_node(c);
    wait_until(stream_try(node, "device=d", token)->status == 401);
}
END_TEST

/* ---- what it refuses ---- */

START_TEST(a_wrong_secret_is_refused)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);
    const char *said;

    server_rest(s);
    expect_import(c, s);
    server_write(s, "other", "a secret that no node has, and is so long");
    said = said_by(keep_printf("--secret=%s/other %s/state %s", s->root,
                               s->root, url_of(c)));
    expect_said(said, "--secret is another one than that of the cluster");
    expect_said(said, "status 2\n");
}
END_TEST

START_TEST(a_cluster_that_has_begun_is_refused)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);
    const char *said;

    server_rest(s);
    first_node(c);
    said = import_said(c, s);
    expect_said(said, "has to run before the first node starts");
    expect_said(said, "status 2\n");
}
END_TEST

START_TEST(a_server_that_runs_keeps_its_state)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);
    const char *said = import_said(c, s);

    expect_said(said, "is in use by another server");
    expect_said(said, "status 2\n");
}
END_TEST

/* What a user may do, what is said then, and with which status. */
static const struct {
    const char *rights, *says, *status;
} poor[] = {
    {"+ping +cluster", "NOPERM", "status 2\n"},
    {"+@all -function", "needs +function|load", "status 2\n"},
    {"+@all -fcall", "conf/examples/redis-push.acl", "status 2\n"},
    {"+@all -zadd", "conf/examples/redis-push.acl", "status 3\n"},
};

/* What broke off is done by another run. */
START_TEST(a_user_without_rights_is_told_so)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);

    fill(s);
    server_rest(s);
    for (size_t i = 0; i < sizeof(poor) / sizeof(*poor); i++) {
        const char *said;

        redis_call(c->redis, keep_printf("ACL SETUSER poor%zu on >pass ~* &* "
                                         "%s",
                                         i, poor[i].rights));
        said = said_by(keep_printf("--secret=%s %s/state "
                                   "redis://poor%zu:pass@127.0.0.1:%d",
                                   c->secret, s->root, i, c->redis->port));
        expect_said(said, poor[i].says);
        expect_said(said, poor[i].status);
    }
    expect_import(c, s);
    expect_filled(first_node(c));
}
END_TEST

/* The example is all that it needs. */
START_TEST(the_rights_of_a_node_are_enough)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);

    fill(s);
    publish(s, "user=bob", "Idempotency-Key: \"k\"\r\nTTL: 0\r\n", "now");
    server_rest(s);
    redis_call(c->redis,
               keep_printf("ACL SETUSER %s",
                           shell_run("sed -n 's/^user //p' "
                                     "conf/examples/redis-push.acl | tr -d "
                                     "'\\n'")));
    expect_said(said_by(keep_printf("--secret=%s %s/state "
                                    "redis://push:PASSWORD@127.0.0.1:%d",
                                    c->secret, s->root, c->redis->port)),
                "status 0\n");
    /* Its number is free again. */
    ck_assert_int_eq(redis_call(c->redis, "KEYS push:{*}meta")->elements, 1);
    ck_assert_int_eq(redis_call(c->redis, "KEYS push:{*}nodes")->elements, 0);
}
END_TEST

static const struct {
    const char *arguments, *says, *status;
} refusals[] = {
    {"--secret=$s $d/nothing $u", "No such file", "status 2\n"},
    {"--secret=$s $d $u", "it is not the PushStateDir", "status 2\n"},
    {"--secret=$s $d/bad $u", "that mod_push did not write", "status 2\n"},
    {"--secret=$d/none $d/state $u", "--secret", "status 2\n"},
    {"--secret=$s $d/state redis://127.0.0.1:1", "cannot be reached",
     "status 2\n"},
    {"--secret=$s --prefix={a} $d/state $u", "--prefix must be", "status 1\n"},
    {"--secret=$s $d/state", "URL is missing", "status 1\n"},
    {"$d/state $u", "--secret is missing", "status 1\n"},
    {"--dry-run $d/state", "0 messages", "status 0\n"},
};

START_TEST(what_is_wrong_is_said)
{
    struct server *s = machine();
    struct cluster *c = cluster_prepare(NULL);

    server_rest(s);
    shell_run(keep_printf("cp -a %s/state %s/bad; head -c 100000 /dev/zero "
                          ">%s/bad/state.mdb",
                          s->root, s->root, s->root));
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        const char *said = shell_run(keep_printf(
            "s=%s d=%s u=%s status=0; %s/push-import %s || status=$?; "
            "echo \"status $status\"",
            c->secret, s->root, url_of(c), shell_build(),
            refusals[i].arguments));

        expect_said(said, refusals[i].says);
        expect_said(said, refusals[i].status);
    }
    ck_assert_int_eq(redis_call(c->redis, "DBSIZE")->integer, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster_import");
    TCase *tc = case_add(suite, "cluster_import", 60);

    tcase_add_test(tc, devices_get_at_a_node_what_they_had_not_acknowledged);
    tcase_add_test(tc, a_server_that_was_killed_has_left_all_of_it);
    tcase_add_test(tc, of_a_damaged_state_the_rest_is_there);
    tcase_add_test(tc, it_goes_to_all_masters_of_a_redis_cluster);
    tcase_add_test(tc, what_is_imported_twice_is_there_once);
    tcase_add_test(tc, the_state_is_left_as_it_was);
    tcase_add_test(tc, an_idempotency_key_gives_its_answer_at_a_node);
    tcase_add_test(tc, a_token_that_was_revoked_is_refused_by_a_node);
    tcase_add_test(tc, a_wrong_secret_is_refused);
    tcase_add_test(tc, a_cluster_that_has_begun_is_refused);
    tcase_add_test(tc, a_server_that_runs_keeps_its_state);
    tcase_add_test(tc, a_user_without_rights_is_told_so);
    tcase_add_test(tc, the_rights_of_a_node_are_enough);
    tcase_add_test(tc, what_is_wrong_is_said);
    return case_run(suite);
}
