/*
 * Limits: streams of an address, publishes of a publisher, messages to a user.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "keep.h"
#include "token.h"
#include "verbs.h"
#include "wait.h"

START_TEST(the_streams_of_an_address_are_limited_over_all_children)
{
    struct server_options o = {
        .children = 4,
        .receive = "PushUser query:user\nPushMaxStreamsPerAddress 6"};
    struct server *s = server_start(&o);
    struct stream *streams[6];
    struct stream *st;

    for (int i = 0; i < 6; i++) {
        streams[i] = stream_open(s, keep_printf("user=u%d&device=d&seq=0", i),
                                 NULL);
    }
    for (int i = 0; i < 8; i++) {
        st = stream_try(s, "user=x&device=d&seq=0", "Push-Client: test/1\r\n");
        ck_assert_int_eq(st->status, 429);
        ck_assert_str_eq(stream_header(st, "Retry-After"), "1");
        stream_close(st);
    }
    /* A browser gives up for good at an error: it gets a retry. */
    st = stream_open(s, "user=x&device=d&seq=0",
                     "Accept: text/event-stream\r\n");
    stream_expect_end(st);
    ck_assert_int_ge(st->retry, 5000);
    /* To come again is no second stream. */
    st = stream_open(s, "user=u0&device=d&seq=0", NULL);
    stream_expect_bye(streams[0], "superseded");
    leave(s, st);
    st = stream_open(s, "user=x&device=d&seq=0", NULL);
    publish(s, "user=x", NULL, "hello");
    expect_message(st, 1, "hello");
}
END_TEST

START_TEST(a_publisher_above_its_rate_is_told_when_to_go_on)
{
    struct server_options o = {.children = 4,
                               .admin = "Require local\nPushPublisherRate 5"};
    struct server *s = server_start(&o);
    int accepted = 0;
    struct answer *a;
    int64_t begin = wait_now();

    do {
        a = publish_try(s, "user=ada", NULL, "x");
        accepted += a->status == 201;
        ck_assert_str_eq(http_header(a, "RateLimit-Policy"),
                         "\"publisher\";q=5;w=1");
        ck_assert_int_eq(
            strncmp(http_header(a, "RateLimit"), "\"publisher\";r=", 14), 0);
        ck_assert_int_lt(accepted, 1000);
    } while (a->status == 201);
    http_expect(a, 429, "PushPublisherRate");
    ck_assert_str_eq(http_header(a, "Retry-After"), "1");
    ck_assert_str_eq(http_header(a, "RateLimit"), "\"publisher\";r=0;t=1");
    ck_assert_int_ge(accepted, 5);
    ck_assert_int_le(accepted, 6 + 5 * (wait_now() - begin) / 1000);
    wait_until(publish_try(s, "user=ada", NULL, "x")->status == 201);
    ck_assert_int_eq(stat_of(s, "refused"), 0);
}
END_TEST

START_TEST(publishers_are_told_apart_by_token_and_lines_are_limited_too)
{
    struct server *s = token_server("", "PushPublisherRate 3");
    const char *one = token_bearer("one", ",\"push_publish\":\"*\"");
    const char *two = token_bearer("two", ",\"push_publish\":\"*\"");
    char *lines = keep(calloc(1, 4000), free);
    struct answer *a;

    for (int i = 0; i < 40; i++) {
        strcat(lines, "{\"user\":\"ada\",\"text\":\"x\"}\n");
    }
    a = http_do(s, "POST", "/push/messages",
                keep_printf("%sContent-Type: application/x-ndjson\r\n", one),
                lines);
    ck_assert_ptr_nonnull(strstr(a->body, "\"status\":429"));
    ck_assert_ptr_nonnull(strstr(a->body, "\"id\":"));
    http_expect(publish_try(s, "user=ada", two, "x"), 201, NULL);
}
END_TEST

START_TEST(messages_to_one_user_are_limited_whoever_publishes_them)
{
    struct server *s = token_server("", "PushUserRate 4");
    int accepted = 0;
    struct answer *a;

    do {
        const char *who = keep_printf("p%d", accepted);

        a = publish_try(s, "user=ada",
                        token_bearer(who, ",\"push_publish\":\"*\""), "x");
        accepted += a->status == 201;
        ck_assert_int_lt(accepted, 1000);
    } while (a->status == 201);
    http_expect(a, 429, "PushUserRate");
    ck_assert_str_eq(http_header(a, "RateLimit-Policy"), "\"user\";q=4;w=1");
    ck_assert_int_ge(accepted, 4);
    http_expect(publish_try(s, "user=bob", token_root(), "x"), 201, NULL);
    http_expect(publish_try(s, "channel=c", token_root(), "x"), 201, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rates");
    TCase *tc = case_add(suite, "rates", 60);

    tcase_add_test(tc,
                   the_streams_of_an_address_are_limited_over_all_children);
    tcase_add_test(tc, a_publisher_above_its_rate_is_told_when_to_go_on);
    tcase_add_test(
        tc, publishers_are_told_apart_by_token_and_lines_are_limited_too);
    tcase_add_test(tc,
                   messages_to_one_user_are_limited_whoever_publishes_them);
    return case_run(suite);
}
