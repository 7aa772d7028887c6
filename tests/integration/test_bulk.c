/*
 * NDJSON: a line a message, an answer line a line, for as long as the
 * publisher likes.
 */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "case.h"
#include "feed.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

START_TEST(every_line_is_a_message_with_an_answer_line)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0&channel=news",
                                    NULL);
    struct answer *a = publish_lines(
        s, "{\"user\":\"ada\",\"text\":\"one\",\"event\":\"e\"}\n"
           "{\"channel\":\"news\",\"data\":{\"b\":[1,2]},\"ttl\":10}\n"
           "{\"broadcast\":true,\"base64\":\"AP8=\"}\n"
           "{\"user\":\"ada\",\"device\":\"d1\",\"text\":\"four\","
           "\"receipt\":true}");
    const struct event *e = stream_next(st);

    ck_assert_str_eq(http_header(a, "Content-Type"), "application/x-ndjson");
    ck_assert_str_eq(e->data, "one");
    ck_assert_str_eq(e->type, "e");
    e = stream_next(st);
    ck_assert_str_eq(e->data, "{\"b\":[1,2]}");
    e = stream_next(st);
    ck_assert_str_eq(e->data, "AP8=");
    ck_assert_str_eq(e->enc, "base64");
    e = stream_next(st);
    ck_assert_str_eq(e->data, "four");
    ck_assert_str_eq(e->ack, "now");
}
END_TEST

START_TEST(lines_take_effect_while_the_body_goes_on)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct feed f = feed_open(s);
    int i;

    for (i = 1; i <= 20; i++) {
        const json_t *answer;

        feed_send(&f, keep_printf("{\"user\":\"ada\",\"text\":\"m%d\"}\n", i));
        expect_message(st, i, keep_printf("m%d", i));
        answer = feed_answer(&f);
        ck_assert_uint_eq(strlen(json_text_at(answer, "id")), 11);
        ck_assert_int_eq(json_int_at(answer, "recipients"), 1);
    }
}
END_TEST

START_TEST(a_line_may_arrive_in_pieces)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct feed f = feed_open(s);
    const char *lines = "{\"user\":\"ada\",\"text\":\"one\"}\n"
                        "{\"user\":\"ada\",\"text\":\"two\"}\n";
    size_t i;

    for (i = 0; i < strlen(lines); i++) {
        feed_send(&f, keep_copy(lines + i, 1));
    }
    expect_message(st, 1, "one");
    expect_message(st, 2, "two");
    /* The last line needs no end. */
    feed_send(&f, "{\"user\":\"ada\",\"text\":\"three\"}");
    wire_send(f.wire, "0\r\n\r\n", 5);
    expect_message(st, 3, "three");
    feed_answer(&f);
    feed_answer(&f);
    feed_answer(&f);
}
END_TEST

/* Sends faster than the server can read, so that there is always more. */
START_TEST(answers_come_while_there_is_always_more_to_read)
{
    static const char line[] = "{\"user\":\"ada\",\"ttl\":0,\"data\":1}\n";
    const size_t most = 64u << 20, part = 2000 * (sizeof(line) - 1);
    struct server *s = server_start(NULL);
    struct feed f = feed_open(s);
    char *lines = keep(malloc(part + 1), free);
    size_t sent = 0;

    for (size_t at = 0; at < part; at += sizeof(line) - 1) {
        memcpy(lines + at, line, sizeof(line));
    }
    while (strchr(f.wire->bytes, '{') == NULL) {
        ck_assert_msg(sent < most, "no answer to %zu bytes", sent);
        feed_send(&f, lines);
        sent += part;
        wire_receive(f.wire, wait_now());
    }
    ck_assert_int_eq(json_int_at(feed_answer(&f), "recipients"), 0);
    /* Who reads no more of them would keep the child from its end. */
    wire_close(f.wire);
}
END_TEST

