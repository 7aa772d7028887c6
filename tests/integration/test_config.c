/*
 * The configuration: wrong values stop the start with a sentence, shipped
 * files work, an installed module can be enabled.
 */
#include <check.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "stream.h"
#include "verbs.h"
#include "wait.h"

static const char *const wrong_everywhere[] = {
    "PushShmSize",         "PushIdempotencyWindow",
    "PushReactors",        "PushMaxStreams",
    "PushChannelHistory",  "PushMaxPending",
    "PushDeviceRetention", "PushHeartbeat",
    "PushRetry",           "PushMaxInFlight",
    "PushWriteTimeout",    "PushMaxStreamsPerUser",
    "PushDefaultTTL",      "PushMaxTTL",
    "PushMaxMessageSize",  "PushMaxBlockingStreams",
    "PushMaxPublishers",   "PushMaxWait",
};

static const char *const wrong_values[] = {
    "abc", "-1", "1x", "99999999999999999999", "1.5", "\" 1\"",
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* A refusal names the directive, and tells the legal range after it. */
static void expect_refusal(const char *line, const char *directive)
{
    struct server_options o = {.global = line};
    const char *said = server_refusal(&o);
    const char *at = strstr(said, directive);

    ck_assert_msg(at != NULL, "%s: %s", line, said);
    for (at += strlen(directive); *at != '\0' && !isdigit(*at); at++) {
    }
    ck_assert_msg(*at != '\0', "no range for %s in: %s", line, said);
}

START_TEST(a_wrong_value_stops_the_start_with_the_range)
{
    size_t i;

    for (i = 0; i < COUNT(wrong_everywhere); i++) {
        expect_refusal(keep_printf("%s %s", wrong_everywhere[i],
                                   wrong_values[_i]),
                       wrong_everywhere[i]);
    }
}
END_TEST

/* A line that must not be accepted, and what the refusal must name. */
static const char *const wrong_lines[][2] = {
    {"PushShmSize 1", "PushShmSize"},
    {"PushMaxPending 0", "PushMaxPending"},
    {"PushMetricsEvents a/", "PushMetricsEvents"},
    {"PushMetricsEvents /b", "PushMetricsEvents"},
    {"PushMetricsEvents a/b/c", "with a slash and a variant"},
    {"PushMetricsEvents other/b", "PushMetricsEvents"},
    {"PushMetricsEvents \"\"", "PushMetricsEvents"},
    {"PushMetricsEvents push.gap", "PushMetricsEvents"},
    {"PushMetricsEvents order other", "PushMetricsEvents"},
    {"PushMetricsEvents 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 "
     "21 22 23 24 25 26 27 28 29 30 31 32\nPushMetricsEvents 33",
     "PushMetricsEvents must be at most 32 event types"},
    {"<VirtualHost *>\nPushMetricsEvents a\n</VirtualHost>",
     "PushMetricsEvents"},
    {"PushMaxInFlight 0", "PushMaxInFlight"},
    {"PushReactors 0", "PushReactors"},
    {"PushMaxBlockingStreams 10001", "PushMaxBlockingStreams"},
    {"PushMaxPublishers 0", "PushMaxPublishers"},
    {"PushMaxPublishers 10001", "PushMaxPublishers"},
    {"PushHeartbeat 0", "PushHeartbeat"},
    {"PushMaxWait 0", "PushMaxWait"},
    {"PushMaxWait 601", "PushMaxWait"},
    {"PushMaxMessageSize 0", "PushMaxMessageSize"},
    {"PushUser nonsense", "PushUser"},
    {"PushUser query:", "PushUser"},
    {"PushUser", "PushUser"},
    {"PushUser \"expr=%{\"", "PushUser"},
    {"PushChannels a*b", "PushChannels"},
    {"PushChannels **", "PushChannels"},
    {"PushAllowOrigin *", "PushAllowOrigin"},
    {"PushAllowOrigin https://a.example/", "PushAllowOrigin"},
    {"PushAllowOrigin a.example", "PushAllowOrigin"},
    /* No browser sends any of these, so they would allow nobody. */
    {"PushAllowOrigin HTTPS://A.example", "PushAllowOrigin"},
    {"PushAllowOrigin ://a.example", "PushAllowOrigin"},
    {"PushAllowOrigin \"https://a.example b\"", "PushAllowOrigin"},
    {"PushAllowOrigin https://u@a.example", "PushAllowOrigin"},
    {"PushAllowOrigin https://a.example?x", "PushAllowOrigin"},
    {"PushAllowOrigin https://a.example:", "PushAllowOrigin"},
    {"PushAllowOrigin https://a.example:65536", "PushAllowOrigin"},
    {"PushAllowOrigin https://[::1", "PushAllowOrigin"},
    {"PushCapture on", "PushCapture must be off, headers, tee or consume"},
    {"PushCapture", "PushCapture"},
    {"PushCaptureAllow ada", "PushCaptureAllow must be user:PATTERN"},
    {"PushCaptureAllow user:a*b", "PushCaptureAllow must be user:PATTERN"},
    {"PushCaptureAllow hold:a*b", "PushCaptureAllow: behind hold: and"},
    {"PushCaptureAllow hold-user:", "PushCaptureAllow: behind hold: and"},
    {"PushCaptureAllow group:a", "PushCaptureAllow must be user:PATTERN"},
    {"PushCaptureOnce maybe", "PushCaptureOnce must be On or Off"},
    {"PushGripKey realm", "PushGripKey takes two arguments"},
    {"PushGripKey \"a b\" /etc/passwd", "PushGripKey must begin with an"},
    {"PushGripKey realm /nowhere/key", "PushGripKey /nowhere/key: No such"},
    {"PushGripKey realm /etc/passwd", "everybody may read it (chmod o-r)"},
    {"PushGripKey realm /dev/null", "PushGripKey /dev/null:"},
    {"PushHeartbeat 4sec", "PushHeartbeat"},
    {"PushHeartbeat 4m", "PushHeartbeat"},
    {"PushUser expr=", "PushUser"},
    {"<Location \"/x\">\nPushShmSize 64M\n</Location>", "PushShmSize"},
    {"<Location \"/x\">\nPushMaxPending 10\n</Location>", "PushMaxPending"},
    {"<VirtualHost *>\nPushShmSize 64M\n</VirtualHost>", "PushShmSize"},
    {"<VirtualHost *>\nPushMaxBlockingStreams 1\n</VirtualHost>",
     "PushMaxBlockingStreams"},
};

START_TEST(a_wrong_line_stops_the_start_with_a_sentence)
{
    size_t i;

    for (i = 0; i < COUNT(wrong_lines); i++) {
        struct server_options o = {.global = wrong_lines[i][0]};
        const char *said = server_refusal(&o);

        ck_assert_msg(strstr(said, wrong_lines[i][1]) != NULL, "%s: %s",
                      wrong_lines[i][0], said);
    }
}
END_TEST

/* What a start finds beyond the lines: here, and with PushStateDir in
 * test_state. */
START_TEST(a_test_of_the_configuration_finds_what_a_start_refuses)
{
    struct server_options o = {.children = 10, .global = "PushReactors 16"};
    const struct rlimit few = {1024, 1024}; /* three for each reactor */

    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 2; i++) {
        const char *said;

        o.test = i == 0;
        said = server_refusal(&o);
        ck_assert_msg(strstr(said,
                             "PUSH0002: cannot lay out the shared memory "
                             "for 512 reactors (PushShmSize, "
                             "descriptors)")
                          != NULL,
                      "%s", said);
    }
}
END_TEST

