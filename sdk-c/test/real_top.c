/* real_top.c - `pushctl top` in a terminal of its own. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "case.h"
#include "http.h"
#include "keep.h"
#include "scripted.h"
#include "server.h"
#include "shell.h"
#include "verbs.h"
#include "wait.h"

#define SEEN_MAX (1 << 20)

#define SCREEN_OTHER "\033[?1049h\033[?25l"
#define SCREEN_OWN   "\033[?25h\033[?1049l"

static struct server *server;

/* pushctl, and the other side of its terminal. */
static struct {
    pid_t pid; /* 0: it ended */
    int fd;
    char *seen; /* all that it wrote, with a NUL */
    size_t length;
    size_t mark; /* where a look for text begins */
} top;

static void setup(void)
{
    server = server_start(NULL);
    setenv("PUSHCTL_URL",
           keep_printf("http://127.0.0.1:%d/push", server->port), 1);
    setenv("DIR", keep_printf("%s/htdocs", server->root), 1);
    setenv("CTL", keep_printf("timeout 60 %s/pushctl", shell_build()), 1);
    setenv("TERM", "xterm", 1);
    top.seen = keep(calloc(1, SEEN_MAX), free);
    top.length = 0;
    top.mark = 0;
}

static void teardown(void)
{
    if (top.pid) {
        kill(top.pid, SIGKILL);
        waitpid(top.pid, NULL, 0);
        close(top.fd);
        top.pid = 0;
    }
}

static void begin(unsigned short rows, unsigned short columns)
{
    struct winsize size = {rows, columns, 0, 0};
    const char *program = keep_printf("%s/pushctl", shell_build());

    top.pid = forkpty(&top.fd, NULL, NULL, &size);
    ck_assert_int_ge(top.pid, 0);
    if (top.pid == 0) {
        execl(program, "pushctl", "top", (char *)NULL);
        _exit(127);
    }
}

/* Read what it wrote meanwhile; 0: its side is closed. */
static int read_some(int timeout_ms)
{
    struct pollfd p = {top.fd, POLLIN, 0};
    ssize_t n;

    if (poll(&p, 1, timeout_ms) <= 0) {
        return 1;
    }
    n = read(top.fd, top.seen + top.length, SEEN_MAX - 1 - top.length);
    if (n > 0) {
        top.length += (size_t)n;
        top.seen[top.length] = '\0';
    }
    return n > 0;
}

