#include "server.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keep.h"
#include "sanitizer.h"
#include "serverconf.h"
#include "serverlog.h"
#include "serverroot.h"
#include "wait.h"

#define STOP_MS 30000

static struct server *all_servers;

/* Wait for the end of httpd's parent. The wait status, or -1 when it still
 * runs at the monotonic time deadline. */
static int await_end(pid_t pid, int64_t deadline)
{
    int status;

    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);

        if (got == pid) {
            return status;
        }
        if (got < 0 || wait_now() > deadline) {
            return -1;
        }
        wait_a_little();
    }
}

static void make_directory(const struct server *s, const char *name,
                           mode_t mode)
{
    char *path = keep_printf("%s/%s", s->root, name);

    ck_assert_msg(mkdir(path, mode) == 0, "mkdir %s", path);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static void give_back_port(void *fd)
{
    close(*(int *)fd);
    free(fd);
}

/* A socket stays bound to it: whoever takes any port is given another one, and
 * who asks for this one, with SO_REUSEADDR as servers do, may listen. */
int server_free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t length = sizeof(a);
    int *fd = keep(malloc(sizeof(*fd)), give_back_port);
    int one = 1;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(*fd, 0);
    ck_assert_int_eq(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
    ck_assert_int_eq(getsockname(*fd, (struct sockaddr *)&a, &length), 0);
    ck_assert_int_eq(
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    return ntohs(a.sin_port);
}

static struct server *make_server(const struct server_options *options)
{
    struct server *s = keep(calloc(1, sizeof(*s)), free);

    if (options != NULL) {
        s->options = *options;
    }
    s->options.mpm = s->options.mpm != NULL ? s->options.mpm : "event";
    s->options.children = s->options.children > 0 ? s->options.children : 2;
    s->options.threads = s->options.threads > 0 ? s->options.threads : 16;
    s->root = serverroot_make();
    make_directory(s, "htdocs", 0755);
    make_directory(s, "logs", 01777);
    /* A user query that names the user is for development, and says so. */
    server_allow(s, "query:");
    return s;
}

static void run_httpd(const struct server *s)
{
    const char *httpd = getenv("PUSH_HTTPD");
    char *said = keep_printf("%s/logs/stderr", s->root);
    char *conf = keep_printf("%s/httpd.conf", s->root);

    httpd = httpd != NULL ? httpd : "/usr/sbin/apache2";
    /* A group of its own: prefork signals its whole group at the end. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (freopen("/dev/null", "r", stdin) == NULL
        || freopen(said, "a", stderr) == NULL) {
        _exit(126);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (s->options.preload != NULL) {
        setenv("LD_PRELOAD", s->options.preload, 1);
    }
    sanitizer_environment(s);
    execl(httpd, httpd, s->options.test ? "-t" : "-DFOREGROUND", "-d", s->root,
          "-f", conf, (char *)NULL);
    _exit(127);
}

static void spawn(struct server *s)
{
    s->port = s->options.port > 0 ? s->options.port : server_free_port();
    serverconf_write(s);
    fflush(NULL);
    s->pid = fork();
    ck_assert_int_ge(s->pid, 0);
    if (s->pid == 0) {
        run_httpd(s);
    }
}

static bool all_children_are_there(const struct server *s)
{
    pid_t pids[64];

    return server_children(s, pids, 64) >= s->options.children;
}

/* Wait until httpd serves. False where it ended instead. */
static bool await_start(struct server *s)
{
    int64_t deadline = wait_now() + 2 * WAIT_MS;

    for (;;) {
        if (await_end(s->pid, 0) != -1) {
            s->pid = 0;
            return false;
        }
        if (serverlog_count(s, "resuming normal operations") > s->resumed
            && all_children_are_there(s)) {
            return true;
        }
        ck_assert_msg(wait_now() < deadline, "httpd does not come up");
        wait_a_little();
    }
}

static void start(struct server *s)
{
    int attempt;

    s->resumed = serverlog_count(s, "resuming normal operations");
    for (attempt = 0; attempt < 5; attempt++) {
        spawn(s);
        if (await_start(s)) {
            return;
        }
        /* Somebody else took the port in between: take another. */
        if (strstr(server_file(s, "logs/stderr"), "in use") == NULL) {
            break;
        }
    }
    ck_abort_msg("httpd does not start");
}

struct server *server_start(const struct server_options *options)
{
    struct server *s = make_server(options);

    s->next = all_servers;
    all_servers = s;
    start(s);
    return s;
}

void server_again(struct server *s)
{
    start(s);
}

void server_begin(struct server *s)
{
    spawn(s);
}

const char *server_again_refused(struct server *s)
{
    size_t before = strlen(server_file(s, "logs/error"));
    int status;

    spawn(s);
    status = await_end(s->pid, wait_now() + WAIT_MS);
    ck_assert_msg(status != -1, "httpd should have refused to start");
    s->pid = 0;
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 0,
                  "httpd ended with wait status %d", status);
    return keep_printf("%s%s", server_file(s, "logs/stderr"),
                       server_file(s, "logs/error") + before);
}

const char *server_refusal(const struct server_options *options)
{
    struct server *s = make_server(options);
    const char *said;

    s->next = all_servers;
    all_servers = s;
    said = server_again_refused(s);
    serverroot_remove(s->root);
    return said;
}

bool server_tests_well(const struct server *s)
{
    struct server tested = *s;
    int status;

    tested.options.test = true;
    fflush(NULL);
    tested.pid = fork();
    ck_assert_int_ge(tested.pid, 0);
    if (tested.pid == 0) {
        run_httpd(&tested);
    }
    status = await_end(tested.pid, wait_now() + WAIT_MS);
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void server_allow(struct server *s, const char *text)
{
    size_t i = 0;

    while (s->allowed[i] != NULL) {
        i++;
        ck_assert_uint_lt(i, sizeof(s->allowed) / sizeof(*s->allowed));
    }
    s->allowed[i] = text;
}

static bool is_one_of(pid_t pid, const pid_t *pids, int count)
{
    while (count > 0) {
        count--;
        if (pids[count] == pid) {
            return true;
        }
    }
    return false;
}

/* The event MPM replaces and counts its children once a second, and tells as
 * many to end as it counted: in a restart before that, one that has replaced
 * a killed one may not hear of it, and stays. */
#define SETTLE_MS 2500

void server_kill_child(struct server *s, pid_t child)
{
    kill(child, SIGKILL);
    s->settled = wait_now() + SETTLE_MS;
}

void server_graceful(struct server *s)
{
    int before, old_count, fresh = 0;
    pid_t old[64], now[64];
    int64_t deadline;

    wait_until(wait_now() >= s->settled);
    before = serverlog_count(s, "resuming normal operations");
    old_count = server_children(s, old, 64);
    deadline = wait_now() + WAIT_MS;
    kill(s->pid, SIGUSR1);
    while (serverlog_count(s, "resuming normal operations") == before
           || fresh == 0) {
        int i, count = server_children(s, now, 64);

        fresh = 0;
        for (i = 0; i < count; i++) {
            fresh += !is_one_of(now[i], old, old_count);
        }
        ck_assert_msg(wait_now() < deadline, "no graceful restart");
        wait_a_little();
    }
}

/* The event MPM's child may crash when SIGTERM finds a worker that is just
 * closing its connection: it closes the sockets of its workers without a
 * lock. So the last request of a test gets a moment to be over. */
static void let_workers_finish(const struct server *s)
{
    int64_t deadline = wait_now() + 1000;

    while (!server_is_quiet(s) && wait_now() < deadline) {
        wait_a_little();
    }
}

void server_rest(struct server *s)
{
    pid_t pid = s->pid;
    const char *fault;
    int status;

    if (pid == 0) {
        return;
    }
    let_workers_finish(s);
    kill(pid, SIGTERM);
    status = await_end(pid, wait_now() + STOP_MS);
    if (status == -1) {
        kill(-pid, SIGKILL);
        await_end(pid, wait_now() + STOP_MS);
    }
    s->pid = 0;
    fault = serverlog_fault(s);
    ck_assert_msg(fault == NULL, "unexpected: %s", fault);
    ck_assert_msg(status == 0, "httpd stopped with wait status %d", status);
}

void server_stop(struct server *s)
{
    server_rest(s);
    serverroot_remove(s->root);
}

/* The group holds the children too, also where the parent is gone. */
void server_kill(struct server *s)
{
    kill(-s->pid, SIGKILL);
    ck_assert_int_ne(await_end(s->pid, wait_now() + STOP_MS), -1);
    wait_until(kill(-s->pid, 0) < 0);
    s->pid = 0;
}

void server_stop_all(void)
{
    while (all_servers != NULL) {
        struct server *s = all_servers;

        server_stop(s);
        all_servers = s->next;
    }
}

const char *server_file(const struct server *s, const char *name)
{
    return keep_file(keep_printf("%s/%s", s->root, name), NULL);
}

void server_write(const struct server *s, const char *name, const char *text)
{
    char *path = keep_printf("%s/%s", s->root, name);
    FILE *f = fopen(path, "w");

    ck_assert_msg(f != NULL, "cannot write %s", path);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}
