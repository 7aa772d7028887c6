/*
 * <admin>/metrics: what it says against what happened.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "scrape.h"
#include "shell.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

#define ADA "user=ada&device=d1"

/* A series, and what it has to say. */
struct figure {
    const char *series;
    double value;
};

static double value_of(const struct server *s, const char *series)
{
    return scrape_value(scrape_take(s, false), series);
}

static void expect_figures(const struct server *s,
                           const struct figure *figures, size_t count)
{
    struct scrape *text = scrape_take(s, false);
    struct scrape *open = scrape_take(s, true);

    for (size_t i = 0; i < count; i++) {
        const char *series = figures[i].series;

        ck_assert_msg(scrape_value(text, series) == figures[i].value,
                      "%s is %f and not %f", series,
                      scrape_value(text, series), figures[i].value);
        ck_assert_msg(scrape_value(open, series) == figures[i].value,
                      "%s is another one in OpenMetrics", series);
    }
}

#define EXPECT(s, figures)                                                    \
    expect_figures(s, figures, sizeof(figures) / sizeof(*(figures)))

static void publish_as(const struct server *s, const char *query,
                       const char *urgency, const char *payload)
{
    publish(s, query, keep_printf("Urgency: %s\r\n", urgency), payload);
}

/* ---- a server on which all of it happens ---- */

/* Three of different urgency arrive and are acknowledged at once. */
static void deliver_and_acknowledge(const struct server *s)
{
    struct stream *st = stream_open(s, ADA "&seq=0", NULL);

    publish_as(s, "user=ada", "high", "1");
    expect_message(st, 1, "1");
    publish_as(s, "user=ada", "normal", "22");
    expect_message(st, 2, "22");
    publish_as(s, "user=ada", "low", "333");
    expect_message(st, 3, "333");
    acknowledge(s, ADA "&seq=3");
    ck_assert_int_eq(acknowledge_try(s, ADA "&seq=99")->status, 409);
    ck_assert_int_eq(
        acknowledge_try(s, "user=ada&device=nobody&seq=1")->status, 404);
    publish_as(s, "broadcast=1", "very-low", "4444");
    expect_message(st, 4, "4444");
    leave(s, st);
}

static const struct figure delivered[] = {
    {"push_published_messages_total{audience=\"user\",urgency=\"high\"}", 1},
    {"push_published_messages_total{audience=\"user\",urgency=\"normal\"}", 1},
    {"push_published_messages_total{audience=\"user\",urgency=\"low\"}", 1},
    {"push_published_messages_total{audience=\"broadcast\","
     "urgency=\"very-low\"}",
     1},
    {"push_published_bytes_total{audience=\"user\",urgency=\"low\"}", 3},
    {"push_published_bytes_total{audience=\"broadcast\",urgency=\"very-low\"}",
     4},
    {"push_publish_duration_seconds_count", 4},
    {"push_written_messages_total{urgency=\"high\"}", 1},
    {"push_written_messages_total{urgency=\"normal\"}", 1},
    {"push_written_messages_total{urgency=\"low\"}", 1},
    {"push_written_messages_total{urgency=\"very-low\"}", 1},
    {"push_write_latency_seconds_count{urgency=\"high\"}", 1},
    {"push_write_latency_seconds_count{urgency=\"very-low\"}", 1},
    {"push_settled_messages_total{outcome=\"acked\",urgency=\"high\"}", 1},
    {"push_settled_messages_total{outcome=\"acked\",urgency=\"normal\"}", 1},
    {"push_settled_messages_total{outcome=\"acked\",urgency=\"low\"}", 1},
    {"push_settled_messages_total{outcome=\"acked\",urgency=\"very-low\"}", 0},
    {"push_ack_latency_seconds_count{urgency=\"high\"}", 1},
    {"push_ack_latency_seconds_count{urgency=\"normal\"}", 0},
    {"push_acks_total{result=\"ok\"}", 1},
    {"push_acks_total{result=\"stale\"}", 1},
    {"push_acks_total{result=\"unknown\"}", 1},
    {"push_streams_opened_total{transport=\"sse\",result=\"new\"}", 1},
    {"push_streams_closed_total{reason=\"client\"}", 1},
    {"push_stream_duration_seconds_count{reason=\"client\"}", 1},
    {"push_streams{transport=\"sse\"}", 0},
    {"push_devices", 1},
    {"push_users", 1},
};

