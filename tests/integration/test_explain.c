/*
 * Why a message did not arrive, or a device hears nothing: each cause is made
 * to happen, and explained, also by who comes after a graceful restart.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "causes.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static struct server_options options = {.global = CAUSES_LIMITS
                                        "PushTrace traced*\n"};

static bool begins(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; pattern++) {
        size_t length = *pattern == '#'   ? strspn(text, "0123456789")
                        : *pattern == '@' ? strspn(text, "0123456789"
                                                         "ABCDEFGHIJKLM"
                                                         "NOPQRSTUVWXYZ"
                                                         "abcdefghijklm"
                                                         "nopqrstuvwxyz")
                                          : *pattern == *text;

        if (length == 0 || (*pattern == '@' && length != 11)) {
            return false;
        }
        text += length;
    }
    return true;
}

static const json_t *explain(const struct server *s, const char *query)
{
    struct answer *a = http_get(s, keep_printf("/push/explain?%s", query));

    http_expect(a, 200, NULL);
    return a->json;
}

static const json_t *explain_row(const struct server *s, size_t i,
                                 const char *mid)
{
    const char *device = causes[i].device;

    return explain(s, keep_printf("user=u%zu%s%s%s%s", i,
                                  *device ? "&device=" : "", device,
                                  mid != NULL ? "&message=" : "",
                                  mid != NULL ? mid : ""));
}

/* Some causes take a moment to come true, like the end of a TTL. */
static void check_row(const struct server *s, size_t i, const char *mid)
{
    int64_t end = wait_now() + WAIT_MS;
    const json_t *found;

    do {
        found = explain_row(s, i, mid);
        if (!strcmp(json_text_at(found, "cause"), causes[i].cause)) {
            break;
        }
        wait_a_little();
    } while (wait_now() < end);
    ck_assert_msg(!strcmp(json_text_at(found, "cause"), causes[i].cause)
                      && begins(json_text_at(found, "verdict"),
                                causes[i].sentence),
                  "row %zu, not %s: %s", i, causes[i].cause,
                  json_dumps(found, JSON_INDENT(1)));
}

START_TEST(each_cause_is_found_and_said_also_after_a_graceful_restart)
{
    struct server *s = server_start(&options);
    const char **mids = keep(calloc(causes_count, sizeof(*mids)), free);

    for (size_t i = 0; i < causes_count; i++) {
        mids[i] = causes[i].prepare(s, keep_printf("u%zu", i));
    }
    for (size_t i = 0; i < causes_count; i++) {
        check_row(s, i, mids[i]);
    }
    server_graceful(s);
    for (size_t i = 0; i < causes_count; i++) {
        check_row(s, i, mids[i]);
    }
}
END_TEST

/* ---- several devices ---- */

START_TEST(of_several_devices_each_has_its_chain_and_the_user_a_verdict)
{
    struct server *s = server_start(&options);
    struct stream *st = phone(s, "ada", "");
    const json_t *found;
    const char *mid;

    leave(s, stream_open(s, "user=ada&device=tablet", NULL));
    mid = message_to(s, "ada", NULL);
    expect_message(st, 1, "hello");
    acknowledge(s, "user=ada&device=phone&seq=1");
    found = explain(s, keep_printf("user=ada&message=%s", mid));
    ck_assert_uint_eq(json_array_size(json_at(found, "devices")), 2);
    ck_assert_str_eq(json_text_at(found, "cause"), "away");
    ck_assert(begins(json_text_at(found, "verdict"),
                     "1 of 2 devices of user ada have it. It waits: tablet is "
                     "away for # s."));
    for (int i = 0; i < 2; i++) {
        const char *path = keep_printf("devices.%d.device", i);
        bool is_phone = !strcmp(json_text_at(found, path), "phone");
        const char *id = json_text_at(found, keep_printf("devices.%d.id", i));
        const json_t *one = explain(
            s, keep_printf("user=ada&device=%s&message=%s", id, mid));

        ck_assert_str_eq(json_text_at(one, "cause"),
                         is_phone ? "acknowledged" : "away");
        ck_assert_ptr_null(json_at(one, "devices"));
    }
}
END_TEST

/* ---- what is not well asked ---- */

static const struct {
    const char *query;
    const char *mention;
} unclear[] = {{"", "user: "},
               {"?user=", "user: "},
               {"?user=a%01", "user: "},
               {"?user=a&user=b", "user: "},
               {"?user=a&message=", "message: "},
               {"?user=a&message=00000000000", "message: "},
               {"?user=a&message=8yIJLk1DzU", "message: "},
               {"?user=a&message=8yIJLk1DzU-", "message: "},
               {"?user=a&device=", "device: "},
               {"?user=a&device=b%20c", "device: "}};

START_TEST(a_question_that_is_unclear_is_answered_by_the_field)
{
    struct server *s = server_start(&options);

    for (size_t i = 0; i < sizeof(unclear) / sizeof(unclear[0]); i++) {
        http_expect(http_get(s,
                             keep_printf("/push/explain%s", unclear[i].query)),
                    400, unclear[i].mention);
    }
    http_expect(http_do(s, "POST", "/push/explain?user=a", NULL, ""), 405,
                "method");
}
END_TEST

/* ---- traces ---- */

