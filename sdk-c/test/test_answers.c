/* test_answers.c - what a client makes of answers: tests/vectors. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "head.h"
#include "probing.h"
#include "suite.h"
#include "transport.h"
#include "vectors.h"

static json_t *rows;
static const json_t *row;
static double drawn; /* what every random number is, where 0 or above */

/* ---- one row of the vectors ---- */

static int answer_row(void *ctx, struct scripted_request *r)
{
    const json_t *headers = json_object_get(row, "headers");
    const char *name;
    json_t *value;
    size_t length;
    char *body;

    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", "");
    }
    if (r->receives > 1) {
        scripted_hold(r, -1);
        return 0;
    }
    body = vectors_text(json_object_get(row, "body"), &length);
    scripted_say(r, "HTTP/1.1 %d X\r\nConnection: close\r\n",
                 (int)vectors_number(row, "status"));
    json_object_foreach((json_t *)headers, name, value)
    {
        scripted_say(r, "%s: %s\r\n", name, json_string_value(value));
    }
    scripted_say(r, "\r\n");
    scripted_write(r, body, length);
    free(body);
    return 0;
}

static int draw(void *ctx, void *bytes, size_t n)
{
    uint64_t bits = (uint64_t)(drawn * 9007199254740992.0) << 11;

    (void)ctx;
    memset(bytes, 0, n);
    memcpy(bytes, &bits, n < sizeof(bits) ? n : sizeof(bits));
    return 0;
}

static void begin(int i)
{
    rows = vectors_load("answers.json");
    row = json_array_get(rows, (size_t)i);
    drawn = json_object_get(row, "random") ? vectors_number(row, "random")
                                           : -1;
    probing_begin(answer_row, NULL);
    probe->options.base_ms = 0;
    probe->options.on_random = drawn < 0 ? NULL : draw;
    probe_start(probe);
}

static void end(void)
{
    probing_end();
    json_decref(rows);
}

static void check_messages(const char *about)
{
    const json_t *wanted = json_object_get(row, "messages");
    unsigned i;

    for (i = 0; i < json_array_size(wanted); i++) {
        WAIT_FOR(probe_messages(probe) > i);
        ck_assert_msg(strcmp(probe_message_at(probe, i).data,
                             json_string_value(json_array_get(wanted, i)))
                          == 0,
                      "%s: message %u", about, i);
    }
    ck_assert_msg(!wanted || probe_messages(probe) == json_array_size(wanted),
                  "%s: %u messages", about, probe_messages(probe));
}

static void check_wait(const char *about)
{
    const json_t *wait = json_object_get(row, "wait");
    pushc_event e;

    WAIT_FOR(probe_events(probe, PUSHC_WAITING) > 0);
    e = probe_nth(probe, PUSHC_WAITING, 1, NULL);
    ck_assert_msg(
        e.delay_ms >= (uint64_t)json_integer_value(json_array_get(wait, 0))
            && e.delay_ms
                   <= (uint64_t)json_integer_value(json_array_get(wait, 1)),
        "%s: waits for %llu ms", about, (unsigned long long)e.delay_ms);
}

static void check_row(void)
{
    const char *about = vectors_string(row, "description");
    const char *outcome = vectors_string(row, "outcome");
    const char *wanted = vectors_string(row, "cursor");
    int open = strcmp(outcome, "open") == 0;
    char cursor[64];

    if (strcmp(outcome, "stop") == 0) {
        WAIT_FOR(probe_events(probe, PUSHC_STOPPED) == 1);
        ck_assert_uint_eq(scripted_count(server, "/receive"), 1);
        check_messages(about);
        return;
    }
    check_wait(about);
    ck_assert_msg((probe_events(probe, PUSHC_OPEN) > 0) == open, "%s: %s",
                  about, open ? "did not open" : "opened");
    check_messages(about);
    WAIT_FOR(pushc_cursor(probe->client, cursor, sizeof(cursor)) == PUSHC_OK
             && (!wanted || strcmp(cursor, wanted) == 0));
}

