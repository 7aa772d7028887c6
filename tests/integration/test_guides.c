/*
 * The guides, as a reader would follow them: every configuration that they
 * show is a server's, every command is run, and says what they say it does.
 */
#include <check.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "guide.h"
#include "keep.h"
#include "server.h"
#include "serverroot.h"
#include "shell.h"
#include "wait.h"

#define PAGES   "docs/guides/*.md"
#define WALK    "docs/triggers.md"
#define STREAMS 8

/* What the pages call things; each is something of this test's own. */
#define PLACE  "127.0.0.1:8080"
#define FOLDER "/etc/apache2/"
#define BEHIND "127.0.0.1:3000"
#define LISTEN "listen(3000"

/* How long a reader has patience for, and a test. */
#define PATIENCE "Define PATIENCE 20s\n"
#define HASTE    "Define PATIENCE 4s\n"

/* A command that goes on. */
struct running {
    pid_t pid;
    const char *output; /* the file that it writes into */
    const char *says;
    int line;
};

static const char *page, *folder;
static struct server *server;
static int behind; /* the port of an application */
static struct running streams[STREAMS];
static int running;

/* ---- what a page means here ---- */

static const char *replaced(const char *text, const char *word, const char *by)
{
    const char *found = strstr(text, word);

    if (found == NULL) {
        return text;
    }
    return keep_printf("%.*s%s%s", (int)(found - text), text, by,
                       replaced(found + strlen(word), word, by));
}

