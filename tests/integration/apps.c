#include "apps.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "keep.h"
#include "process.h"
#include "shell.h"
#include "wait.h"

#define MODULES "/usr/lib/apache2/modules"

/* The same answer from each of them. */
static const struct {
    const char *path; /* before the name */
} apps[] = {[APP_NODE] = {"/node/"},
            [APP_FPM] = {"/fpm/app.php?"},
            [APP_CGI] = {"/cgi/app.cgi?"},
            [APP_MOD_PHP] = {"/php/app.php?"}};

static void end(void *pid)
{
    process_end(*(pid_t *)pid, SIGTERM);
    free(pid);
}

static bool listens(int port)
{
    int fd = dial(port, 0);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

void apps_run(const struct server *s, const char *const *argv, int port)
{
    pid_t *pid = keep(malloc(sizeof(*pid)), end);
    int64_t end_of_patience = wait_now() + 4 * WAIT_MS;

    *pid = process_start(argv, keep_printf("%s/logs/apps", s->root));
    /* Hundreds of small files are read first. */
    while (!listens(port)) {
        ck_assert_msg(wait_now() < end_of_patience, "%s does not listen",
                      argv[0]);
        usleep(20000);
    }
}

static void lay(const struct server *s)
{
    shell_run(keep_printf("mkdir -p %s/htdocs/answers %s/htdocs/fpm "
                          "%s/htdocs/cgi %s/htdocs/php\n"
                          "cp tests/integration/apps/app.php %s/htdocs/fpm\n"
                          "cp tests/integration/apps/app.php %s/htdocs/php\n"
                          "cp tests/integration/apps/app.cgi %s/htdocs/cgi\n"
                          "chmod -R a+rX %s/htdocs",
                          s->root, s->root, s->root, s->root, s->root, s->root,
                          s->root, s->root));
}

static void run_node(const struct server *s, int port)
{
    const char *argv[] = {"node", "tests/integration/apps/app.mjs",
                          keep_printf("%d", port),
                          keep_printf("%s/htdocs/answers", s->root), NULL};

    apps_run(s, argv, port);
}

static const char *php_file(const char *name)
{
    const char *given = getenv("PUSH_PHP");
    const char *directory = given ? given : "build/php";
    char path[PATH_MAX];

    ck_assert_msg(realpath(keep_printf("%s/%s", directory, name), path)
                      != NULL,
                  "no %s/%s", directory, name);
    return keep_copy(path, strlen(path));
}

static void run_fpm(const struct server *s, int port)
{
    const char *conf = keep_printf("%s/fpm.conf", s->root);
    const char *argv[] = {
        php_file("php-fpm"), "-F", "-n", "-R", "-y", conf, NULL};

    server_write(s, "fpm.conf",
                 keep_printf("[global]\nerror_log = %s/logs/fpm\n"
                             "daemonize = no\n[www]\n"
                             "listen = 127.0.0.1:%d\n"
                             "pm = static\npm.max_children = 4\n%s",
                             s->root, port,
                             geteuid() == 0 ? "user = www-data\n"
                                              "group = www-data\n"
                                            : ""));
    apps_run(s, argv, port);
}

struct server *apps_start(const char *lines)
{
    int node = server_free_port(), fpm = server_free_port();
    struct server_options o = {
        .global = keep_printf(
            "LoadModule proxy_module " MODULES "/mod_proxy.so\n"
            "LoadModule proxy_http_module " MODULES "/mod_proxy_http.so\n"
            "LoadModule proxy_fcgi_module " MODULES "/mod_proxy_fcgi.so\n"
            "LoadModule cgid_module " MODULES "/mod_cgid.so\n"
            "LoadModule include_module " MODULES "/mod_include.so\n"
            "ScriptSock logs/cgisock\n"
            "Define PUSH_APP 127.0.0.1:%d\n"
            "ProxyPass /node/ http://127.0.0.1:%d/ retry=0\n"
            "<Location /fpm/>\n"
            "SetHandler proxy:fcgi://127.0.0.1:%d\n</Location>\n"
            "<Proxy fcgi://127.0.0.1:%d>\n"
            "ProxySet flushpackets=on\n</Proxy>\n"
            "<Location /cgi/>\nOptions +ExecCGI\n"
            "SetEnv ap_trust_cgilike_cl yes\n"
            "SetHandler cgi-script\n</Location>\n%s",
            node, node, fpm, fpm, lines)};
    struct server *s = server_start(&o);

    lay(s);
    run_node(s, node);
    run_fpm(s, fpm);
    return s;
}

struct server *apps_start_mod_php(const char *lines)
{
    struct server_options o = {
        .mpm = "prefork",
        .leaks = true,
        .global = keep_printf("LoadModule php_module %s\n"
                              "<Location /php/>\n"
                              "SetHandler application/x-httpd-php\n"
                              "</Location>\n%s",
                              php_file("libphp.so"), lines)};
    struct server *s;

    /* Without Debian's extensions: one of them is never loaded beside a
     * sanitizer. */
    setenv("PHP_INI_SCAN_DIR", "", 1);
    s = server_start(&o);
    lay(s);
    return s;
}

void apps_write(const struct server *s, const char *name, const char *answer)
{
    server_write(s, keep_printf("htdocs/answers/%s", name), answer);
}

const char *apps_path(enum app app, const char *name)
{
    return keep_printf("%s%s", apps[app].path, name);
}

struct answer *apps_get(const struct server *s, enum app app, const char *name)
{
    return http_get(s, apps_path(app, name));
}

struct wire *apps_ask(const struct server *s, enum app app, const char *name)
{
    struct wire *w = wire_open(s, 0);
    struct request q = {.target = apps_path(app, name)};

    http_send(w, &q);
    return w;
}

void apps_await(struct wire *w, const char *text)
{
    int64_t deadline = wait_now() + WAIT_MS;

    while (!w->used || !strstr(w->bytes, text)) {
        ck_assert_msg(wire_receive(w, deadline), "no %s", text);
    }
}

int apps_captures(const struct server *s, const char *result)
{
    const char *text = http_get(s, "/push/metrics")->body;
    const char *series = keep_printf("\npush_captures_total{result=\"%s\"} ",
                                     result);
    const char *at = strstr(text, series);

    ck_assert_msg(at != NULL, "no %s", series);
    return atoi(at + strlen(series));
}

struct stream *apps_hold(const struct server *s, const char *target,
                         const char *headers)
{
    struct request q = {.target = target, .headers = headers};
    struct wire *w = wire_open(s, 0);
    const char *head;

    http_send(w, &q);
    head = http_head(w, wait_now() + 2 * WAIT_MS);
    ck_assert_ptr_nonnull(head);
    return stream_begin(w, head);
}

void expect_text(struct stream *st, const char *text)
{
    const struct event *e = stream_next(st);

    ck_assert_str_eq(e->data, text);
}
