/*
 * Limits of a publisher and of a user, which all nodes of a cluster share.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "cluster.h"
#include "http.h"
#include "keep.h"
#include "shell.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

/* Functions that were called in Redis so far. */
static long long calls_of(const struct cluster *c)
{
    static const char name[] = "cmdstat_fcall:calls=";
    const redisReply *reply = redis_call(c->redis, "INFO commandstats");
    const char *at = strstr(reply->str, name);

    ck_assert_ptr_nonnull(at);
    return atoll(at + strlen(name));
}

static int count_in(const char *text, const char *word)
{
    int count = 0;

    for (text = strstr(text, word); text != NULL;
         text = strstr(text + 1, word)) {
        count++;
    }
    return count;
}

START_TEST(a_users_rate_is_one_rate_at_all_nodes)
{
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2, .node = {.admin = "Require local\nPushUserRate 4"}});
    int64_t start = wait_now();
    int accepted = 0;

    for (int i = 0; i < 24; i++) {
        int status =
            publish_try(c->nodes[i % 2], "user=anna", NULL, "x")->status;

        ck_assert(status == 201 || status == 429);
        accepted += status == 201;
    }
    ck_assert_int_ge(accepted, 4);
    ck_assert_int_le(accepted, 5 + 4 * (wait_now() - start) / 1000);
}
END_TEST

/* Pages that say their headers themselves stand in for an application. */
START_TEST(a_page_is_news_for_all_nodes_or_for_none)
{
    static const char lines[] =
        "LoadModule asis_module /usr/lib/apache2/modules/mod_asis.so\n"
        "<Location \"/pages/\">\nSetHandler send-as-is\nPushCapture tee\n"
        "PushCaptureAllow user:ada\n</Location>\n";
    struct cluster *c = cluster_start(
        &(struct cluster_options){.nodes = 2, .node = {.global = lines}});
    struct stream *st = stream_open(c->nodes[0], "user=ada&device=d&seq=0",
                                    NULL);
    /* Each is asked for at the nodes in turn, twice. */
    static const char *const pages[] = {"one", "two", "one"};

    for (int i = 0; i < 2; i++) {
        shell_run(keep_printf("mkdir -p %s/htdocs/pages", c->nodes[i]->root));
    }
    for (int i = 0; i < 3; i++) {
        for (int ask = 0; ask < 4; ask++) {
            const struct server *s = c->nodes[(i + ask) % 2];

            server_write(s, "htdocs/pages/page",
                         keep_printf("Push-User: ada\n\n%s", pages[i]));
            ck_assert_str_eq(http_get(s, "/pages/page")->body, pages[i]);
        }
        expect_message(st, i + 1, pages[i]);
    }
    publish(c->nodes[1], "user=ada", NULL, "the last");
    expect_message(st, 4, "the last");
}
END_TEST

START_TEST(a_users_rate_is_said_and_costs_no_further_call)
{
    enum { RATE = 200, LINES = 300 };
    static const char key[] = "Idempotency-Key: \"k1\"\r\n";
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2,
        .node = {
            .admin = keep_printf("Require local\nPushUserRate %d", RATE)}});
    struct answer *a = publish_try(c->nodes[0], "user=anna", key, "x");
    char lines[65536] = "";
    int accepted, refused;
    long long before;

    ck_assert_int_eq(a->status, 201);
    ck_assert_str_eq(http_header(a, "RateLimit-Policy"), "\"user\";q=200;w=1");
    ck_assert_str_eq(http_header(a, "RateLimit"), "\"user\";r=199;t=1");
    for (int i = 0; i < LINES; i++) {
        strcat(lines, "{\"user\":\"anna\",\"data\":1}\n");
    }
    before = calls_of(c);
    a = publish_lines(c->nodes[1], lines);
    /* One a line, and what nodes do beside it. */
    ck_assert_int_lt(calls_of(c) - before, LINES + LINES / 2);
    accepted = count_in(a->body, "\"id\"");
    refused = count_in(a->body, "PushUserRate");
    ck_assert_int_eq(accepted + refused, LINES);
    ck_assert_int_ge(refused, 1);
    ck_assert_int_ge(accepted, RATE - 1);
    do {
        a = publish_try(c->nodes[0], "user=anna", NULL, "x");
    } while (a->status == 201);
    http_expect(a, 429, "PushUserRate");
    ck_assert_str_eq(http_header(a, "RateLimit"), "\"user\";r=0;t=1");
    ck_assert_str_eq(http_header(a, "Retry-After"), "1");
    /* What was accepted stays so. */
    ck_assert_int_eq(publish_try(c->nodes[1], "user=anna", key, "x")->status,
                     201);
}
END_TEST

