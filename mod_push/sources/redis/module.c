#include "sources/redis/module.h"

#include <ap_mpm.h>
#include <apr_hash.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <mpm_common.h>
#include <stddef.h>
#include <string.h>

#include "sources/options.h"
#include "sources/redis/consumer.h"
#include "sources/worker.h"

/*
 * PushSourceRedis NAME URL stream=KEY …: entries of a Redis stream are
 * published.
 */

/* ---- the directive ---- */

#define WORD_MAX 200 /* bytes of a stream's name: it is part of keys */

#define TEXT(key, field)                                                      \
    {                                                                         \
        key, PUSH_OPTION_TEXT, offsetof(push_redis_source_t, field), 0, 0,    \
            "some text"                                                       \
    }

static const push_option_t options[] = {
    TEXT("stream", stream),
    TEXT("group", group),
    TEXT("consumer", consumer),
    {"allow", PUSH_OPTION_LIST, offsetof(push_redis_source_t, allow), 0, 0,
     "user:PATTERN, channel:PATTERN, broadcast or *"},
    {"batch", PUSH_OPTION_COUNT, offsetof(push_redis_source_t, batch), 1, 1000,
     "1 to 1000"},
    {"claim", PUSH_OPTION_TIME, offsetof(push_redis_source_t, claim), 1000,
     86400000, "1s to 86400s"},
    TEXT("ca", ca),
    TEXT("cert", cert),
    TEXT("key", key),
    {0}};

#undef TEXT

/* The same after each restart, and not that of another server here. */
static const char *own_name(apr_pool_t *pool)
{
    char host[APRMAXHOSTLEN + 1] = "localhost";
    const char *root = ap_server_root_relative(pool, "");
    apr_ssize_t len = APR_HASH_KEY_STRING;

    apr_gethostname(host, sizeof(host), pool);
    return apr_psprintf(pool, "%s-%08x", host,
                        apr_hashfunc_default(root, &len));
}

static const char *check(cmd_parms *cmd, push_redis_source_t *source)
{
    char why[PUSH_REDIS_WHY];
    const push_redis_url_t *url = source->redis.urls;

    if (!push_redis_settings_add(&source->redis, source->url, why)) {
        return apr_psprintf(cmd->pool, "PushSourceRedis: URL: %s", why);
    }
    if (!source->stream || strlen(source->stream) > WORD_MAX
        || strpbrk(source->stream, "\r\n")) {
        return "PushSourceRedis: stream= must be the name of a stream, 1 to "
               "200 bytes";
    }
    if (!url->tls && (source->ca || source->cert || source->key)) {
        return "PushSourceRedis: ca=, cert= and key= need a URL of rediss://";
    }
    if (!source->cert != !source->key) {
        return "PushSourceRedis: cert= and key= belong together";
    }
    source->dead = apr_pstrcat(cmd->pool, source->stream, ":dead", NULL);
    return NULL;
}

static void add(cmd_parms *cmd, const char *name, push_redis_source_t *source)
{
    apr_array_header_t *workers = ap_get_module_config(
        cmd->server->module_config, &push_redis_source_module);
    push_worker_t *worker = apr_pcalloc(cmd->pool, sizeof(*worker));

    worker->options = (push_source_options_t){
        .seam = PUSH_SOURCE_SEAM, .name = name, .allow = source->allow};
    worker->module = APLOG_MODULE_INDEX;
    worker->data = source;
    worker->run = push_redis_source_run;
    APR_ARRAY_PUSH(workers, push_worker_t *) = worker;
}

static const char *read_source(cmd_parms *cmd, void *dir, int argc,
                               char *const argv[])
{
    push_redis_source_t *source = apr_pcalloc(cmd->pool, sizeof(*source));
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char **words;

    (void)dir;
    if (why) {
        return why;
    }
    if (argc < 3) {
        return "PushSourceRedis takes NAME URL stream=KEY, and more of the "
               "form key=value";
    }
    words = apr_pcalloc(cmd->pool, (apr_size_t)(argc - 1) * sizeof(*words));
    memcpy(words, argv + 2, (apr_size_t)(argc - 2) * sizeof(*words));
    source->url = argv[1];
    source->group = "push";
    source->consumer = own_name(cmd->pool);
    source->batch = 200;
    source->claim = 60000;
    why = push_options_read(cmd, options, words, source);
    why = why ? why : check(cmd, source);
    if (!why) {
        add(cmd, argv[0], source);
    }
    return why;
}

static const command_rec commands[] = {
    AP_INIT_TAKE_ARGV("PushSourceRedis", read_source, NULL, RSRC_CONF,
                      "a stream of Redis whose entries are published"),
    {NULL}};

static void *create_server(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    return apr_array_make(pool, 2, sizeof(push_worker_t *));
}

/* ---- the hooks ---- */

static apr_array_header_t *workers_of(server_rec *s)
{
    return ap_get_module_config(s->module_config, &push_redis_source_module);
}

static apr_status_t free_tls(void *source)
{
    push_redis_settings_t *redis = &((push_redis_source_t *)source)->redis;

    push_redis_tls_destroy(redis->tls);
    redis->tls = NULL;
    return APR_SUCCESS;
}

/* NULL, or what is wrong. */
static const char *make_tls(apr_pool_t *conf, push_redis_source_t *source)
{
    const push_redis_tls_files_t files = {source->ca, source->cert,
                                          source->key};
    char why[PUSH_REDIS_WHY];

    if (!source->redis.urls[0].tls) {
        return NULL;
    }
    source->redis.tls = push_redis_tls_create(&files, why);
    if (!source->redis.tls) {
        return apr_pstrdup(conf, why);
    }
    apr_pool_cleanup_register(conf, source, free_tls, apr_pool_cleanup_null);
    return NULL;
}

/* Also when the configuration is only tested. */
static int check_config(apr_pool_t *conf, apr_pool_t *log, apr_pool_t *temp,
                        server_rec *s)
{
    apr_array_header_t *workers = workers_of(s);
    const char *why = push_workers_wrong(temp, workers);

    (void)log;
    for (int i = 0; i < workers->nelts && !why; i++) {
        why = make_tls(conf, APR_ARRAY_IDX(workers, i, push_worker_t *)->data);
    }
    if (why) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "PUSH0279: PushSourceRedis: %s", why);
    }
    return why ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

static int post_config(apr_pool_t *conf, apr_pool_t *log, apr_pool_t *temp,
                       server_rec *s)
{
    (void)conf;
    (void)log;
    (void)temp;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    return push_workers_prepare(s, workers_of(s)) ? OK
                                                  : HTTP_INTERNAL_SERVER_ERROR;
}

static apr_array_header_t *own; /* a child's workers */

static void child_init(apr_pool_t *child, server_rec *s)
{
    own = workers_of(s);
    push_workers_start(child, own);
}

static void child_stopping(apr_pool_t *child, int graceful)
{
    (void)child;
    (void)graceful;
    push_workers_stop(own);
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_LAST);
}

AP_DECLARE_MODULE(push_redis_source) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, create_server, NULL, commands,
    register_hooks,          0};
