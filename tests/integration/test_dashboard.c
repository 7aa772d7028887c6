/*
 * The files of the dashboard: who gets them, with which headers, and that
 * nothing else is to be had.  The page itself is in tests/browser.
 */
#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"

static void make_directory(const struct server *s, const char *name)
{
    const char *path = keep_printf("%s/%s", s->root, name);

    ck_assert_msg(mkdir(path, 0755) == 0, "%s", path);
}

/* A server with a small page in its directory dash. */
static struct server *start(const char *admin)
{
    struct server_options o = {.global = "PushDashboard dash", .admin = admin};
    struct server *s = server_start(&o);

    make_directory(s, "dash");
    make_directory(s, "dash/sdk");
    make_directory(s, "dash/inner.js");
    server_write(s, "dash/index.html", "<!doctype html><title>it</title>");
    server_write(s, "dash/page.js", "run();");
    server_write(s, "dash/page.css", "p {}");
    server_write(s, "dash/icon.svg", "<svg/>");
    server_write(s, "dash/sdk/index.js", "export {};");
    server_write(s, "dash/secret.txt", "no");
    server_write(s, "dash/.hidden.js", "no");
    server_write(s, "secret.js", "no");
    return s;
}

static const struct {
    const char *path;
    const char *type;
    const char *text;
} files[] = {
    {"/push/", "text/html; charset=utf-8", "<!doctype html>"},
    {"/push/?from=somewhere", "text/html; charset=utf-8", "<!doctype html>"},
    {"/push/ui/index.html", "text/html; charset=utf-8", "<!doctype html>"},
    {"/push/ui/page.js", "text/javascript; charset=utf-8", "run();"},
    {"/push/ui/page.css", "text/css; charset=utf-8", "p {}"},
    {"/push/ui/icon.svg", "image/svg+xml", "<svg/>"},
    {"/push/ui/sdk/index.js", "text/javascript; charset=utf-8", "export {};"},
};

static void expect_header(const struct answer *a, const char *name,
                          const char *value)
{
    const char *is = http_header(a, name);

    ck_assert_msg(is && strstr(is, value), "%s: %s, not %s", name, is, value);
}

START_TEST(a_file_comes_with_its_type_a_policy_and_a_validator)
{
    struct server *s = start(NULL);

    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct answer *a = http_get(s, files[i].path);
        const char *again;

        ck_assert_msg(a->status == 200, "%s: %d", files[i].path, a->status);
        ck_assert_ptr_eq(strstr(a->body, files[i].text), a->body);
        expect_header(a, "Content-Type", files[i].type);
        expect_header(a, "Content-Security-Policy", "default-src 'self'");
        expect_header(a, "Content-Security-Policy", "frame-ancestors 'none'");
        expect_header(a, "X-Content-Type-Options", "nosniff");
        expect_header(a, "Referrer-Policy", "no-referrer");
        expect_header(a, "Cache-Control", "no-cache");
        again = keep_printf("If-None-Match: %s\r\n", http_header(a, "ETag"));
        a = http_do(s, "GET", files[i].path, again, NULL);
        ck_assert_int_eq(a->status, 304);
        ck_assert_int_eq(http_do(s, "HEAD", files[i].path, NULL, NULL)->status,
                         200);
        http_expect(http_do(s, "POST", files[i].path, NULL, "x"), 405, "GET");
    }
}
END_TEST

static const char *const absent[] = {
    "/push/ui/",
    "/push/ui/none.js",
    "/push/ui/inner.js",
    "/push/ui/secret.txt",
    "/push/ui/.hidden.js",
    "/push/ui/..%2fsecret.js",
    "/push/ui/%2e%2e/secret.js",
    "/push/ui/sdk/..%2f..%2fsecret.js",
    "/push/ui/sdk/%2e%2e/%2e%2e/secret.js",
    "/push/ui/page.js%00.css",
    "/push/ui/page.js/",
    "/push/ui/sdk",
    "/push/ui/sdk/",
    "/push/index.html",
};

START_TEST(nothing_else_is_to_be_had)
{
    struct server *s = start(NULL);

    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
        struct answer *a = http_get(s, absent[i]);

        ck_assert_msg(a->status >= 400 && a->status < 500, "%s: %d", absent[i],
                      a->status);
    }
}
END_TEST

START_TEST(the_base_leads_to_the_page)
{
    struct server *s = start(NULL);
    struct answer *a = http_get(s, "/push");

    ck_assert_int_eq(a->status, 301);
    ck_assert_str_eq(http_header(a, "Location"), "./push/");
}
END_TEST

START_TEST(it_is_for_whom_the_endpoint_lets_in)
{
    struct server *s = start("Require ip 192.0.2.1");

    server_allow(s, "AH01630");
    ck_assert_int_eq(http_get(s, "/push")->status, 403);
    ck_assert_int_eq(http_get(s, "/push/")->status, 403);
    ck_assert_int_eq(http_get(s, "/push/ui/page.js")->status, 403);
    s = start("");
    http_expect(http_get(s, "/push/"), 403, "Require");
    http_expect(http_get(s, "/push/ui/page.js"), 403, "Require");
}
END_TEST

START_TEST(a_name_of_nobody_does_not_open_it)
{
    struct server *s = start(NULL);
    static const char request[] = "GET /push/ HTTP/1.1\r\nHost: evil.example"
                                  "\r\nConnection: close\r\n\r\n";

    http_expect(http_raw(s, request, sizeof(request) - 1), 403, "Host");
}
END_TEST

START_TEST(without_files_the_answer_names_the_directive)
{
    struct server_options o = {.global = "PushDashboard nowhere"};
    struct server *s = server_start(&o);

    http_expect(http_get(s, "/push/"), 404, "PushDashboard");
    http_expect(http_get(s, "/push/ui/page.js"), 404, "PushDashboard");
    http_expect(http_get(s, "/push/stats"), 200, NULL);
}
END_TEST

START_TEST(it_can_be_turned_off)
{
    struct server_options o = {.global = "PushDashboard off"};
    struct server *s = server_start(&o);

    http_expect(http_get(s, "/push"), 404, "PushDashboard");
    http_expect(http_get(s, "/push/"), 404, "PushDashboard");
    http_expect(http_get(s, "/push/ui/page.js"), 404, "PushDashboard");
    http_expect(http_get(s, "/push/stats"), 200, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dashboard");
    TCase *tc = case_add(suite, "dashboard", 60);

    tcase_add_test(tc, a_file_comes_with_its_type_a_policy_and_a_validator);
    tcase_add_test(tc, nothing_else_is_to_be_had);
    tcase_add_test(tc, the_base_leads_to_the_page);
    tcase_add_test(tc, it_is_for_whom_the_endpoint_lets_in);
    tcase_add_test(tc, a_name_of_nobody_does_not_open_it);
    tcase_add_test(tc, without_files_the_answer_names_the_directive);
    tcase_add_test(tc, it_can_be_turned_off);
    return case_run(suite);
}
