/*
 * What the head of a stream tells a client: the name of the stream's numbers,
 * under which it acknowledges, and the limits that hold.
 */

#include <check.h>
#include <string.h>

#include "case.h"
#include "certificate.h"
#include "curl.h"
#include "keep.h"
#include "stream.h"
#include "verbs.h"

static struct stream *open_d(const struct server *s, const char *more)
{
    return stream_open(s, keep_printf("user=ada&device=d&%s", more), NULL);
}

static const char *session_of(const struct stream *st)
{
    const char *session = stream_header(st, "Push-Session");

    ck_assert_msg(session != NULL, "no Push-Session: %s", st->head);
    ck_assert_uint_ge(strlen(session), 1);
    ck_assert_uint_le(strlen(session), 32);
    ck_assert_uint_eq(strspn(session, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz"
                                      "0123456789_-"),
                      strlen(session));
    return session;
}

static int acknowledged(const struct server *s, int seq, const char *session)
{
    return acknowledge_try(s, keep_printf("user=ada&device=d&seq=%d"
                                          "&session=%s",
                                          seq, session))
        ->status;
}

/* How the client comes back, having got two of three and acknowledged one. */
static const struct {
    const char *cursor;
    int first; /* seq on the next stream */
    const char *text;
} resumes[] = {
    {"seq=0", 1, "b"},
    {"seq=1", 2, "b"},
    {"seq=2", 3, "c"},
    {"seq=9", 1, "b"},
};

START_TEST(a_stream_acknowledges_under_its_own_name_alone)
{
    struct server *s = server_start(NULL);
    struct stream *st = open_d(s, "seq=0");
    const char *earlier = session_of(st), *newest;

    publish(s, "user=ada", NULL, "a");
    publish(s, "user=ada", NULL, "b");
    publish(s, "user=ada", NULL, "c");
    expect_message(st, 1, "a");
    expect_message(st, 2, "b");
    expect_message(st, 3, "c");
    ck_assert_int_eq(acknowledged(s, 1, earlier), 204);
    stream_close(st);
    st = open_d(s, resumes[_i].cursor);
    newest = session_of(st);
    ck_assert_str_ne(earlier, newest);
    expect_message(st, resumes[_i].first, resumes[_i].text);
    http_expect(acknowledge_try(s, keep_printf("user=ada&device=d&seq=%d"
                                               "&session=%s",
                                               resumes[_i].first, earlier)),
                409, "session");
    ck_assert_int_eq(acknowledged(s, resumes[_i].first, newest), 204);
    /* Who does not say it is taken at its word. */
    acknowledge(s, keep_printf("user=ada&device=d&seq=%d", resumes[_i].first));
}
END_TEST

START_TEST(the_name_outlives_a_graceful_restart_and_no_full_one)
{
    struct server *s = server_start(NULL);
    struct stream *st = open_d(s, "seq=0");
    const char *session = session_of(st);

    publish(s, "user=ada", NULL, "a");
    expect_message(st, 1, "a");
    server_graceful(s);
    ck_assert_int_eq(acknowledged(s, 1, session), 204);
    server_rest(s);
    server_again(s);
    st = open_d(s, "seq=0");
    ck_assert_str_ne(session, session_of(st));
    publish(s, "user=ada", NULL, "b");
    expect_message(st, 1, "b");
    ck_assert_int_eq(acknowledged(s, 1, session), 409);
}
END_TEST

static const struct {
    const char *query;
    int status;
    const char *mention;
} sessions[] = {
    {"session=", 400, "session: 1-32"},
    {"session=a.b", 400, "session: 1-32"},
    {"session=0123456789012345678901234567890123", 400, "session: 1-32"},
    {"session=a&session=a", 400, "session"},
    {"session=a", 409, "session"},
    {"session=00000000000", 409, "session"},
    {"session=zzzzzzzzzzz", 409, "session"},
    {"session=01234567890123456789_-abcdefghij", 409, "session"},
};

START_TEST(what_is_no_name_of_this_stream_is_refused)
{
    struct server *s = server_start(NULL);
    struct stream *st = open_d(s, "seq=0");
    const char *mid = publish(s, "user=ada", NULL, "a");

    expect_message(st, 1, "a");
    for (size_t i = 0; i < sizeof(sessions) / sizeof(*sessions); i++) {
        http_expect(acknowledge_try(s, keep_printf("user=ada&device=d&seq=1"
                                                   "&%s",
                                                   sessions[i].query)),
                    sessions[i].status, sessions[i].mention);
    }
    ck_assert_int_eq(count_of(s, mid, "acked"), 0);
    http_expect(acknowledge_try(s, "user=ada&device=e&seq=1&session=a"), 404,
                NULL);
}
END_TEST

