/*
 * The balancers of the tests give requests to all servers in turn, and those
 * of a server that died to the others.
 */
#include <check.h>
#include <string.h>

#include "balancer.h"
#include "case.h"
#include "keep.h"
#include "verbs.h"

static struct server *(*const kinds[])(struct server *const *, int) = {
    balancer_httpd, balancer_haproxy};

/* The server that published the message is the one that knows it. */
static bool knows(const struct server *s, const char *mid)
{
    return http_get(s, keep_printf("/push/messages/%s", mid))->status == 200;
}

START_TEST(requests_go_to_each_server_in_turn)
{
    struct server *nodes[2] = {server_start(NULL), server_start(NULL)};
    struct server *front = kinds[_i](nodes, 2);
    int got[2] = {0, 0};

    wait_until(publish_try(front, "user=a", NULL, "x")->status == 201);
    for (int i = 0; i < 20; i++) {
        const char *mid = publish(front, "user=a", NULL, "x");

        got[0] += knows(nodes[0], mid);
        got[1] += knows(nodes[1], mid);
    }
    ck_assert_msg(got[0] == 10 && got[1] == 10, "%d and %d", got[0], got[1]);
}
END_TEST

START_TEST(a_stream_passes_and_a_server_that_died_is_left_out)
{
    struct server *nodes[2] = {server_start(NULL), server_start(NULL)};
    struct server *front = kinds[_i](nodes, 2);
    struct stream *st;

    server_kill(nodes[0]);
    wait_until(publish_try(front, "user=a", NULL, "x")->status == 201);
    st = stream_open(front, "user=a", NULL);
    expect_message(st, 1, "x");
    for (int i = 0; i < 10; i++) {
        publish(front, "user=a", NULL, "y");
        expect_message(st, 2 + i, "y");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("balancer");
    TCase *tc = case_add(suite, "balancer", 60);

    tcase_add_row_test(tc, requests_go_to_each_server_in_turn, kinds);
    tcase_add_row_test(tc, a_stream_passes_and_a_server_that_died_is_left_out,
                       kinds);
    return case_run(suite);
}
