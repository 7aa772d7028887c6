/*
 * What applications ask for by headers and by instructions (GRIP), as it is
 * understood; the rest of httpd is not there.
 */
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <httpd.h>

#include <check.h>
#include <string.h>

#include "core_suite.h"
#include "http/params.h"
#include "http/hold/grip.h"
#include "http/hold/instruct.h"
#include "http/settings.h"
#include "http/verbatim.h"

static apr_pool_t *pool;
static push_settings_t settings = {.max_wait = 55000,
                                   .max_channels_device = 4};
static void *config[] = {&settings};
static request_rec r;

static void set_up(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    r = (request_rec){.pool = pool,
                      .per_dir_config = (struct ap_conf_vector_t *)config,
                      .headers_out = apr_table_make(pool, 4)};
}

static void tear_down(void)
{
    apr_pool_destroy(pool);
}

/* The channels, joined by blanks. */
static const char *channels_of(const push_asked_t *asked)
{
    const char *all = "";

    for (int i = 0; i < asked->channels->nelts; i++) {
        push_text_t name = APR_ARRAY_IDX(asked->channels, i, push_text_t);

        all = apr_pstrcat(pool, all, i ? " " : "", name.at, NULL);
    }
    return all;
}

/* ---- headers, as libraries send them ---- */

static const struct {
    const char *who;
    const char *lines; /* of headers */
    push_asked_t asked;
    const char *channels;
} sent[] = {
    {"django-grip, a stream",
     "Grip-Hold: stream\nGrip-Channel: a, b",
     {.wait = 55000},
     "a b"},
    {"django-grip, a long poll",
     "Grip-Hold: response\nGrip-Channel: a\nGrip-Timeout: 20",
     {.polls = true, .verbatim = true, .wait = 20000},
     "a"},
    {"serve-grip",
     "Grip-Channel: test\nGrip-Hold: stream\n"
     "Grip-Keep-Alive: event: keep-alive\\ndata:\\n\\n; format=cstring; "
     "timeout=20\n"
     "Grip-Set-Meta: user=\"ada\"\n"
     "Grip-Link: </x/stream?after=3>; rel=next; timeout=60",
     {.wait = 55000, .heartbeat = 20000, .user = "ada"},
     "test"},
    {"laravel-grip, bytes to keep alive",
     "Grip-Channel: foo, bar, baz\nGrip-Hold: response\nGrip-Timeout: 100\n"
     "Grip-Keep-Alive: AAH/; format=base64; timeout=150",
     {.polls = true, .verbatim = true, .wait = 55000, .heartbeat = 150000},
     "foo bar baz"},
    {"laravel-grip, a 304 as 200",
     "Grip-Channel: foo\nGrip-Status: 304\nGrip-Hold: response",
     {.polls = true, .verbatim = true, .wait = 55000, .status = 304},
     "foo"},
    {"pushpin's own examples",
     "Grip-Hold: stream\nGrip-Channel: a\nGrip-Channel: b\n"
     "Grip-Keep-Alive: \\n; format=cstring",
     {.wait = 55000, .heartbeat = 55000},
     "a b"},
};

static apr_table_t *headers(const char *lines)
{
    apr_table_t *made = apr_table_make(pool, 8);
    char *next = NULL;

    for (char *line = apr_strtok(apr_pstrdup(pool, lines), "\n", &next); line;
         line = apr_strtok(NULL, "\n", &next)) {
        char *value = strstr(line, ": ");

        *value = '\0';
        apr_table_addn(made, line, value + 2);
    }
    return made;
}

static void expect_asked(const push_asked_t *got, const push_asked_t *wanted,
                         const char *channels)
{
    ck_assert_int_eq(got->polls, wanted->polls);
    ck_assert_int_eq(got->verbatim, wanted->verbatim);
    ck_assert_uint_eq(got->wait, wanted->wait);
    ck_assert_uint_eq(got->heartbeat, wanted->heartbeat);
    ck_assert_int_eq(got->status, wanted->status);
    ck_assert_pstr_eq(got->user, wanted->user);
    ck_assert_str_eq(channels_of(got), channels);
}

