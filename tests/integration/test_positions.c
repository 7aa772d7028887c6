/*
 * Where devices are: reports, messages for who is near, fences and their
 * events.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static const struct answer *report(const struct server *s, const char *who,
                                   const char *body)
{
    return http_do(s, "POST", keep_printf("/ramen/position?%s", who), NULL,
                   body);
}

static void be_at(const struct server *s, const char *who, const char *lat,
                  const char *lon)
{
    const char *body = keep_printf("{\"lat\":%s,\"lon\":%s,\"accuracy\":5}",
                                   lat, lon);

    /* At most once a second. */
    wait_until(report(s, who, body)->status != 429);
    ck_assert_int_eq(report(s, who, body)->status, 429);
}

static const struct answer *fence(const struct server *s, const char *method,
                                  const char *name, const char *body)
{
    return http_do(s, method, keep_printf("/push/fences%s", name), NULL, body);
}

#define LISBON "Push-Where: near=38.7223,-9.1393,300\r\n"

/* ---- near ---- */

static void nobody_is_shown_where_it_is(const struct server *s)
{
    static const char *const pages[] = {"/push/users/ada/devices",
                                        "/push/streams", "/push/stats",
                                        "/push/metrics", "/push/fences"};

    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        const struct answer *a = http_get(s, pages[i]);

        http_expect(a, 200, NULL);
        ck_assert_msg(!strstr(a->body, "-9.1393"), "%s", pages[i]);
        ck_assert_msg(!strstr(a->body, "387241000"), "%s", pages[i]);
    }
    ck_assert_int_eq(serverlog_count(s, "-9.1393"), 0);
    ck_assert_int_eq(serverlog_count(s, "387241000"), 0);
}

static void who_is_near_gets_it_and_who_is_not_does_not(const struct server *s)
{
    struct stream *here = stream_open(s, "user=ada&device=here", NULL);
    struct stream *far = stream_open(s, "user=ada&device=far", NULL);
    struct stream *silent = stream_open(s, "user=ada&device=silent", NULL);
    const char *mid;

    be_at(s, "user=ada&device=here", "38.7241", "-9.1393");
    be_at(s, "user=ada&device=far", "41.1579", "-8.6291");
    mid = publish(s, "user=ada", LISBON, "a car is near");
    publish(s, "user=ada", NULL, "for all");
    expect_message(here, 1, "a car is near");
    expect_message(here, 2, "for all");
    expect_message(far, 1, "for all");
    expect_message(silent, 1, "for all");
    ck_assert_int_eq(count_of(s, mid, "filtered"), 2);
    nobody_is_shown_where_it_is(s);
    /* In a line, with another term. */
    publish_lines(s, "{\"user\":\"ada\",\"where\":{\"near\":"
                     "\"41.1579,-8.6291,1\"},\"data\":\"Porto\"}\n");
    expect_message(far, 2, "\"Porto\"");
    stream_close(here);
    stream_close(far);
    stream_close(silent);
}

static void a_position_that_is_taken_back_is_none(const struct server *s)
{
    struct stream *st = stream_open(s, "user=bob&device=d", NULL);

    be_at(s, "user=bob&device=d", "38.7223", "-9.1393");
    publish(s, "user=bob", LISBON, "1");
    expect_message(st, 1, "1");
    ck_assert_int_eq(report(s, "user=bob&device=d", "null")->status, 204);
    ck_assert_int_eq(report(s, "user=bob&device=d", "null")->status, 204);
    publish(s, "user=bob", LISBON, "2");
    publish(s, "user=bob", NULL, "3");
    expect_message(st, 2, "3");
    stream_close(st);
}

static const struct {
    const char *who, *body;
    int status;
    const char *says;
} bad[] = {
    {"user=eve&device=none", "{\"lat\":1,\"lon\":2}", 404, "device: "},
    {"user=eve", "{\"lat\":1,\"lon\":2}", 400, "device: missing"},
    {"user=eve&device=d", "", 400, "body: one JSON object"},
    {"user=eve&device=d", "[1,2]", 400, "body: one JSON object"},
    {"user=eve&device=d", "{\"lat\":1,\"lat\":1,\"lon\":2}", 400, "body: "},
    {"user=eve&device=d", "{\"lat\":1,\"lng\":2}", 400,
     "none of lat, lon and accuracy"},
    {"user=eve&device=d", "{\"lon\":2}", 400, "lat: a number, -90 to 90"},
    {"user=eve&device=d", "{\"lat\":90.1,\"lon\":2}", 400, "lat: "},
    {"user=eve&device=d", "{\"lat\":\"1\",\"lon\":2}", 400, "lat: "},
    {"user=eve&device=d", "{\"lat\":1,\"lon\":-180.1}", 400,
     "lon: a number, -180 to 180"},
    {"user=eve&device=d", "{\"lat\":1,\"lon\":2,\"accuracy\":-1}", 400,
     "accuracy: a number, 0 to 100000"},
    {"user=eve&device=d", "{\"lat\":1,\"lon\":2,\"accuracy\":100001}", 400,
     "accuracy: "},
};

