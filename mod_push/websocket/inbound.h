#ifndef PUSH_INBOUND_H
#define PUSH_INBOUND_H

#include "websocket/frame.h"

/*
 * What a client sends over WebSocket, from bytes to messages: fragments are
 * put together, control frames may come in between.  One thread.
 */

/* A message, or a control frame. */
typedef struct push_heard_t {
    push_opcode_t opcode;
    const char *at; /* its payload; of a close, the reason; borrowed */
    size_t len;
    push_close_t code; /* of a close; NONE: it gives none */
} push_heard_t;

/* Who hears it; another code than NONE ends the connection. */
typedef struct push_hearer_t {
    push_close_t (*hear)(void *data, const push_heard_t *heard);
    void *data;
    uint32_t limit; /* bytes of a message */
} push_hearer_t;

/* What has come and is not whole yet.  Zeroed, there is nothing. */
typedef struct push_inbound_t {
    char *held;    /* a frame as it came; owned */
    char *message; /* fragments; owned */
    uint32_t held_len;
    uint32_t message_len;
    uint8_t opcode; /* of the fragments; 0: there are none */
    uint8_t utf8;   /* of a text: its state behind them */
} push_inbound_t;

/*
 * Takes bytes, which it changes.  Returns NONE, or the code with which the
 * connection has to end: then nothing more may be taken.  After a close of the
 * peer nothing is heard.
 */
push_close_t push_inbound_take(push_inbound_t *inbound, char *bytes,
                               size_t len, const push_hearer_t *hearer);

/* True if something is kept. */
static inline bool push_inbound_keeps(const push_inbound_t *inbound)
{
    return inbound->held || inbound->opcode;
}

void push_inbound_cleanup(push_inbound_t *inbound);

#endif
