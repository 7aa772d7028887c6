/* What pushbench asks for and how it reads the answers of polls. */
#include "pushbench_bare.h"
#include "pushbench_poll.h"
#include "pushbench_sse.h"
#include "pushbench_wire.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* ---- payloads and requests ---- */

static struct pb_options some_options(enum pb_mode mode, unsigned size)
{
    struct pb_options options = {
        .mode = mode, .prefix = "b", .device = "d", .size = size};

    options.server.sin_family = AF_INET;
    return options;
}

START_TEST(a_payload_has_its_size_and_is_read_back)
{
    static const unsigned SIZES[] = {PB_MIN_PAYLOAD, 100, PB_MAX_PAYLOAD};
    struct pb_options options = some_options(PB_UNICAST, SIZES[_i]);
    struct pb_message sent = {.time = UINT64_C(123456789012345), .to = 999};
    struct pb_message got = {0};
    char *text = malloc(options.size + 1);

    text[options.size] = '!';
    ck_assert_uint_eq(pb_wire_payload(&options, &sent, text), options.size);
    ck_assert_int_eq(text[0], '{');
    ck_assert_int_eq(text[options.size - 1], '}');
    ck_assert_int_eq(text[options.size], '!');
    ck_assert(pb_wire_parse(text, options.size, &got));
    ck_assert_uint_eq(got.time, sent.time);
    ck_assert_uint_eq(got.to, sent.to);
    free(text);
}
END_TEST

START_TEST(a_payload_that_a_server_laid_out_anew_is_read_too)
{
    static const char TEXT[] = "{\"to\": \"0000007\", \"t\": \"0042\"}";
    struct pb_message got;

    ck_assert(pb_wire_parse(TEXT, sizeof TEXT - 1, &got));
    ck_assert_uint_eq(got.time, 42);
    ck_assert_uint_eq(got.to, 7);
    ck_assert(!pb_wire_parse("{\"t\":\"\"}", 8, &got));
    ck_assert(!pb_wire_parse("hello", 5, &got));
}
END_TEST

START_TEST(requests_fit_into_the_room_that_is_kept_for_them)
{
    struct pb_message message = {.time = UINT64_MAX, .to = 1999999};
    struct pb_cursor cursor;

    memset(&cursor, 'x', sizeof cursor);
    cursor.id[REPLY_VALIDATOR - 1] = cursor.modified[REPLY_VALIDATOR - 1] =
        '\0';
    for (int target = PB_PUSH; target <= PB_BARE; target++) {
        for (int mode = PB_IDLE; mode <= PB_NONE; mode++) {
            struct pb_options options = some_options((enum pb_mode)mode, 100);
            char out[PB_REQUEST_ROOM + 100];

            options.target = (enum pb_target)target;
            options.prefix = "abcdefghijklmnopqrstuvwxyz012345";
            options.device = options.prefix;
            options.server.sin_port = 0xffff;
            options.server.sin_addr.s_addr = 0xffffffff;
            ck_assert_uint_lt(pb_wire_subscribe(&options, 1999999, out),
                              PB_REQUEST_ROOM);
            options.polls = true;
            ck_assert_uint_lt(pb_wire_poll(&options, 1999999, &cursor, out),
                              PB_REQUEST_ROOM);
            ck_assert_uint_lt(pb_wire_post(&options, &message, out),
                              sizeof out);
            ck_assert_uint_lt(pb_wire_ndjson_head(&options, out),
                              PB_REQUEST_ROOM);
            ck_assert_uint_lt(pb_wire_ndjson_line(&options, &message, out),
                              sizeof out);
        }
    }
}
END_TEST

static void add_one(void *baton, const char *data, size_t len)
{
    (void)data;
    (void)len;
    ++*(uint64_t *)baton;
}

/* ---- polls ---- */

#define PAYLOAD                                                               \
    "{\"t\":\"00000000000000000042\",\"to\":\"0000007\",\"pad\":"             \
    "\"xxxxxxxxxx\"}"