START_TEST(the_answer_stands_while_the_publisher_is_silent)
{
    struct server_options o = {
        .global = "Timeout 1\nRequestReadTimeout body=1,minrate=500"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct feed f = feed_open(s);

    feed_send(&f, "{\"user\":\"ada\",\"text\":\"m1\"}\n");
    expect_message(st, 1, "m1");
    feed_answer(&f);
    /* Longer than httpd and mod_reqtimeout grant a body, also in a line. */
    ck_assert_ptr_null(stream_next_in(st, 2500));
    feed_send(&f, "{\"user\":\"ada\",");
    ck_assert_ptr_null(stream_next_in(st, 2500));
    feed_send(&f, "\"text\":\"m2\"}\n");
    expect_message(st, 2, "m2");
    feed_answer(&f);
}
END_TEST

/* What is wrong with a line, and what its error must mention. */
static const char *const bad_lines[][2] = {
    {"{\"user\":\"ada\",\"text\":", "JSON"},
    {"[1,2]", "object"},
    {"17", "object"},
    {"{}", "user"},
    {"{\"text\":\"x\"}", "user"},
    {"{\"user\":\"ada\"}", "data"},
    {"{\"user\":\"\",\"text\":\"x\"}", "user"},
    {"{\"user\":17,\"text\":\"x\"}", "user"},
    {"{\"user\":null,\"text\":\"x\"}", "user"},
    {"{\"user\":\"a\",\"channel\":\"b\",\"text\":\"x\"}", "channel"},
    {"{\"channel\":\"\",\"text\":\"x\"}", "channel"},
    {"{\"channel\":\"b\",\"device\":\"d\",\"text\":\"x\"}", "device"},
    {"{\"broadcast\":false,\"text\":\"x\"}", "broadcast"},
    {"{\"broadcast\":\"yes\",\"text\":\"x\"}", "broadcast"},
    {"{\"user\":\"ada\",\"device\":\"a b\",\"text\":\"x\"}", "device"},
    {"{\"user\":\"ada\",\"text\":17}", "text"},
    {"{\"user\":\"ada\",\"base64\":\"?\"}", "base64"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"data\":1}", "data"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"ttl\":-1}", "ttl"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"ttl\":\"10\"}", "ttl"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"t\\u0074l\":5}", "ttl"},
    {"{\"user\":\"ada\",\"d\\u0061ta\":5}", "data"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"urgency\":\"now\"}", "urgency"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"topic\":\"a b\"}", "topic"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"traceparent\":\"\"}", "traceparent"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"event\":\"push.bye\"}", "event"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"event\":\"a\\nid: 9\"}", "event"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"key\":17}", "key"},
    {"{\"user\":\"ada\\u0000\",\"text\":\"x\"}", "user"},
    {"{\"channel\":\"c\\u0000\",\"text\":\"x\"}", "channel"},
    {"{\"user\":\"ada\",\"device\":\"d\\u0000\",\"text\":\"x\"}", "device"},
    {"{\"user\":\"ada\",\"topic\":\"t\\u0000\",\"text\":\"x\"}", "topic"},
    {"{\"user\":\"ada\",\"event\":\"e\\u0000\",\"text\":\"x\"}", "event"},
    {"{\"user\":\"ada\",\"key\":\"k\\u0000\",\"text\":\"x\"}", "key"},
    {"{\"user\":\"ada\",\"urgency\":\"low\\u0000\",\"text\":\"x\"}",
     "urgency"},
    {"{\"user\":\"ada\",\"base64\":\"AAA\\u0000\"}", "base64"},
    {"{\"us\\u0000er\":\"ada\",\"text\":\"x\"}", "NUL"},
    {"{\"user\":\"ada\",\"text\":\"x\",\"receipt\":\"yes\"}", "receipt"},
};

/* A payload as it stands in the line, and as it arrives. */
static const struct {
    const char *line;
    const char *data;
    const char *enc;
} payloads[] = {
    {"\"data\":{\"k\":\"\\u0000\"}", "{\"k\":\"\\u0000\"}", ""},
    {"\"data\":123456789012345678901234567890",
     "123456789012345678901234567890", ""},
    {"\"data\" : [ 1.50,\t-0 ]", "[ 1.50,\t-0 ]", ""},
    {"\"data\":\"}\\\"]\"", "\"}\\\"]\"", ""},
    {"\"data\":null", "null", ""},
    {"\"text\":\"a\\u0000b\"", "YQBi", "base64"},
    {"\"text\":\"\"", "", ""},
    {"\"text\":\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", ""},
    {"\"base64\":\"\"", "", ""},
};

START_TEST(any_json_value_text_or_bytes_is_a_payload)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct feed f = feed_open(s);
    size_t i;

    for (i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
        const struct event *e;

        feed_send(&f,
                  keep_printf("{\"user\":\"ada\",%s}\n", payloads[i].line));
        ck_assert_msg(json_at(feed_answer(&f), "error") == NULL, "refused: %s",
                      payloads[i].line);
        e = stream_next(st);
        ck_assert_str_eq(e->data, payloads[i].data);
        ck_assert_str_eq(e->enc, payloads[i].enc);
    }
}
END_TEST

