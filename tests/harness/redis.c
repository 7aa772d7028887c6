#include "redis.h"

#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keep.h"
#include "process.h"
#include "server.h"
#include "serverroot.h"
#include "wait.h"

#define REPLY_SECONDS 5

/* Those of docs/cluster.md, and what makes a test quick. */
static const char usual[] = "bind 127.0.0.1\n"
                            "daemonize no\n"
                            "save \"\"\n"
                            "zset-max-listpack-value 1024\n"
                            "hash-max-listpack-value 1024\n"
                            "maxmemory-policy noeviction\n"
                            "latency-tracking no\n"
                            "repl-diskless-sync-delay 0\n"
                            "enable-debug-command local\n";

/* A certificate that vouches, one of the server and one of clients. */
static const char make_certificates[] =
    "cd %s && ec='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes' && "
    "openssl req -x509 $ec -keyout ca.key -out ca.pem -days 2 "
    "-subj '/CN=a test' 2>/dev/null && for one in server client; do "
    "openssl req $ec -keyout $one.key -out $one.csr -subj /CN=localhost "
    "2>/dev/null && printf 'subjectAltName=IP:127.0.0.1,DNS:localhost' "
    ">names && openssl x509 -req -in $one.csr -CA ca.pem -CAkey ca.key "
    "-CAcreateserial -days 2 -extfile names -out $one.pem 2>/dev/null "
    "|| exit 1; done; chmod a+r *.key";

/* ---- its files ---- */

static const char *file_of(const struct redis *r, const char *name)
{
    return keep_printf("%s/%s", r->root, name);
}

