/*
 * Reports against what happened: messages of several event types that are
 * published, delivered, acknowledged, replaced, recalled, refused, or expire,
 * over the death of a child, a graceful restart and a full one.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverconf.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define NAMED "PushMetricsEvents order price\n"

/* What this test does, by event type. */
static const struct {
    const char *event;
    json_int_t published, delivered, acked, expired, replaced, recalled,
        refused, filtered;
} truth[] = {{"order", 9, 5, 5, 0, 1, 1, 1, 1},
             {"price", 7, 3, 1, 2, 0, 0, 0, 0},
             {"message", 2, 2, 0, 0, 0, 0, 0, 0},
             {"other", 2, 1, 0, 0, 0, 0, 0, 1}};

#define EVENTS (sizeof(truth) / sizeof(*truth))

static const json_t *rows_of(const struct server *s, const char *query)
{
    struct answer *a = http_get(s, keep_printf("/push/reports%s", query));

    http_expect(a, 200, NULL);
    return json_at(a->json, "rows");
}

/* The sum of a figure over all rows of an event type; NULL: of all. */
static json_int_t figure_of(const json_t *rows, const char *event,
                            const char *name)
{
    json_int_t sum = 0;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);

        if (event == NULL || strcmp(json_text_at(row, "event"), event) == 0) {
            sum += json_int_at(row, name);
        }
    }
    return sum;
}

static void expect_figure(const json_t *rows, const char *event,
                          const char *name, json_int_t expected)
{
    json_int_t found = figure_of(rows, event, name);

    ck_assert_msg(found == expected, "%s %s: %lld, not %lld",
                  event ? event : "all", name, (long long)found,
                  (long long)expected);
}

static void expect_truth(const struct server *s, const char *query)
{
    const json_t *rows = rows_of(s, query);

    for (size_t i = 0; i < EVENTS; i++) {
        const char *event = truth[i].event;

        expect_figure(rows, event, "published", truth[i].published);
        expect_figure(rows, event, "delivered", truth[i].delivered);
        expect_figure(rows, event, "acked", truth[i].acked);
        expect_figure(rows, event, "expired", truth[i].expired);
        expect_figure(rows, event, "replaced", truth[i].replaced);
        expect_figure(rows, event, "recalled", truth[i].recalled);
        expect_figure(rows, event, "refused", truth[i].refused);
        expect_figure(rows, event, "filtered", truth[i].filtered);
        expect_figure(rows, event, "evicted", 0);
    }
}

static const char *say(const struct server *s, const char *user,
                       const char *event, const char *headers)
{
    return publish(s, keep_printf("user=%s", user),
                   keep_printf("%s%s%s%s", *event ? "Push-Event: " : "", event,
                               *event ? "\r\n" : "", headers),
                   "text");
}

/* Eleven are delivered, one by one, and the first six acknowledged.  Two more
 * are for other devices. */
static void deliver(struct server *s)
{
    static const char *const events[] = {"order", "order", "order",  "order",
                                         "order", "price", "price",  "price",
                                         "",      "",      "strange"};
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&ack=explicit",
                                    NULL);

    for (int i = 0; i < 11; i++) {
        say(s, "ada", events[i], "");
        expect_message(st, i + 1, "text");
    }
    say(s, "ada", "order", "Push-Where: os=ios\r\n");
    say(s, "ada", "strange", "Push-Where: os=ios\r\n");
    acknowledge(s, "user=ada&device=d&seq=6");
    leave(s, st);
}

/* Two whose time ends, one of two that is replaced, one that is taken back. */
static void end_some(const struct server *s)
{
    const char *mid;

    say(s, "bob", "price", "TTL: 1\r\n");
    say(s, "bob", "price", "TTL: 1\r\n");
    say(s, "eve", "order", "Topic: t\r\n");
    say(s, "eve", "order", "Topic: t\r\n");
    mid = say(s, "eve", "order", "");
    http_expect(http_do(s, "DELETE", keep_printf("/push/messages/%s", mid),
                        NULL, NULL),
                200, NULL);
}

/* What waits is more urgent, so there is no room for another one. */
static void refuse_one(struct server *s)
{
    leave(s, stream_open(s, "user=dan&device=d&seq=0", NULL));
    say(s, "dan", "price", "Urgency: high\r\n");
    say(s, "dan", "price", "Urgency: high\r\n");
    http_expect(publish_try(s, "user=dan",
                            "Push-Event: order\r\nUrgency: low\r\n", "text"),
                503, "mailbox-full");
}