START_TEST(one_bad_line_harms_no_other)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct feed f = feed_open(s);
    size_t i, count = sizeof(bad_lines) / sizeof(*bad_lines);

    for (i = 0; i < count; i++) {
        const json_t *answer;
        const json_t *error;
        char *text;

        feed_send(&f, keep_printf("%s\n", bad_lines[i][0]));
        answer = feed_answer(&f);
        error = json_at(answer, "error");
        ck_assert_msg(error != NULL, "no error for %s", bad_lines[i][0]);
        text = json_dumps(error, 0);
        ck_assert_msg(strcasestr(text, bad_lines[i][1]) != NULL,
                      "the error for %s does not mention %s: %s",
                      bad_lines[i][0], bad_lines[i][1], text);
        free(text);
    }
    feed_send(&f, "{\"user\":\"ada\",\"text\":\"good\"}\n");
    ck_assert_ptr_null(json_at(feed_answer(&f), "error"));
    expect_message(st, 1, "good");
}
END_TEST

START_TEST(a_key_makes_a_line_idempotent)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct feed f = feed_open(s);
    const char *line = "{\"user\":\"ada\",\"text\":\"once\",\"key\":\"k\"}\n";
    const char *first;

    feed_send(&f, line);
    first = json_text_at(feed_answer(&f), "id");
    feed_send(&f, line);
    ck_assert_str_eq(json_text_at(feed_answer(&f), "id"), first);
    feed_send(&f, "{\"user\":\"ada\",\"text\":\"other\",\"key\":\"k\"}\n");
    ck_assert_int_eq(json_int_at(feed_answer(&f), "error.status"), 422);
    feed_send(&f, "{\"user\":\"ada\",\"text\":\"marker\"}\n");
    expect_message(st, 1, "once");
    expect_message(st, 2, "marker");
}
END_TEST

START_TEST(a_key_counts_for_the_next_line_already)
{
    static const char line[] = "{\"user\":\"ada\",\"text\":\"once\","
                               "\"key\":\"k\"}\n";
    struct server *s = server_start(NULL);
    struct feed f = feed_open(s);
    const char *first;

    feed_send(&f, keep_printf("%s%s%s", line, line, line));
    first = json_text_at(feed_answer(&f), "id");
    ck_assert_str_eq(json_text_at(feed_answer(&f), "id"), first);
    ck_assert_str_eq(json_text_at(feed_answer(&f), "id"), first);
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_refused_and_the_next_is_not)
{
    struct server_options o = {
        .admin = "Require local\nPushMaxMessageSize 1K"};
    struct server *s = server_start(&o);
    struct feed f = feed_open(s);
    char *text = keep(malloc(200001), free);

    memset(text, 'x', 200000);
    text[200000] = '\0';
    feed_send(&f,
              keep_printf("{\"user\":\"ada\",\"text\":\"%.1025s\"}\n", text));
    ck_assert_int_eq(json_int_at(feed_answer(&f), "error.status"), 413);
    feed_send(&f, keep_printf("{\"user\":\"ada\",\"text\":\"%s\"}\n", text));
    ck_assert_int_eq(json_int_at(feed_answer(&f), "error.status"), 413);
    feed_send(&f,
              keep_printf("{\"user\":\"ada\",\"text\":\"%.1024s\"}\n", text));
    ck_assert_ptr_null(json_at(feed_answer(&f), "error"));
}
END_TEST

/* A type, and whether it is that of lines. */
static const struct {
    const char *type;
    bool lines;
} types[] = {
    {"application/x-ndjson", true},
    {"Application/X-NDJSON", true},
    {"application/x-ndjson; charset=utf-8", true},
    {"application/x-ndjson ;charset=utf-8", true},
    {"application/x-ndjson-patch", false},
    {"application/json", false},
};

