/*
 * What opens an endpoint: PushEndpoint in the server configuration and nothing
 * else; for the administration also a Require beside it.  Which paths it has.
 */
#include <check.h>
#include <string.h>
#include <sys/stat.h>

#include "case.h"
#include "keep.h"
#include "server.h"
#include "serverlog.h"
#include "verbs.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* A directory below the DocumentRoot, with a .htaccess. */
static void write_htaccess(const struct server *s, const char *name,
                           const char *text)
{
    const char *path = keep_printf("%s/htdocs/%s", s->root, name);

    ck_assert_msg(mkdir(path, 0755) == 0, "%s", path);
    server_write(s, keep_printf("htdocs/%s/.htaccess", name), text);
}

/* Files below the DocumentRoot may say all that a .htaccess can. */
static const char lenient[] = "LoadModule rewrite_module "
                              "/usr/lib/apache2/modules/mod_rewrite.so\n"
                              "<Directory \"/\">\nAllowOverride All\n"
                              "Require all granted\n</Directory>\n";

/* ---- who opens it ---- */

/* What surrounds the administration, and what stands in it. */
static const struct {
    const char *around;
    const char *within;
    int status;
} guards[] = {
    {"<Directory \"/\">\nRequire all granted\n</Directory>", "", 403},
    {"<Location \"/\">\nRequire all granted\n</Location>", "", 403},
    {"<Location \"/push\">\nRequire all granted\n</Location>", "", 403},
    {"", "<Limit GET POST>\nRequire all granted\n</Limit>", 403},
    {"", "<If \"true\">\nRequire all granted\n</If>", 403},
    {"<Directory \"/\">\nRequire all denied\n</Directory>",
     "Require all granted", 200},
    {"", "<IfModule push_module>\nRequire local\n</IfModule>", 200},
    {"", "<RequireAny>\nRequire local\nRequire user x\n</RequireAny>", 200},
    {"", "Require ip 192.0.2.1", 403},
};

START_TEST(the_administration_needs_a_require_of_its_own)
{
    struct server_options o = {.global = guards[_i].around,
                               .admin = guards[_i].within};
    struct server *s = server_start(&o);
    struct answer *a = http_get(s, "/push/stats");

    server_allow(s, "AH01630"); /* denied by server configuration */
    ck_assert_msg(a->status == guards[_i].status, "%d: %s", a->status,
                  a->body);
    ck_assert_int_eq(publish_try(s, "user=ada", NULL, "x")->status,
                     guards[_i].status == 200 ? 201 : 403);
}
END_TEST

START_TEST(a_handler_alone_opens_nothing_and_the_log_says_what_is_missing)
{
    struct server_options o = {
        .global = "<Location \"/old\">\nSetHandler push-admin\n"
                  "Require all granted\n</Location>\n"
                  "<Location \"/older\">\nSetHandler push\n"
                  "PushUser query:user\n</Location>\n"};
    struct server *s = server_start(&o);

    server_allow(s, "PUSH0100:");
    server_allow(s, "PUSH0099:");
    http_expect(http_get(s, "/old/stats"), 404, "PushEndpoint");
    http_expect(http_get(s, "/older/receive?user=ada"), 404, "PushEndpoint");
    ck_assert_int_eq(serverlog_count(s, "<Location \"/old\"> has SetHandler "
                                        "push-admin and no PushEndpoint "
                                        "admin"),
                     1);
    ck_assert_int_eq(serverlog_count(s, "not below a <Location> with "
                                        "PushEndpoint subscribe"),
                     1);
}
END_TEST

START_TEST(the_handler_of_the_other_kind_opens_nothing)
{
    struct server_options o = {.receive = "SetHandler push-admin\n"
                                          "Require all granted\n"};
    struct server *s = server_start(&o);

    server_allow(s, "PUSH0100:");
    server_allow(s, "PUSH0099:");
    http_expect(http_get(s, "/ramen/stats"), 404, "PushEndpoint");
    http_expect(http_do(s, "POST", "/ramen/messages?user=a", NULL, "x"), 404,
                "PushEndpoint");
}
END_TEST

START_TEST(a_htaccess_file_opens_nothing)
{
    struct server_options o = {.global = lenient};
    struct server *s = server_start(&o);

    server_allow(s, "PUSH0099:");
    server_allow(s, "not allowed here");
    write_htaccess(s, "home", "SetHandler push-admin\n");
    write_htaccess(s, "away", "SetHandler push\n");
    write_htaccess(s, "rule",
                   "RewriteEngine On\n"
                   "RewriteRule .* - [H=push-admin]\n");
    write_htaccess(s, "named", "PushEndpoint admin\nRequire all granted\n");
    http_expect(http_do(s, "POST", "/home/messages?broadcast=1", NULL, "x"),
                404, NULL);
    http_expect(http_get(s, "/away/receive?user=ada"), 404, NULL);
    http_expect(http_do(s, "POST", "/rule/messages?broadcast=1", NULL, "x"),
                404, NULL);
    ck_assert_int_eq(http_get(s, "/named/stats")->status, 500);
    ck_assert_int_eq(stat_of(s, "published"), 0);
    http_expect(http_get(s, "/push/health"), 200, NULL);
}
END_TEST

START_TEST(a_htaccess_file_grants_nothing_of_the_administration)
{
    struct server_options o = {.global = lenient,
                               .admin = "<RequireAll>\nRequire local\n"
                                        "Require method GET POST\n"
                                        "</RequireAll>\n"};
    struct server *s = server_start(&o);

    server_allow(s, "AH01630");
    write_htaccess(s, "push",
                   "<If \"true\">\nRequire all granted\n</If>\n"
                   "Require all granted\n"
                   "<Files \"*\">\nRequire all granted\n</Files>\n");
    http_expect(http_get(s, "/push/stats"), 200, NULL);
    ck_assert_int_eq(
        http_do(s, "DELETE", "/push/users/ada/streams", NULL, NULL)->status,
        403);
}
END_TEST

