#include "proxies.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dial.h"
#include "keep.h"
#include "serverroot.h"
#include "wait.h"

#define DOCUMENT "docs/operations.md"
#define ATTEMPTS 5

/* In all texts, @PORT@ is where the proxy listens, @ROOT@ its directory,
 * @IDLE@ its time-out in seconds, and @CONF@ the lines of the document. */
struct proxy_kind {
    const char *program;
    const char *fence;  /* language of the block in the document */
    bool one_location;  /* its lines name /ramen: once more for /push */
    const char *listen; /* in the document, where it listens */
    const char *idle;   /* there, its time-out; NULL: see arguments */
    const char *conf;
    const char *arguments[16];
};

static const struct proxy_kind apache = {
    .program = "apache2",
    .fence = "apache",
    .one_location = true,
    .idle = "ProxyTimeout 60",
    .conf = "LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so\n"
            "LoadModule proxy_http_module "
            "/usr/lib/apache2/modules/mod_proxy_http.so\n"
            "@CONF@",
};

static const struct proxy_kind nginx = {
    .program = "nginx",
    .fence = "nginx",
    .one_location = true,
    .idle = "proxy_read_timeout 60",
    .conf = "daemon off;\nmaster_process off;\n"
            "pid @ROOT@/nginx.pid;\nerror_log @ROOT@/logs/error;\n"
            "events { }\n"
            "http {\n"
            "access_log off;\n"
            "client_body_temp_path @ROOT@/body;\n"
            "proxy_temp_path @ROOT@/proxy;\n"
            "fastcgi_temp_path @ROOT@/fastcgi;\n"
            "uwsgi_temp_path @ROOT@/uwsgi;\n"
            "scgi_temp_path @ROOT@/scgi;\n"
            "server {\nlisten 127.0.0.1:@PORT@;\n@CONF@}\n}\n",
    .arguments = {"-p", "@ROOT@", "-e", "@ROOT@/logs/error", "-c",
                  "@ROOT@/conf"},
};

static const struct proxy_kind haproxy = {
    .program = "haproxy",
    .fence = "haproxy",
    .listen = "bind :80",
    .idle = "60s",
    .conf = "@CONF@",
    .arguments = {"-db", "-f", "@ROOT@/conf"},
};

static const struct proxy_kind varnish = {
    .program = "varnishd",
    .fence = "vcl",
    .conf = "@CONF@",
    .arguments = {"-F", "-j", "none", "-n", "@ROOT@/varnish", "-T", "none",
                  "-a", "127.0.0.1:@PORT@", "-f", "@ROOT@/conf", "-p",
                  "pipe_timeout=@IDLE@", "-s", "malloc,8m"},
};

const struct proxy_kind *const proxy_kinds[] = {&apache, &nginx, &haproxy,
                                                &varnish};
const size_t proxy_kind_count = sizeof(proxy_kinds) / sizeof(*proxy_kinds);

/* ---- its configuration ---- */

/* The text with every occurrence of a word replaced. */
static const char *replaced(const char *text, const char *word, const char *by)
{
    const char *found = strstr(text, word);
    const char *rest;

    if (found == NULL) {
        return text;
    }
    rest = replaced(found + strlen(word), word, by);
    return keep_printf("%.*s%s%s", (int)(found - text), text, by, rest);
}

/* The lines between the fences of the first block in that language. */
static const char *documented(const char *language)
{
    const char *text = keep_file(DOCUMENT, NULL);
    const char *fence = keep_printf("\n```%s\n", language);
    const char *begin = strstr(text, fence);
    const char *end;

    ck_assert_msg(begin != NULL, "no block of %s in " DOCUMENT, language);
    begin += strlen(fence);
    end = strstr(begin, "```");
    ck_assert_ptr_nonnull(end);
    return keep_copy(begin, (size_t)(end - begin));
}

/* Replace what must be in the text. */
static const char *adapted(const char *text, const char *word, const char *by)
{
    ck_assert_msg(strstr(text, word) != NULL, "no \"%s\" in %s", word, text);
    return replaced(text, word, by);
}

/* The lines of the document, for this server and this time-out. */
static const char *lines_for(const struct proxy_kind *kind,
                             const struct server *back, int idle)
{
    const char *text = documented(kind->fence);
    const char *port = keep_printf("%d", back->port);

    text = adapted(text, "8080", port);
    if (kind->listen != NULL) {
        text = adapted(text, kind->listen, "bind 127.0.0.1:@PORT@");
    }
    if (kind->idle != NULL) {
        text = adapted(text, kind->idle,
                       replaced(kind->idle, "60", keep_printf("%d", idle)));
    }
    if (kind->one_location) {
        text = keep_printf("%s%s", text, adapted(text, "/ramen", "/push"));
    }
    return text;
}