START_TEST(only_ndjson_is_taken_for_lines)
{
    struct server *s = server_start(NULL);
    struct answer *a = http_do(
        s, "POST", "/push/messages?user=ada",
        keep_printf("Content-Type: %s\r\n", types[_i].type), "no JSON");

    ck_assert_int_eq(a->status, types[_i].lines ? 200 : 201);
}
END_TEST

START_TEST(empty_lines_are_passed_over)
{
    struct server *s = server_start(NULL);
    struct answer *a = publish_lines(
        s, "\n\r\n{\"user\":\"ada\",\"text\":\"x\"}\r\n\n");
    const char *first = strchr(a->body, '\n');

    ck_assert_ptr_nonnull(first);
    ck_assert_msg(first[1] == '\0', "more than one answer: %s", a->body);
}
END_TEST

START_TEST(a_publisher_that_goes_away_in_a_line_publishes_nothing_of_it)
{
    struct server *s = server_start(NULL);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct feed f = feed_open(s);

    feed_send(&f, "{\"user\":\"ada\",\"text\":\"whole\"}\n"
                  "{\"user\":\"ada\",\"text\":\"half\"}");
    expect_message(st, 1, "whole");
    wire_close(f.wire);
    publish(s, "user=ada", NULL, "marker");
    expect_message(st, 2, "marker");
    ck_assert_ptr_null(stream_next_in(st, 300));
}
END_TEST

START_TEST(a_malformed_chunk_is_no_line_and_the_answer_says_so)
{
    static const char broken[] = "{\"user\":\"ada\",\"text\":\"x\"}\r\n";
    struct server *s = server_start(NULL);
    struct feed f = feed_open(s);

    feed_send(&f, "{\"user\":\"ada\",\"text\":\"whole\"}\n"
                  "{\"user\":\"ada\",\"text\":\"half\"}");
    feed_answer(&f);
    wire_send(f.wire, broken, sizeof(broken) - 1);
    feed_end(&f, "bad-body");
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

START_TEST(a_line_that_a_restart_cuts_off_has_no_answer)
{
    struct server *s = server_start(NULL);
    struct feed f = feed_open(s);
    int64_t deadline;

    feed_send(&f, "{\"user\":\"ada\",\"text\":\"whole\"}\n"
                  "{\"user\":\"ada\",\"text\":\"ha");
    feed_answer(&f);
    server_graceful(s);
    deadline = wait_now() + WAIT_MS;
    while (wire_receive(f.wire, deadline)) {
    }
    ck_assert_msg(wait_now() < deadline, "the answer does not end");
    ck_assert_msg(strchr(f.wire->bytes, '{') == NULL, "answered: %s",
                  f.wire->bytes);
}
END_TEST

/* Seconds until the server asks whether the silent other end of the wire is
 * still there; -1 if it does not. */
static int asked_in(const struct server *s, const struct wire *w)
{
    struct sockaddr_in own;
    socklen_t size = sizeof(own);
    FILE *f = fopen("/proc/net/tcp", "r");
    unsigned local, remote, kind, when;
    char line[512];
    int found = -1;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(getsockname(w->fd, (struct sockaddr *)&own, &size), 0);
    while (found < 0 && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%*s %*x:%x %*x:%x %*x %*x:%*x %x:%x", &local,
                   &remote, &kind, &when)
                == 4
            && local == (unsigned)s->port && remote == ntohs(own.sin_port)
            && kind == 2) {
            found = (int)(when / 100);
        }
    }
    fclose(f);
    return found;
}

START_TEST(a_silent_publisher_is_asked_whether_it_is_still_there)
{
    struct server *s = server_start(NULL);
    struct feed f = feed_open(s);

    feed_send(&f, "{\"user\":\"ada\",\"text\":\"m1\"}\n");
    feed_answer(&f);
    /* At first the timer may be that of what is sent anew. */
    wait_until(asked_in(s, f.wire) >= 0);
    ck_assert_int_le(asked_in(s, f.wire), 30);
}
END_TEST

/* One chunk of many lines: more than the server has done when it has been
 * sent, so that there is always input. */
static const char *many_lines(int count)
{
    static const char line[] = "{\"user\":\"a\",\"ttl\":0,\"text\":\"\"}\n";
    size_t length = sizeof(line) - 1;
    char *lines = keep(malloc((size_t)count * length + 1), free);
    int i;

    for (i = 0; i < count; i++) {
        memcpy(lines + (size_t)i * length, line, length + 1);
    }
    return keep_printf("%zx\r\n%s\r\n", (size_t)count * length, lines);
}