static void write_file(const struct redis *r, const char *name,
                       const char *text)
{
    FILE *f = fopen(file_of(r, name), "w");

    ck_assert_msg(f != NULL, "cannot write %s", file_of(r, name));
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static const char *tls_lines(struct redis *r)
{
    ck_assert_int_eq(system(keep_printf(make_certificates, r->root)), 0);
    r->tls_port = server_free_port();
    return keep_printf("tls-port %d\ntls-cert-file server.pem\n"
                       "tls-key-file server.key\ntls-ca-cert-file ca.pem\n"
                       "tls-auth-clients optional\n",
                       r->tls_port);
}

static const char *cluster_lines(struct redis *r)
{
    r->bus = server_free_port();
    return keep_printf("cluster-enabled yes\ncluster-port %d\n"
                       "cluster-node-timeout 2000\n"
                       "cluster-require-full-coverage no\n",
                       r->bus);
}

static void configure(struct redis *r)
{
    const struct redis_options *o = &r->options;

    r->port = server_free_port();
    write_file(r, "redis.conf",
               keep_printf("%sdir %s\nport %d\nlogfile logs/error\n"
                           "pidfile %s/logs/pid\nappendonly %s\n%s%s%s\n",
                           usual, r->root, r->port, r->root,
                           o->append ? "yes" : "no",
                           o->cluster ? cluster_lines(r) : "",
                           o->tls ? tls_lines(r) : "",
                           o->lines != NULL ? o->lines : ""));
}

/* ---- its process ---- */

static void hang_up(struct redis *r)
{
    if (r->context != NULL) {
        redisFree(r->context);
        r->context = NULL;
    }
}

static void end_by(struct redis *r, int signal_number)
{
    hang_up(r);
    process_end(r->pid, signal_number);
    r->pid = 0;
}

void redis_stop(struct redis *r)
{
    end_by(r, SIGTERM);
}

void redis_kill(struct redis *r)
{
    end_by(r, SIGKILL);
}

static void release(void *object)
{
    struct redis *r = object;

    redis_kill(r);
    serverroot_remove(r->root);
    free(r);
}

static bool answers(struct redis *r)
{
    redisReply *reply = redis_try(r, "PING");

    return reply != NULL && strcmp(reply->str, "PONG") == 0;
}

void redis_again(struct redis *r)
{
    const char *preload = r->options.preload;
    const char *const argv[] = {
        "env",
        keep_printf("LD_PRELOAD=%s", preload != NULL ? preload : ""),
        keep_printf("PUSH_WALLCLOCK=%s", file_of(r, "ahead")),
        "redis-server",
        file_of(r, "redis.conf"),
        NULL};
    int64_t deadline = wait_now() + WAIT_MS;

    r->pid = process_start(preload != NULL ? argv : argv + 3,
                           file_of(r, "logs/stderr"));
    while (!answers(r)) {
        if (process_has_ended(r->pid)) {
            r->pid = 0;
            ck_abort_msg("redis-server does not start: %s%s",
                         keep_file(file_of(r, "logs/stderr"), NULL),
                         keep_file(file_of(r, "logs/error"), NULL));
        }
        ck_assert_msg(wait_now() < deadline, "redis-server does not answer");
        wait_a_little();
    }
}

struct redis *redis_start(const struct redis_options *options)
{
    struct redis *r = calloc(1, sizeof(*r));

    ck_assert_ptr_nonnull(r);
    r->root = serverroot_make();
    if (options != NULL) {
        r->options = *options;
    }
    keep(r, release);
    ck_assert_int_eq(mkdir(file_of(r, "logs"), 0755), 0);
    configure(r);
    write_file(r, "ahead", "");
    ck_assert_int_eq(truncate(file_of(r, "ahead"), 8), 0);
    redis_again(r);
    return r;
}

void redis_pause(struct redis *r)
{
    ck_assert_int_eq(kill(r->pid, SIGSTOP), 0);
}

void redis_continue(struct redis *r)
{
    ck_assert_int_eq(kill(r->pid, SIGCONT), 0);
}

/* ---- what it is asked ---- */

const char *redis_url(const struct redis *r)
{
    return r->options.tls ? keep_printf("rediss://127.0.0.1:%d", r->tls_port)
                          : keep_printf("redis://127.0.0.1:%d", r->port);
}

const char *redis_ca(const struct redis *r)
{
    return file_of(r, "ca.pem");
}

const char *redis_client_certificate(const struct redis *r)
{
    return file_of(r, "client.pem");
}

const char *redis_client_key(const struct redis *r)
{
    return file_of(r, "client.key");
}

static void free_reply(void *reply)
{
    freeReplyObject(reply);
}

static redisReply *ask(struct redis *r, const char *format, va_list arguments)
{
    redisReply *reply = redisvCommand(r->context, format, arguments);

    if (reply == NULL) {
        hang_up(r);
        return NULL;
    }
    return keep(reply, free_reply);
}

static redisReply *log_in(struct redis *r, const char *format, ...)
{
    redisReply *reply;
    va_list arguments;

    va_start(arguments, format);
    reply = ask(r, format, arguments);
    va_end(arguments);
    return reply;
}

/* False where it cannot be reached. */
static bool connected(struct redis *r)
{
    struct timeval patience = {.tv_sec = REPLY_SECONDS};
    const struct redis_options *o = &r->options;

    if (r->context != NULL) {
        return true;
    }
    r->context = redisConnectWithTimeout("127.0.0.1", r->port, patience);
    if (r->context == NULL || r->context->err != 0) {
        hang_up(r);
        return false;
    }
    redisSetTimeout(r->context, patience);
    if (o->password != NULL) {
        log_in(r, "AUTH %s %s", o->user != NULL ? o->user : "default",
               o->password);
    }
    return r->context != NULL;
}

redisReply *redis_try(struct redis *r, const char *format, ...)
{
    redisReply *reply;
    va_list arguments;

    if (!connected(r)) {
        return NULL;
    }
    va_start(arguments, format);
    reply = ask(r, format, arguments);
    va_end(arguments);
    return reply;
}

/* A connection that broke since the last call is found by a first try. */
redisReply *redis_call(struct redis *r, const char *format, ...)
{
    redisReply *reply = NULL;
    va_list arguments;
    int tries;

    for (tries = 0; reply == NULL && tries < 2; tries++) {
        if (connected(r)) {
            va_start(arguments, format);
            reply = ask(r, format, arguments);
            va_end(arguments);
        }
    }
    ck_assert_msg(reply != NULL, "redis-server does not answer %s", format);
    ck_assert_msg(reply->type != REDIS_REPLY_ERROR, "%s: %s", format,
                  reply->str);
    return reply;
}

static const char *field_of(const char *text, const char *field)
{
    const char *line = keep_printf("\n%s:", field);
    const char *found = strstr(text, line);

    if (found == NULL) {
        return NULL;
    }
    found += strlen(line);
    return keep_copy(found, strcspn(found, "\r\n"));
}

const char *redis_info(struct redis *r, const char *field)
{
    const char *value = field_of(redis_call(r, "INFO everything")->str, field);

    if (value == NULL && r->options.cluster) {
        value = field_of(
            keep_printf("\n%s", redis_call(r, "CLUSTER INFO")->str), field);
    }
    return value != NULL ? value : "";
}

long long redis_info_number(struct redis *r, const char *field)
{
    return atoll(redis_info(r, field));
}

long long redis_cpu(const struct redis *r)
{
    const char *text = keep_file(keep_printf("/proc/%d/stat", (int)r->pid),
                                 NULL);
    const char *after = strrchr(text, ')');
    unsigned long long user = 0, system_time = 0;

    ck_assert_ptr_nonnull(after);
    ck_assert_int_eq(
        sscanf(after,
               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
               &user, &system_time),
        2);
    return (long long)((user + system_time) * 1000000ULL
                       / (unsigned long long)sysconf(_SC_CLK_TCK));
}