/* ---- its paths ---- */

static const struct {
    const char *method;
    const char *path;
    int status;
} paths[] = {
    {"GET", "/push/stats", 200},
    {"GET", "/push/health?live", 200},
    {"GET", "/push/stats/", 404},
    {"GET", "/push/x/stats", 404},
    {"GET", "/push/", 404},
    {"GET", "/push", 404},
    {"GET", "/push/messages/users/ada/devices", 404},
    {"POST", "/push/messages/users/ada/revoke", 404},
    {"POST", "/push/x/revoke", 404},
    {"POST", "/push/x/messages?user=ada", 404},
    {"POST", "/push/messages/?user=ada", 404},
    {"POST", "/push/users//revoke", 404},
    {"DELETE", "/push/x/streams?user=ada", 404},
    {"GET", "/push/x/receive?user=ada", 404},
    {"GET", "/push/receive/?user=ada", 404},
    {"POST", "/ramen/ticket/", 404},
    {"GET", "/ramen/x/receive?user=ada", 404},
    {"GET", "/ramen/receive/?user=ada", 404},
    {"GET", "/ramen/receive/x?user=ada", 404},
    {"GET", "/ramen/xreceive?user=ada", 404},
    {"POST", "/ramen/x/ack?user=ada&device=d&seq=0", 404},
    {"GET", "/ramen/messages", 404},
    {"GET", "/ramen", 404},
};

START_TEST(an_endpoint_has_its_documented_paths_and_no_others)
{
    /* Slashes stay as they came, so that empty parts are seen. */
    struct server_options o = {.global = "MergeSlashes Off\n"
                                         "PushDashboard off\n"};
    struct server *s = server_start(&o);

    for (size_t i = 0; i < COUNT(paths); i++) {
        struct answer *a = http_do(s, paths[i].method, paths[i].path, NULL,
                                   NULL);

        ck_assert_msg(a->status == paths[i].status, "%s %s: %d: %s",
                      paths[i].method, paths[i].path, a->status, a->body);
    }
    ck_assert_int_eq(stat_of(s, "published"), 0);
}
END_TEST

START_TEST(the_path_of_a_location_may_be_anything_plain)
{
    struct server_options o = {
        .global = "<IfModule push_module>\n<Location \"/\">\n"
                  "<IfModule push_module>\nPushEndpoint subscribe\n"
                  "</IfModule>\nPushUser query:user\n</Location>\n"
                  "</IfModule>\n"
                  "<Location \"/a/b/\">\nPushEndpoint admin\n"
                  "Require local\n</Location>\n"
                  "<Location \"/a/b/users\">\nRequire all denied\n"
                  "</Location>\n"};
    struct server *s = server_start(&o);

    server_allow(s, "AH01630");
    http_expect(http_get(s, "/a/b/stats"), 200, NULL);
    ck_assert_int_eq(http_get(s, "/a/b/users/ada/devices")->status, 403);
    http_expect(http_get(s, "/a/stats"), 404, NULL);
    http_expect(http_do(s, "HEAD", "/receive?user=ada", NULL, NULL), 200,
                NULL);
    http_expect(http_do(s, "HEAD", "/ramen/receive?user=ada", NULL, NULL), 200,
                NULL);
}
END_TEST

/* ---- where it may stand ---- */

static const char *const misplaced[] = {
    "PushEndpoint admin",
    "<Directory \"/\">\nPushEndpoint admin\n</Directory>",
    "<LocationMatch \"^/x\">\nPushEndpoint admin\n</LocationMatch>",
    "<Location ~ \"^/x\">\nPushEndpoint admin\n</Location>",
    "<Location \"/x/*/y\">\nPushEndpoint admin\n</Location>",
    "<Location \"/x\">\n<If \"true\">\nPushEndpoint admin\n</If>\n"
    "</Location>",
    "<Files \"x\">\nPushEndpoint admin\n</Files>",
    "<Location \"/x\">\nPushEndpoint push-admin\n</Location>",
    "<Location \"/x\">\nPushEndpoint\n</Location>",
    "<Location \"/x\">\nPushEndpoint admin\nAuthMerging Or\n"
    "Require local\n</Location>",
};

START_TEST(a_misplaced_endpoint_stops_the_start)
{
    for (size_t i = 0; i < COUNT(misplaced); i++) {
        struct server_options o = {.global = misplaced[i]};
        const char *said = server_refusal(&o);

        ck_assert_msg(strstr(said, "PushEndpoint") != NULL, "%s: %s",
                      misplaced[i], said);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("endpoint");
    TCase *tc = case_add(suite, "endpoint", 60);

    tcase_add_row_test(tc, the_administration_needs_a_require_of_its_own,
                       guards);
    tcase_add_test(
        tc, a_handler_alone_opens_nothing_and_the_log_says_what_is_missing);
    tcase_add_test(tc, the_handler_of_the_other_kind_opens_nothing);
    tcase_add_test(tc, a_htaccess_file_opens_nothing);
    tcase_add_test(tc, a_htaccess_file_grants_nothing_of_the_administration);
    tcase_add_test(tc, an_endpoint_has_its_documented_paths_and_no_others);
    tcase_add_test(tc, the_path_of_a_location_may_be_anything_plain);
    tcase_add_test(tc, a_misplaced_endpoint_stops_the_start);
    return case_run(suite);
}