START_TEST(units_are_understood)
{
    struct server_options o = {.global = "PushShmSize 16M\n"
                                         "PushHeartbeat 1500ms\n"
                                         "PushDefaultTTL 2min\n"
                                         "PushMaxTTL 60min\n"
                                         "PushAllowOrigin http://[::1]:80 "
                                         "https://a_b.example:65535 http://c\n"
                                         "PushMaxMessageSize 2K"};
    struct server *s = server_start(&o);

    ck_assert_str_eq(http_header(publish_try(s, "user=ada", NULL, "x"), "TTL"),
                     "120");
    ck_assert_str_eq(
        http_header(publish_try(s, "user=ada", "TTL: 9999\r\n", "x"), "TTL"),
        "3600");
    ck_assert_int_le(stat_of(s, "memory.size"), 16 << 20);
    ck_assert_int_ge(stat_of(s, "memory.size"), 8 << 20);
}
END_TEST

START_TEST(locations_and_hosts_inherit_and_override)
{
    struct server_options o = {
        .global = "PushDefaultTTL 100\nPushMaxTTL 200\n"
                  "<Location \"/other\">\nPushEndpoint admin\n"
                  "Require local\nPushDefaultTTL 50\n</Location>\n"};
    struct server *s = server_start(&o);
    struct answer *a;

    a = publish_try(s, "user=ada", NULL, "x");
    ck_assert_str_eq(http_header(a, "TTL"), "100");
    a = http_do(s, "POST", "/other/messages?user=ada", NULL, "x");
    ck_assert_int_eq(a->status, 201);
    ck_assert_str_eq(http_header(a, "TTL"), "50");
    ck_assert_ptr_nonnull(
        strstr(http_header(a, "Location"), "/other/messages/"));
    a = http_do(s, "POST", "/other/messages?user=ada", "TTL: 300\r\n", "x");
    ck_assert_str_eq(http_header(a, "TTL"), "200");
}
END_TEST

