#include "balancer.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dial.h"
#include "keep.h"
#include "process.h"
#include "serverroot.h"
#include "wait.h"

#define EXAMPLE "conf/examples/haproxy.cfg"

/* ---- httpd ---- */

static const char httpd_lines[] =
    "LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so\n"
    "LoadModule proxy_http_module "
    "/usr/lib/apache2/modules/mod_proxy_http.so\n"
    "LoadModule slotmem_shm_module "
    "/usr/lib/apache2/modules/mod_slotmem_shm.so\n"
    "LoadModule proxy_balancer_module "
    "/usr/lib/apache2/modules/mod_proxy_balancer.so\n"
    "LoadModule lbmethod_byrequests_module "
    "/usr/lib/apache2/modules/mod_lbmethod_byrequests.so\n"
    "LoadModule proxy_hcheck_module "
    "/usr/lib/apache2/modules/mod_proxy_hcheck.so\n"
    "ProxyTimeout 10\n"
    "<Proxy \"balancer://push\">\n%s"
    "ProxySet lbmethod=byrequests\n</Proxy>\n"
    "ProxyPass \"/\" \"balancer://push/\"\n";

struct server *balancer_httpd(struct server *const *nodes, int count)
{
    struct server_options o = {.bare = true, .children = 4, .threads = 100};
    const char *members = "";
    int i;

    for (i = 0; i < count; i++) {
        members = keep_printf("%sBalancerMember \"http://127.0.0.1:%d\" "
                              "retry=1 hcmethod=GET hcinterval=1 hcfails=2 "
                              "hcuri=/push/health?live flushpackets=on\n",
                              members, nodes[i]->port);
    }
    o.global = keep_printf(httpd_lines, members);
    return server_start(&o);
}

/* ---- HAProxy ---- */

static bool begins(const char *line, const char *word)
{
    line += strspn(line, " ");
    return strncmp(line, word, strlen(word)) == 0;
}

static const char *servers_of(struct server *const *nodes, int count)
{
    const char *text = "";
    int i;

    for (i = 0; i < count; i++) {
        text = keep_printf("%s    server node-%d 127.0.0.1:%d\n", text, i + 1,
                           nodes[i]->port);
    }
    return text;
}

/* What a test has in place of a line of the example; NULL: the line itself. */
static const char *instead_of(const char *line, const char *servers, int port)
{
    if (begins(line, "bind ")) {
        return keep_printf("    bind 127.0.0.1:%d\n", port);
    }
    if (begins(line, "balance ")) {
        return "    balance roundrobin\n";
    }
    if (begins(line, "server node-1 ")) {
        return servers;
    }
    if (begins(line, "server ") || begins(line, "hash-type")) {
        return "";
    }
    if (begins(line, "maxconn")) {
        return "    maxconn 2000\n";
    }
    if (begins(line, "default-server")) {
        return "    default-server check inter 300 fall 2 rise 1\n";
    }
    return NULL;
}

static const char *haproxy_lines(const char *servers, int port)
{
    char *text = keep_file(EXAMPLE, NULL);
    const char *lines = "";
    char *rest = NULL;
    char *line = strtok_r(text, "\n", &rest);

    ck_assert_msg(line != NULL, "no " EXAMPLE);
    while (line != NULL) {
        const char *other = instead_of(line, servers, port);

        lines = other != NULL ? keep_printf("%s%s", lines, other)
                              : keep_printf("%s%s\n", lines, line);
        line = strtok_r(NULL, "\n", &rest);
    }
    return lines;
}

void balancer_kill(struct server *balancer)
{
    process_end(balancer->pid, SIGKILL);
    balancer->pid = 0;
}

static void release(void *object)
{
    struct server *balancer = object;

    balancer_kill(balancer);
    serverroot_remove(balancer->root);
    free(balancer);
}

static bool listens(int port)
{
    int fd = dial(port, 0);

    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

struct server *balancer_haproxy(struct server *const *nodes, int count)
{
    struct server *b = calloc(1, sizeof(*b));
    const char *conf;

    ck_assert_ptr_nonnull(b);
    b->root = serverroot_make();
    keep(b, release);
    ck_assert_int_eq(mkdir(keep_printf("%s/logs", b->root), 0755), 0);
    b->port = server_free_port();
    server_write(b, "conf", haproxy_lines(servers_of(nodes, count), b->port));
    conf = keep_printf("%s/conf", b->root);
    b->pid = process_start((const char *const[]){"/usr/sbin/haproxy", "-db",
                                                 "-f", conf, NULL},
                           keep_printf("%s/logs/error", b->root));
    while (!listens(b->port)) {
        ck_assert_msg(!process_has_ended(b->pid), "haproxy does not start: %s",
                      server_file(b, "logs/error"));
        wait_a_little();
    }
    return b;
}
