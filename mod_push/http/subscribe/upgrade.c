#include "http/subscribe/upgrade.h"

#include <apr_base64.h>
#include <apr_sha1.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "codec/protobuf.h"
#include "http/params.h"
#include "http/runtime.h"
#include "http/subscribe/handshake.h"
#include "http/subscribe/head.h"
#include "websocket/frame.h"

/* Section 4.2.2, step 5.4. */
static const char *accept_of(const request_rec *r)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = apr_table_get(r->headers_in, "Sec-WebSocket-Key");
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    char *text = apr_pcalloc(r->pool, 2 * APR_SHA1_DIGESTSIZE);
    apr_sha1_ctx_t sha1;

    apr_sha1_init(&sha1);
    apr_sha1_update(&sha1, key, PUSH_HANDSHAKE_KEY);
    apr_sha1_update(&sha1, guid, sizeof(guid) - 1);
    apr_sha1_final(digest, &sha1);
    apr_base64_encode_binary(text, digest, sizeof(digest));
    return text;
}

static uint32_t number_of(const char *digits)
{
    return (uint32_t)apr_atoi64(digits);
}

/*
 * What a script in a browser cannot read of the headers; empty if the codec
 * has no way to say it.
 */
static push_text_t greeting(const request_rec *r, const push_codec_t *codec)
{
    const apr_table_t *out = r->headers_out;
    const push_welcome_t welcome = {
        .device = push_text_of(apr_table_get(out, "Push-Device")),
        .session = push_text_of(apr_table_get(out, "Push-Session")),
        .window = number_of(apr_table_get(out, "Push-Window")),
        .max_message = number_of(apr_table_get(out, "Push-Max-Message")),
        .retry_ms = push_head_jitter(r, push_settings(r)->retry)};
    char *bytes;

    if (codec->kind == PUSH_CODEC_PROTOBUF) {
        bytes = apr_palloc(r->pool, PUSH_WELCOME_MAX);
        return (push_text_t){
            bytes, (uint32_t)(push_protobuf_welcome(bytes, &welcome) - bytes)};
    }
    if (codec->kind == PUSH_CODEC_RAMEN) {
        return push_text_of(
            apr_psprintf(r->pool,
                         "{\"welcome\":{\"device\":\"%s\",\"session\":\"%s\","
                         "\"window\":%u,\"max_message\":%u,\"retry_ms\":%u}}",
                         welcome.device.at, welcome.session.at, welcome.window,
                         welcome.max_message, welcome.retry_ms));
    }
    return (push_text_t){NULL, 0};
}

/* Past the filters of the request, which would begin an answer. */
static bool send_message(conn_rec *c, apr_pool_t *pool, push_opcode_t opcode,
                         const push_text_t *message)
{
    char head[PUSH_FRAME_HEAD_MAX];
    const char *end = push_frame_put(head, opcode, message->len);
    apr_bucket_brigade *frame = apr_brigade_create(pool, c->bucket_alloc);
    apr_status_t status;

    apr_brigade_write(frame, NULL, NULL, head, (apr_size_t)(end - head));
    apr_brigade_write(frame, NULL, NULL, message->at, message->len);
    APR_BRIGADE_INSERT_TAIL(frame, apr_bucket_flush_create(c->bucket_alloc));
    status = ap_pass_brigade(c->output_filters, frame);
    apr_brigade_destroy(frame);
    return status == APR_SUCCESS && !c->aborted;
}

bool push_upgrade_answer(request_rec *r, const push_codec_t *codec)
{
    conn_rec *c = r->connection;
    push_text_t welcome = greeting(r, codec);
    apr_table_t *out = r->headers_out;

    apr_table_setn(out, "Upgrade", "websocket");
    apr_table_setn(out, "Connection", "Upgrade");
    apr_table_setn(out, "Sec-WebSocket-Accept", accept_of(r));
    if (welcome.len) {
        apr_table_setn(out, "Sec-WebSocket-Protocol", codec->name);
    }
    r->status = HTTP_SWITCHING_PROTOCOLS;
    r->status_line = NULL;
    ap_send_interim_response(r, 1);
    return !c->aborted
           && (!welcome.len
               || send_message(c, r->pool,
                               codec->kind == PUSH_CODEC_PROTOBUF
                                   ? PUSH_FRAME_BINARY
                                   : PUSH_FRAME_TEXT,
                               &welcome));
}
