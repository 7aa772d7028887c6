/*
 * What the parsers of http/ link with and httpd would bring.  What of it is
 * ever called does what httpd's does.
 */
#include <ctype.h>
#include <http_protocol.h>
#include <httpd.h>

#include "fuzz.h"
#include "http/runtime.h"
#include "http/settings.h"

/* The first of all modules: its settings are the first of a request's. */
module AP_MODULE_DECLARE_DATA push_module;

/* Parsers count nothing: no process runs here that could. */
push_runtime_t *push_runtime(void)
{
    return NULL;
}

static int digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

AP_DECLARE(int) ap_unescape_urlencoded(char *query)
{
    char *out = query;

    for (; *query; query++) {
        *out = *query == '+' ? ' ' : *query;
        if (*query == '%') {
            if (!isxdigit((unsigned char)query[1])
                || !isxdigit((unsigned char)query[2])) {
                return HTTP_BAD_REQUEST;
            }
            *out = (char)(digit(query[1]) << 4 | digit(query[2]));
            query += 2;
            if (!*out) {
                return HTTP_NOT_FOUND;
            }
        }
        out++;
    }
    *out = '\0';
    return OK;
}

AP_DECLARE(const char *) ap_get_status_line(int status)
{
    (void)status;
    abort();
}

AP_DECLARE(void) ap_set_content_type(request_rec *r, const char *type)
{
    r->content_type = type;
}

AP_DECLARE(char *) ap_strcasestr(const char *text, const char *part)
{
    return strcasestr(text, part);
}

AP_DECLARE(void) ap_set_content_length(request_rec *r, apr_off_t length)
{
    (void)r;
    (void)length;
    abort();
}

AP_DECLARE(int) ap_rwrite(const void *buf, int nbyte, request_rec *r)
{
    (void)buf;
    (void)nbyte;
    (void)r;
    abort();
}

AP_DECLARE(int) ap_rputc(int c, request_rec *r)
{
    (void)c;
    (void)r;
    abort();
}
