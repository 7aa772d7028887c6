/*
 * Entries of a Redis stream become messages and events (PushSourceRedis):
 * each of them, once, in order, whoever dies meanwhile.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "redis.h"
#include "rediscluster.h"
#include "scrape.h"
#include "sentinel.h"
#include "shell.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define MANY 400 /* entries while children die */

/* What docs/sources.md says that a user of Redis needs. */
#define RIGHTS                                                                \
    "+xreadgroup +xack +xautoclaim +xgroup|create +xinfo|groups +xadd +ping " \
    "+role +cluster|slots"

static const char *load(void)
{
    return keep_printf("LoadModule push_redis_source_module "
                       "\"%s/mod_push_redis_source.so\"\n",
                       shell_build());
}

/* A source `orders` of the stream orders; more words, and more lines. */
static const char *source(const struct redis *r, const char *words,
                          const char *lines)
{
    return keep_printf("%sPushSourceRedis orders redis://127.0.0.1:%d "
                       "stream=orders allow=user:a* allow=channel:news %s\n"
                       "%s\n",
                       load(), r->port, words, lines);
}

static struct server *start(struct redis *r, const char *words,
                            const char *lines)
{
    struct server_options o = {.global = source(r, words, lines)};

    return server_start(&o);
}

static int figure(const struct server *s, const char *name)
{
    return (int)scrape_value(scrape_take(s, false),
                             keep_printf("push_source_%s{source=\"orders\"}",
                                         name));
}

static int pending(struct redis *r)
{
    redisReply *reply = redis_call(r, "XPENDING orders push");

    return (int)reply->element[0]->integer;
}

static void add(struct redis *r, const char *line)
{
    redis_call(r, "XADD orders * line %s", line);
}

static const char *numbered(int number)
{
    return keep_printf("{\"user\":\"ada\",\"text\":\"%d\"}", number);
}

/* A device that is new begins at the oldest message. */
static void expect_numbers(const struct server *s, int first, int last)
{
    struct stream *st = stream_open(s, "user=ada&device=late", NULL);

    for (int i = first; i <= last; i++) {
        expect_message(st, i - first + 1, keep_printf("%d", i));
        if (i % 50 == 0) {
            acknowledge(s, keep_printf("user=ada&device=late&seq=%d",
                                       i - first + 1));
        }
    }
    stream_close(st);
}

/* ---- what becomes of entries ---- */

static const struct {
    const char *line;
    const char *why; /* it is refused */
} refused[] = {
    {"nonsense", "JSON"},
    {"{\"user\":\"bob\",\"text\":\"x\"}", "bob is not allowed (allow=)"},
    {"{\"broadcast\":true,\"text\":\"x\"}", "broadcast: is not allowed"},
    {"{\"user\":\"$trigger/x\",\"text\":\"x\"}", "user"},
    {"{\"user\":\"ada\",\"urgency\":\"soon\",\"text\":\"x\"}", "urgency"},
    {"", "line: it is empty or not there"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\"}", "type"},
    {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":"
     "\"push.x\"}",
     "push. are reserved"},
};

#define REFUSED ((int)(sizeof(refused) / sizeof(*refused)))

static void expect_dead(struct redis *r)
{
    redisReply *dead = redis_call(r, "XRANGE orders:dead - +");

    ck_assert_int_eq(dead->elements, REFUSED);
    for (int i = 0; i < REFUSED; i++) {
        const redisReply *fields = dead->element[i]->element[1];

        ck_assert_int_eq(fields->elements, 6);
        ck_assert_str_eq(fields->element[0]->str, "why");
        ck_assert_msg(strstr(fields->element[1]->str, refused[i].why) != NULL,
                      "%s: %s", refused[i].line, fields->element[1]->str);
        ck_assert_str_eq(fields->element[5]->str, refused[i].line);
    }
}

