#include "http/subscribe/upgrade.h"

#include <apr_base64.h>
#include <apr_sha1.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "codec/websocket.h"
#include "http/runtime.h"
#include "http/subscribe/head.h"
#include "websocket/frame.h"

#define KEY_CHARS 24 /* base64 of 16 bytes */

/* ---- what is asked ---- */

static bool has_token(const request_rec *r, const char *header,
                      const char *token)
{
    const char *list = apr_table_get(r->headers_in, header);

    return list && ap_find_token(r->pool, list, token);
}

/* HTTP/2 has another way (RFC 8441); such headers mean nothing there. */
bool push_upgrade_asked(const request_rec *r)
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

    return key && strspn(key, digits) == KEY_CHARS - 2
           && !strcmp(key + KEY_CHARS - 2, "==");
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

const push_problem_t *push_upgrade_check(request_rec *r,
                                         const push_codec_t **codec)
{
    const char *offered = apr_table_get(r->headers_in,
                                        "Sec-WebSocket-Protocol");

    *codec = offered ? &push_codec_ramen : &push_codec_bare;
    if (offered && !ap_find_token(r->pool, offered, push_codec_ramen.name)) {
        return bad(r, 400, "Sec-WebSocket-Protocol: ramen.v1.json, or none");
    }
    return check_handshake(r);
}

/* ---- what is answered ---- */

/* Section 4.2.2, step 5.4. */
static const char *accept_of(const request_rec *r)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = apr_table_get(r->headers_in, "Sec-WebSocket-Key");
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    char *text = apr_pcalloc(r->pool, 2 * APR_SHA1_DIGESTSIZE);
    apr_sha1_ctx_t sha1;

    apr_sha1_init(&sha1);
    apr_sha1_update(&sha1, key, KEY_CHARS);
    apr_sha1_update(&sha1, guid, sizeof(guid) - 1);
    apr_sha1_final(digest, &sha1);
    apr_base64_encode_binary(text, digest, sizeof(digest));
    return text;
}

/* What a script in a browser cannot read of the headers. */
static const char *greeting(const request_rec *r)
{
    const apr_table_t *out = r->headers_out;

    return apr_psprintf(r->pool,
                        "{\"welcome\":{\"device\":\"%s\",\"session\":\"%s\","
                        "\"window\":%s,\"max_message\":%s,\"retry_ms\":%u}}",
                        apr_table_get(out, "Push-Device"),
                        apr_table_get(out, "Push-Session"),
                        apr_table_get(out, "Push-Window"),
                        apr_table_get(out, "Push-Max-Message"),
                        push_head_jitter(r, push_settings(r)->retry));
}

/* Past the filters of the request, which would begin an answer. */
static bool send_text(conn_rec *c, apr_pool_t *pool, const char *text)
{
    size_t len = strlen(text);
    char head[PUSH_FRAME_HEAD_MAX];
    const char *end = push_frame_put(head, PUSH_FRAME_TEXT, len);
    apr_bucket_brigade *frame = apr_brigade_create(pool, c->bucket_alloc);
    apr_status_t status;

    apr_brigade_write(frame, NULL, NULL, head, (apr_size_t)(end - head));
    apr_brigade_write(frame, NULL, NULL, text, len);
    APR_BRIGADE_INSERT_TAIL(frame, apr_bucket_flush_create(c->bucket_alloc));
    status = ap_pass_brigade(c->output_filters, frame);
    apr_brigade_destroy(frame);
    return status == APR_SUCCESS && !c->aborted;
}

bool push_upgrade_answer(request_rec *r, const push_codec_t *codec)
{
    conn_rec *c = r->connection;
    const char *welcome = codec == &push_codec_ramen ? greeting(r) : NULL;
    apr_table_t *out = r->headers_out;

    apr_table_setn(out, "Upgrade", "websocket");
    apr_table_setn(out, "Connection", "Upgrade");
    apr_table_setn(out, "Sec-WebSocket-Accept", accept_of(r));
    if (welcome) {
        apr_table_setn(out, "Sec-WebSocket-Protocol", codec->name);
    }
    r->status = HTTP_SWITCHING_PROTOCOLS;
    r->status_line = NULL;
    ap_send_interim_response(r, 1);
    return !c->aborted && (!welcome || send_text(c, r->pool, welcome));
}
