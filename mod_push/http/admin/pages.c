#include "http/admin/pages.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <stdbool.h>
#include <string.h>

#include "http/endpoint.h"
#include "http/problem.h"
#include "http/settings.h"

/*
 * httpd's own handler would serve these files only where some section lets
 * people into their directory, and with the headers of whatever stands there.
 * So they are read here: one flat directory and its sdk/, and names that
 * cannot lead out of it, since they have neither a slash nor a leading dot.
 */

APLOG_USE_MODULE(push);

/* Nothing of another origin, nothing inline, in nobody's frame. */
#define POLICY                                                                \
    "default-src 'self'; base-uri 'none'; form-action 'none'; "               \
    "frame-ancestors 'none'"

static const struct {
    const char *suffix;
    const char *type;
} types[] = {{".html", "text/html; charset=utf-8"},
             {".js", "text/javascript; charset=utf-8"},
             {".css", "text/css; charset=utf-8"},
             {".svg", "image/svg+xml"}};

/* The content type of a name that may be served, or NULL. */
static const char *type_of(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

    for (size_t i = 0; len && i < sizeof(types) / sizeof(types[0]); i++) {
        if (!strcmp(name + len, types[i].suffix)) {
            return types[i].type;
        }
    }
    return NULL;
}

static int refuse(request_rec *r, const char *name, const char *dir)
{
    const push_problem_t *problem;

    if (!*dir) {
        problem = push_problem(r->pool, 404, "not-found",
                               "path: there is no dashboard (PushDashboard "
                               "is off)");
    }
    else {
        problem = push_problem(r->pool, 404, "not-found",
                               "path: %s is not in the directory of the "
                               "dashboard (PushDashboard %s)",
                               name, dir);
    }
    return push_problem_send(r, problem);
}

static void set_headers(request_rec *r)
{
    /* It is asked each time whether there is a newer one. */
    apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    apr_table_setn(r->headers_out, "Content-Security-Policy", POLICY);
    apr_table_setn(r->headers_out, "Referrer-Policy", "no-referrer");
}

static int send_file(request_rec *r, apr_file_t *file)
{
    apr_bucket_brigade *brigade;
    int status;

    ap_update_mtime(r, r->finfo.mtime);
    ap_set_last_modified(r);
    ap_set_etag(r);
    set_headers(r);
    status = ap_meets_conditions(r);
    if (status != OK) {
        return status;
    }
    ap_set_content_length(r, r->finfo.size);
    brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_brigade_insert_file(brigade, file, 0, r->finfo.size, r->pool);
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_eos_create(r->connection->bucket_alloc));
    /* A client that has gone is none of ours to tell. */
    ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

static int serve(request_rec *r, const char *sub, const char *name)
{
    const char *dir = push_settings(r)->dashboard ?: PUSH_DASHBOARD_DIR;
    const char *type = type_of(name);
    apr_status_t status = APR_ENOENT;
    apr_file_t *file;

    if (*dir && type) {
        r->filename = apr_pstrcat(r->pool, dir, sub, name, NULL);
        status = apr_file_open(&file, r->filename, APR_FOPEN_READ,
                               APR_FPROT_OS_DEFAULT, r->pool);
        if (status == APR_SUCCESS) {
            status = apr_file_info_get(&r->finfo, APR_FINFO_NORM, file);
        }
    }
    if (status == APR_SUCCESS && r->finfo.filetype == APR_REG) {
        ap_set_content_type(r, type);
        return send_file(r, file);
    }
    if (status != APR_SUCCESS && !APR_STATUS_IS_ENOENT(status)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, status, r,
                      "PUSH0190: %s: a file of the dashboard cannot be read "
                      "(PushDashboard)",
                      r->filename);
    }
    return refuse(r, name, dir);
}

int push_page_index(request_rec *r, const char *none)
{
    (void)none;
    return serve(r, "/", "index.html");
}

int push_page_file(request_rec *r, const char *name)
{
    return serve(r, "/", name);
}

int push_page_sdk(request_rec *r, const char *name)
{
    return serve(r, "/sdk/", name);
}

/* Relative, so that it leads right behind a proxy that shows another path. */
int push_page_redirect(request_rec *r, const char *none)
{
    const char *last = strrchr(push_endpoint(r)->base, '/');
    const char *dir = push_settings(r)->dashboard;

    (void)none;
    if (dir && !*dir) {
        return refuse(r, "", dir);
    }
    apr_table_setn(r->headers_out, "Location",
                   apr_pstrcat(r->pool, ".",
                               ap_os_escape_path(r->pool, last ?: "", 1), "/",
                               NULL));
    return HTTP_MOVED_PERMANENTLY;
}