START_TEST(entries_become_messages_and_what_is_refused_is_kept)
{
    struct redis *r = redis_start(NULL);
    struct server *s = start(r, "", "");
    struct stream *st = stream_open(s, "user=ada&device=d&channel=news", NULL);

    server_allow(s, "PUSH0276");
    add(r, "{\"user\":\"ada\",\"text\":\"one\",\"key\":\"k\"}");
    add(r, "{\"user\":\"ada\",\"text\":\"one\",\"key\":\"k\"}");
    for (int i = 0; i < REFUSED; i++) {
        add(r, refused[i].line);
    }
    redis_call(r, "XADD orders * trace 00 line %s",
               "{\"channel\":\"news\",\"event\":\"e\",\"data\":{\"a\":2}}");
    expect_message(st, 1, "one");
    expect_message(st, 2, "{\"a\":2}");
    wait_until(pending(r) == 0);
    expect_dead(r);
    ck_assert_int_eq(figure(s, "taken_total"), 3);
    ck_assert_int_eq(figure(s, "refused_total"), REFUSED);
    wait_until(figure(s, "waiting") == 0);
    ck_assert_int_eq(figure(s, "connected"), 1);

    /* All is lost there: the group is made anew. */
    server_allow(s, "PUSH0277");
    redis_call(r, "FLUSHALL");
    add(r, "{\"user\":\"ada\",\"text\":\"three\"}");
    expect_message(st, 3, "three");
}
END_TEST

START_TEST(cloudevents_find_their_rules)
{
    static const char rule[] = "<PushTrigger t>\n"
                               "PushWhen \"event('type') == 'order.new'\"\n"
                               "PushPost http://127.0.0.1:9/\n"
                               "PushRetry attempts=1 age=60s\n"
                               "</PushTrigger>\n";
    static const char event[] = "{\"specversion\":\"1.0\",\"id\":\"%d\","
                                "\"source\":\"/shop\",\"type\":\"%s\"}";
    struct redis *r = redis_start(NULL);
    struct server *s = start(r, "", rule);
    struct stream *st = stream_open(s, "user=ada&device=d", NULL);

    server_allow(s, "PUSH0241");
    add(r, keep_printf(event, 1, "order.new"));
    add(r, keep_printf(event, 1, "order.new"));
    add(r, keep_printf(event, 2, "order.old"));
    /* It says the word, but in what it brings. */
    add(r, "{\"user\":\"ada\",\"data\":{\"specversion\":\"1.0\"}}");
    add(r, keep_printf(event, 3, "order.new"));
    expect_message(st, 1, "{\"specversion\":\"1.0\"}");
    wait_until(figure(s, "taken_total") == 5);
    wait_until(scrape_value(scrape_take(s, false),
                            "push_trigger_dead_letters_total"
                            "{trigger=\"t\"}")
               == 2);
}
END_TEST

/* ---- what goes wrong ---- */

START_TEST(a_killed_child_loses_nothing_and_doubles_nothing)
{
    struct redis *r = redis_start(NULL);
    struct server *s = start(r, "batch=3", "");
    pid_t children[2];
    int next = 0;

    ck_assert_int_eq(server_children(s, children, 2), 2);
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < MANY / 2; i++) {
            add(r, numbered(++next));
        }
        wait_until(figure(s, "taken_total") > next - MANY / 2);
        server_kill_child(s, children[half]);
    }
    server_graceful(s);
    wait_until(pending(r) == 0
               && redis_call(r, "XINFO GROUPS orders")
                          ->element[0]
                          ->element[11]
                          ->integer
                      == 0);
    expect_numbers(s, 1, MANY);
}
END_TEST

START_TEST(a_redis_that_goes_and_comes_back_is_read_on)
{
    struct redis_options o = {.append = true,
                              .lines = "user push on >its-secret ~orders "
                                       "~orders:dead -@all " RIGHTS "\n"};
    struct redis *r = redis_start(&o);
    struct server_options server = {
        .global = keep_printf("%sPushSourceRedis orders "
                              "redis://push:its-secret@127.0.0.1:%d "
                              "stream=orders allow=*",
                              load(), r->port)};
    struct server *s = server_start(&server);

    server_allow(s, "PUSH0277");
    add(r, numbered(1));
    wait_until(figure(s, "taken_total") == 1);
    redis_stop(r);
    wait_until(figure(s, "connected") == 0);
    redis_again(r);
    add(r, numbered(2));
    wait_until(figure(s, "taken_total") == 2);
    wait_until(figure(s, "connected") == 1);
    ck_assert_ptr_null(strstr(server_file(s, "logs/error"), "its-secret"));
    expect_numbers(s, 1, 2);
}
END_TEST