START_TEST(the_minimal_example_works)
{
    struct server_options o = {.include = "conf/examples/minimal.conf"};
    struct server *s = server_start(&o);

    http_expect(http_get(s, "/push/health?live"), 200, NULL);
    publish(s, "user=ada", NULL, "x");
    ck_assert_int_eq(stat_of(s, "published"), 1);
}
END_TEST

START_TEST(the_demo_works)
{
    struct server_options o = {.include = "conf/examples/demo.conf"};
    char cwd[4096];
    struct server *s;
    struct stream *st;

    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    o.global = keep_printf("Define PUSH_DEMO \"%s/conf/examples/demo\"", cwd);
    s = server_start(&o);
    ck_assert_int_eq(http_get(s, "/")->status, 200);
    st = stream_open(s, "user=ada&heartbeat=event&channel=city.rome", NULL);
    publish(s, "channel=city.rome", NULL, "ciao");
    expect_message(st, 1, "ciao");
}
END_TEST

START_TEST(the_annotated_reference_loads_and_changes_nothing)
{
    struct server_options o = {.global = "Include \"${PUSH_CONF}\""};
    char cwd[4096];
    struct server *s;

    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    o.global = keep_printf("Define PUSH_CONF \"%s/conf/push.conf\"\n%s", cwd,
                           o.global);
    s = server_start(&o);
    ck_assert_str_eq(http_header(publish_try(s, "user=ada", NULL, "x"), "TTL"),
                     "300");
}
END_TEST

/* Run a command; fails the test unless it succeeds. */
static void run(const char *command)
{
    ck_assert_msg(system(command) == 0, "failed: %s", command);
}

START_TEST(what_make_install_installs_can_be_enabled)
{
    char root[] = "/tmp/push-install-XXXXXX";
    struct server_options o = {.bare = true};
    struct server *s;
    const char *build = getenv("PUSH_BUILD");
    const char *load;

    ck_assert_ptr_nonnull(mkdtemp(root));
    build = build != NULL ? build : "build";
    /* Installed is what was built, whatever its sources are now. */
    run(keep_printf("make -s install B=%s -o %s/mod_push.so DESTDIR=%s "
                    "MODS_AVAILABLE=/etc/apache2/mods-available "
                    ">/dev/null && chmod -R a+rX %s",
                    build, build, root, root));
    run(keep_printf("mkdir %s/etc/apache2/mods-enabled && "
                    "APACHE_CONFDIR=%s/etc/apache2 "
                    "APACHE_STATE_DIRECTORY=%s/state "
                    "perl %s/a2enmod --quiet push",
                    root, root, root, build));
    load = keep_file(
        keep_printf("%s/etc/apache2/mods-enabled/push.load", root), NULL);
    ck_assert_ptr_nonnull(strstr(load, "LoadModule push_module /"));
    load = strstr(load, "LoadModule push_module /") + 23;
    load = keep_copy(load, strcspn(load, " \n"));
    o.global = keep_printf(
        "LoadModule push_module %s%s\n"
        "Include %s/etc/apache2/mods-enabled/push.conf\n"
        "<Location \"/push\">\nPushEndpoint admin\nRequire local\n"
        "</Location>",
        root, load, root);
    s = server_start(&o);
    publish(s, "user=ada", NULL, "x");
    server_stop(s);
    run(keep_printf("rm -r %s", root));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("configuration");
    TCase *tc = case_add(suite, "refusals", 60);

    tcase_add_loop_test(tc, a_wrong_value_stops_the_start_with_the_range, 0,
                        COUNT(wrong_values));
    tcase_add_test(tc, a_wrong_line_stops_the_start_with_a_sentence);
    tcase_add_test(tc, a_test_of_the_configuration_finds_what_a_start_refuses);
    tc = case_add(suite, "effects", 60);
    tcase_add_test(tc, units_are_understood);
    tcase_add_test(tc, locations_and_hosts_inherit_and_override);
    tc = case_add(suite, "files", 60);
    tcase_add_test(tc, the_minimal_example_works);
    tcase_add_test(tc, the_demo_works);
    tcase_add_test(tc, the_annotated_reference_loads_and_changes_nothing);
    tcase_add_test(tc, what_make_install_installs_can_be_enabled);
    return case_run(suite);
}
