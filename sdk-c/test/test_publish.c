/* test_publish.c - publishing by single requests, and what both ways share. */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "publishing.h"
#include "suite.h"

#define CREATED "{\"id\":\"0hZk3x9Qa2B\",\"recipients\":3,\"connected\":2}"

/* ---- single requests ---- */

struct script {
    int status;
    const char *headers;
    const char *body;
    unsigned until; /* the number of requests that get this answer */
    char seen[8][512];
};

static int answer(void *ctx, struct scripted_request *r)
{
    struct script *s = ctx;
    char value[128];

    if (r->number <= 8) {
        scripted_header(r, "Idempotency-Key", value, sizeof(value));
        snprintf(s->seen[r->number - 1], 512, "%s %.300s %s", r->method,
                 r->target, value);
    }
    if (r->number <= s->until && s->status == 0) {
        return 0;
    }
    if (r->number <= s->until) {
        return scripted_answer(r, s->status, s->headers, s->body);
    }
    return scripted_answer(r, 201, "TTL: 60\r\n", CREATED);
}

static int check_request(void *ctx, struct scripted_request *r)
{
    static const char *const names[] = {"Content-Type",    "TTL",
                                        "Urgency",         "Topic",
                                        "Push-Event",      "Prefer",
                                        "Idempotency-Key", "Authorization"};
    char *out = ctx;
    size_t i;

    snprintf(out, 600, "%s %.500s", r->method, r->target);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char value[64];

        scripted_header(r, names[i], value, sizeof(value));
        snprintf(out + strlen(out), 100, "|%s", value);
    }
    snprintf(out + strlen(out), 100, "|%.90s", r->body);
    return scripted_answer(r, 202, "", CREATED);
}

START_TEST(a_message_is_one_request_with_the_headers_of_web_push)
{
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = pt_to_ann("{\"trip\":9}");
    char seen[2000];

    pt_begin(check_request, seen);
    pt_options.token = "secret";
    pt_options.query = "k=v";
    pt_start();
    m.user = "ann b";
    m.device = "d.1";
    m.content_type = "application/json";
    m.event = "trip.accepted";
    m.urgency = "high";
    m.topic = "trip9";
    m.key = "key-1";
    m.ttl = 60;
    m.receipt = 1;
    ck_assert_int_eq(pushc_publish_wait(pt_publisher, &m, &result), PUSHC_OK);
    ck_assert_str_eq(seen, "POST /push/messages?user=ann%20b&device=d.1&k=v|"
                           "application/json|60|high|trip9|trip.accepted|"
                           "respond-async|key-1|Bearer secret|{\"trip\":9}");
    ck_assert_str_eq(result.id, "0hZk3x9Qa2B");
    ck_assert_int_eq(result.recipients, 3);
    ck_assert_int_eq(result.connected, 2);
    ck_assert_int_eq(result.http_status, 202);
    ck_assert_str_eq(result.key, "key-1");
    ck_assert_uint_eq(result.attempts, 1);
}
END_TEST

static const struct {
    int status;
    const char *headers;
    const char *body;
} troubles[] = {
    {0, "", ""}, /* the connection is cut */
    {503, "Retry-After: 1\r\n", "{}"},
    {500, "", "oops"},
    {429, "", "{}"},
    {409, "", "{\"title\":\"first still running\"}"},
};

START_TEST(after_trouble_the_same_key_is_sent_again)
{
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = pt_to_ann("a");
    struct script s = {
        troubles[_i].status, troubles[_i].headers, troubles[_i].body, 1, {""}};

    pt_begin(answer, &s);
    pt_start();
    ck_assert_int_eq(pushc_publish_wait(pt_publisher, &m, &result), PUSHC_OK);
    ck_assert_uint_eq(result.attempts, 2);
    pt_finish();
    ck_assert_str_eq(s.seen[0], s.seen[1]);
    ck_assert_uint_eq(strlen(result.key), 22);
    ck_assert_ptr_nonnull(strstr(s.seen[0], result.key));
}
END_TEST

static const struct {
    int http;
    int status;
} refusals[] = {{400, PUSHC_ERR_HTTP},     {401, PUSHC_ERR_AUTH},
                {403, PUSHC_ERR_AUTH},     {413, PUSHC_ERR_HTTP},
                {422, PUSHC_ERR_HTTP},     {404, PUSHC_ERR_HTTP},
                {307, PUSHC_ERR_REDIRECT}, {302, PUSHC_ERR_REDIRECT}};

START_TEST(a_refusal_is_told_with_the_words_of_the_server)
{
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = pt_to_ann("a");
    struct script s = {refusals[_i].http,
                       "Location: http://127.0.0.2/\r\n",
                       "{\"title\":\"t\",\"detail\":\"too bad\"}",
                       9,
                       {""}};

    pt_begin(answer, &s);
    pt_start();
    ck_assert_int_eq(pushc_publish_wait(pt_publisher, &m, &result),
                     refusals[_i].status);
    ck_assert_int_eq(result.http_status, refusals[_i].http);
    ck_assert_str_eq(result.detail, "too bad");
    ck_assert_uint_eq(result.attempts, 1);
}
END_TEST