/* Ways to come, and to go. */
static void come_and_go(const struct server *s)
{
    struct stream *st = stream_open(s, ADA "&seq=3", NULL);
    struct stream *newer;

    expect_message(st, 4, "4444");
    newer = stream_open(s, ADA "&seq=4", NULL);
    stream_expect_bye(st, "superseded");
    leave(s, newer);
    leave(s, stream_open(s, ADA "&seq=77", NULL));
    st = stream_open(s, "user=bob&device=d&seq=0", NULL);
    http_expect(http_do(s, "DELETE", "/push/users/bob/streams", NULL, NULL),
                200, NULL);
    stream_expect_bye(st, "disconnected");
    ck_assert_int_eq(
        http_get(s, "/ramen/receive?user=bob&device=p&wait=0")->status, 204);
}

static const struct figure gone[] = {
    {"push_rewritten_messages_total{urgency=\"very-low\"}", 1},
    {"push_written_messages_total{urgency=\"very-low\"}", 2},
    {"push_streams_opened_total{transport=\"sse\",result=\"new\"}", 2},
    {"push_streams_opened_total{transport=\"sse\",result=\"resumed\"}", 1},
    {"push_streams_opened_total{transport=\"sse\",result=\"takeover\"}", 1},
    {"push_streams_opened_total{transport=\"sse\",result=\"stale\"}", 1},
    {"push_streams_opened_total{transport=\"poll\",result=\"new\"}", 1},
    {"push_streams_closed_total{reason=\"superseded\"}", 1},
    {"push_streams_closed_total{reason=\"disconnected\"}", 1},
    {"push_streams_closed_total{reason=\"answered\"}", 1},
    {"push_streams_closed_total{reason=\"client\"}", 3},
    {"push_settled_messages_total{outcome=\"acked\",urgency=\"very-low\"}", 1},
    {"push_acks_total{result=\"ok\"}", 1},
};

/* What else becomes of messages: the mailbox holds 4. */
static void end_otherwise(const struct server *s)
{
    const char *mid;

    publish(s, "user=carl", "Urgency: low\r\nTopic: t\r\n", "old");
    publish(s, "user=carl", "Urgency: low\r\nTopic: t\r\n", "new");
    mid = publish(s, "user=carl", NULL, "back");
    http_expect(http_do(s, "DELETE", keep_printf("/push/messages/%s", mid),
                        NULL, NULL),
                200, NULL);
    publish(s, "user=carl", "TTL: 1\r\nUrgency: high\r\n", "short");
    leave(s, stream_open(s, "user=dora&device=d&seq=0", NULL));
    publish_as(s, "user=dora", "high", "h1");
    publish_as(s, "user=dora", "low", "l1");
    publish_as(s, "user=dora", "normal", "n1");
    publish_as(s, "user=dora", "low", "l2");
    wait_until(value_of(s, "push_mailboxes_near_full") == 1);
    publish_as(s, "user=dora", "normal", "n2");
    publish_as(s, "user=dora", "high", "h2");
    publish_as(s, "user=dora", "high", "h3");
    publish_as(s, "user=dora", "high", "h4");
    http_expect(publish_try(s, "user=dora", NULL, "n3"), 503, NULL);
    wait_until(value_of(s, "push_settled_messages_total{outcome=\"expired\","
                           "urgency=\"high\"}")
               == 1);
}

static const struct figure ended[] = {
    {"push_settled_messages_total{outcome=\"replaced\",urgency=\"low\"}", 1},
    {"push_settled_messages_total{outcome=\"recalled\",urgency=\"normal\"}",
     1},
    {"push_settled_messages_total{outcome=\"expired\",urgency=\"high\"}", 1},
    {"push_settled_messages_total{outcome=\"evicted\",urgency=\"low\"}", 2},
    {"push_settled_messages_total{outcome=\"evicted\",urgency=\"normal\"}", 2},
    {"push_settled_messages_total{outcome=\"evicted\",urgency=\"high\"}", 0},
    {"push_settled_messages_total{outcome=\"refused\",urgency=\"normal\"}", 1},
    {"push_publish_rejected_total{reason=\"mailbox-full\"}", 1},
};