START_TEST(what_another_consumer_has_left_is_taken_over)
{
    struct redis *r = redis_start(NULL);
    struct server *s;

    redis_call(r, "XGROUP CREATE orders push 0 MKSTREAM");
    redis_call(r, "XADD orders 1-1 line x");
    for (int i = 1; i <= 120; i++) {
        add(r, numbered(i));
    }
    redis_call(r, "XREADGROUP GROUP push me COUNT 21 STREAMS orders >");
    redis_call(r, "XREADGROUP GROUP push gone COUNT 120 STREAMS orders >");
    /* Nobody can have it any more. */
    redis_call(r, "XDEL orders 1-1");
    s = start(r, "consumer=me claim=1s", "");
    expect_numbers(s, 1, 120);
    wait_until(pending(r) == 0);
}
END_TEST

START_TEST(what_has_to_wait_keeps_its_order)
{
    struct redis *r = redis_start(NULL);
    struct server *s;

    for (int i = 1; i <= 120; i++) {
        add(r, numbered(i));
    }
    s = start(r, "", "PushPublisherRate 50");
    server_allow(s, "PUSH0274");
    wait_until(figure(s, "taken_total") == 120 && pending(r) == 0);
    ck_assert_int_gt(figure(s, "put_off_total"), 0);
    expect_numbers(s, 1, 120);
}
END_TEST

/* ---- how Redis is reached ---- */

static const char *by_tls(const struct redis *r, const char *name,
                          const char *words)
{
    return keep_printf("PushSourceRedis %s %s stream=%s allow=* ca=%s %s\n",
                       name, redis_url(r), name, redis_ca(r), words);
}

START_TEST(a_source_speaks_tls_and_shows_its_certificate)
{
    struct redis_options o = {.tls = true, .lines = "tls-auth-clients yes\n"};
    struct redis *r = redis_start(&o);
    const char *own = keep_printf(
        "cert=%s key=%s", redis_client_certificate(r), redis_client_key(r));
    struct server_options server = {
        .global = keep_printf("%s%s%s", load(), by_tls(r, "orders", own),
                              by_tls(r, "nameless", ""))};
    struct server *s = server_start(&server);

    server_allow(s, "PUSH0277");
    add(r, numbered(1));
    wait_until(figure(s, "taken_total") == 1);
    wait_until(strstr(server_file(s, "logs/error"), "source nameless: ")
               != NULL);
    ck_assert_int_eq(redis_call(r, "EXISTS nameless")->integer, 0);
    expect_numbers(s, 1, 1);
}
END_TEST

START_TEST(under_a_sentinel_a_replica_is_read_on)
{
    struct redis_options o = {
        .lines = "user push on >its-secret ~orders ~orders:dead &* -@all "
                 "+psync +replconf +subscribe +publish +info " RIGHTS "\n"};
    struct sentinel *g = sentinel_start(&o, "gu?ard");
    struct server_options server = {
        .global = keep_printf("%sPushSourceRedis orders redis+sentinel://"
                              "push:its-secret@127.0.0.1:%d/%s"
                              "?sentinel=:gu%%3Fard stream=orders allow=*",
                              load(), g->port, SENTINEL_MASTER)};
    struct server *s = server_start(&server);

    server_allow(s, "PUSH0277");
    add(g->master, numbered(1));
    wait_until(figure(s, "taken_total") == 1 && pending(g->master) == 0);
    wait_until(redis_call(g->master, "WAIT 1 100")->integer == 1);
    redis_kill(g->master);
    wait_until(strcmp(redis_info(g->replica, "role"), "master") == 0);
    add(g->replica, numbered(2));
    wait_until(figure(s, "taken_total") == 2 && pending(g->replica) == 0);
    ck_assert_ptr_null(strstr(server_file(s, "logs/error"), "its-secret"));
    ck_assert_ptr_null(strstr(server_file(s, "logs/error"), "gu?ard"));
    expect_numbers(s, 1, 2);
}
END_TEST

