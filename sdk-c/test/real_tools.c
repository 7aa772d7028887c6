/* real_tools.c - push-sub, push-pub and the examples, with a real server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "keep.h"
#include "scripted.h"
#include "server.h"
#include "shell.h"

static struct server *server;
static char *dir;

/* Set what scripts know: $SUB, $PUB (with their URLs), $EX, $BASE and $DIR. */
static void dress(void)
{
    const char *build = shell_build();
    char cwd[512];

    ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
    setenv("TOP", cwd, 1);
    dir = keep_printf("%s/htdocs", server->root);
    setenv("DIR", dir, 1);
    setenv("BASE", keep_printf("http://127.0.0.1:%d", server->port), 1);
    setenv("SUB",
           keep_printf("timeout 30 %s/push-sub -L http://127.0.0.1:%d/"
                       "ramen",
                       build, server->port),
           1);
    setenv("PUB",
           keep_printf("timeout 30 %s/push-pub -L http://127.0.0.1:%d/"
                       "push",
                       build, server->port),
           1);
    setenv("EX", keep_printf("timeout 30 %s/sdk-c/example-", build), 1);
}

static void setup(void)
{
    server = server_start(NULL);
    dress();
}

START_TEST(what_push_pub_publishes_push_sub_prints)
{
    const char *said = shell_run(
        "$PUB -u ann -m one >/dev/null; $PUB -u ann -m two -e t >/dev/null;"
        "printf three > f; $PUB -u ann -f f >/dev/null;"
        "printf 'fo\\nur' | $PUB -u ann -s >/dev/null; $PUB -u ann -n "
        ">/dev/null; $SUB -u ann -d d -C 5 -F '%s %e %d|%%'");

    ck_assert_str_eq(said, "1 message one|%\n2 t two|%\n3 message three|%\n"
                           "4 message fo\nur|%\n5 message |%\n");
}
END_TEST

START_TEST(lines_go_one_message_each_in_order)
{
    const char *said = shell_run(
        "seq 1 500 > wanted; $PUB -u ann -l < wanted > ids;"
        "test $(sort -u ids | wc -l) = 500;"
        "$SUB -u ann -d d -C 500 > got;"
        "cmp got wanted; echo same");

    ck_assert_str_eq(said, "same\n");
}
END_TEST

START_TEST(json_is_for_programs)
{
    const char *said = shell_run("$PUB -u ann -j -m '\"q\"' -K k1; "
                                 "$SUB -u ann -d d -j -C 1");

    ck_assert_ptr_nonnull(strstr(said, "\"key\":\"k1\""));
    ck_assert_ptr_nonnull(strstr(said, "\"data\":\"\\\"q\\\"\""));
    ck_assert_ptr_nonnull(strstr(said, "\"seq\":1"));
}
END_TEST

static int with_meta(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    if (strstr(r->target, "/ack?")) {
        return scripted_answer(r, 204, "", "");
    }
    scripted_stream(r);
    scripted_say(r, "id: 1.m1\ntype: a/b\ntime: 17\ntrace: 00-a\ndata: %s\n\n",
                 strstr(r->target, "meta=type%2Ctime") ? "asked" : "");
    scripted_hold(r, -1);
    return 0;
}

START_TEST(what_a_message_tells_of_itself_is_a_member_of_its_json)
{
    struct scripted *other = scripted_start(with_meta, NULL);
    const char *said = shell_run(
        keep_printf("${SUB%% -L *} -L %s/ramen -j -C 1 --meta type,time",
                    scripted_url(other)));

    ck_assert_str_eq(said,
                     "{\"seq\":1,\"mid\":\"m1\",\"id\":\"1.m1\","
                     "\"event\":\"message\",\"type\":\"a/b\","
                     "\"time\":17,\"trace\":\"00-a\",\"data\":\"asked\"}\n");
    scripted_stop(other);
}
END_TEST

START_TEST(polls_can_be_asked_for)
{
    const char *said = shell_run(
        "printf '1\\n2\\n' | $PUB -u ann -l >/dev/null;"
        "$SUB -u ann -C 2 --transport poll -v 2>log;"
        "grep -c 'polls: open' log;"
        "$SUB --transport pigeon 2>/dev/null || echo no");

    ck_assert_str_eq(said, "1\n2\n1\nno\n");
}
END_TEST

