#include "cluster.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "keep.h"
#include "serverroot.h"
#include "wait.h"

static const char *secret_file(void)
{
    const char *root = serverroot_make();
    struct server place = {.root = (char *)root};

    server_write(&place, "secret", "a secret that all nodes of a test share");
    return keep_printf("%s/secret", root);
}

static const char *with_user(const char *url, const char *user)
{
    const char *host = strstr(url, "://");

    if (user == NULL) {
        return url;
    }
    ck_assert_ptr_nonnull(host);
    host += 3;
    return keep_printf("%.*s%s%s", (int)(host - url), url, user, host);
}

static const char *url_lines(const struct cluster *c)
{
    const char *user = c->options.user;

    if (c->redis != NULL) {
        return keep_printf("PushCluster %s\n",
                           with_user(redis_url(c->redis), user));
    }
    return keep_printf("PushCluster %s %s\n",
                       with_user(redis_url(c->engine->servers[0]), user),
                       with_user(redis_url(c->engine->servers[1]), user));
}

static const char *tls_lines(const struct cluster *c)
{
    if (!c->options.redis.tls) {
        return "";
    }
    return keep_printf("PushClusterTLS ca=%s\n",
                       redis_ca(c->redis != NULL ? c->redis
                                                 : c->engine->servers[0]));
}

static const char *lines_by(const struct cluster *c, const char *urls,
                            int port)
{
    return keep_printf("%sPushClusterSecret %s\n%s"
                       "PushClusterUrl http://127.0.0.1:%d/push\n",
                       urls, c->secret, tls_lines(c), port);
}

const char *cluster_lines(const struct cluster *c, int port)
{
    return lines_by(c, url_lines(c), port);
}

/* The next node's, which has a cable where the cluster is to have them. */
static const char *next_lines(struct cluster *c, int port)
{
    struct cable *cable;

    if (!c->options.cables) {
        return cluster_lines(c, port);
    }
    cable = cable_to(c->redis->port);
    c->cables[c->count] = cable;
    return lines_by(
        c, keep_printf("PushCluster redis://127.0.0.1:%d\n", cable->port),
        port);
}

struct server *cluster_add(struct cluster *c)
{
    struct server_options o = c->options.node;
    struct server *node;

    ck_assert_int_lt(c->count, CLUSTER_NODES_MAX);
    if (o.port == 0) {
        o.port = server_free_port();
    }
    o.global = keep_printf("%s%s", next_lines(c, o.port),
                           o.global != NULL ? o.global : "");
    node = server_start(&o);
    c->nodes[c->count] = node;
    c->count++;
    return node;
}

struct cluster *cluster_prepare(const struct cluster_options *options)
{
    struct cluster *c = keep(calloc(1, sizeof(*c)), free);

    if (options != NULL) {
        c->options = *options;
    }
    c->secret = secret_file();
    if (c->options.masters > 0) {
        c->engine = redis_cluster_start(
            c->options.masters, c->options.replicas, &c->options.redis);
    }
    else {
        c->redis = redis_start(&c->options.redis);
    }
    return c;
}

struct cluster *cluster_start(const struct cluster_options *options)
{
    struct cluster *c = cluster_prepare(options);
    int i, nodes = c->options.nodes > 0 ? c->options.nodes : 3;

    for (i = 0; i < nodes; i++) {
        cluster_add(c);
    }
    cluster_await_well(c);
    return c;
}

void cluster_kill(struct server *node)
{
    server_kill(node);
}

/* The letter behind the name in a stat file of /proc; 0 where it is gone. */
static char state_in(const char *path)
{
    char line[512];
    const char *name_end;
    FILE *file = fopen(path, "r");
    size_t got;

    if (file == NULL) {
        return 0;
    }
    got = fread(line, 1, sizeof(line) - 1, file);
    fclose(file);
    line[got] = '\0';
    name_end = strrchr(line, ')');
    return name_end != NULL && name_end[1] == ' ' ? name_end[2] : 0;
}

/* The signal reaches one thread, which tells the others when it next runs. */
static bool stands_still(pid_t pid)
{
    char path[64];
    bool still = true;
    struct dirent *task;
    DIR *tasks;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    tasks = opendir(path);
    if (tasks == NULL) {
        return true;
    }
    for (task = readdir(tasks); still && task != NULL; task = readdir(tasks)) {
        char stat[sizeof(path) + sizeof(task->d_name) + 8];

        if (task->d_name[0] != '.') {
            snprintf(stat, sizeof(stat), "%s/%s/stat", path, task->d_name);
            still = strchr("TZX", state_in(stat)) != NULL;
        }
    }
    closedir(tasks);
    return still;
}

void cluster_pause(const struct server *node)
{
    pid_t children[64];
    int i, count = server_children(node, children, 64);

    ck_assert_int_eq(kill(-node->pid, SIGSTOP), 0);
    wait_until(stands_still(node->pid));
    for (i = 0; i < count; i++) {
        wait_until(stands_still(children[i]));
    }
}

void cluster_continue(const struct server *node)
{
    ck_assert_int_eq(kill(-node->pid, SIGCONT), 0);
}

bool cluster_node_is_well(const struct server *node)
{
    struct answer *a = http_get(node, "/push/health");

    return a->status == 200
           && strcmp(json_text_at(a->json, "status"), "ok") == 0;
}

void cluster_await_well(const struct cluster *c)
{
    int i;

    for (i = 0; i < c->count; i++) {
        if (c->nodes[i]->pid != 0) {
            wait_until(cluster_node_is_well(c->nodes[i]));
        }
    }
}
