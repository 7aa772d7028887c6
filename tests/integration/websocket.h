/*
 * A client of WebSocket, frame by frame: it can also do what none should.
 */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include <jansson.h>

#include "http.h"
#include "server.h"
#include "wire.h"

#define RAMEN "Sec-WebSocket-Protocol: ramen.v1.json\r\n"

struct websocket {
    struct wire *wire;
    const char *head; /* of the answer 101 */
};

/* What the server sends; it lives until the test ends. */
struct frame {
    unsigned opcode;
    size_t length;
    const char *text;   /* the payload, then a NUL; of a close, its reason */
    int code;           /* of a close */
    const json_t *json; /* of a text that is JSON */
};

/* Ask for a WebSocket; query is what follows "receive?".  Any answer. */
struct answer *websocket_try(const struct server *s, const char *query,
                             const char *headers);

/* The same, and fail the test unless it is answered 101. */
struct websocket *websocket_open(const struct server *s, const char *query,
                                 const char *headers);

/* With the subprotocol, up to the welcome. */
struct websocket *websocket_ramen(const struct server *s, const char *query);

/* Send a frame: its first byte, its payload, masked. */
void websocket_send(struct websocket *ws, unsigned first, const void *payload,
                    size_t length);

/* Send a whole text. */
void websocket_say(struct websocket *ws, const char *text);

/* The next frame; fails the test when none comes within WAIT_MS. */
struct frame *websocket_next(struct websocket *ws);

/* Fail the test unless the next one is such a message of this seq, whose member
 * has this text, or whose data has this JSON. */
const struct frame *websocket_expect(struct websocket *ws, int seq,
                                     const char *member, const char *text);

/* Fail the test unless a close with this code comes next, and the end. */
void websocket_expect_close(struct websocket *ws, int code,
                            const char *reason);

#endif
