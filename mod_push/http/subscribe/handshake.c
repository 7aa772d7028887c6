#include "http/subscribe/handshake.h"

#include <http_protocol.h>
#include <util_filter.h>

#include "codec/protobuf.h"
#include "codec/websocket.h"

static bool has_token(const request_rec *r, const char *header,
                      const char *token)
{
    const char *list = apr_table_get(r->headers_in, header);

    return list && ap_find_token(r->pool, list, token);
}

/* HTTP/2 has another way (RFC 8441); such headers mean nothing there. */
bool push_handshake_asked(const request_rec *r)
{
    return r->method_number == M_GET && !r->header_only
           && !r->connection->master && r->proto_num >= HTTP_VERSION(1, 1)
           && has_token(r, "Upgrade", "websocket")
           && has_token(r, "Connection", "upgrade");
}

static const push_problem_t *bad(const request_rec *r, int status,
                                 const char *detail)
{
    return push_problem(r->pool, status, "bad-handshake", "%s", detail);
}

static bool is_key(const char *key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";

    return key && strspn(key, digits) == PUSH_HANDSHAKE_KEY - 2
           && !strcmp(key + PUSH_HANDSHAKE_KEY - 2, "==");
}

/*
 * Bytes behind the request, which a client must not send before it has our
 * answer: httpd has read them, and no stream would find them.
 */
static bool has_said_more(const request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade *bytes = apr_brigade_create(r->pool, c->bucket_alloc);
    bool more = ap_get_brigade(c->input_filters, bytes, AP_MODE_SPECULATIVE,
                               APR_NONBLOCK_READ, 1)
                    == APR_SUCCESS
                && !APR_BRIGADE_EMPTY(bytes)
                && !APR_BUCKET_IS_EOS(APR_BRIGADE_FIRST(bytes));

    apr_brigade_destroy(bytes);
    return more;
}

static const push_problem_t *check_handshake(request_rec *r)
{
    const char *version = apr_table_get(r->headers_in,
                                        "Sec-WebSocket-Version");

    if (!version || strcmp(version, "13") != 0) {
        apr_table_setn(r->err_headers_out, "Sec-WebSocket-Version", "13");
        apr_table_setn(r->err_headers_out, "Upgrade", "websocket");
        apr_table_setn(r->err_headers_out, "Connection", "Upgrade");
        return bad(r, HTTP_UPGRADE_REQUIRED, "Sec-WebSocket-Version: 13");
    }
    if (!is_key(apr_table_get(r->headers_in, "Sec-WebSocket-Key"))) {
        return bad(r, 400, "Sec-WebSocket-Key: 16 bytes in base64");
    }
    if (apr_table_get(r->headers_in, "Transfer-Encoding")
        || apr_table_get(r->headers_in, "Content-Length")) {
        return bad(r, 400, "Content-Length: none, a handshake has no body");
    }
    return has_said_more(r) ? bad(r, 400,
                                  "frames: none before the handshake is "
                                  "answered")
                            : NULL;
}

/* The client's order is its preference (section 4.1, item 10). */
static const push_codec_t *first_known(request_rec *r, const char *offered)
{
    static const push_codec_t *const codecs[] = {&push_codec_ramen,
                                                 &push_codec_protobuf};
    const char *name = ap_get_token(r->pool, &offered, 0);

    while (*name) {
        for (size_t i = 0; i < sizeof(codecs) / sizeof(*codecs); i++) {
            if (!strcmp(name, codecs[i]->name)) {
                return codecs[i];
            }
        }
        offered += *offered == ',';
        name = ap_get_token(r->pool, &offered, 0);
    }
    return NULL;
}

const push_problem_t *push_handshake_check(request_rec *r,
                                           const push_codec_t **codec)
{
    const char *offered = apr_table_get(r->headers_in,
                                        "Sec-WebSocket-Protocol");

    *codec = offered ? first_known(r, offered) : &push_codec_bare;
    return *codec ? check_handshake(r)
                  : bad(r, 400,
                        "Sec-WebSocket-Protocol: ramen.v1.json, "
                        "ramen.v3.proto, or none");
}