START_TEST(what_a_library_sends_is_understood)
{
    push_asked_t asked = {0};
    apr_table_t *taken = headers(sent[_i].lines);
    const push_problem_t *problem;

    ck_assert(push_grip_is(taken) && !push_asked_is(taken));
    problem = push_grip_read(&r, taken, &asked);
    ck_assert_msg(problem == NULL, "%s: %s", sent[_i].who, problem->detail);
    expect_asked(&asked, &sent[_i].asked, sent[_i].channels);
}
END_TEST

/* ---- instructions ---- */

/* What of the response is left. */
static const struct {
    const char *json;
    push_asked_t asked;
    const char *channels;
    const char *type, *mine, *body;
} instructed[] = {
    /* pygripcontrol's create_hold_stream(), and create_hold_response() with
     * bytes that are no text */
    {"{\"hold\": {\"mode\": \"stream\", \"channels\": [{\"name\": \"a\"}]}, "
     "\"response\": {\"headers\": {\"Content-Type\": \"text/event-stream\"}, "
     "\"body\": \"data: x\\n\\n\"}}",
     {.wait = 55000},
     "a",
     "text/event-stream",
     NULL,
     "data: x\n\n"},
    {"{\"hold\": {\"mode\": \"response\", \"channels\": [{\"name\": \"a\"}, "
     "{\"name\": \"b\"}], \"timeout\": 20}, \"response\": {\"code\": 201, "
     "\"reason\": \"Made\", \"headers\": [[\"X-Mine\", \"yes\"]], "
     "\"body-bin\": \"/v8=\"}}",
     {.polls = true, .verbatim = true, .wait = 20000, .status = 201},
     "a b",
     NULL,
     "yes",
     "\xfe\xff"},
    {"{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"a\"}],"
     "\"keep-alive\":{\"content-bin\":\"Cg==\",\"timeout\":\"7\"},"
     "\"meta\":{\"user\":\"ada\"}}}",
     {.wait = 55000, .heartbeat = 7000, .user = "ada"},
     "a",
     NULL,
     NULL,
     ""},
};

START_TEST(instructions_say_the_same_as_headers)
{
    push_text_t body = push_text_of(instructed[_i].json);
    push_asked_t asked = {0};
    const apr_table_t *taken = NULL;
    const push_problem_t *problem;

    r.content_type = "application/grip-instruct";
    ck_assert(push_instruct_is(&r));
    problem = push_instruct_read(&r, &body, &taken)
                  ?: push_grip_read(&r, taken, &asked);
    ck_assert_msg(problem == NULL, "%s: %s", instructed[_i].json,
                  problem->detail);
    expect_asked(&asked, &instructed[_i].asked, instructed[_i].channels);
    ck_assert_pstr_eq(r.content_type, instructed[_i].type);
    ck_assert_pstr_eq(apr_table_get(r.headers_out, "X-Mine"),
                      instructed[_i].mine);
    ck_assert_uint_eq(body.len, strlen(instructed[_i].body));
    ck_assert(!body.len || !memcmp(body.at, instructed[_i].body, body.len));
}
END_TEST

/* A member that is not supported is named, whatever its value. */
static const struct {
    const char *json, *says;
} unread[] = {
    {"[]", "application/grip-instruct"},
    {"{\"hold\":3}", "hold: an object"},
    {"{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"a\"}],"
     "\"meta\":{\"user\":7}}}",
     "hold.meta.user"},
    {"{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":3}]}}",
     "hold.channels.name"},
    {"{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"a,b\"}]}}",
     "hold.channels.name"},
    {"{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"a\","
     "\"filters\":[]}]}}",
     "hold.channels.filters is not supported"},
    {"{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"a\"}],"
     "\"timeout\":1.5}}",
     "Grip-Timeout"},
    {"{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"a\"}],"
     "\"keep-alive\":{\"every\":1}}}",
     "hold.keep-alive.every is not supported"},
    {"{\"hold\":{\"mode\":\"stream\",\"channels\":[{\"name\":\"a\"}],"
     "\"meta\":{\"room\":\"1\"}}}",
     "hold.meta.room is not supported"},
    {"{\"hold\":{\"mode\":\"response\",\"channels\":[{\"name\":\"a\"}]},"
     "\"response\":{\"code\":99}}",
     "Grip-Status"},
    {"{\"hold\":{\"mode\":\"response\",\"channels\":[{\"name\":\"a\"}]},"
     "\"response\":{\"body\":1}}",
     "response.body"},
    {"{\"hold\":{\"mode\":\"response\",\"channels\":[{\"name\":\"a\"}]},"
     "\"response\":{\"body-bin\":\"?\"}}",
     "response.body-bin"},
    {"{\"hold\":{\"mode\":\"response\",\"channels\":[{\"name\":\"a\"}]},"
     "\"response\":{\"headers\":[[\"X\"]]}}",
     "response.headers"},
    {"{\"hold\":{\"mode\":\"response\",\"channels\":[{\"name\":\"a\"}]},"
     "\"response\":{\"headers\":3}}",
     "response.headers"},
};

