#include "sentinel.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"
#include "process.h"
#include "server.h"
#include "serverroot.h"
#include "wait.h"

static const char lines[] = "bind 127.0.0.1\n"
                            "port %d\n"
                            "dir %s\n"
                            "logfile log\n"
                            "sentinel monitor " SENTINEL_MASTER
                            " 127.0.0.1 %d 1\n"
                            "sentinel down-after-milliseconds " SENTINEL_MASTER
                            " 1000\n"
                            "sentinel failover-timeout " SENTINEL_MASTER
                            " 5000\n";

static void release(void *object)
{
    struct sentinel *s = object;

    process_end(s->pid, SIGKILL);
    serverroot_remove(s->root);
    free(s);
}

/* All speak TLS with each other, and are vouched for by one. */
static const char *tls_lines(const struct redis *master)
{
    return keep_printf("tls-replication yes\ntls-auth-clients no\n"
                       "tls-cert-file %s/server.pem\n"
                       "tls-key-file %s/server.key\ntls-ca-cert-file %s\n",
                       master->root, master->root, redis_ca(master));
}

/* The port by which servers and sentinels reach it. */
static int port_of(const struct redis *master)
{
    return master->options.tls ? master->tls_port : master->port;
}

static struct redis *master_of(const struct redis_options *options)
{
    struct redis_options o = {.tls = false};

    if (options != NULL) {
        o = *options;
    }
    if (o.tls) {
        o.lines = keep_printf("%stls-replication yes\n",
                              o.lines != NULL ? o.lines : "");
    }
    return redis_start(&o);
}

static struct redis *replica_of(const struct redis *master)
{
    struct redis_options o = master->options;

    o.lines = keep_printf("%s%sreplicaof 127.0.0.1 %d\n",
                          o.lines != NULL ? o.lines : "",
                          o.tls ? tls_lines(master) : "", port_of(master));
    return redis_start(&o);
}

/* It asks the master every ten seconds, and at once at its start. */
static bool knows_replica(const struct sentinel *s)
{
    redisContext *context = redisConnect("127.0.0.1", s->port);
    redisReply *reply = NULL;
    bool knows = false;

    if (context != NULL && context->err == 0) {
        if (s->password != NULL) {
            freeReplyObject(redisCommand(context, "AUTH %s", s->password));
        }
        reply = redisCommand(context, "SENTINEL REPLICAS " SENTINEL_MASTER);
        knows = reply != NULL && reply->type == REDIS_REPLY_ARRAY
                && reply->elements == 1;
        freeReplyObject(reply);
    }
    redisFree(context);
    return knows;
}

static void run(struct sentinel *s)
{
    const char *conf = keep_printf("%s/conf", s->root);
    const char *const argv[] = {"redis-server", conf, "--sentinel", NULL};

    s->pid = process_start(argv, keep_printf("%s/said", s->root));
}

static const char *more_lines(struct sentinel *s)
{
    const char *password = "", *tls = "";

    if (s->password != NULL) {
        password = keep_printf("requirepass %s\n", s->password);
    }
    if (s->master->options.tls) {
        s->tls_port = server_free_port();
        tls = keep_printf("tls-port %d\n%s", s->tls_port,
                          tls_lines(s->master));
    }
    return keep_printf("%s%s", password, tls);
}

struct sentinel *sentinel_start(const struct redis_options *options,
                                const char *password)
{
    struct sentinel *s = keep(calloc(1, sizeof(*s)), release);
    struct server place;

    s->root = serverroot_make();
    s->password = password;
    place = (struct server){.root = s->root};
    s->master = master_of(options);
    s->replica = replica_of(s->master);
    wait_until(strcmp(redis_info(s->replica, "master_link_status"), "up")
               == 0);
    s->port = server_free_port();
    server_write(
        &place, "conf",
        keep_printf("%s%s", more_lines(s),
                    keep_printf(lines, s->port, s->root, port_of(s->master))));
    run(s);
    wait_until(knows_replica(s));
    return s;
}