/* The events of a trace, one behind the other. */
static const char *trace_of(const json_t *found)
{
    const json_t *trace = json_at(found, "trace");
    const char *text = "";

    for (size_t i = 0; i < json_array_size(trace); i++) {
        const json_t *event = json_array_get(trace, i);
        const json_t *seq = json_at(event, "seq");

        text = keep_printf("%s%s%s", text, i ? " " : "",
                           json_text_at(event, "what"));
        if (seq != NULL) {
            text = keep_printf("%s=%d", text, (int)json_integer_value(seq));
        }
    }
    return text;
}

static bool has_step(const json_t *found, const char *what, const char *text)
{
    const json_t *steps = json_at(found, "steps");

    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);

        if (!strcmp(json_text_at(step, "what"), what)
            && !strcmp(json_text_at(step, "text"), text)) {
            return true;
        }
    }
    return false;
}

START_TEST(a_trace_tells_what_was_written_again_also_after_a_restart)
{
    struct server *s = server_start(&options);
    const char *mid;
    struct stream *st;
    const json_t *found;

    phone_left(s, "traced.ada", "");
    mid = message_to(s, "traced.ada", NULL);
    st = phone(s, "traced.ada", "");
    expect_message(st, 1, "hello");
    leave(s, st);
    server_graceful(s);
    st = phone(s, "traced.ada", "");
    expect_message(st, 1, "hello");
    acknowledge(s, "user=traced.ada&device=phone&seq=1");
    found = explain(s, keep_printf("user=traced.ada&device=phone&message=%s",
                                   mid));
    ck_assert_str_eq(trace_of(found),
                     "came settings went came settings written=1 went came "
                     "settings written-again=1 acked=1");
    ck_assert(has_step(found, "written", "It was written as seq 1."));
    ck_assert(
        has_step(found, "written-again", "It was written again as seq 1."));
    ck_assert_str_eq(json_text_at(found, "cause"), "acknowledged");
    message_to(s, "untraced", NULL);
    leave(s, phone(s, "untraced", ""));
    found = explain(s, "user=untraced&device=phone");
    ck_assert(json_is_null(json_at(found, "trace")));
}
END_TEST

/* A shard's part of the part of the memory that traces may take. */
START_TEST(a_device_for_whose_trace_there_is_no_room_says_so)
{
    struct server_options small = {.global = "PushTrace *\nPushShmSize 8M\n"};
    struct server *s = server_start(&small);
    int without = 0;

    for (int i = 0; i < 60; i++) {
        leave(s, stream_open(s, keep_printf("user=ada&device=d%d", i), NULL));
    }
    for (int i = 0; i < 60; i++) {
        const json_t *found = explain(s,
                                      keep_printf("user=ada&device=d%d", i));
        const json_t *trace = json_at(found, "trace");

        without += json_is_string(trace);
        ck_assert(json_is_string(trace) || json_array_size(trace) == 3);
    }
    ck_assert_int_gt(without, 40);
    ck_assert_int_lt(without, 60);
    ck_assert(
        json_is_true(json_at(http_get(s, "/push/check")->json, "sound")));
}
END_TEST

START_TEST(a_message_is_asked_about_with_the_channel_that_has_it)
{
    static const char *const others[] = {"channel=d", "broadcast=1"};
    struct server *s = server_start(NULL);
    const char *mid = publish(s, "channel=c", NULL, "hello");
    const char *query = keep_printf("user=ada&message=%s", mid);

    phone_left(s, "ada", "");
    ck_assert_str_eq(
        json_text_at(explain(s, keep_printf("%s&channel=c", query)), "cause"),
        "channel-not-followed");
    for (int i = 0; i < 2; i++) {
        http_expect(
            http_get(s, keep_printf("/push/explain?%s&%s", query, others[i])),
            404, NULL);
    }
    http_expect(http_get(s,
                         keep_printf("/push/explain?%s&broadcast=no", query)),
                400, "broadcast");
}
END_TEST

/* ---- a full memory ---- */

START_TEST(what_went_for_want_of_memory_is_said_to_have)
{
    struct server_options small = {
        .global = "PushShmSize 8M\nPushMaxPending 10000\n"};
    struct server *s = server_start(&small);
    static char text[60000];
    const char *mid;
    const json_t *found;

    memset(text, 'x', sizeof(text) - 1);
    phone_left(s, "ada", "");
    mid = publish(s, "user=ada", "Urgency: low\r\n", "hello");
    for (int i = 0; i < 400; i++) {
        if (stat_of(s, "evicted")) {
            break;
        }
        publish_try(s, "user=ada", "Urgency: normal\r\n", text);
    }
    found = explain(s, keep_printf("user=ada&message=%s", mid));
    ck_assert_str_eq(json_text_at(found, "cause"), "evicted-memory");
    ck_assert(begins(json_text_at(found, "verdict"),
                     "It was dropped # s ago: the memory was full"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("explain");
    TCase *tc = case_add(suite, "causes", 120);

    tcase_add_test(tc,
                   each_cause_is_found_and_said_also_after_a_graceful_restart);
    tcase_add_test(
        tc, of_several_devices_each_has_its_chain_and_the_user_a_verdict);
    tcase_add_test(tc, a_question_that_is_unclear_is_answered_by_the_field);
    tcase_add_test(tc, a_message_is_asked_about_with_the_channel_that_has_it);
    tcase_add_test(tc, what_went_for_want_of_memory_is_said_to_have);
    tc = case_add(suite, "traces", 60);
    tcase_add_test(tc,
                   a_trace_tells_what_was_written_again_also_after_a_restart);
    tcase_add_test(tc, a_device_for_whose_trace_there_is_no_room_says_so);
    return case_run(suite);
}