START_TEST(a_cluster_is_refused_by_name)
{
    struct redis_cluster *c = redis_cluster_start(2, 0, NULL);
    struct server *s = start(c->servers[0], "", "");

    server_allow(s, "PUSH0277");
    wait_until(strstr(server_file(s, "logs/error"),
                      "source orders: this is a Redis Cluster: name a single "
                      "Redis")
               != NULL);
    ck_assert_int_eq(figure(s, "connected"), 0);
    ck_assert_int_eq(figure(s, "taken_total"), 0);
}
END_TEST

/* ---- directives ---- */

static const char *const wrong[][2] = {
    {"PushSourceRedis a redis://h", "takes NAME URL stream=KEY"},
    {"PushSourceRedis a/b redis://h stream=s", "NAME must be 1 to 63"},
    {"PushSourceRedis a http://h stream=s", "PushSourceRedis: URL: "},
    {"PushSourceRedis a redis://h stream=", "stream= must be"},
    {"PushSourceRedis a redis://h group=g", "stream= must be"},
    {"PushSourceRedis a redis://h stream=s batch=0", "batch= must be 1 to"},
    {"PushSourceRedis a redis://h stream=s batch=1001", "batch= must be 1"},
    {"PushSourceRedis a redis://h stream=s batch=x", "batch= must be 1 to"},
    {"PushSourceRedis a redis://h stream=s claim=86401", "1s to 86400s"},
    {"PushSourceRedis a redis+sentinel://h stream=s", "redis+sentinel://host"},
    {"PushSourceRedis a redis://h stream=s claim=0", "claim= must be 1s to"},
    {"PushSourceRedis a redis://h stream=s color=red", "it takes stream=, "},
    {"PushSourceRedis a redis://h stream=s allow=bob", "allow= must be user:"},
    {"PushSourceRedis a redis://h stream=s ca=x", "need a URL of rediss://"},
    {"PushSourceRedis a rediss://h stream=s cert=x", "belong together"},
    {"PushSourceRedis a rediss://h stream=s ca=/none", "/none"},
    {"PushSourceRedis a redis://h stream=s\n"
     "PushSourceRedis a redis://h stream=t",
     "another source of this name"},
    {"<VirtualHost *>\nPushSourceRedis a redis://h stream=s\n</VirtualHost>",
     "PushSourceRedis"},
};

START_TEST(a_wrong_source_stops_the_start_with_what_is_legal)
{
    struct server_options o = {
        .global = keep_printf("%s%s", load(), wrong[_i][0])};
    const char *said = server_refusal(&o);

    ck_assert_msg(strstr(said, wrong[_i][1]) != NULL, "%s: %s", wrong[_i][0],
                  said);
}
END_TEST

START_TEST(without_mod_push_a_source_stops_the_start)
{
    struct server_options o = {
        .bare = true,
        .global = keep_printf("%sPushSourceRedis a redis://h stream=s",
                              load())};

    ck_assert_ptr_nonnull(
        strstr(server_refusal(&o), "a source needs mod_push"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source_redis");
    TCase *tc = case_add(suite, "entries", 60);

    tcase_add_test(tc, entries_become_messages_and_what_is_refused_is_kept);
    tcase_add_test(tc, cloudevents_find_their_rules);
    tc = case_add(suite, "faults", 60);
    tcase_add_test(tc, a_killed_child_loses_nothing_and_doubles_nothing);
    tcase_add_test(tc, a_redis_that_goes_and_comes_back_is_read_on);
    tcase_add_test(tc, what_another_consumer_has_left_is_taken_over);
    tcase_add_test(tc, what_has_to_wait_keeps_its_order);
    tc = case_add(suite, "reached", 60);
    tcase_add_test(tc, a_source_speaks_tls_and_shows_its_certificate);
    tcase_add_test(tc, under_a_sentinel_a_replica_is_read_on);
    tcase_add_test(tc, a_cluster_is_refused_by_name);
    tc = case_add(suite, "directives", 60);
    tcase_add_row_test(tc, a_wrong_source_stops_the_start_with_what_is_legal,
                       wrong);
    tcase_add_test(tc, without_mod_push_a_source_stops_the_start);
    return case_run(suite);
}