/* Dora comes back to a gap, and takes what is left as a poll. */
static void take_gap(const struct server *s)
{
    struct answer *a = http_get(
        s, "/ramen/receive?user=dora&device=d&wait=0&seq=0");

    ck_assert_int_eq(a->status, 200);
}

static const struct figure told[] = {
    {"push_gaps_total{reason=\"mailbox\"}", 2},
    {"push_gaps_total{reason=\"memory\"}", 0},
    {"push_written_messages_total{urgency=\"high\"}", 5},
    {"push_write_latency_seconds_count{urgency=\"high\"}", 2},
    {"push_streams_closed_total{reason=\"answered\"}", 2},
};

/* Requests that are refused, each for its reason. */
static void refuse(const struct server *s)
{
    struct answer *a;

    http_expect(publish_try(s, "user=ada", "Urgency: hot\r\n", "x"), 400,
                "Urgency");
    http_expect(publish_try(s, "", NULL, "x"), 400, NULL);
    a = publish_lines(s, "{\"user\":\"ada\",\"data\":1}\n"
                         "nope\n"
                         "{\"user\":\"ada\",\"foo\":1}\n"
                         "{\"user\":\"ada\",\"data\":2}\n");
    ck_assert_ptr_nonnull(strstr(a->body, "bad-json"));
    http_expect(http_do(s, "POST", "/push/messages?user=ada",
                        "Origin: https://evil.example\r\n", "x"),
                403, NULL);
}

static const struct figure refused[] = {
    {"push_publish_rejected_total{reason=\"bad-header\"}", 1},
    {"push_publish_rejected_total{reason=\"bad-parameter\"}", 1},
    {"push_publish_rejected_total{reason=\"bad-json\"}", 1},
    {"push_publish_rejected_total{reason=\"bad-member\"}", 1},
    {"push_publish_rejected_total{reason=\"forgery\"}", 1},
    {"push_publish_rejected_total{reason=\"other\"}", 0},
    {"push_published_messages_total{audience=\"user\",urgency=\"normal\"}", 6},
    {"push_publish_duration_seconds_count", 18},
};

/* All children die, or others follow them: the figures stand. */
static void survive(struct server *s)
{
    struct scrape *before = scrape_take(s, false);
    pid_t pids[64];
    int count = server_children(s, pids, 64);

    server_allow(s, "exit signal Killed");
    for (int i = 0; i < count; i++) {
        server_kill_child(s, pids[i]);
    }
    wait_until(server_children(s, pids, 64) >= 1);
    scrape_expect_no_fall(before, scrape_take(s, false));
    EXPECT(s, refused);
    server_graceful(s);
    scrape_expect_no_fall(before, scrape_take(s, false));
    EXPECT(s, ended);
    EXPECT(s, told);
    EXPECT(s, refused);
}

START_TEST(every_figure_is_what_happened_and_none_falls)
{
    struct server_options o = {.global = "PushMaxPending 4"};
    struct server *s = server_start(&o);

    deliver_and_acknowledge(s);
    EXPECT(s, delivered);
    come_and_go(s);
    wait_until(value_of(s, "push_streams{transport=\"sse\"}") == 0);
    EXPECT(s, gone);
    end_otherwise(s);
    EXPECT(s, ended);
    take_gap(s);
    EXPECT(s, told);
    refuse(s);
    EXPECT(s, refused);
    survive(s);
}
END_TEST

/* ---- streams and their limits ---- */

