#include "h2server.h"

#include <check.h>

#include "certificate.h"
#include "keep.h"

#define MODULES                                                               \
    "LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so\n"

static int tls_port;

struct server *h2_server_of(const char *mpm, const char *lines, bool tls,
                            int children)
{
    struct server_options o = {.mpm = mpm, .children = children};
    struct server *s;

    tls_port = tls ? server_free_port() : 0;
    o.global = keep_printf(MODULES "Protocols h2 h2c http/1.1\n%s\n%s", lines,
                           tls ? certificate_host(tls_port) : "");
    s = server_start(&o);
    server_allow(s, "PUSH0050");
    server_allow(s, "AH01882");
    return s;
}

struct server *h2_server(const char *lines, bool tls, int children)
{
    return h2_server_of("event", lines, tls, children);
}

struct h2 *h2_to(const struct server *s, bool tls)
{
    return h2_open(tls ? tls_port : s->port, tls);
}

struct exchange *h2_receive(struct h2 *c, const char *query)
{
    struct exchange *x = h2_get(c, keep_printf("/ramen/receive?user=ada&%s",
                                               query));

    h2_await(x, "retry: ");
    ck_assert_int_eq(x->status, 200);
    return x;
}

struct exchange *h2_post(struct h2 *c, const char *target, const char *body)
{
    struct h2_request q = {.method = "POST", .target = target, .body = body};
    struct exchange *x = h2_ask(c, &q);

    h2_feed(x, NULL);
    return x;
}