static const char *filled(const char *text, const struct server *proxy,
                          int idle)
{
    text = replaced(text, "@ROOT@", proxy->root);
    text = replaced(text, "@IDLE@", keep_printf("%d", idle));
    return replaced(text, "@PORT@", keep_printf("%d", proxy->port));
}

/* ---- its process ---- */

static void run(const struct proxy_kind *kind, const struct server *proxy,
                int idle)
{
    const char *programs = getenv("PUSH_PROXIES");
    const char *arguments[18] = {kind->program};
    const char *said = keep_printf("%s/logs/stderr", proxy->root);
    size_t i;

    for (i = 0; kind->arguments[i] != NULL; i++) {
        arguments[i + 1] = filled(kind->arguments[i], proxy, idle);
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (freopen("/dev/null", "r", stdin) == NULL
        || freopen(said, "a", stderr) == NULL) {
        _exit(126);
    }
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execv(keep_printf("%s/%s", programs != NULL ? programs : "build/proxies",
                      kind->program),
          (char *const *)arguments);
    perror(kind->program);
    _exit(127);
}

static bool has_ended(struct server *proxy)
{
    if (proxy->pid != 0 && waitpid(proxy->pid, NULL, WNOHANG) != 0) {
        proxy->pid = 0;
    }
    return proxy->pid == 0;
}

void proxy_stop(struct server *proxy)
{
    int64_t deadline = wait_now() + WAIT_MS;
    pid_t pid = proxy->pid;

    if (proxy->options.bare) {
        server_stop(proxy);
        return;
    }
    if (has_ended(proxy)) {
        return;
    }
    kill(pid, SIGTERM);
    while (!has_ended(proxy) && wait_now() < deadline) {
        wait_a_little();
    }
    kill(-pid, SIGKILL);
    has_ended(proxy);
}

static void release(void *object)
{
    struct server *proxy = object;

    proxy_stop(proxy);
    serverroot_remove(proxy->root);
    free(proxy);
}

static bool listens(int port)
{
    int fd = dial(port, 0);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static void spawn(const struct proxy_kind *kind, struct server *proxy,
                  const char *conf, int idle)
{
    proxy->port = server_free_port();
    server_write(proxy, "conf", filled(conf, proxy, idle));
    fflush(NULL);
    proxy->pid = fork();
    ck_assert_int_ge(proxy->pid, 0);
    if (proxy->pid == 0) {
        run(kind, proxy, idle);
    }
    server_write(proxy, "logs/pid", keep_printf("%d\n", (int)proxy->pid));
}

/* False where it ended instead: somebody may have taken its port. */
static bool await_start(const struct proxy_kind *kind, struct server *proxy)
{
    int64_t deadline = wait_now() + 2 * WAIT_MS;

    while (!listens(proxy->port)) {
        if (has_ended(proxy)) {
            return false;
        }
        ck_assert_msg(wait_now() < deadline, "%s does not listen",
                      kind->program);
        wait_a_little();
    }
    return !has_ended(proxy);
}

static struct server *start_httpd(const struct proxy_kind *kind,
                                  const char *lines)
{
    struct server_options o = {.bare = true};

    o.global = replaced(kind->conf, "@CONF@", lines);
    return server_start(&o);
}

struct server *proxy_start(const struct proxy_kind *kind,
                           const struct server *back, int idle_seconds)
{
    const char *lines = lines_for(kind, back, idle_seconds);
    const char *conf = replaced(kind->conf, "@CONF@", lines);
    struct server *proxy;
    int attempt;

    if (*kind->arguments == NULL) {
        return start_httpd(kind, lines);
    }
    proxy = calloc(1, sizeof(*proxy));
    ck_assert_ptr_nonnull(proxy);
    proxy->root = serverroot_make();
    keep(proxy, release);
    ck_assert_int_eq(mkdir(keep_printf("%s/logs", proxy->root), 0755), 0);
    for (attempt = 0; attempt < ATTEMPTS; attempt++) {
        spawn(kind, proxy, conf, idle_seconds);
        if (await_start(kind, proxy)) {
            return proxy;
        }
    }
    ck_abort_msg("%s does not start", kind->program);
}
