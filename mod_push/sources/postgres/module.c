#include "sources/postgres/module.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <libpq-fe.h>
#include <mpm_common.h>
#include <stddef.h>
#include <string.h>

#include "sources/options.h"
#include "sources/postgres/outbox.h"

/*
 * PushSourcePostgres NAME CONNINFO table=TABLE …: rows of an outbox are
 * published.
 */

/* ---- the directive ---- */

#define AT(field) offsetof(push_postgres_source_t, field)

static const push_option_t options[] = {
    {"table", PUSH_OPTION_TEXT, AT(table), 0, 0, "the name of a table"},
    {"channel", PUSH_OPTION_TEXT, AT(channel), 0, 0, "the name of a channel"},
    {"allow", PUSH_OPTION_LIST, AT(allow), 0, 0,
     "user:PATTERN, channel:PATTERN, broadcast or *"},
    {"batch", PUSH_OPTION_COUNT, AT(batch), 1, 1000, "1 to 1000"},
    {"every", PUSH_OPTION_TIME, AT(every), 100, 3600000, "100ms to 3600s"},
    {0}};

/* What libpq says of one that is wrong may have a part of its password. */
static bool is_conninfo(const char *text)
{
    PQconninfoOption *parsed = PQconninfoParse(text, NULL);

    PQconninfoFree(parsed);
    return parsed != NULL;
}

static void add(cmd_parms *cmd, const char *name,
                push_postgres_source_t *source)
{
    apr_array_header_t *workers = ap_get_module_config(
        cmd->server->module_config, &push_postgres_source_module);
    push_worker_t *worker = apr_pcalloc(cmd->pool, sizeof(*worker));

    worker->options = (push_source_options_t){
        .seam = PUSH_SOURCE_SEAM, .name = name, .allow = source->allow};
    worker->module = APLOG_MODULE_INDEX;
    worker->data = source;
    worker->run = push_outbox_run;
    APR_ARRAY_PUSH(workers, push_worker_t *) = worker;
}

static const char *check(cmd_parms *cmd, push_postgres_source_t *source)
{
    const char *why;

    if (!is_conninfo(source->conninfo)) {
        return "PushSourcePostgres: CONNINFO must be a URL of postgresql:// "
               "or key=value words of libpq, in quotes";
    }
    why = push_outbox_prepare(cmd->pool, source);
    return why ? apr_pstrcat(cmd->pool, "PushSourcePostgres: ", why, NULL)
               : NULL;
}

static const char *read_source(cmd_parms *cmd, void *dir, int argc,
                               char *const argv[])
{
    push_postgres_source_t *source = apr_pcalloc(cmd->pool, sizeof(*source));
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char **words;

    (void)dir;
    if (why) {
        return why;
    }
    if (argc < 3) {
        return "PushSourcePostgres takes NAME CONNINFO table=TABLE, and more "
               "of the form key=value";
    }
    words = apr_pcalloc(cmd->pool, (apr_size_t)(argc - 1) * sizeof(*words));
    memcpy(words, argv + 2, (apr_size_t)(argc - 2) * sizeof(*words));
    source->conninfo = argv[1];
    source->batch = 200;
    source->every = 5000;
    why = push_options_read(cmd, options, words, source);
    why = why ? why : check(cmd, source);
    if (!why) {
        add(cmd, argv[0], source);
    }
    return why;
}

static const command_rec commands[] = {
    AP_INIT_TAKE_ARGV("PushSourcePostgres", read_source, NULL, RSRC_CONF,
                      "a table of PostgreSQL whose rows are published"),
    {NULL}};

static void *create_server(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    return apr_array_make(pool, 2, sizeof(push_worker_t *));
}

/* ---- the hooks ---- */

static apr_array_header_t *workers_of(server_rec *s)
{
    return ap_get_module_config(s->module_config,
                                &push_postgres_source_module);
}

/* Also when the configuration is only tested. */
static int check_config(apr_pool_t *conf, apr_pool_t *log, apr_pool_t *temp,
                        server_rec *s)
{
    const char *why = push_workers_wrong(temp, workers_of(s));

    (void)conf;
    (void)log;
    if (why) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "PUSH0280: PushSourcePostgres: %s", why);
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

AP_DECLARE_MODULE(push_postgres_source) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, create_server, NULL, commands,
    register_hooks,          0};