static int row_count(void)
{
    json_t *all = vectors_load("answers.json");
    int n = (int)json_array_size(all);

    json_decref(all);
    return n;
}

START_TEST(an_answer_leads_to_what_the_vectors_say)
{
    begin(_i);
    check_row();
    end();
}
END_TEST

/* ---- redirects: what is the same origin ---- */

static const struct {
    const char *a, *b;
    int same;
} origins[] = {
    {"http://h/ramen", "http://h/other?x=1#y", 1},
    {"http://h/ramen", "HTTP://H:80", 1},
    {"https://h", "https://h:443/x", 1},
    {"https://[::1]:8443/x", "https://[::1]:8443/y", 1},
    {"http://u:p@h/ramen", "http://h/ramen", 1},
    {"http://h/ramen", "https://h/ramen", 0},
    {"http://h/ramen", "http://h:8080/ramen", 0},
    {"http://h:8080/ramen", "http://h:80801/ramen", 0},
    {"http://h/ramen", "http://h.evil/ramen", 0},
    {"http://h/ramen", "http://h@evil/ramen", 0},
    {"http://h/ramen", "http://evil/h", 0},
    {"http://h/ramen", "", 0},
    {"", "", 0},
};

START_TEST(an_origin_is_scheme_host_and_port)
{
    ck_assert_msg(pushc_same_origin(origins[_i].a, origins[_i].b)
                      == origins[_i].same,
                  "%s and %s", origins[_i].a, origins[_i].b);
}
END_TEST

/* ---- the fields of a head ---- */

static struct pushc_head head;

static void say(const char *line)
{
    pushc_head_line(&head, line, strlen(line));
}

START_TEST(the_fields_of_a_head_have_no_case_and_begin_anew_with_each_head)
{
    say("HTTP/1.1 100 Continue\r\n");
    say("push-session: a_B-9\r\n");
    say("PUSH-WINDOW:64\r\n");
    say("Push-Max-Message: \t 65536 \r\n");
    say("Retry-After: 7\r\n");
    ck_assert_str_eq(head.session, "a_B-9");
    ck_assert_uint_eq(head.window, 64);
    ck_assert_uint_eq(head.max_message, 65536);
    ck_assert_uint_eq(head.retry_after, 7000);
    say("HTTP/1.1 200 OK\r\n");
    ck_assert_str_eq(head.session, "");
    ck_assert_uint_eq(head.window, 0);
    ck_assert_uint_eq(head.max_message, 0);
    ck_assert_uint_eq(head.retry_after, 0);
}
END_TEST

static const char *const nothing[] = {
    "Push-Session:",
    "Push-Session: a b",
    "Push-Session: a&seq=9",
    "Push-Session: 012345678901234567890123456789012",
    "Push-Session-Id: abc",
    "Push-Session",
    "Push-Window: -1",
    "Push-Window: 0",
    "Push-Window: many",
    "Push-Window: 64, 65",
    "Push-Max-Message: 64K",
    "Retry-After: +5",
    ": 5",
    "",
};

START_TEST(what_is_malformed_is_not_told)
{
    static const struct pushc_head none;

    say("HTTP/1.1 200 OK");
    say(nothing[_i]);
    ck_assert_msg(memcmp(&head, &none, sizeof(head)) == 0, "%s", nothing[_i]);
}
END_TEST

int main(void)
{
    TCase *tc = suite_begin("answers", 60);

    tcase_add_loop_test(tc, an_answer_leads_to_what_the_vectors_say, 0,
                        row_count());
    tcase_add_loop_test(tc, an_origin_is_scheme_host_and_port, 0,
                        sizeof(origins) / sizeof(origins[0]));
    tcase_add_test(
        tc, the_fields_of_a_head_have_no_case_and_begin_anew_with_each_head);
    tcase_add_loop_test(tc, what_is_malformed_is_not_told, 0,
                        sizeof(nothing) / sizeof(nothing[0]));
    return suite_run();
}