/* The answer to a poll, and what is to be read from it. */
static const struct poll_case {
    enum pb_target target;
    const char *text;
    int gaps; /* -1: it is none */
    uint64_t messages;
    const char *next; /* stands in the request after it */
} POLLS[] = {
    {PB_PUSH,
     "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\n\n"
     "{\"gaps\":[],\"messages\":[{\"id\":\"1.a\",\"data\":" PAYLOAD "}],"
     "\"cursor\":\"1.a\",\"more\":false}\n",
     0, 1, "&id=1.a HTTP/1.1\r\n"},
    {PB_PUSH,
     "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
     "{\"gaps\":[{\"dropped\":3,\"reason\":\"mailbox\"},{\"dropped\":1}],"
     "\"messages\":[{\"id\":\"8.a\",\"data\":" PAYLOAD
     "},{\"id\":\"9.b\",\"data\":" PAYLOAD "}],"
     "\"cursor\":\"9.b\",\"more\":true}\n",
     2, 2, "&id=9.b HTTP/1.1\r\n"},
    {PB_PUSH,
     "HTTP/1.1 200 OK\r\n\r\n{\"gaps\":[],\"messages\":[],\"more\":false}\n",
     0, 0, "&id=0.z HTTP/1.1\r\n"},
    {PB_PUSH, "HTTP/1.1 200 OK\r\n\r\n{\"gaps\":[],\"messages\":[{\"id\":", -1,
     0, "&id=0.z HTTP/1.1\r\n"},
    {PB_PUSH, "HTTP/1.1 200 OK\r\n\r\n", -1, 0, "&id=0.z HTTP/1.1\r\n"},
    {PB_NCHAN,
     "HTTP/1.1 200 OK\r\nLast-Modified: Sun, 29 Nov 2026 13:00:00 GMT\r\n"
     "Etag: 7\r\n\r\n" PAYLOAD,
     0, 1,
     "If-None-Match: 7\r\n"
     "If-Modified-Since: Sun, 29 Nov 2026 13:00:00 GMT\r\n"},
    {PB_NCHAN, "HTTP/1.1 200 OK\r\n\r\n" PAYLOAD, -1, 0,
     "If-None-Match: 0.z\r\n"},
};

/* Gathers the answer in steps, and reads it; returns its gaps. */
static int read_poll(const struct poll_case *row, size_t step,
                     struct pb_poll *poll, uint64_t *messages)
{
    struct pb_options options = some_options(PB_FANOUT, sizeof PAYLOAD - 1);
    size_t len = strlen(row->text), at;
    struct reply_head head;

    options.target = row->target;
    reply_head_init(&head);
    at = (size_t)reply_head_feed(&head, row->text, len);
    ck_assert(head.done);
    ck_assert_int_eq(head.closes, strstr(row->text, "close") != NULL);
    for (; at < len; at += step) {
        struct reply_slice slice = {row->text + at,
                                    len - at < step ? len - at : step};

        ck_assert(pb_poll_feed(poll, &slice));
    }
    return pb_poll_end(poll, &options, &head, add_one, messages);
}

START_TEST(a_poll_asks_for_what_is_behind_the_answer_before)
{
    const struct poll_case *row = &POLLS[_i];
    struct pb_options options = some_options(PB_FANOUT, 100);

    options.target = row->target;
    options.polls = true;
    for (size_t step = 1; step <= strlen(row->text); step++) {
        struct pb_poll poll = {.cursor = {.id = "0.z"}};
        char request[PB_REQUEST_ROOM + 1];
        uint64_t messages = 0;

        ck_assert_int_eq(read_poll(row, step, &poll, &messages), row->gaps);
        ck_assert_uint_eq(messages, row->messages);
        ck_assert_uint_eq(poll.len, 0);
        request[pb_wire_poll(&options, 7, &poll.cursor, request)] = '\0';
        ck_assert_ptr_nonnull(strstr(request, row->next));
        pb_poll_cleanup(&poll);
    }
}
END_TEST