START_TEST(streams_that_move_or_find_no_room_are_counted)
{
    struct server_options o = {
        .global = "PushMaxStreams 2",
        .children = 1,
        .receive = "PushUser query:user\nPushMaxStreamsPerUser 1\n"
                   "PushMaxStreamsPerAddress 2\nPushHeartbeat 1"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, ADA "&seq=0", NULL);
    static const struct figure open[] = {
        {"push_streams{transport=\"sse\"}", 1},
        {"push_streams{transport=\"poll\"}", 0},
        {"push_streams_refused_total{reason=\"user\"}", 1},
        {"push_streams_moved_total", 0},
    };

    ck_assert_int_eq(stream_try(s, "user=ada&device=d2&seq=0",
                                "Push-Client: test/1\r\n")
                         ->status,
                     429);
    EXPECT(s, open);
    wait_until(value_of(s, "push_heartbeats_total") >= 1);
    ck_assert(value_of(s, "push_wakeups_total") >= 1);
    server_graceful(s);
    wait_until(value_of(s, "push_streams_moved_total") == 1);
    publish(s, "user=ada", NULL, "still there");
    expect_message(st, 1, "still there");
    ck_assert(value_of(s, "push_streams{transport=\"sse\"}") == 1);
    stream_open(s, "user=bob&device=d&seq=0", NULL);
    ck_assert_int_eq(stream_try(s, "user=carl&device=d&seq=0",
                                "Push-Client: test/1\r\n")
                         ->status,
                     503);
    ck_assert(value_of(s, "push_streams_refused_total{reason=\"full\"}") == 1);
    ck_assert(value_of(s, "push_reactor_busy_seconds_total") > 0);
}
END_TEST

START_TEST(streams_of_an_address_and_rates_have_their_limits_named)
{
    struct server_options o = {
        .receive = "PushUser query:user\nPushMaxStreamsPerAddress 1",
        .admin = "Require local\nPushPublisherRate 1"};
    struct server *s = server_start(&o);
    int refusals = 0;

    stream_open(s, ADA "&seq=0", NULL);
    ck_assert_int_eq(stream_try(s, "user=bob&device=d&seq=0",
                                "Push-Client: test/1\r\n")
                         ->status,
                     429);
    while (!refusals) {
        refusals = publish_try(s, "user=ada", NULL, "x")->status == 429;
    }
    ck_assert(value_of(s, "push_streams_refused_total{reason=\"address\"}")
              == 1);
    ck_assert(value_of(s, "push_limited_total{limit=\"publisher\"}") == 1);
    ck_assert(value_of(s, "push_publish_rejected_total{reason=\"rate\"}")
              == 1);
}
END_TEST

START_TEST(tokens_are_refused_by_name)
{
    struct server *s = token_server("", "");
    const char *metrics = token_root();
    struct answer *a;

    http_expect(http_do(s, "POST", "/push/messages?user=ada",
                        "Authorization: Bearer no.token.atall\r\n", "x"),
                401, NULL);
    http_expect(http_do(s, "POST", "/push/messages?user=ada", NULL, "x"), 401,
                NULL);
    http_expect(http_get(s, "/ramen/receive?device=d&ticket=none"), 401, NULL);
    http_expect(http_get(s, "/push/metrics"), 401, NULL);
    a = http_do(s, "GET", "/push/metrics", metrics, NULL);
    ck_assert_int_eq(a->status, 200);
    ck_assert_ptr_nonnull(strstr(
        a->body, "push_token_refusals_total{reason=\"malformed\"} 1\n"));
    ck_assert_ptr_nonnull(
        strstr(a->body, "push_token_refusals_total{reason=\"ticket\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(
        a->body, "push_publish_rejected_total{reason=\"bad-token\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(
        a->body, "push_publish_rejected_total{reason=\"no-token\"} 1\n"));
}
END_TEST

/* ---- its form ---- */

#define TRACE "0af7651916cd43dd8448eb211c80319c"

