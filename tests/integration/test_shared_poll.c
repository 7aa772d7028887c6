/*
 * Many who poll, replaced by one trigger that polls for all of them: how often
 * the application is asked, and that all of them see what changes.
 */
#include <check.h>
#include <string.h>

#include "backend.h"
#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

#define FOLLOWERS 300
#define TRIGGERS  2 /* each has a stream of its own */

/* Both have the same period; the clock is asked whoever follows. */
static const char triggers[] = "<PushTrigger board>\n"
                               "PushEvery 1s while=subscribed\n"
                               "PushTo channel board\n"
                               "PushPull \"${BACKEND}/board\" only=changed\n"
                               "PushMessage topic=board\n"
                               "</PushTrigger>\n"
                               "<PushTrigger clock>\n"
                               "PushEvery 1s\n"
                               "PushTo channel clock\n"
                               "PushPull \"${BACKEND}/clock\" only=changed\n"
                               "</PushTrigger>\n";

/* How often a path was asked for, among the first so many requests. */
static int asked(struct backend *b, const char *path, int count)
{
    const char *line = keep_printf("GET %s HTTP", path);
    int times = 0;

    for (int i = 0; i < count; i++) {
        times += strncmp(backend_head(b, i), line, strlen(line)) == 0;
    }
    return times;
}

static int asked_so_far(struct backend *b, const char *path)
{
    return asked(b, path, backend_count(b));
}

/* So many periods go by; how often the board was asked for in them. */
static int asked_in(struct backend *b, int periods)
{
    int clock = asked_so_far(b, "/clock");
    int board = asked_so_far(b, "/board");

    wait_until(asked_so_far(b, "/clock") >= clock + periods);
    return asked_so_far(b, "/board") - board;
}

static void expect_all(struct stream **followers, int64_t seq,
                       const char *text)
{
    for (int i = 0; i < FOLLOWERS; i++) {
        expect_message(followers[i], seq, text);
    }
}

START_TEST(hundreds_who_follow_are_one_request_a_period_and_nobody_is_none)
{
    struct backend *b = backend_start();
    struct server *s = backend_server(b, triggers);
    struct stream *followers[FOLLOWERS];

    backend_answer(b, 200, NULL, "one");
    ck_assert_int_eq(asked_in(b, 3), 0);
    for (int i = 0; i < FOLLOWERS; i++) {
        followers[i] = stream_open(
            s,
            keep_printf("user=u%d&device=d&seq=0&channel=board&from=oldest",
                        i),
            NULL);
    }
    expect_all(followers, 1, "one");
    /* A request of each may be under way when they are counted. */
    ck_assert_int_le(asked_in(b, 4), 4 + 1);
    backend_answer(b, 200, NULL, "two");
    expect_all(followers, 2, "two");
    ck_assert_int_ge(asked_in(b, 4), 4 - 1);
    for (int i = 0; i < FOLLOWERS; i++) {
        stream_close(followers[i]);
    }
    wait_until(stat_of(s, "streams") == TRIGGERS);
    ck_assert_int_le(asked_in(b, 2), 1);
    ck_assert_int_eq(asked_in(b, 3), 0);
    ck_assert_int_eq(json_int_at(http_get(s, "/push/triggers")->json,
                                 "triggers.0.published"),
                     2);
}
END_TEST

static Suite *suite(void)
{
    Suite *all = suite_create("shared poll");
    TCase *tc = case_add(all, "shared poll", 90);

    tcase_add_test(
        tc, hundreds_who_follow_are_one_request_a_period_and_nobody_is_none);
    return all;
}

int main(void)
{
    return case_run(suite());
}
