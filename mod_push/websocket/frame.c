#include "websocket/frame.h"

#include <string.h>

#define LAST     0x80u
#define RESERVED 0x70u
#define OPCODE   0x0fu
#define MASKED   0x80u
#define LENGTH   0x7fu
#define OF_16    126u /* the length stands in 16 bits */
#define OF_64    127u

static bool is_known(unsigned opcode)
{
    return opcode <= PUSH_FRAME_BINARY
           || (opcode >= PUSH_FRAME_CLOSE && opcode <= PUSH_FRAME_PONG);
}

static uint64_t number_at(const char *bytes, size_t count)
{
    uint64_t number = 0;

    for (size_t i = 0; i < count; i++) {
        number = number << 8 | (unsigned char)bytes[i];
    }
    return number;
}

/* The rules for what the first two bytes say. */
static push_close_t check(unsigned first, unsigned second)
{
    unsigned opcode = first & OPCODE;
    bool control = opcode >= PUSH_FRAME_CLOSE;

    if (first & RESERVED || !is_known(opcode) || !(second & MASKED)) {
        return PUSH_CLOSE_PROTOCOL;
    }
    if (control && (!(first & LAST) || (second & LENGTH) > PUSH_CONTROL_MAX)) {
        return PUSH_CLOSE_PROTOCOL;
    }
    return PUSH_CLOSE_NONE;
}

/* A length must stand in as few bytes as it can, and in 63 bits. */
static bool is_shortest(unsigned form, uint64_t len)
{
    return form == OF_16   ? len >= OF_16
           : form == OF_64 ? len > UINT16_MAX && !(len >> 63)
                           : true;
}

push_close_t push_frame_read(const char *bytes, size_t len,
                             push_frame_t *frame)
{
    unsigned first, second, form;
    size_t more;
    push_close_t fault;

    *frame = (push_frame_t){0};
    if (len < 2) {
        return PUSH_CLOSE_NONE;
    }
    first = (unsigned char)bytes[0];
    second = (unsigned char)bytes[1];
    fault = check(first, second);
    form = second & LENGTH;
    more = form == OF_64 ? 8 : form == OF_16 ? 2 : 0;
    if (fault || len < 2 + more) {
        return fault;
    }
    frame->len = more ? number_at(bytes + 2, more) : form;
    if (!is_shortest(form, frame->len)) {
        return PUSH_CLOSE_PROTOCOL;
    }
    frame->last = first & LAST;
    frame->opcode = first & OPCODE;
    if (len >= 2 + more + sizeof(frame->mask)) {
        memcpy(frame->mask, bytes + 2 + more, sizeof(frame->mask));
        frame->head = 2 + more + sizeof(frame->mask);
    }
    return PUSH_CLOSE_NONE;
}

void push_frame_mask(char *bytes, size_t len, const unsigned char mask[4])
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)((unsigned char)bytes[i] ^ mask[i % 4]);
    }
}

size_t push_frame_head_size(uint64_t len)
{
    return len < OF_16 ? 2 : len <= UINT16_MAX ? 4 : 10;
}

char *push_frame_put(char *at, push_opcode_t opcode, uint64_t len)
{
    size_t more = push_frame_head_size(len) - 2;

    *at++ = (char)(LAST | (unsigned)opcode);
    *at++ = (char)(more == 8 ? OF_64 : more ? OF_16 : len);
    while (more) {
        more--;
        *at++ = (char)(len >> 8 * more);
    }
    return at;
}

char *push_frame_put_close(char *at, push_close_t code, const char *reason)
{
    size_t len = strlen(reason);

    len = len < PUSH_CONTROL_MAX - 2 ? len : PUSH_CONTROL_MAX - 2;
    at = push_frame_put(at, PUSH_FRAME_CLOSE, 2 + len);
    *at++ = (char)((unsigned)code >> 8);
    *at++ = (char)code;
    memcpy(at, reason, len);
    return at + len;
}

/* What is below 3000 is the protocol's own; three of that are never sent. */
bool push_close_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}