START_TEST(what_finds_no_server_is_given_up_in_time)
{
    pushc_result result = {.size = sizeof(result)};
    pushc_outgoing m = pt_to_ann("a");
    struct script s = {0, "", "", 0, {""}};
    uint64_t began;

    pt_begin(answer, &s);
    scripted_refuse(pt_server);
    pt_options.publish_ms = 1500;
    pt_options.streaming = _i;
    pt_start();
    began = now_ms();
    ck_assert_int_eq(pushc_publish_wait(pt_publisher, &m, &result),
                     PUSHC_ERR_NETWORK);
    ck_assert_uint_ge(now_ms() - began, 1490);
    ck_assert_uint_le(now_ms() - began, 5000);
}
END_TEST

static int never(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    scripted_hold(r, -1);
    return 0;
}

static int bad_token(void *ctx, int rejected, char *token, size_t size)
{
    (void)rejected;
    snprintf(token, size, "a\rX-Forged: b");
    atomic_fetch_add((atomic_uint *)ctx, 1);
    return PUSHC_OK;
}

START_TEST(a_token_with_the_end_of_a_line_is_not_sent)
{
    struct script s = {0};
    atomic_uint asked = 0;

    pt_begin(answer, &s);
    pt_options.on_token = bad_token;
    pt_options.ctx = &asked;
    pt_options.stop_ms = 1;
    pt_start();
    ck_assert_int_eq(pt_publish("x"), PUSHC_OK);
    WAIT_FOR(atomic_load(&asked) >= 2);
    ck_assert_uint_eq(scripted_count(pt_server, "/messages"), 0);
    pt_finish();
    ck_assert_int_ne(pt_results[0].status, PUSHC_OK);
}
END_TEST

START_TEST(no_more_than_max_in_flight_are_accepted)
{
    int i;

    pt_begin(never, NULL);
    pt_options.max_in_flight = 3;
    pt_options.parallel = 2;
    pt_options.stop_ms = 50;
    pt_options.streaming = _i;
    pt_start();
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(pt_publish("a"), PUSHC_OK);
    }
    ck_assert_int_eq(pt_publish("a"), PUSHC_AGAIN);
    ck_assert_int_eq(pushc_publisher_flush(pt_publisher, 20), PUSHC_AGAIN);
    if (!_i) {
        scripted_wait(pt_server, "/messages", 2);
        ck_assert_uint_eq(scripted_count(pt_server, "/messages"), 2);
    }
    ck_assert_uint_eq(pt_result_total(), 0);
    pushc_publisher_destroy(pt_publisher);
    pt_publisher = NULL;
    ck_assert_uint_eq(pt_result_total(), 3);
    for (i = 0; i < 3; i++) {
        ck_assert_int_eq(pt_results[i].status, PUSHC_ERR_CLOSED);
    }
}
END_TEST

static const struct {
    pushc_outgoing m;
} illegal[] = {
    {{.ttl = -1}},
    {{.user = "a", .channel = "b", .ttl = -1}},
    {{.device = "d", .channel = "b", .ttl = -1}},
    {{.user = "", .ttl = -1}},
    {{.user = "a", .ttl = -2}},
    {{.user = "a", .event = "a\r\nX: y", .ttl = -1}},
    {{.user = "a", .content_type = "a\nb", .ttl = -1}},
    {{.user = "a", .key = "\t", .ttl = -1}},
    {{.user = "a", .length = 3, .ttl = -1}},
};

START_TEST(an_illegal_message_is_refused_before_it_is_sent)
{
    pushc_outgoing m = illegal[_i].m;

    pt_begin(never, NULL);
    pt_options.streaming = 0;
    pt_start();
    m.size = sizeof(m);
    ck_assert_int_eq(pushc_publish(pt_publisher, &m, 0, NULL, NULL),
                     PUSHC_ERR_ARGUMENT);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("publish", 60);

    tcase_add_checked_fixture(tc, NULL, pt_finish);
    tcase_add_test(tc, a_message_is_one_request_with_the_headers_of_web_push);
    tcase_add_loop_test(tc, after_trouble_the_same_key_is_sent_again, 0,
                        sizeof(troubles) / sizeof(troubles[0]));
    tcase_add_loop_test(tc, a_refusal_is_told_with_the_words_of_the_server, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_loop_test(tc, what_finds_no_server_is_given_up_in_time, 0, 2);
    tcase_add_test(tc, a_token_with_the_end_of_a_line_is_not_sent);
    tcase_add_loop_test(tc, no_more_than_max_in_flight_are_accepted, 0, 2);
    tcase_add_loop_test(tc, an_illegal_message_is_refused_before_it_is_sent, 0,
                        sizeof(illegal) / sizeof(illegal[0]));
    return suite_run();
}
