/*
 * Requests of many lines hold a thread each, so they are bounded: in number,
 * by their tokens, and by what httpd lets them send.
 */
#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "case.h"
#include "feed.h"
#include "http.h"
#include "keep.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

static const char line[] = "{\"user\":\"ada\",\"text\":\"x\"}\n";

static void expect_published(struct feed *f)
{
    const json_t *answer = feed_answer(f);

    ck_assert_msg(json_at(answer, "id") != NULL, "%s", json_dumps(answer, 0));
}

/* ---- how many ---- */

/* Open one after the other until one is refused, with the status; returns how
 * many were not. */
static int open_all(const struct server *s, struct feed *feeds, int room)
{
    int count = 0;

    for (;;) {
        struct feed f = feed_open(s);
        int status = feed_status(&f);

        if (status != 200) {
            ck_assert_int_eq(status, 503);
            return count;
        }
        ck_assert_int_lt(count, room);
        feeds[count] = f;
        count++;
    }
}

/* A directive, and how many of 16 threads it gives to publishers. */
static const struct {
    const char *lines;
    int most;
} quotas[] = {
    {"", 4},
    {"PushMaxPublishers auto", 4},
    {"PushMaxPublishers 1", 1},
    {"PushMaxPublishers 6", 6},
};

START_TEST(publishers_above_the_limit_are_told_to_come_back)
{
    struct server_options o = {.children = 1, .global = quotas[_i].lines};
    struct server *s = server_start(&o);
    struct feed feeds[16];
    struct answer *a;

    ck_assert_int_eq(open_all(s, feeds, 16), quotas[_i].most);
    a = http_do(s, "POST", "/push/messages",
                "Content-Type: application/x-ndjson\r\n", line);
    http_expect(a, 503, "PushMaxPublishers");
    ck_assert_ptr_nonnull(
        strstr(json_text_at(a->json, "type"), "too-many-publishers"));
    ck_assert_ptr_nonnull(http_header(a, "Retry-After"));
    ck_assert(a->closed);
    /* Those that were let in go on, and so does all else. */
    for (int i = 0; i < quotas[_i].most; i++) {
        feed_send(&feeds[i], line);
        expect_published(&feeds[i]);
    }
    publish(s, "user=ada", NULL, "x");
}
END_TEST

/* The ways in which a request of lines ends. */
static void end_in_order(struct feed *f)
{
    wire_send(f->wire, "0\r\n\r\n", 5);
}

static void end_by_leaving(struct feed *f)
{
    wire_close(f->wire);
}

static void end_in_a_line(struct feed *f)
{
    feed_send(f, "{\"user\":");
    shutdown(f->wire->fd, SHUT_WR);
}

static void end_by_a_bad_chunk(struct feed *f)
{
    wire_send(f->wire, "none\r\n", 6);
}

static void end_by_a_reset(struct feed *f)
{
    struct linger now = {.l_onoff = 1};

    feed_send(f, line);
    setsockopt(f->wire->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    wire_close(f->wire);
}

static void (*const ends[])(struct feed *f) = {
    end_in_order,       end_by_leaving, end_in_a_line,
    end_by_a_bad_chunk, end_by_a_reset,
};

#define ENDS (sizeof(ends) / sizeof(*ends))

/* Open one, as soon as there is a place for it. */
static struct feed open_in_time(const struct server *s)
{
    struct feed f = {NULL};

    wait_until((f = feed_open(s)).wire != NULL && feed_status(&f) == 200);
    return f;
}

START_TEST(every_end_of_a_request_gives_its_place_back_once)
{
    struct server_options o = {.children = 1};
    struct server *s = server_start(&o);
    struct feed feeds[16];
    int most = open_all(s, feeds, 16);

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < most; i++) {
            ends[_i](&feeds[i]);
        }
        for (int i = 0; i < most; i++) {
            feeds[i] = open_in_time(s);
        }
        ck_assert_int_eq(open_all(s, feeds + most, 0), 0);
    }
}
END_TEST

START_TEST(those_who_are_refused_hold_no_thread)
{
    struct server_options o = {.children = 1};
    struct server *s = server_start(&o);
    struct feed feeds[16], refused[40];

    open_all(s, feeds, 16);
    /* More than there are threads, and each would go on with its body. */
    for (int i = 0; i < 40; i++) {
        refused[i] = feed_open(s);
        ck_assert_int_eq(feed_status(&refused[i]), 503);
    }
    publish(s, "user=ada", NULL, "x");
}
END_TEST

START_TEST(a_limit_that_may_take_all_threads_is_warned_of)
{
    struct server_options o = {.global = "PushMaxPublishers 16"};
    struct server *s = server_start(&o);

    server_allow(s, "PUSH0122");
    ck_assert_ptr_nonnull(strstr(server_file(s, "logs/error"), "PUSH0122"));
}
END_TEST

/* ---- tokens ---- */

static const char *const rightless[] = {
    "",
    ",\"push_publish\":[]",
    ",\"push_admin\":true",
    ",\"push_channels\":\"*\"",
};

START_TEST(a_token_that_publishes_nothing_is_refused_before_the_answer_begins)
{
    struct server *s = token_server("", "");
    struct feed feeds[40];

    for (int i = 0; i < 40; i++) {
        feeds[i] = feed_begin(wire_open(s, 0),
                              token_bearer("eve", rightless[_i]));
    }
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(feed_status(&feeds[i]), 403);
    }
    publish(s, "user=ada", token_root(), "x");
}
END_TEST