START_TEST(a_cursor_file_carries_over_runs)
{
    const char *said = shell_run(
        "printf '1\\n2\\n3\\n' | $PUB -u ann -l >/dev/null;"
        "$SUB -u ann -d d --cursor-file c -C 2; cat c >/dev/null;"
        "$SUB -u ann -d d --cursor-file c -C 1 -F '%s %d';"
        "$SUB -u ann -d d --cursor-file c -W 1");

    ck_assert_str_eq(said, "1\n2\n3 3\n");
}
END_TEST

START_TEST(channels_and_devices_are_told_apart)
{
    const char *said = shell_run(
        "$SUB -u ann -d d1 -c news -C 2 > a & "
        "$SUB -u ann -d d2 -C 1 > b & "
        "until test $(curl -s $BASE/push/users/ann/devices | "
        "grep -o '\"online\":true' | wc -l) = 2; do sleep 0.05; done;"
        "$PUB -c news -m n >/dev/null; $PUB -u ann -d d1 -m x >/dev/null;"
        "$PUB -u ann -d d2 -m y >/dev/null; wait; cat a b");

    ck_assert_str_eq(said, "n\nx\ny\n");
}
END_TEST

START_TEST(binary_is_printed_as_base64_on_request)
{
    const char *said = shell_run(
        "for i in 1 2 3 4; do printf '\\377\\376a' | $PUB -u ann -s "
        ">/dev/null; done; $SUB -u ann -d d -C 1 --base64;"
        "$SUB -u ann -d e -C 1 --base64 -F '<%d>';"
        "$SUB -u ann -d f -C 1 --base64 -j | grep -o '\"base64.*';"
        "$SUB -u ann -d g -C 1 -j | grep -o '\"hex.*'");

    ck_assert_str_eq(said, "//5h\n<//5h>\n\"base64\":\"//5h\"}\n"
                           "\"hex\":\"fffe61\"}\n");
}
END_TEST

START_TEST(what_is_too_large_is_skipped_and_told_or_ends_it)
{
    const char *said = shell_run(
        "$PUB -u ann -m one >/dev/null; seq 1 1000 > f;"
        "id=$($PUB -u ann -f f); $PUB -u ann -m three >/dev/null;"
        "$SUB -u ann -d d -C 2 --max-event-bytes 1000 | sed 's/ 2\\.[^ ]* "
        "/ 2.ID /';"
        "curl -s $BASE/push/messages/$id | grep -o '\"acked\":1';"
        "set +e; $SUB -u ann -d e -W 20 --max-event-bytes 1000 "
        "--stop-on-large; echo $?");

    ck_assert_ptr_nonnull(strstr(said, "one\n"));
    ck_assert_ptr_nonnull(strstr(said, "three\n"));
    ck_assert_ptr_nonnull(strstr(said, " is too large (--max-event-bytes): "
                                       "skipped\n"));
    ck_assert_ptr_nonnull(strstr(said, "\"acked\":1\n"));
    ck_assert_ptr_nonnull(strstr(said, "above max_event_bytes\n1\n"));
}
END_TEST

START_TEST(a_channel_that_is_closed_is_named_and_is_no_credential)
{
    const char *said;

    server = server_start(&(struct server_options){
        .receive = "PushUser query:user\nPushChannels news"});
    dress();
    said = shell_run("set +e; $SUB -u ann -d d -c secret -W 20; echo $?");
    ck_assert_ptr_nonnull(strstr(said, "push-sub: HTTP 403: channel: secret"));
    ck_assert_ptr_nonnull(strstr(said, "\n3\n"));
    ck_assert_ptr_null(strstr(said, "credentials"));
}
END_TEST

START_TEST(a_small_window_stalls_nobody)
{
    const char *said;

    server = server_start(&(struct server_options){
        .receive = "PushUser query:user\nPushMaxInFlight 16"});
    dress();
    said = shell_run("seq 1 200 > wanted; $PUB -u ann -l < wanted >/dev/null;"
                     "$SUB -u ann -d d -C 200 -W 20 > got; cmp got wanted;"
                     "echo same");
    ck_assert_str_eq(said, "same\n");
}
END_TEST