START_TEST(figures_are_what_happened_over_deaths_and_restarts)
{
    struct server_options o = {
        .global = "PushMetricsEvents order price message\n"
                  "PushStateDir state\n"
                  "PushMaxPending 2\n"
                  "PushDefaultTTL 60\n"};
    struct server *s = server_start(&o);
    pid_t child;
    const json_t *day;

    deliver(s);
    end_some(s);
    refuse_one(s);
    wait_until(stat_of(s, "filtered") == 2);
    wait_until(figure_of(rows_of(s, ""), "price", "expired") == 2);
    expect_truth(s, "");
    ck_assert_int_eq(server_children(s, &child, 1), 1);
    server_kill_child(s, child);
    expect_truth(s, "");
    server_graceful(s);
    expect_truth(s, "");
    ck_assert_int_eq(stat_of(s, "published"),
                     figure_of(rows_of(s, "?by=total"), NULL, "published"));
    ck_assert_int_eq(stat_of(s, "delivered"),
                     figure_of(rows_of(s, "?by=total"), NULL, "delivered"));
    for (int i = 0; i < 2; i++) {
        server_rest(s);
        server_again(s);
        expect_truth(s, "");
        day = rows_of(s, "?step=day&by=total");
        expect_figure(day, NULL, "published", 20);
        expect_figure(day, NULL, "filtered", 2);
        expect_figure(day, NULL, "delivered", 11);
    }
    ck_assert_int_eq(stat_of(s, "published"), 0);
}
END_TEST

/* ---- with one server: what may be asked, and how it is answered ---- */

static struct server *asked(void)
{
    struct server_options o = {.global = NAMED};
    struct server *s = server_start(&o);

    say(s, "ada", "order", "");
    return s;
}

static const char *const wrong[][2] = {
    {"?step=hour", "step: minute or day"},
    {"?by=user", "by: event or total"},
    {"?format=xml", "format: json or csv"},
    {"?from=yesterday", "from: a time of RFC 3339"},
    {"?to=2026-02-30T00:00:00Z", "to: a time of RFC 3339"},
    {"?to=2026-01-01T00:00:00", "to: a time of RFC 3339"},
    {"?from=99999999999999", "from: a time of RFC 3339"},
    {"?from=200&to=100", "from: a time that is not after to"},
    {"?from=1&from=2", "from: given more than once"},
};

static void expect_problems(const struct server *s)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        http_expect(http_get(s, keep_printf("/push/reports%s", wrong[i][0])),
                    400, wrong[i][1]);
    }
    http_expect(http_do(s, "POST", "/push/reports", NULL, ""), 405, NULL);
}

static const char *const spans[] = {"?from=2026-01-01T00:00:00Z",
                                    "?from=2026-01-01t01:00:00.5%2B01:00",
                                    "?from=2026-01-01T01:00:00+01:00",
                                    "?from=1767225600&to=4102444800"};

static void expect_spans(const struct server *s)
{
    for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
        struct answer *a = http_get(s,
                                    keep_printf("/push/reports%s", spans[i]));

        http_expect(a, 200, NULL);
        ck_assert_str_eq(json_text_at(a->json, "from"),
                         "2026-01-01T00:00:00Z");
    }
    ck_assert_int_eq(json_array_size(rows_of(s, "?from=0&to=1000")), 0);
}

static void expect_csv(const struct server *s, struct answer *a)
{
    static const char head[] =
        "time,event,variant,published,delivered,acked,expired,"
        "replaced,recalled,evicted,refused,filtered,open\r\n";

    (void)s;
    http_expect(a, 200, NULL);
    ck_assert_ptr_nonnull(strstr(http_header(a, "Content-Type"), "text/csv"));
    ck_assert_ptr_eq(strstr(a->body, head), a->body);
    ck_assert_ptr_nonnull(strstr(a->body, "Z,order,,1,0,0,0,0,0,0,0,0,"));
    ck_assert_str_eq(a->body + a->length - 2, "\r\n");
}

START_TEST(reports_are_asked_for_by_time_step_and_form)
{
    struct server *s = asked();
    const json_t *row = json_array_get(rows_of(s, ""), 0);

    ck_assert_str_eq(json_text_at(row, "event"), "order");
    ck_assert(json_is_true(
        json_at(json_array_get(rows_of(s, "?step=day"), 0), "open")));
    ck_assert_ptr_null(
        json_at(json_array_get(rows_of(s, "?by=total"), 0), "event"));
    expect_problems(s);
    expect_spans(s);
    expect_csv(s, http_get(s, "/push/reports?format=csv"));
    expect_csv(s, http_do(s, "GET", "/push/reports", "Accept: text/csv\r\n",
                          NULL));
    http_expect(http_do(s, "GET", "/push/reports?format=json",
                        "Accept: text/csv\r\n", NULL),
                200, "\"rows\"");
    ck_assert_int_eq(http_do(s, "HEAD", "/push/reports", NULL, NULL)->length,
                     0);
}
END_TEST