START_TEST(what_is_not_understood_is_named)
{
    push_text_t body = push_text_of(unread[_i].json);
    push_asked_t asked = {0};
    const apr_table_t *taken = NULL;
    const push_problem_t *problem = push_instruct_read(&r, &body, &taken)
                                        ?: push_grip_read(&r, taken, &asked);

    ck_assert_msg(problem != NULL, "%s is taken", unread[_i].json);
    ck_assert_int_eq(problem->status, 502);
    ck_assert_msg(strstr(problem->detail, unread[_i].says) != NULL, "%s: %s",
                  unread[_i].json, problem->detail);
}
END_TEST

/* ---- whole answers ---- */

#define ANSWER                                                                \
    "HTTP/1.1 201 Made\r\nX-Mine: a\r\nX-Mine: b\r\n"                         \
    "Cache-Control: no-store\r\nContent-Length: 2\r\nConnection: close\r\n"   \
    "\r\nhi"

START_TEST(an_answer_is_read_as_it_was_written)
{
    apr_table_t *own = headers("X-Mine: a\nX-Mine: b\nTransfer-Encoding: x");
    push_verbatim_t answer = {
        .code = 201, .reason = "Made", .headers = own, .body = {"hi", 2}};
    push_text_t text = push_verbatim_write(pool, &answer);
    size_t whole = strlen(ANSWER) - 2;

    ck_assert_uint_eq(text.len, strlen(ANSWER));
    ck_assert_mem_eq(text.at, ANSWER, text.len);
    for (uint32_t len = 0; len <= text.len; len++) {
        push_verbatim_t again = {0};

        ck_assert_int_eq(push_verbatim_read(pool, (push_text_t){text.at, len},
                                            &again),
                         len < whole ? 0 : whole);
        if (len >= whole) {
            ck_assert_int_eq(again.code, 201);
            ck_assert_str_eq(again.reason, "Made");
            ck_assert_int_eq(apr_table_elts(again.headers)->nelts, 3);
        }
    }
}
END_TEST

#define BYTES(text)                                                           \
    {                                                                         \
        text, sizeof(text) - 1                                                \
    }

static const push_text_t no_answers[] = {
    BYTES("HTTP/1.1 20x OK\r\n\r\n"),
    BYTES("HTTP/1.1 100 Continue\r\n\r\n"),
    BYTES("HTTP/1.0 200 OK\r\n\r\n"),
    BYTES("HTTP/1.1 200\r\n\r\n"),
    BYTES("HTTP/1.1 200 OK\r\nX\r\n\r\n"),
    BYTES("HTTP/1.1 200 OK\r\nX y: z\r\n\r\n"),
    BYTES("HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n"),
    BYTES("\r\n\r\n"),
    /* A NUL ends no head. */
    BYTES("\0HTTP/1.1 200 OK\r\n\r\n"),
    BYTES("HTTP/1.1 200 OK\r\n\0X: y\r\n\r\n"),
    BYTES("HTTP/1.1 200 OK\r\nX: y\0\r\n\r\n"),
    BYTES("HTTP/1.1 200 O\0K\r\n\r\n"),
};

START_TEST(what_is_no_answer_is_none)
{
    push_verbatim_t answer;

    ck_assert_int_eq(push_verbatim_read(pool, no_answers[_i], &answer), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("asked");
    TCase *tc = unit_case(suite, "hold", 20);

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_row_test(tc, what_a_library_sends_is_understood, sent);
    tcase_add_row_test(tc, instructions_say_the_same_as_headers, instructed);
    tcase_add_row_test(tc, what_is_not_understood_is_named, unread);
    tcase_add_test(tc, an_answer_is_read_as_it_was_written);
    tcase_add_row_test(tc, what_is_no_answer_is_none, no_answers);
    return unit_run(suite);
}