/* Each line of EXAMPLES of a page as it stands, but with the address of the
 * test's server, and not for ever. */
START_TEST(what_the_manual_pages_show_works)
{
    static const char *const pages[] = {"push-sub", "push-pub"};

    shell_run(keep_printf(
        "mkdir bin; printf 'exec %%s \"$@\" -W 1\\n' \"$SUB\" > bin/push-sub;"
        "printf 'exec %%s \"$@\"\\n' \"$PUB\" > bin/push-pub;"
        "sed -i '1i #!/bin/sh' bin/*; chmod +x bin/*; PATH=$PWD/bin:$PATH;"
        "sed -n '/^.SH EXAMPLES/,/^.fi/p' $TOP/sdk-c/man/%s.1 | "
        "grep -v '^[.]' | sed 's/\\\\-/-/g' > lines; test -s lines;"
        "while read -r line; do echo \"$line\"; "
        "sh -ec \"$line\" < /dev/null; done < lines",
        pages[_i]));
}
END_TEST

static const struct {
    int code;
    const char *command;
} codes[] = {
    {2, "$PUB -m x"},
    {2, "$PUB -u ann"},
    {2, "$PUB -u ann -c news -m x"},
    {2, "$PUB -u ann -m x --nonsense"},
    {2, "$PUB -u ann -m x -t soon"},
    {2, "$PUB -u ann -f missing"},
    {1, "$PUB -u ann -m x -e 'bad event'"},
    {2, "$SUB --count none"},
    {2, "$SUB -u ann -d 'bad device'"},
    {27, "$SUB -u ann -d d -C 1 -W 1"},
    {0, "$SUB -u ann -d d -W 1"},
    {0, "$SUB --help"},
    {0, "$PUB --version"},
    {1, "$SUB -L $BASE/nothing -W 5"},
    {3, "$SUB -T x -d d -W 5"},
};

START_TEST(exit_codes_say_what_happened)
{
    shell_run(keep_printf("set +e; %s; test $? = %d", codes[_i].command,
                          codes[_i].code));
}
END_TEST

START_TEST(a_signal_ends_push_sub_in_order)
{
    const char *said = shell_run(
        "id=$($PUB -u ann -m one); : > a; $SUB -u ann -d d > a & pid=$!;"
        "until grep -q one a; do sleep 0.05; done;"
        "kill -TERM $pid; set +e; wait $pid; echo $?;"
        "curl -s $BASE/push/messages/$id | grep -o '\"acked\":1'");

    ck_assert_str_eq(said, "0\n\"acked\":1\n");
}
END_TEST

START_TEST(the_examples_run)
{
    static const char *const receivers[] = {"receive", "epoll", "libuv",
                                            "libevent"};
    const char *said = shell_run(
        keep_printf("${EX}publish $BASE/push ann one two >/dev/null;"
                    "${EX}%s $BASE/ramen ann 2",
                    receivers[_i]));

    ck_assert_str_eq(said, "message: one\nmessage: two\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c tools");
    TCase *tc = case_add(suite, "tools", 60);

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, what_push_pub_publishes_push_sub_prints);
    tcase_add_test(tc, lines_go_one_message_each_in_order);
    tcase_add_test(tc, json_is_for_programs);
    tcase_add_test(tc, what_a_message_tells_of_itself_is_a_member_of_its_json);
    tcase_add_test(tc, polls_can_be_asked_for);
    tcase_add_test(tc, a_cursor_file_carries_over_runs);
    tcase_add_test(tc, channels_and_devices_are_told_apart);
    tcase_add_test(tc, binary_is_printed_as_base64_on_request);
    tcase_add_test(tc, what_is_too_large_is_skipped_and_told_or_ends_it);
    tcase_add_test(tc, a_channel_that_is_closed_is_named_and_is_no_credential);
    tcase_add_test(tc, a_small_window_stalls_nobody);
    tcase_add_loop_test(tc, what_the_manual_pages_show_works, 0, 2);
    tcase_add_loop_test(tc, exit_codes_say_what_happened, 0,
                        sizeof(codes) / sizeof(codes[0]));
    tcase_add_test(tc, a_signal_ends_push_sub_in_order);
    tcase_add_loop_test(tc, the_examples_run, 0, 4);
    return case_run(suite);
}