static bool lives(const struct server *s, pid_t pid)
{
    pid_t now[64];
    int count = server_children(s, now, 64);

    for (int i = 0; i < count; i++) {
        if (now[i] == pid) {
            return true;
        }
    }
    return false;
}

/* Restarts gracefully with other lines; none of the old children is left. */
static void change(struct server *s, const char *global)
{
    pid_t old[64];
    int count = server_children(s, old, 64);

    s->options.global = global;
    serverconf_write(s);
    server_graceful(s);
    for (int i = 0; i < count; i++) {
        wait_until(!lives(s, old[i]));
    }
}

/* Other names from a restart on; what was counted keeps the old ones. */
START_TEST(names_that_change_with_a_restart_do_not_mix_figures)
{
    struct server *s = asked();
    const json_t *rows;
    const char *many;

    change(s, "PushMetricsEvents price trade\n");
    say(s, "ada", "order", "");
    say(s, "ada", "trade", "");
    rows = rows_of(s, "");
    expect_figure(rows, "order", "published", 1);
    expect_figure(rows, "other", "published", 1);
    expect_figure(rows, "trade", "published", 1);
    change(s, "");
    say(s, "ada", "order", "");
    say(s, "ada", "", "");
    expect_figure(rows_of(s, ""), "order", "published", 1);
    expect_figure(rows_of(s, ""), "other", "published", 3);
    change(s, NAMED);
    say(s, "ada", "order", "");
    rows = rows_of(s, "");
    expect_figure(rows, "order", "published", 2);
    expect_figure(rows, "other", "published", 3);
    expect_figure(rows_of(s, "?by=total"), NULL, "published", 6);
    /* The classes of three names are not free yet. */
    many = "PushMetricsEvents";
    for (int i = 0; i < 32; i++) {
        many = keep_printf("%s n%d", many, i);
    }
    server_allow(s, "PUSH0181");
    change(s, keep_printf("%s\n", many));
    wait_until(serverlog_count(s, "PUSH0181") == 1);
    ck_assert_int_eq(serverlog_count(s, "3 names have to wait, n29"), 1);
}
END_TEST

/* Of one variant of an event type; "": of what is of none that has a name. */
static json_int_t figure_by(const json_t *rows, const char *variant,
                            const char *name)
{
    json_int_t sum = 0;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *of = json_object_get(row, "variant");

        if (strcmp(json_text_at(row, "event"), "price") == 0
            && strcmp(of != NULL ? json_string_value(of) : "", variant) == 0) {
            sum += json_int_at(row, name);
        }
    }
    return sum;
}

static void expect_variant(const struct server *s, const char *variant,
                           const char *name, json_int_t expected)
{
    json_int_t found = figure_by(rows_of(s, ""), variant, name);

    ck_assert_msg(found == expected, "\"%s\" %s: %lld, not %lld", variant,
                  name, (long long)found, (long long)expected);
}

START_TEST(variants_that_have_a_name_are_counted_by_themselves)
{
    struct server_options o = {.global = "PushMetricsEvents price price/A "
                                         "price/B"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d&seq=0&ack=explicit",
                                    NULL);
    struct answer *a;

    say(s, "ada", "price", "Push-Where: share=0-99, of=x, variant=A\r\n");
    say(s, "ada", "price", "Push-Where: share=0-99, of=x, variant=B\r\n");
    say(s, "ada", "price", "Push-Where: share=0-99, of=x, variant=C\r\n");
    say(s, "ada", "price", "");
    for (int i = 0; i < 4; i++) {
        expect_message(st, i + 1, "text");
    }
    acknowledge(s, "user=ada&device=d&seq=2");
    say(s, "bob", "price",
        "TTL: 1\r\nPush-Where: share=0-99, of=x, variant=A\r\n");
    wait_until(figure_by(rows_of(s, ""), "A", "expired") == 1);
    expect_variant(s, "A", "published", 2);
    expect_variant(s, "A", "delivered", 1);
    expect_variant(s, "A", "acked", 1);
    expect_variant(s, "B", "published", 1);
    expect_variant(s, "B", "acked", 1);
    expect_variant(s, "B", "expired", 0);
    expect_variant(s, "", "published", 2);
    expect_variant(s, "", "delivered", 2);
    a = http_get(s, "/push/reports?format=csv");
    ck_assert_ptr_nonnull(strstr(a->body, ",price,A,"));
    ck_assert_ptr_nonnull(strstr(a->body, ",price,,"));
    leave(s, st);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reports");
    TCase *tc = case_add(suite, "reports", 60);

    tcase_add_test(tc, figures_are_what_happened_over_deaths_and_restarts);
    tcase_add_test(tc, reports_are_asked_for_by_time_step_and_form);
    tcase_add_test(tc, names_that_change_with_a_restart_do_not_mix_figures);
    tcase_add_test(tc, variants_that_have_a_name_are_counted_by_themselves);
    return case_run(suite);
}
