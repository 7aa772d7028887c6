/* real_messages.c - what pushctl says of one message, and of what triggers gave
 * up, with a real server. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "server.h"
#include "shell.h"
#include "stream.h"
#include "verbs.h"

static struct server *server;

static void address(const struct server *s)
{
    setenv("HOME", keep_printf("%s/htdocs", s->root), 1);
    setenv("PUSHCTL_URL", keep_printf("http://127.0.0.1:%d/push/", s->port),
           1);
}

static void setup(void)
{
    server = server_start(NULL);
    address(server);
    setenv("CTL", keep_printf("timeout 60 %s/pushctl", shell_build()), 1);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("PUSHCTL_CONFIG");
}

/* What $CTL says to a command line. */
static const char *ctl(const char *words)
{
    return shell_run(keep_printf("$CTL %s", words));
}

static const json_t *ctl_json(const char *words)
{
    return json_keep(
        json_loads(ctl(keep_printf("%s --json", words)), 0, NULL));
}

START_TEST(a_message_is_published_followed_and_recalled)
{
    struct stream *ann = stream_open(server, "user=ann&device=d&seq=0", NULL);
    const json_t *result = ctl_json(
        "publish -u ann -q high -t 60 -e a.b -m one");
    const char *id = json_text_at(result, "id");
    const char *said;

    ck_assert_int_eq(json_int_at(result, "recipients"), 1);
    ck_assert_int_eq(json_int_at(result, "connected"), 1);
    expect_message(ann, 1, "one");
    said = ctl(keep_printf("message %s", id));
    ck_assert_ptr_nonnull(strstr(said, "audience  user ann\n"));
    ck_assert_ptr_nonnull(strstr(said, "  in-flight  1\n"));
    ck_assert_ptr_nonnull(strstr(said, "ttl       1 min\n"));
    ck_assert_int_eq(json_int_at(ctl_json(keep_printf("message %s", id)),
                                 "counts.in-flight"),
                     1);
    ck_assert_str_eq(ctl(keep_printf("recall %s", id)),
                     keep_printf("%s recalled, devices: 1\n", id));
    said = ctl("publish -c news -n");
    ck_assert_ptr_nonnull(strstr(said, "  devices 0, connected 0\n"));
    id = keep_copy(said, strcspn(said, " "));
    ck_assert_str_eq(
        json_text_at(ctl_json(keep_printf("recall %s", id)), "id"), id);
}
END_TEST

/* What was published, and how it is asked about: by whom it was for. */
static const struct {
    const char *publish, *audience, *other;
} addresses[] = {{"-u a/b", "-u a/b", "-u a"},
                 {"-u a -d tab", "-u a -d tab", "-u a -d top"},
                 {"-c 'a b'", "-c 'a b'", "-u 'a b'"},
                 {"-b", "-b", "-c b"}};

START_TEST(a_message_is_found_by_whom_it_was_for_and_by_nobody_else)
{
    const char *said = ctl(
        keep_printf("publish %s -m x", addresses[_i].publish));
    const char *id = keep_copy(said, strcspn(said, " "));

    for (int i = 0; i < 2; i++) {
        const char *command = i ? "recall" : "message";

        said = shell_run(keep_printf("$CTL %s %s %s 2>&1 || echo code $?",
                                     command, id, addresses[_i].other));
        ck_assert_msg(strstr(said, "code 4\n") != NULL, "%s", said);
        ck_assert_str_eq(
            json_text_at(ctl_json(keep_printf("%s %s %s", command, id,
                                              addresses[_i].audience)),
                         "id"),
            id);
    }
}
END_TEST

START_TEST(it_is_explained_why_a_message_did_not_arrive)
{
    const char *words = keep_printf("explain %s --user a/b",
                                    publish(server, "user=a%2Fb", NULL, "x"));

    leave(server, stream_open(server, "user=a%2Fb&device=tab&seq=0", NULL));
    ck_assert_ptr_nonnull(strstr(ctl(keep_printf("%s --device tab", words)),
                                 "  It was published to the user a/b, "));
    ck_assert_str_eq(json_text_at(ctl_json(words), "cause"), "away");
    leave(server, stream_open(server, "user=a%2Fb&device=top&seq=0", NULL));
    ck_assert_ptr_nonnull(strstr(ctl("explain --user a/b"),
                                 "\n0 of 2 devices of user a/b have "));
}
END_TEST

/* ---- triggers ---- */

/* Nobody listens at that port. */
START_TEST(what_a_trigger_gave_up_is_shown_queued_again_and_dropped)
{
    const json_t *list;
    const char *said;

    server = server_start(&(
        struct server_options){.receive = "PushUser query:user",
                               .global = "<PushTrigger hook>\n"
                                         "PushWhen \"event('type') == 'n'\"\n"
                                         "PushPost http://127.0.0.1:1/\n"
                                         "PushRetry attempts=1\n"
                                         "</PushTrigger>\n"});
    server_allow(server, "PUSH0241");
    address(server);
    for (int i = 1; i <= 3; i++) {
        http_expect(
            http_do(server, "POST",
                    keep_printf("/push/events?type=n&id=e%d", i),
                    "Content-Type: application/json\r\nPush-Client: t/1\r\n",
                    "{\"note\":\"\\u001b[2J\"}"),
            202, NULL);
    }
    wait_until(json_int_at(ctl_json("triggers list"), "triggers.0.dead") == 3);
    said = ctl("triggers");
    ck_assert_ptr_nonnull(strstr(said, "trigger  taken  queued"));
    ck_assert_ptr_nonnull(strstr(said, "\nhook     yes "));
    list = ctl_json("triggers show hook");
    ck_assert_int_eq(json_array_size(json_at(list, "dead")), 3);
    said = ctl("triggers show hook");
    ck_assert_ptr_nonnull(
        strstr(said, keep_printf("\n%s  ", json_text_at(list, "dead.1.id"))));
    ck_assert_ptr_nonnull(strstr(said, "  e2 "));
    ck_assert_ptr_null(strstr(said, "2J"));
    said = ctl(
        keep_printf("triggers show hook %s", json_text_at(list, "dead.1.id")));
    ck_assert_ptr_nonnull(strstr(said, "note ?[2J"));
    ck_assert_ptr_null(strstr(said, "e3"));
    said = ctl(
        keep_printf("triggers drop hook %s", json_text_at(list, "dead.1.id")));
    ck_assert_str_eq(said, "dropped: 1\n");
    ck_assert_str_eq(ctl("triggers retry hook"), "queued again: 2\n");
    wait_until(json_int_at(ctl_json("triggers"), "triggers.0.dead") == 5);
    ck_assert_str_eq(ctl("triggers drop hook"), "dropped: 2\n");
    ck_assert_str_eq(ctl("triggers show hook"),
                     "id  created  type  source  event  reason\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c messages");
    TCase *tc = case_add(suite, "pushctl", 90);

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, a_message_is_published_followed_and_recalled);
    tcase_add_row_test(
        tc, a_message_is_found_by_whom_it_was_for_and_by_nobody_else,
        addresses);
    tcase_add_test(tc, it_is_explained_why_a_message_did_not_arrive);
    tcase_add_test(tc,
                   what_a_trigger_gave_up_is_shown_queued_again_and_dropped);
    return case_run(suite);
}