START_TEST(a_slow_message_of_a_trace_is_an_exemplar_in_openmetrics_only)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, ADA "&seq=0", NULL);
    struct scrape *open;
    int found = 0;
    static const char *const bounds[] = {
        "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005",
        "0.01",   "0.025",   "0.05",   "0.1",   "0.25",   "0.5",
        "1.0",    "2.5",     "5.0",    "10.0",  "30.0",   "+Inf"};

    publish(s, "user=ada", "traceparent: 00-" TRACE "-b7ad6b7169203331-01\r\n",
            "traced");
    expect_message(st, 1, "traced");
    wait_until(value_of(s, "push_written_messages_total{urgency=\"normal\"}")
               == 1);
    open = scrape_take(s, true);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
        const char *trace;
        double took = scrape_exemplar(
            open,
            keep_printf("push_write_latency_seconds_bucket{urgency="
                        "\"normal\",le=\"%s\"}",
                        bounds[i]),
            &trace);

        if (took >= 0) {
            ck_assert_str_eq(trace, TRACE);
            found++;
        }
    }
    ck_assert_int_eq(found, 1);
    ck_assert_ptr_null(strstr(scrape_text(scrape_take(s, false)), "trace_id"));
}
END_TEST

START_TEST(promtool_finds_nothing_wrong_and_the_state_is_told)
{
    struct server_options o = {
        .global = "PushStateDir state\nPushDurability commit"};
    struct server *s = server_start(&o);
    struct scrape *one;

    publish(s, "user=ada", NULL, "x");
    publish(s, "user=ada", NULL, "y");
    wait_until(value_of(s, "push_state_used_bytes") > 0);
    one = scrape_take(s, false);
    ck_assert(scrape_value(one, "push_state_ok") == 1);
    ck_assert(scrape_value(one, "push_state_size_bytes") > 0);
    ck_assert(scrape_value(one, "push_state_errors_total") == 0);
    wait_until(value_of(s, "push_state_waiting_bytes") == 0);
    wait_until(value_of(s, "push_messages") == 2);
    /* The first ones go into the state itself, until that names the log. */
    wait_until(publish(s, "user=ada", NULL, "z") != NULL
               && value_of(s, "push_commit_sync_duration_seconds_count") >= 1);
    ck_assert_int_ge(scrape_count(one), 350);
    server_write(s, "metrics.txt", scrape_text(one));
    ck_assert_str_eq(shell_run(keep_printf("%s/promtool check metrics "
                                           "< %s/metrics.txt 2>&1",
                                           shell_build(), s->root)),
                     "");
}
END_TEST

START_TEST(only_who_asks_for_openmetrics_gets_it)
{
    static const char *const accepts[][2] = {
        {"text/plain", "text/plain"},
        {"*/*", "text/plain"},
        {"application/openmetrics-text;q=0", "text/plain"},
        {"application/openmetrics-textual", "text/plain"},
        {"text/plain;q=0.5,application/openmetrics-text;version=1.0.0",
         "application/openmetrics-text"},
        {"Application/OpenMetrics-Text", "application/openmetrics-text"}};
    struct server *s = server_start(NULL);

    for (size_t i = 0; i < sizeof(accepts) / sizeof(*accepts); i++) {
        struct answer *a = http_do(
            s, "GET", "/push/metrics",
            keep_printf("Accept: %s\r\n", accepts[i][0]), NULL);

        ck_assert_int_eq(strncmp(http_header(a, "Content-Type"), accepts[i][1],
                                 strlen(accepts[i][1])),
                         0);
    }
    ck_assert_int_eq(http_do(s, "HEAD", "/push/metrics", NULL, NULL)->length,
                     0);
    http_expect(http_do(s, "POST", "/push/metrics", NULL, ""), 405, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = case_add(suite, "metrics", 60);

    tcase_add_test(tc, every_figure_is_what_happened_and_none_falls);
    tcase_add_test(tc, streams_that_move_or_find_no_room_are_counted);
    tcase_add_test(tc,
                   streams_of_an_address_and_rates_have_their_limits_named);
    tcase_add_test(tc, tokens_are_refused_by_name);
    tcase_add_test(
        tc, a_slow_message_of_a_trace_is_an_exemplar_in_openmetrics_only);
    tcase_add_test(tc, promtool_finds_nothing_wrong_and_the_state_is_told);
    tcase_add_test(tc, only_who_asks_for_openmetrics_gets_it);
    return case_run(suite);
}