START_TEST(a_publishers_rate_is_one_rate_at_all_nodes)
{
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2, .node = {.admin = "Require local\nPushPublisherRate 20"}});
    int64_t start = wait_now();
    int accepted = 0;

    for (int i = 0; i < 100; i++) {
        const char *query = keep_printf("user=u%d", i);
        int status = publish_try(c->nodes[i % 2], query, NULL, "x")->status;

        ck_assert(status == 201 || status == 429);
        accepted += status == 201;
    }
    ck_assert_int_ge(accepted, 20);
    ck_assert_int_le(accepted, 22 + 20 * (wait_now() - start) / 1000);
}
END_TEST

/* Who sends lines for another region waits for the first that is refused. */
START_TEST(relayed_lines_of_a_user_above_the_rate_keep_their_order)
{
    enum { LINES = 40 };
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2, .node = {.admin = "Require local\nPushUserRate 10"}});
    char lines[4096] = "";
    const char *refused;
    struct answer *a;

    for (int i = 0; i < LINES; i++) {
        strcat(lines, "{\"user\":\"anna\",\"data\":1}\n");
    }
    a = http_do(c->nodes[0], "POST", "/push/messages",
                "Content-Type: application/x-ndjson\r\n"
                "Push-Relayed: 1\r\n",
                lines);
    ck_assert_int_eq(a->status, 200);
    refused = strstr(a->body, "PushUserRate");
    ck_assert_ptr_nonnull(refused);
    ck_assert_ptr_null(strstr(refused, "\"id\""));
}
END_TEST

/* The status of one more stream of the address, which is closed again. */
static int stream_status(const struct server *s)
{
    struct stream *st = stream_try(s, "user=more&device=d&seq=0",
                                   "Push-Client: test/1\r\n");
    int status = st->status;

    if (status == 200) {
        leave(s, st);
    }
    else {
        stream_close(st);
    }
    return status;
}

START_TEST(the_streams_of_an_address_are_limited_over_all_nodes)
{
    enum { LIMIT = 8, FIRST = 5 };
    struct cluster *c = cluster_start(&(struct cluster_options){
        .nodes = 2,
        .node = {.receive = "PushUser query:user\n"
                            "PushMaxStreamsPerAddress 8"}});
    struct stream *streams[LIMIT];

    for (int i = 0; i < LIMIT; i++) {
        streams[i] = stream_open(c->nodes[i < FIRST ? 0 : 1],
                                 keep_printf("user=u%d&device=d&seq=0", i),
                                 NULL);
    }
    /* What nodes tell each other comes with their leases. */
    wait_until(stream_status(c->nodes[1]) == 429);
    wait_until(stream_status(c->nodes[0]) == 429);
    /* One that comes from the other node is none more. */
    stream_open(c->nodes[1], "user=u0&device=d&seq=0", NULL);
    stream_expect_bye(streams[0], "superseded");
    leave(c->nodes[0], streams[1]);
    leave(c->nodes[0], streams[2]);
    wait_until(stream_status(c->nodes[1]) == 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster rates");
    TCase *rates = case_add(suite, "rates", 60);

    tcase_add_test(rates, a_users_rate_is_one_rate_at_all_nodes);
    tcase_add_test(rates, a_page_is_news_for_all_nodes_or_for_none);
    tcase_add_test(rates, a_users_rate_is_said_and_costs_no_further_call);
    tcase_add_test(rates, a_publishers_rate_is_one_rate_at_all_nodes);
    tcase_add_test(rates,
                   relayed_lines_of_a_user_above_the_rate_keep_their_order);
    tcase_add_test(rates,
                   the_streams_of_an_address_are_limited_over_all_nodes);
    return case_run(suite);
}
