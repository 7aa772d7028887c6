#include "triggers/expression.h"

#include <apr_strings.h>
#include <http_core.h>
#include <strings.h>

/*
 * httpd's evaluator wants a request for its log alone, so there is one made
 * up.  Nothing that the lookup lets in looks at it.
 */
struct push_expression_stage_t {
    request_rec request;
    conn_rec connection;
};

static const char *event_value(ap_expr_eval_ctx_t *context, const void *data,
                               const char *path)
{
    const push_trigger_event_t *event = context->data;

    (void)data;
    return push_trigger_event_at(event, context->p, path) ?: "";
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names && strcasecmp(*names, name)) {
        names++;
    }
    return *names != NULL;
}

/* What looks neither at a request nor at files. */
static bool is_free(const ap_expr_lookup_parms *parms)
{
    static const char *const functions[] = {"tolower",  "toupper", "escape",
                                            "unescape", "base64",  "unbase64",
                                            "sha1",     "md5",     "osenv",
                                            NULL};
    static const char *const unary[] = {"n", "z", "T", NULL};

    switch (parms->type) {
    case AP_EXPR_FUNC_VAR:
        return !strncasecmp(parms->name, "TIME", 4);
    case AP_EXPR_FUNC_STRING:
        return is_one_of(parms->name, functions);
    case AP_EXPR_FUNC_OP_UNARY:
        return is_one_of(parms->name, unary);
    case AP_EXPR_FUNC_OP_BINARY:
        return true;
    default:
        return false;
    }
}

int push_expression_lookup(ap_expr_lookup_parms *parms)
{
    if (parms->type == AP_EXPR_FUNC_STRING && !strcmp(parms->name, "event")) {
        *parms->func = (const void *)event_value;
        *parms->data = NULL;
        return OK;
    }
    if (is_free(parms)) {
        return ap_expr_lookup_default(parms);
    }
    *parms->err = apr_psprintf(parms->ptemp,
                               "'%s' is of a request or a file, and an event "
                               "has neither: it has event('PATH')",
                               parms->name);
    return !OK;
}

push_expression_stage_t *push_expression_stage(apr_pool_t *pool,
                                               server_rec *server)
{
    push_expression_stage_t *stage = apr_pcalloc(pool, sizeof(*stage));

    stage->connection.pool = pool;
    stage->connection.base_server = server;
    stage->connection.log = &server->log;
    stage->connection.client_ip = (char *)"-";
    stage->request.pool = pool;
    stage->request.server = server;
    stage->request.connection = &stage->connection;
    stage->request.log = &server->log;
    stage->request.useragent_ip = (char *)"-";
    stage->request.headers_in = apr_table_make(pool, 1);
    stage->request.headers_out = apr_table_make(pool, 1);
    return stage;
}

bool push_expression_true(push_expression_stage_t *stage, apr_pool_t *pool,
                          const ap_expr_info_t *expression,
                          const push_trigger_event_t *event)
{
    ap_regmatch_t matches[AP_MAX_REG_MATCH];
    const char *source = NULL;
    const char *error = NULL;
    ap_expr_eval_ctx_t context = {.r = &stage->request,
                                  .c = &stage->connection,
                                  .s = stage->request.server,
                                  .p = pool,
                                  .err = &error,
                                  .info = expression,
                                  .re_nmatch = AP_MAX_REG_MATCH,
                                  .re_pmatch = matches,
                                  .re_source = &source,
                                  .data = (void *)(uintptr_t)event};

    return ap_expr_exec_ctx(&context) > 0;
}