/* What is below top.mark, matched by an extended regular expression. */
static int matches(const char *pattern)
{
    regex_t regex;
    int found;

    ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    found = regexec(&regex, top.seen + top.mark, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* The end of what it wrote, as much as Check takes. */
static const char *tail_of_it(void)
{
    size_t n = top.length - top.mark;

    return top.seen + top.length - (n < 2000 ? n : 2000);
}

static void wait_for(const char *pattern)
{
    int64_t end = wait_now() + WAIT_MS;

    while (!matches(pattern)) {
        ck_assert_msg(wait_now() < end, "no %s in %s", pattern, tail_of_it());
        read_some(100);
    }
}

static void type(const char *keys)
{
    ck_assert_int_eq(write(top.fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static tcflag_t local_flags(void)
{
    struct termios t;

    ck_assert_int_eq(tcgetattr(top.fd, &t), 0);
    return t.c_lflag & (ICANON | ECHO | ISIG);
}

/* Wait for its end; the exit code, which a signal has not. */
static int end_of_it(void)
{
    int64_t end = wait_now() + WAIT_MS;
    int status;

    while (waitpid(top.pid, &status, WNOHANG) == 0) {
        ck_assert_msg(wait_now() < end, "it does not end: %s", tail_of_it());
        read_some(50);
    }
    while (read_some(0) && matches(".") && top.length < SEEN_MAX - 1) {
        struct pollfd p = {top.fd, POLLIN, 0};

        if (poll(&p, 1, 0) <= 0) {
            break;
        }
    }
    ck_assert(WIFEXITED(status));
    top.pid = 0;
    return WEXITSTATUS(status);
}

/* The terminal is as it was, and the other screen is gone. */
static void expect_given_back(void)
{
    size_t n = strlen(SCREEN_OWN);

    ck_assert_uint_gt(top.length, n);
    ck_assert_str_eq(top.seen + top.length - n, SCREEN_OWN);
    ck_assert_uint_eq(local_flags(), ICANON | ECHO | ISIG);
    close(top.fd);
}

START_TEST(it_draws_what_happens_and_q_ends_it)
{
    for (int i = 0; i < 3; i++) {
        publish(server, "user=ann", NULL, "x");
    }
    begin(40, 100);
    wait_for("published +- +- +3\033");
    ck_assert_ptr_eq(strstr(top.seen, SCREEN_OTHER), top.seen);
    ck_assert_uint_eq(local_flags(), ISIG);
    for (int i = 0; i < 5; i++) {
        publish(server, "channel=news", NULL, "x");
    }
    wait_for("published +[0-9.]+ +[0-9.]+ +8\033");
    wait_for("\033\\[1;1H.*streams 0   devices 0 ");
    type("q");
    ck_assert_int_eq(end_of_it(), 0);
    expect_given_back();
}
END_TEST

static const struct {
    const char *keys;
    int signal;
} ends[] = {{"Q", 0}, {"\003", 0}, {NULL, SIGTERM}, {NULL, SIGHUP}};

START_TEST(whatever_ends_it_gives_the_terminal_back)
{
    begin(24, 80);
    wait_for("published");
    if (ends[_i].keys) {
        type(ends[_i].keys);
    }
    else {
        kill(top.pid, ends[_i].signal);
    }
    ck_assert_int_eq(end_of_it(), 0);
    expect_given_back();
}
END_TEST

START_TEST(plus_and_minus_change_the_pace)
{
    begin(24, 100);
    wait_for("every 1 s");
    type("++");
    wait_for("every 3 s");
    top.mark = top.length;
    type("-----");
    wait_for("every 1 s");
    type("q");
    ck_assert_int_eq(end_of_it(), 0);
    expect_given_back();
}
END_TEST

/* The end of a frame of five rows: the next one begins. */
static const char small_frame[] = "\033\\[5;1H\033\\[K[^\033]*\033\\[1;1H";

/* No row below the last, no text beyond the last column. */
START_TEST(it_keeps_within_a_small_screen_that_changes)
{
    struct winsize size = {5, 20, 0, 0};
    const char *at;

    begin(24, 80);
    wait_for("refused");
    top.mark = top.length;
    ck_assert_int_eq(ioctl(top.fd, TIOCSWINSZ, &size), 0);
    wait_for(small_frame);
    top.mark = top.length;
    wait_for(small_frame);
    for (at = top.seen + top.mark; (at = strstr(at, ";1H\033[K")) != NULL;) {
        size_t n;

        ck_assert_msg(at[-2] == '[' && at[-1] <= '5', "row %.3s", at - 2);
        at += strlen(";1H\033[K");
        at += strncmp(at, "\033[7m", 4) == 0 ? 4 : 0;
        n = strcspn(at, "\033");
        ck_assert_msg(n <= 20, "%zu columns: %.*s", n, (int)n, at);
    }
    type("q");
    ck_assert_int_eq(end_of_it(), 0);
    expect_given_back();
}
END_TEST

static const char figures[] = "{\"streams\":4,\"channels\":2000,\"published\":"
                              "7}";

static int answer_once(void *ctx, struct scripted_request *r)
{
    (void)ctx;
    scripted_answer(r, 200, "Content-Type: application/json\r\n", figures);
    return 0;
}

START_TEST(a_server_that_is_away_for_a_while_is_told)
{
    struct scripted *other = scripted_start(answer_once, NULL);

    setenv("PUSHCTL_URL", scripted_url(other), 1);
    begin(24, 100);
    wait_for("published");
    scripted_refuse(other);
    wait_for("no answer: [^\033]*\033.*streams 4 ");
    scripted_accept(other);
    top.mark = top.length;
    wait_for("faster\033\\[0m\033\\[2;1H\033\\[Kstreams 4 ");
    type("q");
    ck_assert_int_eq(end_of_it(), 0);
    expect_given_back();
    scripted_stop(other);
}
END_TEST

/* The first answer with figures, and then nothing. */
static int hang(void *ctx, struct scripted_request *r)
{
    int *asked = ctx;

    if (strstr(r->target, "/children")) {
        return scripted_answer(r, 404, "", "");
    }
    if ((*asked)++ > 0) {
        scripted_hold(r, -1);
        return 0;
    }
    return scripted_answer(r, 200, "Content-Type: application/json\r\n",
                           figures);
}

START_TEST(q_ends_it_while_an_answer_is_waited_for)
{
    int asked = 0;
    struct scripted *other = scripted_start(hang, &asked);

    setenv("PUSHCTL_URL", scripted_url(other), 1);
    setenv("PUSHCTL_TIMEOUT", "3600", 1);
    begin(24, 80);
    wait_for("streams 4 ");
    wait_until(asked == 2);
    type("q");
    ck_assert_int_eq(end_of_it(), 0);
    expect_given_back();
    scripted_stop(other);
}
END_TEST

START_TEST(ctrl_z_stops_it_with_the_terminal_given_back)
{
    int status = 0;

    begin(24, 80);
    wait_for("published");
    type("\032");
    wait_until(read_some(0)
               && waitpid(top.pid, &status, WUNTRACED | WNOHANG) == top.pid);
    ck_assert(WIFSTOPPED(status));
    read_some(100);
    expect_given_back();
}
END_TEST

/* Looks go on until one tells of the last publish. */
START_TEST(rates_for_programs_are_what_was_published_meanwhile)
{
    const char *said = shell_run(
        "$CTL top --json > looks & while test ! -s looks; do sleep 0.05; done;"
        "seq 1 20 | $CTL publish -u ann -l > ids;"
        "until grep -q '\"published\":20' looks; do sleep 0.05; done;"
        "kill $!; wait; cat looks");
    double sum = 0;
    int looks = 0;

    for (const char *end; (end = strchr(said, '\n')) != NULL; said = end + 1) {
        const json_t *look = json_keep(
            json_loads(said, JSON_DISABLE_EOF_CHECK, NULL));

        ck_assert_ptr_nonnull(look);
        if (looks++ > 0) {
            sum += json_real_value(json_at(look, "rates.published"))
                   * json_real_value(json_at(look, "seconds"));
        }
        ck_assert_int_eq(json_int_at(look, "stats.published"),
                         (int)(sum + 0.5));
    }
    ck_assert_int_gt(looks, 1);
    ck_assert_int_eq((int)(sum + 0.5), 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sdk-c pushctl top");
    TCase *tc = case_add(suite, "top", 90);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, it_draws_what_happens_and_q_ends_it);
    tcase_add_row_test(tc, whatever_ends_it_gives_the_terminal_back, ends);
    tcase_add_test(tc, plus_and_minus_change_the_pace);
    tcase_add_test(tc, it_keeps_within_a_small_screen_that_changes);
    tcase_add_test(tc, a_server_that_is_away_for_a_while_is_told);
    tcase_add_test(tc, q_ends_it_while_an_answer_is_waited_for);
    tcase_add_test(tc, ctrl_z_stops_it_with_the_terminal_given_back);
    tcase_add_test(tc, rates_for_programs_are_what_was_published_meanwhile);
    return case_run(suite);
}