static const char *here(const char *text)
{
    text = replaced(text, FOLDER, keep_printf("%s/", folder));
    text = replaced(text, BEHIND, keep_printf("127.0.0.1:%d", behind));
    text = replaced(text, LISTEN, keep_printf("listen(%d", behind));
    text = replaced(text, PATIENCE, HASTE);
    return server == NULL
               ? text
               : replaced(text, PLACE,
                          keep_printf("127.0.0.1:%d", server->port));
}

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(keep_printf("%s/%s", folder, name), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

/* ---- commands ---- */

static void expect_said(const char *says, const char *said, bool more,
                        int line)
{
    ck_assert_msg(guide_agrees(says, said, more),
                  "%s:%d: it says\n%s\nand should say\n%s", page, line, said,
                  says);
}

/* Its commands have the same shell, and so the same variables. */
static void run_commands(const struct guide_block *b)
{
    const struct guide_step *step;
    const char *script = "set +e\n";
    const char *said;

    for (step = guide_steps(b); step->command != NULL; step++) {
        script = keep_printf("%s%s\nprintf '\\001'\n", script,
                             here(step->command));
    }
    said = shell_run(script);
    for (step = guide_steps(b); step->command != NULL; step++) {
        const char *end = strchr(said, '\001');

        ck_assert_msg(end != NULL, "%s:%d: %s", page, b->line, said);
        expect_said(step->says, keep_copy(said, (size_t)(end - said)), false,
                    b->line);
        said = end + 1;
    }
}

static void become(const char *command, const char *output)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (chdir(folder) != 0 || freopen("/dev/null", "r", stdin) == NULL
        || freopen(output, "w", stdout) == NULL) {
        _exit(126);
    }
    dup2(STDOUT_FILENO, STDERR_FILENO);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static void begin_stream(const struct guide_block *b)
{
    const struct guide_step *step = guide_steps(b);
    struct running *r = &streams[running];
    const char *command = here(step->command);

    ck_assert_int_lt(running, STREAMS);
    ck_assert_msg(step[1].command == NULL, "%s:%d: more than one command",
                  page, b->line);
    r->output = keep_printf("%s/output.%d", folder, running);
    r->says = step->says;
    r->line = b->line;
    fflush(NULL);
    r->pid = fork();
    ck_assert_int_ge(r->pid, 0);
    if (r->pid == 0) {
        become(command, r->output);
    }
    running++;
    wait_until(*keep_file(r->output, NULL) != '\0');
}

static void await_said(const struct running *r)
{
    int64_t deadline = wait_now() + WAIT_MS;

    while (!guide_agrees(r->says, keep_file(r->output, NULL), true)
           && wait_now() < deadline) {
        wait_a_little();
    }
}

/* Each has, or gets soon, what the page says it gets; until all have it, all
 * go on with what they do besides. */
static void end_streams(void)
{
    for (int i = 0; i < running; i++) {
        await_said(&streams[i]);
    }
    while (running > 0) {
        struct running *r = &streams[--running];

        kill(-r->pid, SIGTERM);
        waitpid(r->pid, NULL, 0);
        expect_said(r->says, keep_file(r->output, NULL), true, r->line);
    }
}

/* ---- pages ---- */

/* Programs of this build, packages of this tree, and a curl that does not show
 * its progress, which it does where nobody sees it. */
static void furnish(void)
{
    char *cwd = keep(getcwd(NULL, 0), free);

    folder = serverroot_make();
    behind = server_free_port();
    setenv("DIR", folder, 1);
    setenv("CURL_HOME", folder, 1);
    setenv("PATH", keep_printf("%s:%s", shell_build(), getenv("PATH")), 1);
    write_text(".curlrc", "silent\nshow-error\nmax-time = 60\n");
    ck_assert_int_eq(mkdir(keep_printf("%s/node_modules", folder), 0755), 0);
    ck_assert_int_eq(
        symlink(keep_printf("%s/sdk-js", cwd),
                keep_printf("%s/node_modules/mod-push-client", folder)),
        0);
}

static void serve(const struct guide_block *b)
{
    struct server_options o = {.include = "/dev/null"};

    end_streams();
    if (server != NULL) {
        server_stop(server);
        server = NULL;
    }
    o.global = here(b->text);
    server = server_start(&o);
    setenv("PUSHCTL_URL",
           keep_printf("http://127.0.0.1:%d/push", server->port), 1);
}

static void follow(const struct guide_block *b)
{
    bool console = strcmp(b->language, "console") == 0;

    if (strcmp(b->mark, "server") == 0) {
        serve(b);
    }
    else if (console && strcmp(b->mark, "run") == 0) {
        run_commands(b);
    }
    else if (console && strcmp(b->mark, "stream") == 0) {
        begin_stream(b);
    }
    else if (strchr(b->mark, '.') != NULL) {
        write_text(b->mark, here(b->text));
    }
    else {
        ck_assert_msg(!console || strcmp(b->mark, "other") == 0,
                      "%s:%d: a console that is not run", page, b->line);
    }
}

static glob_t pages;

START_TEST(what_a_guide_says_is_so)
{
    const struct guide_block *b;

    page = pages.gl_pathv[_i];
    furnish();
    for (b = guide_read(page); b->language != NULL; b++) {
        follow(b);
    }
    end_streams();
    if (server != NULL) {
        server_stop(server);
    }
    serverroot_remove(folder);
}
END_TEST

/* says, what is said, whether more may follow, whether that agrees */
static const struct {
    const char *says, *said;
    bool more, agrees;
} pairs[] = {
    {"a\n", "a\n", false, true},
    {"a\n", "b\n", false, false},
    {"a\n", "a\nb\n", false, false},
    {"a\n", "a\nb\n", true, true},
    {"a\n", "ab\n", true, false},
    {"\xe2\x80\xa6\n", "a\nb\n", false, true},
    {"a\xe2\x80\xa6z\n", "a 1 z\n", false, true},
    {"a\xe2\x80\xa6z\n", "a\nz\n", false, false},
    {"a\n\xe2\x80\xa6\nz\n", "a\nb\nc\nz\n", false, true},
    {"{1,\n  2}\n", "{1,2}\n", false, true},
    {"a  b\n", "a    b", false, true},
    {"a\n\nb\n", "a\n\n\n\nb\n", false, true},
    {"a\n\nb\n", "a\nb\n", false, false},
    {"a\n  \xe2\x80\xa6\nz\n", "a\n b\n c\nz\n", false, true},
    {"a\n b\n", "ab\n", false, false},
    {"a\n", "\na\r\n", false, true},
};

START_TEST(what_is_said_is_compared)
{
    ck_assert_int_eq(guide_agrees(pairs[_i].says, pairs[_i].said,
                                  pairs[_i].more),
                     pairs[_i].agrees);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guides");
    TCase *tc = case_add(suite, "guides", 60);
    int status;

    if (glob(PAGES, 0, NULL, &pages) != 0
        || glob(WALK, GLOB_APPEND, NULL, &pages) != 0) {
        fprintf(stderr, "no " PAGES " or " WALK "\n");
        return EXIT_FAILURE;
    }
    tcase_add_row_test(tc, what_is_said_is_compared, pairs);
    tcase_add_loop_test(tc, what_a_guide_says_is_so, 0, (int)pages.gl_pathc);
    status = case_run(suite);
    globfree(&pages);
    return status;
}