static void what_is_wrong_is_named(const struct server *s)
{
    struct stream *st = stream_open(s, "user=eve&device=d", NULL);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        http_expect(report(s, bad[i].who, bad[i].body), bad[i].status,
                    bad[i].says);
    }
    http_expect(http_get(s, "/ramen/position?user=eve&device=d"), 405, "POST");
    http_expect(publish_try(s, "user=eve", "Push-Where: near=91,0,1\r\n", "x"),
                400, "near: LAT,LON,METRES");
    /* None of that was a report. */
    ck_assert_int_eq(
        report(s, "user=eve&device=d", "{\"lat\":-90,\"lon\":180}")->status,
        204);
    stream_close(st);
}

/* ---- fences ---- */

static const struct {
    const char *method, *name, *body;
    int status;
    const char *says;
} bad_fences[] = {
    {"PUT", "/f", "", 400, "body: one JSON object"},
    {"PUT", "/f", "{\"lat\":0,\"lon\":0}", 400, "m: a number, 1 to 1000000"},
    {"PUT", "/f", "{\"lat\":0,\"lon\":0,\"m\":0}", 400, "m: "},
    {"PUT", "/f", "{\"lat\":0,\"lon\":0,\"m\":1,\"ttl\":2592001}", 400,
     "ttl: a number, 1 to 2592000"},
    {"PUT", "/f", "{\"lat\":0,\"lon\":0,\"m\":1,\"user\":\"\"}", 400,
     "user: 1-255"},
    {"PUT", "/f", "{\"lat\":0,\"lon\":0,\"m\":1,\"radius\":1}", 400,
     "none of lat, lon, m, ttl and user"},
    {"PUT",
     "/12345678901234567890123456789012345678901234567890123456789012345",
     "{\"lat\":0,\"lon\":0,\"m\":1}", 400, "fence: 1-64"},
    {"GET", "/f", NULL, 404, "fence: there is none"},
    {"DELETE", "/f", NULL, 404, "fence: there is none"},
    {"POST", "/f", NULL, 405, "PUT"},
};

static void fences_are_put_up_and_taken_down(const struct server *s)
{
    const struct answer *a;

    for (size_t i = 0; i < sizeof(bad_fences) / sizeof(bad_fences[0]); i++) {
        http_expect(fence(s, bad_fences[i].method, bad_fences[i].name,
                          bad_fences[i].body),
                    bad_fences[i].status, bad_fences[i].says);
    }
    a = fence(s, "GET", "", NULL);
    ck_assert_int_eq(json_int_at(a->json, "count"), 0);
    a = fence(s, "PUT", "/a%20b",
              "{\"lat\":-38.5,\"lon\":179.25,\"m\":200,\"ttl\":60,"
              "\"user\":\"ada\"}");
    ck_assert_int_eq(a->status, 200);
    a = fence(s, "GET", "", NULL);
    ck_assert_int_eq(json_int_at(a->json, "count"), 1);
    ck_assert_int_eq(json_int_at(a->json, "most"), 10000);
    ck_assert_str_eq(json_text_at(a->json, "fences.0.fence"), "a b");
    a = fence(s, "GET", "/a%20b", NULL);
    ck_assert_int_eq(json_int_at(a->json, "m"), 200);
    ck_assert_int_eq(json_int_at(a->json, "ttl"), 60);
    ck_assert_str_eq(json_text_at(a->json, "user"), "ada");
    ck_assert_double_eq(json_real_value(json_at(a->json, "lat")), -38.5);
    ck_assert_double_eq(json_real_value(json_at(a->json, "lon")), 179.25);
    ck_assert_int_eq(fence(s, "DELETE", "/a%20b", NULL)->status, 204);
    ck_assert_int_eq(fence(s, "GET", "/a%20b", NULL)->status, 404);
}

static const json_t *event_at(struct backend *b, int n)
{
    backend_await(b, n + 1);
    return json_keep(json_loads(backend_body(b, n), 0, NULL));
}

static void who_crosses_a_fence_is_told(const struct server *s,
                                        struct backend *b)
{
    struct stream *st = stream_open(s, "user=tom&device=car&app=driver", NULL);
    const json_t *event;