START_TEST(a_publisher_that_never_reads_its_answers_is_not_read_for_ever)
{
    struct server_options o = {.global = "Timeout 2\nSendBufferSize 65536"};
    struct server *s = server_start(&o);
    struct wire *w = wire_open(s, 4096);
    const char *chunk = many_lines(400000);

    feed_begin(w, NULL);
    wire_send(w, chunk, strlen(chunk));
    wait_until(strstr(server_file(s, "logs/access"), "POST /push/messages"));
    /* 4 MiB of answers, and what the sockets hold. */
    ck_assert_int_lt(stat_of(s, "published"), 200000);
}
END_TEST

struct hurry {
    struct wire *wire;
    const char *chunk;
    _Atomic int64_t deadline; /* ms; of the answer's end */
    bool ended;               /* the answer has */
};

/* Sends lines and reads answers until the answer ends, or for too long. */
static void *publish_without_pause(void *data)
{
    struct hurry *h = data;
    size_t length = strlen(h->chunk), at = 0;
    char answers[65536];
    ssize_t got = -1, sent = 0;

    while (got && sent >= 0 && wait_now() < atomic_load(&h->deadline)) {
        struct pollfd ready = {.fd = h->wire->fd, .events = POLLIN | POLLOUT};

        poll(&ready, 1, 100);
        if (ready.revents & POLLOUT) {
            sent = send(ready.fd, h->chunk + at, length - at, MSG_NOSIGNAL);
            at = sent > 0 ? (at + (size_t)sent) % length : at;
        }
        got = recv(ready.fd, answers, sizeof(answers), MSG_DONTWAIT);
    }
    h->ended = got == 0 || sent < 0;
    return NULL;
}

START_TEST(a_publisher_without_a_pause_does_not_hold_up_a_restart)
{
    struct server *s = server_start(NULL);
    struct feed f = feed_open(s);
    struct hurry h = {
        .wire = f.wire, .chunk = many_lines(1000), .deadline = INT64_MAX};
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, publish_without_pause, &h),
                     0);
    wait_until(stat_of(s, "published") > 0);
    server_graceful(s);
    atomic_store(&h.deadline, wait_now() + WAIT_MS);
    pthread_join(thread, NULL);
    ck_assert_msg(h.ended, "the answer does not end");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bulk");
    TCase *tc = case_add(suite, "lines", 60);

    tcase_add_test(tc, every_line_is_a_message_with_an_answer_line);
    tcase_add_test(tc, any_json_value_text_or_bytes_is_a_payload);
    tcase_add_test(tc, lines_take_effect_while_the_body_goes_on);
    tcase_add_test(tc, a_line_may_arrive_in_pieces);
    tcase_add_test(tc, answers_come_while_there_is_always_more_to_read);
    tcase_add_test(tc, the_answer_stands_while_the_publisher_is_silent);
    tcase_add_test(tc, a_key_makes_a_line_idempotent);
    tcase_add_test(tc, a_key_counts_for_the_next_line_already);
    tcase_add_test(tc, empty_lines_are_passed_over);
    tcase_add_loop_test(tc, only_ndjson_is_taken_for_lines, 0,
                        sizeof(types) / sizeof(*types));
    tc = case_add(suite, "errors", 60);
    tcase_add_test(tc, one_bad_line_harms_no_other);
    tcase_add_test(tc, a_line_that_is_too_long_is_refused_and_the_next_is_not);
    tcase_add_test(
        tc, a_publisher_that_goes_away_in_a_line_publishes_nothing_of_it);
    tcase_add_test(tc, a_malformed_chunk_is_no_line_and_the_answer_says_so);
    tcase_add_test(tc, a_line_that_a_restart_cuts_off_has_no_answer);
    tc = case_add(suite, "pressure", 60);
    tcase_add_test(tc, a_silent_publisher_is_asked_whether_it_is_still_there);
    tcase_add_test(
        tc, a_publisher_that_never_reads_its_answers_is_not_read_for_ever);
    tcase_add_test(tc, a_publisher_without_a_pause_does_not_hold_up_a_restart);
    return case_run(suite);
}