START_TEST(the_head_tells_the_limits_where_they_hold)
{
    struct server_options o = {
        .receive = "PushUser query:user\nPushMaxInFlight 17",
        .admin = "Require local\nPushMaxMessageSize 100K"};
    struct server *s = server_start(&o);
    struct stream *st = open_d(s, "seq=0");
    struct request q = {.method = "HEAD",
                        .target = "/ramen/receive?user=ada&device=d"};
    struct answer *a = http_ask(s, &q);

    ck_assert_str_eq(stream_header(st, "Push-Window"), "17");
    ck_assert_str_eq(stream_header(st, "Push-Max-Message"), "102400");
    ck_assert_str_eq(http_header(a, "Push-Window"), "17");
    ck_assert_str_eq(http_header(a, "Push-Max-Message"), "102400");
    ck_assert_ptr_null(http_header(a, "Push-Session"));
}
END_TEST

/* In the whole server, and what some place sets for itself. */
static const struct {
    const char *server;
    const char *place;
    const char *told;
} sizes[] = {
    {"", "", "65536"},
    {"PushMaxMessageSize 1K", "", "1024"},
    {"PushMaxMessageSize 1K", "PushMaxMessageSize 2K", "2048"},
    {"PushMaxMessageSize 4K", "PushMaxMessageSize 2K", "4096"},
    {"<VirtualHost *>\nServerName other\nPushMaxMessageSize 1M\n"
     "</VirtualHost>",
     "PushMaxMessageSize 2K", "1048576"},
};

START_TEST(the_largest_message_is_that_of_any_place_that_publishes)
{
    struct server_options o = {.global = sizes[_i].server,
                               .admin = keep_printf("Require local\n%s",
                                                    sizes[_i].place)};
    struct server *s = server_start(&o);

    ck_assert_str_eq(stream_header(open_d(s, "seq=0"), "Push-Max-Message"),
                     sizes[_i].told);
}
END_TEST

START_TEST(over_tls_the_head_is_the_same)
{
    int port = server_free_port();
    struct server_options o = {.global = certificate_host(port)};
    struct server *s = server_start(&o);
    const char *head;

    server_allow(s, "AH01882");
    head = curl_until("retry:", keep_printf("-i 'https://localhost:%d"
                                            "/ramen/receive?user=ada'",
                                            port));
    ck_assert_ptr_nonnull(strstr(head, "Push-Window: 1024\r\n"));
    ck_assert_ptr_nonnull(strstr(head, "Push-Max-Message: 65536\r\n"));
    ck_assert_ptr_nonnull(strstr(head, "Push-Session: "));
}
END_TEST

START_TEST(a_page_of_another_origin_may_read_the_head)
{
    struct server_options o = {.receive = "PushUser query:user\n"
                                          "PushAllowOrigin "
                                          "https://app.example"};
    struct server *s = server_start(&o);
    struct stream *st = stream_open(s, "user=ada&device=d",
                                    "Origin: https://app.example\r\n");
    const char *exposed = stream_header(st, "Access-Control-Expose-Headers");
    static const char *const names[] = {"Push-Device", "Push-Session",
                                        "Push-Window", "Push-Max-Message",
                                        "Retry-After"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        ck_assert_msg(strstr(exposed, names[i]) != NULL, "%s: %s", names[i],
                      exposed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("head");
    TCase *tc = case_add(suite, "head", 60);

    tcase_add_row_test(tc, a_stream_acknowledges_under_its_own_name_alone,
                       resumes);
    tcase_add_test(tc, the_name_outlives_a_graceful_restart_and_no_full_one);
    tcase_add_test(tc, what_is_no_name_of_this_stream_is_refused);
    tcase_add_test(tc, the_head_tells_the_limits_where_they_hold);
    tcase_add_row_test(
        tc, the_largest_message_is_that_of_any_place_that_publishes, sizes);
    tcase_add_test(tc, over_tls_the_head_is_the_same);
    tcase_add_test(tc, a_page_of_another_origin_may_read_the_head);
    return case_run(suite);
}
