#include "websocket/inbound.h"

#include <stdlib.h>
#include <string.h>

#include "websocket/utf8.h"

static push_close_t hear(const push_hearer_t *hearer, push_opcode_t opcode,
                         const char *at, size_t len)
{
    const push_heard_t heard = {.opcode = opcode, .at = at, .len = len};

    return hearer->hear(hearer->data, &heard);
}

/* ---- control frames ---- */

/* The peer ends it; the answer has the same code. */
static push_close_t take_close(const char *at, size_t len,
                               const push_hearer_t *hearer)
{
    push_heard_t heard = {.opcode = PUSH_FRAME_CLOSE};
    push_close_t code;

    if (len) {
        unsigned given = len > 1 ? (unsigned)(unsigned char)at[0] << 8
                                       | (unsigned char)at[1]
                                 : 0;

        if (!push_close_valid(given)) {
            return PUSH_CLOSE_PROTOCOL;
        }
        if (push_utf8_check(0, at + 2, len - 2)) {
            return PUSH_CLOSE_TEXT;
        }
        heard.code = (push_close_t)given;
        heard.at = at + 2;
        heard.len = len - 2;
    }
    code = hearer->hear(hearer->data, &heard);
    return code ? code : heard.code ? heard.code : PUSH_CLOSE_NORMAL;
}

/* ---- messages ---- */

static bool append(push_inbound_t *inbound, const char *at, size_t len)
{
    char *message = realloc(inbound->message, inbound->message_len + len + 1);

    if (!message) {
        return false;
    }
    if (len) {
        memcpy(message + inbound->message_len, at, len);
    }
    inbound->message = message;
    inbound->message_len += (uint32_t)len;
    return true;
}

static void forget_message(push_inbound_t *inbound)
{
    free(inbound->message);
    inbound->message = NULL;
    inbound->message_len = 0;
    inbound->opcode = 0;
    inbound->utf8 = 0;
}

/* The text so far must be the beginning of one, and a whole one at its end. */
static bool text_goes_on(push_inbound_t *inbound, const char *at, size_t len,
                         bool last)
{
    if (inbound->opcode != PUSH_FRAME_TEXT) {
        return true;
    }
    inbound->utf8 = push_utf8_check(inbound->utf8, at, len);
    return inbound->utf8 != PUSH_UTF8_WRONG && !(last && inbound->utf8);
}

static push_close_t take_data(push_inbound_t *inbound,
                              const push_frame_t *frame, const char *at,
                              const push_hearer_t *hearer)
{
    size_t len = (size_t)frame->len;
    push_opcode_t opcode;
    push_close_t code;

    if (frame->opcode) {
        inbound->opcode = (uint8_t)frame->opcode;
    }
    if (!text_goes_on(inbound, at, len, frame->last)) {
        return PUSH_CLOSE_TEXT;
    }
    opcode = (push_opcode_t)inbound->opcode;
    if (frame->last && !inbound->message) {
        inbound->opcode = 0;
        return hear(hearer, opcode, at, len);
    }
    if (!append(inbound, at, len)) {
        return PUSH_CLOSE_SERVER;
    }
    if (!frame->last) {
        return PUSH_CLOSE_NONE;
    }
    code = hear(hearer, opcode, inbound->message, inbound->message_len);
    forget_message(inbound);
    return code;
}

/* ---- frames ---- */

/* What a head says, where it stands; its payload may be to come. */
static push_close_t check(const push_inbound_t *inbound,
                          const push_frame_t *frame, uint32_t limit)
{
    if (frame->opcode >= PUSH_FRAME_CLOSE) {
        return PUSH_CLOSE_NONE;
    }
    if ((frame->opcode == PUSH_FRAME_MORE) != (inbound->opcode != 0)) {
        return PUSH_CLOSE_PROTOCOL;
    }
    return frame->len > limit - inbound->message_len ? PUSH_CLOSE_SIZE
                                                     : PUSH_CLOSE_NONE;
}

static push_close_t take_frame(push_inbound_t *inbound,
                               const push_frame_t *frame, char *at,
                               const push_hearer_t *hearer)
{
    size_t len = (size_t)frame->len;

    push_frame_mask(at, len, frame->mask);
    if (frame->opcode == PUSH_FRAME_CLOSE) {
        return take_close(at, len, hearer);
    }
    return frame->opcode > PUSH_FRAME_CLOSE
               ? hear(hearer, (push_opcode_t)frame->opcode, at, len)
               : take_data(inbound, frame, at, hearer);
}

/* Takes the whole frames of bytes; used: so many bytes they are. */
static push_close_t take_frames(push_inbound_t *inbound, char *bytes,
                                size_t len, size_t *used,
                                const push_hearer_t *hearer)
{
    push_close_t code = PUSH_CLOSE_NONE;

    *used = 0;
    while (!code) {
        push_frame_t frame;

        code = push_frame_read(bytes + *used, len - *used, &frame);
        if (code || !frame.head) {
            return code;
        }
        code = check(inbound, &frame, hearer->limit);
        if (code || len - *used - frame.head < frame.len) {
            return code;
        }
        code = take_frame(inbound, &frame, bytes + *used + frame.head, hearer);
        *used += frame.head + (size_t)frame.len;
    }
    return code;
}

static bool hold(push_inbound_t *inbound, const char *bytes, size_t len)
{
    char *held = realloc(inbound->held, inbound->held_len + len);

    if (!held) {
        return false;
    }
    memcpy(held + inbound->held_len, bytes, len);
    inbound->held = held;
    inbound->held_len += (uint32_t)len;
    return true;
}

/* Only the bytes behind those that were used stay. */
static void let_go(push_inbound_t *inbound, size_t used)
{
    if (used == inbound->held_len) {
        free(inbound->held);
        inbound->held = NULL;
        inbound->held_len = 0;
    }
    else if (used) {
        inbound->held_len -= (uint32_t)used;
        memmove(inbound->held, inbound->held + used, inbound->held_len);
    }
}

push_close_t push_inbound_take(push_inbound_t *inbound, char *bytes,
                               size_t len, const push_hearer_t *hearer)
{
    push_close_t code;
    size_t used;

    if (!len) {
        return PUSH_CLOSE_NONE;
    }
    if (!inbound->held) {
        code = take_frames(inbound, bytes, len, &used, hearer);
        return code || used == len                       ? code
               : hold(inbound, bytes + used, len - used) ? PUSH_CLOSE_NONE
                                                         : PUSH_CLOSE_SERVER;
    }
    if (!hold(inbound, bytes, len)) {
        return PUSH_CLOSE_SERVER;
    }
    code = take_frames(inbound, inbound->held, inbound->held_len, &used,
                       hearer);
    let_go(inbound, used);
    return code;
}

void push_inbound_cleanup(push_inbound_t *inbound)
{
    free(inbound->held);
    forget_message(inbound);
    *inbound = (push_inbound_t){0};
}
