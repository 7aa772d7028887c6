#include "websocket.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"
#include "wait.h"

#define HANDSHAKE                                                             \
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"               \
    "Sec-WebSocket-Version: 13\r\n"                                           \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static struct wire *ask(const struct server *s, const char *query,
                        const char *headers)
{
    struct wire *w = wire_open(s, 0);
    struct request q = {.target = keep_printf("/ramen/receive?%s", query),
                        .headers = keep_printf(HANDSHAKE "%s",
                                               headers ? headers : "")};

    http_send(w, &q);
    return w;
}

struct answer *websocket_try(const struct server *s, const char *query,
                             const char *headers)
{
    return http_read(ask(s, query, headers), false);
}

struct websocket *websocket_open(const struct server *s, const char *query,
                                 const char *headers)
{
    struct websocket *ws = keep(calloc(1, sizeof(*ws)), free);

    ws->wire = ask(s, query, headers);
    ws->head = http_head(ws->wire, wait_now() + WAIT_MS);
    ck_assert_msg(ws->head && strstr(ws->head, " 101 "), "no 101: %s%s",
                  ws->head ? ws->head : "", ws->wire->bytes);
    /* The key is that of RFC 6455, section 1.3, and so is what it gives. */
    ck_assert_ptr_nonnull(
        strstr(ws->head, "Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    return ws;
}

struct websocket *websocket_ramen(const struct server *s, const char *query)
{
    struct websocket *ws = websocket_open(s, query, RAMEN);

    ck_assert_ptr_nonnull(strstr(ws->head, RAMEN));
    ck_assert_ptr_nonnull(json_at(websocket_next(ws)->json, "welcome"));
    return ws;
}

void websocket_send(struct websocket *ws, unsigned first, const void *payload,
                    size_t length)
{
    static const unsigned char mask[] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned char *frame = keep(malloc(length + 14), free);
    const unsigned char *bytes = payload;
    size_t at = 0;

    frame[at++] = (unsigned char)first;
    if (length < 126) {
        frame[at++] = (unsigned char)(0x80 | length);
    }
    else {
        ck_assert_uint_le(length, 65535);
        frame[at++] = 0x80 | 126;
        frame[at++] = (unsigned char)(length >> 8);
        frame[at++] = (unsigned char)length;
    }
    memcpy(frame + at, mask, sizeof(mask));
    at += sizeof(mask);
    for (size_t i = 0; i < length; i++) {
        frame[at++] = bytes[i] ^ mask[i % 4];
    }
    wire_send(ws->wire, frame, at);
}

void websocket_say(struct websocket *ws, const char *text)
{
    websocket_send(ws, 0x81, text, strlen(text));
}

static void need(struct websocket *ws, size_t bytes)
{
    int64_t deadline = wait_now() + WAIT_MS;

    while (ws->wire->used < bytes) {
        ck_assert_msg(wire_receive(ws->wire, deadline),
                      "%zu bytes came, not %zu", ws->wire->used, bytes);
    }
}

static uint64_t number_at(struct websocket *ws, size_t at, size_t count)
{
    uint64_t number = 0;

    need(ws, at + count);
    while (count--) {
        number = number << 8 | (unsigned char)ws->wire->bytes[at++];
    }
    return number;
}

struct frame *websocket_next(struct websocket *ws)
{
    struct frame *f = keep(calloc(1, sizeof(*f)), free);
    unsigned first = (unsigned)number_at(ws, 0, 1);
    uint64_t length = number_at(ws, 1, 1);
    size_t head = 2;

    if (length >= 126) {
        size_t more = length == 126 ? 2 : 8;

        length = number_at(ws, head, more);
        ck_assert_uint_gt(length, more == 2 ? 125 : 65535);
        head += more;
    }
    ck_assert_uint_eq(first & 0xf0, 0x80);
    need(ws, head + length);
    f->opcode = first & 0xf;
    f->length = length;
    f->text = keep_copy(ws->wire->bytes + head, length);
    if (f->opcode == 8 && length) {
        f->code = (int)number_at(ws, head, 2);
        f->text += 2;
    }
    if (f->opcode == 1 && f->text[0] == '{') {
        f->json = json_keep(json_loadb(f->text, length, 0, NULL));
    }
    wire_take(ws->wire, head + length);
    return f;
}

const struct frame *websocket_expect(struct websocket *ws, int seq,
                                     const char *member, const char *text)
{
    const struct frame *f = websocket_next(ws);

    ck_assert_msg(f->opcode == 1 && f->json && json_at(f->json, "id"),
                  "no message: %u %.200s", f->opcode, f->text);
    ck_assert_int_eq(atoi(json_text_at(f->json, "id")), seq);
    if (!strcmp(member, "data")) {
        ck_assert_ptr_nonnull(
            strstr(f->text, keep_printf("\"data\":%s}", text)));
    }
    else {
        ck_assert_str_eq(json_text_at(f->json, member), text);
    }
    return f;
}

void websocket_expect_close(struct websocket *ws, int code, const char *reason)
{
    const struct frame *f = websocket_next(ws);

    ck_assert_msg(f->opcode == 8 && f->code == code
                      && (!reason || strstr(f->text, reason)),
                  "not %d %s: %u %d %.200s", code, reason ? reason : "",
                  f->opcode, f->code, f->text);
    while (!ws->wire->ended) {
        wire_receive(ws->wire, wait_now() + WAIT_MS);
    }
    ck_assert_uint_eq(ws->wire->used, 0);
    ck_assert(!ws->wire->reset);
}
