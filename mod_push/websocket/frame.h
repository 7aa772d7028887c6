#ifndef PUSH_FRAME_H
#define PUSH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames of WebSocket (RFC 6455, section 5) and why a connection closes. */

typedef enum push_opcode_t {
    PUSH_FRAME_MORE = 0, /* of a fragmented message: not its first */
    PUSH_FRAME_TEXT = 1,
    PUSH_FRAME_BINARY = 2,
    PUSH_FRAME_CLOSE = 8, /* from here on they are control frames */
    PUSH_FRAME_PING = 9,
    PUSH_FRAME_PONG = 10
} push_opcode_t;

/* Section 7.4.1; from 4000 on docs/protocol.md, "WebSocket". */
typedef enum push_close_t {
    PUSH_CLOSE_NONE = 0, /* goes on; or none was given */
    PUSH_CLOSE_NORMAL = 1000,
    PUSH_CLOSE_AWAY = 1001,
    PUSH_CLOSE_PROTOCOL = 1002,
    PUSH_CLOSE_KIND = 1003,
    PUSH_CLOSE_TEXT = 1007,
    PUSH_CLOSE_POLICY = 1008,
    PUSH_CLOSE_SIZE = 1009,
    PUSH_CLOSE_SERVER = 1011,
    PUSH_CLOSE_LATER = 1013,
    PUSH_CLOSE_SUPERSEDED = 4001,
    PUSH_CLOSE_DISCONNECTED = 4002,
    PUSH_CLOSE_TOKEN = 4003
} push_close_t;

#define PUSH_FRAME_HEAD_MAX 14u  /* bytes */
#define PUSH_CONTROL_MAX    125u /* bytes of a control frame's payload */

typedef struct push_frame_t {
    bool last; /* of its message */
    unsigned opcode;
    uint64_t len; /* of the payload */
    size_t head;  /* bytes before it; 0: there are too few to tell */
    unsigned char mask[4];
} push_frame_t;

/*
 * Reads the head of a client's frame at the beginning of bytes.  Another code
 * than NONE: the frame breaks the protocol, whatever follows.
 */
push_close_t push_frame_read(const char *bytes, size_t len,
                             push_frame_t *frame);

/* Masks or unmasks a whole payload in place. */
void push_frame_mask(char *bytes, size_t len, const unsigned char mask[4]);

/* Bytes of the head of a server's frame with so long a payload. */
size_t push_frame_head_size(uint64_t len);

/* Writes it, of a message of one frame; returns its end. */
char *push_frame_put(char *at, push_opcode_t opcode, uint64_t len);

/*
 * Writes a whole close frame, of at most PUSH_FRAME_HEAD_MAX and
 * PUSH_CONTROL_MAX bytes; of the reason, which is ASCII, as much as fits.
 */
char *push_frame_put_close(char *at, push_close_t code, const char *reason);

/* True if a peer may close with it. */
bool push_close_valid(unsigned code);

#endif