    ck_assert_int_eq(
        fence(s, "PUT", "/pickup",
              "{\"lat\":0,\"lon\":180,\"m\":200,\"user\":\"tom\"}")
            ->status,
        200);
    ck_assert_int_eq(
        fence(s, "PUT", "/other",
              "{\"lat\":0,\"lon\":180,\"m\":200,\"user\":\"ada\"}")
            ->status,
        200);
    be_at(s, "user=tom&device=car&app=driver", "0", "-179.9");
    be_at(s, "user=tom&device=car&app=driver", "0", "-179.9990");
    event = event_at(b, 0);
    ck_assert_str_eq(json_text_at(event, "type"), "push.geo.entered");
    ck_assert_str_eq(json_text_at(event, "data.fence"), "pickup");
    ck_assert_str_eq(json_text_at(event, "data.user"), "tom");
    ck_assert_str_eq(json_text_at(event, "data.device_id"), "car");
    ck_assert_str_eq(json_text_at(event, "data.app"), "driver");
    ck_assert_ptr_null(strstr(backend_body(b, 0), "179."));
    /* Not yet far enough. */
    be_at(s, "user=tom&device=car&app=driver", "0", "-179.9981");
    be_at(s, "user=tom&device=car&app=driver", "0", "-179.9979");
    event = event_at(b, 1);
    ck_assert_str_eq(json_text_at(event, "type"), "push.geo.left");
    ck_assert_str_eq(json_text_at(event, "data.fence"), "pickup");
    ck_assert_int_eq(backend_count(b), 2);
    stream_close(st);
}

static const char rule[] =
    "PushPositions on\n"
    "<PushTrigger geo>\n"
    "PushWhen \"event('type') in { 'push.geo.entered', 'push.geo.left' }\"\n"
    "PushPost ${BACKEND}/\n"
    "</PushTrigger>\n";

START_TEST(who_is_where_decides_who_gets_what)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, rule);

    backend_answer(b, 200, NULL, "");
    who_is_near_gets_it_and_who_is_not_does_not(s);
    a_position_that_is_taken_back_is_none(s);
    what_is_wrong_is_named(s);
    fences_are_put_up_and_taken_down(s);
    who_crosses_a_fence_is_told(s, b);
    ck_assert(
        json_is_true(json_at(http_get(s, "/push/check")->json, "sound")));
}
END_TEST

START_TEST(a_position_outlives_a_graceful_restart_and_not_its_age)
{
    const struct server_options o = {.global = "PushPositions on\n"
                                               "PushPositionAge 10s\n"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d", NULL);

    be_at(s, "user=ada&device=d", "38.7223", "-9.1393");
    ck_assert_int_eq(
        fence(s, "PUT", "/f", "{\"lat\":0,\"lon\":0,\"m\":1}")->status, 200);
    server_graceful(s);
    ck_assert_int_eq(fence(s, "GET", "/f", NULL)->status, 200);
    publish(s, "user=ada", LISBON, "1");
    stream_close(st);
    st = stream_open(s, "user=ada&device=d", NULL);
    expect_message(st, 1, "1");
    wait_until(count_of(s, publish(s, "user=ada", LISBON, "2"), "filtered"));
    stream_close(st);
}
END_TEST

START_TEST(where_positions_are_off_it_is_said)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d", NULL);

    http_expect(report(s, "user=ada&device=d", "{\"lat\":0,\"lon\":0}"), 404,
                "PushPositions");
    http_expect(fence(s, "GET", "", NULL), 404, "PushPositions");
    http_expect(fence(s, "PUT", "/f", "{\"lat\":0,\"lon\":0,\"m\":1}"), 404,
                "PushPositions");
    http_expect(publish_try(s, "user=ada", LISBON, "x"), 501, "PushPositions");
    publish(s, "user=ada", "Push-Where: os=ios\r\n", "x");
    stream_close(st);
}
END_TEST

START_TEST(in_a_cluster_the_start_says_that_there_are_none)
{
    struct server_options o = {.global = "PushPositions on\n"
                                         "PushCluster redis://h:1\n"
                                         "PushClusterSecret s\n"};
    const char *said = server_refusal(&o);

    ck_assert_msg(strstr(said, "PushPositions on and PushCluster"), "%s",
                  said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("positions");
    TCase *tc = case_add(suite, "positions", 60);

    tcase_add_test(tc, who_is_where_decides_who_gets_what);
    tcase_add_test(tc, a_position_outlives_a_graceful_restart_and_not_its_age);
    tcase_add_test(tc, where_positions_are_off_it_is_said);
    tcase_add_test(tc, in_a_cluster_the_start_says_that_there_are_none);
    return case_run(suite);
}