START_TEST(a_first_poll_shows_no_cursor)
{
    const struct pb_cursor none = {0};

    for (int target = PB_PUSH; target <= PB_NCHAN; target++) {
        struct pb_options options = some_options(PB_FANOUT, 100);
        char request[PB_REQUEST_ROOM + 1];

        options.target = (enum pb_target)target;
        options.polls = true;
        request[pb_wire_poll(&options, 7, &none, request)] = '\0';
        ck_assert_ptr_null(strstr(request, "&id="));
        ck_assert_ptr_null(strstr(request, "If-"));
    }
}
END_TEST

START_TEST(what_the_limit_writes_is_as_many_messages)
{
    struct pb_options options = some_options(PB_FANOUT, 100);
    char *out = malloc(120 * (PB_EVENT_ROOM + 100));
    size_t len = pb_bare_batch(&options, 120, out);
    struct pb_count count;

    ck_assert_uint_le(len, 120 * (PB_EVENT_ROOM + 100));
    pb_count_init(&count);
    pb_count_feed(&count, out, len);
    ck_assert_uint_eq(count.messages, 120);
    ck_assert_uint_eq(count.reserved, 0);
    free(out);
}
END_TEST

/* A command line, and whether it is one. */
static const struct line_case {
    const char *words[9];
    bool right;
} LINES[] = {
    {{"fanout", "--target", "push", "--publisher", "ndjson"}, true},
    {{"fanout", "--target", "nchan", "--tls", "8443"}, true},
    {{"away", "--target", "nchan", "--conns", "8"}, true},
    {{"none", "--target", "bare", "--servers", "2"}, true},
    {{"fanout", "--target", "bare"}, true},
    {{"fanout", "--target", "nchan", "--receive", "poll"}, true},
    {{"idle", "--target", "push", "--receive", "poll"}, true},
    {{"fanout", "--target", "bare", "--receive", "poll"}, false},
    {{"hold", "--target", "push", "--receive", "poll"}, false},
    {{"fanout", "--target", "push", "--receive", "post"}, false},
    {{"fanout", "--target", "nchan", "--publisher", "ndjson"}, false},
    {{"fanout", "--target", "bare", "--tls", "8443"}, false},
    {{"fanout", "--target", "bare", "--publisher", "ndjson"}, false},
    {{"unicast", "--target", "bare"}, false},
    {{"away", "--target", "bare"}, false},
    {{"fanout", "--tls", "65536"}, false},
    {{"poll"}, false},
    {{"fanout", "--target"}, false},
};

START_TEST(what_a_server_cannot_do_is_not_begun)
{
    const struct line_case *row = &LINES[_i];
    char *words[16] = {"pushbench"};
    struct pb_options options;
    int count = 1;

    for (int i = 0; row->words[i]; i++) {
        words[count++] = (char *)(uintptr_t)row->words[i];
        if (i == 0) {
            words[count++] = "--url";
            words[count++] = "http://127.0.0.1:1";
        }
    }
    ck_assert_int_eq(pb_options_parse(&options, count, words), row->right);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

int main(void)
{
    Suite *suite = suite_create("pushbench_wire");
    TCase *tcase = tcase_create("pushbench_wire");
    SRunner *runner = srunner_create(suite);
    int failures;

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, a_payload_has_its_size_and_is_read_back, 0, 3);
    tcase_add_test(tcase, a_payload_that_a_server_laid_out_anew_is_read_too);
    tcase_add_test(tcase, requests_fit_into_the_room_that_is_kept_for_them);
    tcase_add_loop_test(tcase,
                        a_poll_asks_for_what_is_behind_the_answer_before, 0,
                        COUNT(POLLS));
    tcase_add_test(tcase, a_first_poll_shows_no_cursor);
    tcase_add_test(tcase, what_the_limit_writes_is_as_many_messages);
    tcase_add_loop_test(tcase, what_a_server_cannot_do_is_not_begun, 0,
                        COUNT(LINES));
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures ? 1 : 0;
}