/* A publisher's token for so many seconds. */
static const char *publisher_for(long seconds)
{
    return keep_printf(
        "Authorization: Bearer %s\r\n",
        token_sign(keep_printf("{\"sub\":\"pub\",\"push_publish\":\"*\","
                               "\"iat\":%ld,\"exp\":%ld}",
                               token_time(0), token_time(seconds))));
}

static void revoke_publisher(const struct server *s)
{
    http_expect(http_do(s, "POST", "/push/users/pub/revoke", token_root(), ""),
                200, NULL);
}

/* Until the token ends, in both ways; and with lines all the time, or none. */
static const struct {
    bool revoked;
    bool silent;
} token_ends[] = {{false, true}, {false, false}, {true, true}, {true, false}};

START_TEST(a_request_ends_with_its_token_and_says_so)
{
    bool silent = token_ends[_i].silent, revoked = token_ends[_i].revoked;
    struct server *s = token_server("", "PushJWTLeeway 0\n");
    struct feed f = feed_begin(wire_open(s, 0),
                               publisher_for(revoked ? 200 : 4));
    const char *chunk = keep_printf("%zx\r\n%s\r\n", strlen(line), line);
    const json_t *error;

    ck_assert_int_eq(feed_status(&f), 200);
    feed_send(&f, line);
    expect_published(&f);
    if (revoked) {
        revoke_publisher(s);
    }
    while (!silent && strstr(f.wire->bytes, "\"end\"") == NULL) {
        wire_send(f.wire, chunk, strlen(chunk));
        wire_receive(f.wire, wait_now() + 20);
    }
    error = feed_end(&f, "expired-token");
    ck_assert_int_eq(json_int_at(error, "status"), 401);
    ck_assert_ptr_nonnull(strstr(json_text_at(error, "detail"),
                                 revoked ? "revoked" : "expired"));
}
END_TEST

/* ---- bodies ---- */

START_TEST(no_limit_of_bodies_ends_a_request_of_lines)
{
    struct server_options o = {.global = "LimitRequestBody 1000"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d1&seq=0", NULL);
    struct feed f = feed_open(s);
    char *text = keep_printf("%02000d", 7);
    char *lines = keep_printf("%s%s%s", line, line, line);

    for (int i = 1; i <= 200; i++) {
        feed_send(&f, line);
        expect_published(&f);
        expect_message(st, i, "x");
    }
    feed_send(&f, keep_printf("{\"user\":\"ada\",\"text\":\"%s\"}", text));
    wire_send(f.wire, "0\r\n\r\n", 5);
    expect_published(&f);
    expect_message(st, 201, text);
    /* With a length, too, and for all others the limit stands. */
    while (strlen(lines) <= 1000) {
        lines = keep_printf("%s%s", lines, lines);
    }
    ck_assert_ptr_nonnull(strstr(publish_lines(s, lines)->body, "\"id\""));
    ck_assert_int_eq(publish_try(s, "user=ada", NULL, text)->status, 413);
}
END_TEST

START_TEST(a_body_that_breaks_off_ends_with_a_line_that_says_so)
{
    struct server *s = server_start(NULL);
    struct feed f = feed_open(s);

    feed_send(&f, keep_printf("%s{\"user\":", line));
    shutdown(f.wire->fd, SHUT_WR);
    expect_published(&f);
    feed_end(&f, "bad-body");
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

/* Beginnings of chunks of which httpd takes nothing. */
static const char *const too_large[] = {
    "10000000000000000\r\n",   /* a size above 64 bits */
    "7fffffffffffffff0;a\r\n", /* with an extension */
};

START_TEST(a_chunk_that_is_too_large_ends_with_a_line_that_says_so)
{
    struct server *s = server_start(NULL);
    struct feed f = feed_open(s);
    const json_t *error;

    feed_send(&f, line);
    wire_send(f.wire, too_large[_i], strlen(too_large[_i]));
    expect_published(&f);
    error = feed_end(&f, "too-large");
    ck_assert_int_eq(json_int_at(error, "status"), 413);
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("publishers");
    TCase *tc = case_add(suite, "number", 60);

    tcase_add_loop_test(tc, publishers_above_the_limit_are_told_to_come_back,
                        0, sizeof(quotas) / sizeof(*quotas));
    tcase_add_loop_test(tc, every_end_of_a_request_gives_its_place_back_once,
                        0, ENDS);
    tcase_add_test(tc, those_who_are_refused_hold_no_thread);
    tcase_add_test(tc, a_limit_that_may_take_all_threads_is_warned_of);
    tc = case_add(suite, "tokens", 60);
    tcase_add_loop_test(
        tc, a_token_that_publishes_nothing_is_refused_before_the_answer_begins,
        0, sizeof(rightless) / sizeof(*rightless));
    tcase_add_loop_test(tc, a_request_ends_with_its_token_and_says_so, 0,
                        sizeof(token_ends) / sizeof(*token_ends));
    tc = case_add(suite, "bodies", 60);
    tcase_add_test(tc, no_limit_of_bodies_ends_a_request_of_lines);
    tcase_add_test(tc, a_body_that_breaks_off_ends_with_a_line_that_says_so);
    tcase_add_loop_test(
        tc, a_chunk_that_is_too_large_ends_with_a_line_that_says_so, 0,
        sizeof(too_large) / sizeof(*too_large));
    return case_run(suite);
}
