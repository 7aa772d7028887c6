#include "codec/protobuf.h"

#include "codec/put.h"
#include "codec/websocket.h"
#include "core/ids.h"
#include "core/message_texts.h"
#include "core/traceparent.h"
#include "protobuf/wire.h"
#include "websocket/frame.h"

/*
 * Lengths stand before what they are of, so a message is written from its
 * inside out: first its fields, then the heads before them.  Its payload is
 * the last field, and is lent.
 */

/* Members of ToDevice. */
enum { WELCOME = 1, MESSAGE, GAP, BYE, BEAT };

/* Copying so many bytes costs less than a piece of their own. */
#define SHORT 1024u

/* Behind this, what is left of the scratch is for heads alone. */
#define HEADS_MAX (16u << 10)

/* A key of one byte, or two, and the length of what is below 16 KiB. */
#define TEXT_MAX(len) (4u + (len))

/* seq, mid, event, ack_now, urgency, type, channel, time, trace, device. */
#define FIELDS_MAX                                                            \
    (11u + 9 + TEXT_MAX(UINT8_MAX) + 2 + 2 + TEXT_MAX(UINT8_MAX)              \
     + TEXT_MAX(UINT8_MAX) + 11 + TEXT_MAX(PUSH_TRACEPARENT_CHARS)            \
     + TEXT_MAX(PUSH_DEVICE_MAX))

/* The key of the payload, and those of the message and its frame. */
#define HEADS (PUSH_FRAME_HEAD_MAX + 3 * (1 + PUSH_VARINT_MAX))

static char *put_string(char *at, unsigned number, const char *string)
{
    const push_text_t text = {string, (uint32_t)strlen(string)};

    return push_wire_text(at, number, &text);
}

/* As docs/ramen_v3.proto counts. */
static unsigned urgency_number(push_urgency_t urgency)
{
    return PUSH_LANES - (unsigned)urgency;
}

/* The heads of a frame and of its one member, of which len bytes follow. */
static char *put_heads(char *at, unsigned member, uint64_t len)
{
    uint64_t all = 1 + push_wire_varint_size(len) + len;

    at = push_frame_put(at, PUSH_FRAME_BINARY, all);
    return push_wire_varint(push_wire_key(at, member, PUSH_WIRE_BYTES), len);
}

/* ---- messages ---- */

static char *put_meta(char *at, const push_letter_t *letter)
{
    const push_message_t *message = letter->message;
    push_text_t type = push_message_type(message);
    push_text_t trace = push_message_trace(message);
    char traceparent[PUSH_TRACEPARENT_CHARS];

    if (letter->meta & PUSH_META_URGENCY) {
        at = push_wire_number(at, 5,
                              urgency_number(push_message_urgency(message)));
    }
    if (letter->meta & PUSH_META_TYPE) {
        at = push_wire_text(at, 6, &type);
    }
    if (letter->meta & PUSH_META_CHANNEL) {
        at = push_wire_text(at, 7, &letter->channel);
    }
    if (letter->meta & PUSH_META_TIME) {
        at = push_wire_number(at, 8, (uint64_t)push_mid_ms(message->mid));
    }
    if (letter->meta & PUSH_META_TRACE && trace.len) {
        push_traceparent_write(trace.at, traceparent);
        at = push_wire_text(at, 9,
                            &(push_text_t){traceparent, sizeof(traceparent)});
    }
    return at;
}

/* All but the payload. */
static char *put_fields(char *at, const push_letter_t *letter)
{
    const push_message_t *message = letter->message;
    push_text_t event = push_message_event(message);

    at = push_wire_number(at, 1, letter->seq);
    at = push_wire_fixed64(at, 2, message->mid);
    at = push_wire_text(at, 3, &event);
    at = push_wire_number(at, 4, !!(message->traits & PUSH_TRAIT_RECEIPT));
    at = put_meta(at, letter);
    return push_wire_text(at, 10, &letter->device);
}

static void protobuf_message(push_output_t *out, push_letter_t *letter)
{
    push_text_t data = push_message_payload(letter->message);
    bool brief = data.len <= SHORT && push_output_left(out) >= HEADS_MAX;
    char *at = push_output_room(out, FIELDS_MAX + HEADS + SHORT);
    char fields[FIELDS_MAX + HEADS];
    char *end;

    if (!at) {
        return;
    }
    end = put_fields(fields, letter);
    end = push_wire_varint(push_wire_key(end, 15, PUSH_WIRE_BYTES), data.len);
    at = put_heads(at, MESSAGE, (uint64_t)(end - fields) + data.len);
    at = push_put(at, fields, (size_t)(end - fields));
    push_output_fill(out, brief ? push_put_text(at, &data) : at);
    if (!brief) {
        push_output_lend(out, data.at, data.len);
    }
}

/* ---- what is no message ---- */

#define NOTE_MAX 256u

/* The member of these bytes, as a frame of its own. */
static void add_note(push_output_t *out, unsigned member, const char *begin,
                     const char *end)
{
    char *at = push_output_room(out, HEADS + NOTE_MAX);

    if (at) {
        at = put_heads(at, member, (uint64_t)(end - begin));
        push_output_fill(out, push_put(at, begin, (size_t)(end - begin)));
    }
}

static void protobuf_gap(push_output_t *out, const push_gap_report_t *gap)
{
    char note[NOTE_MAX];
    char *at = push_wire_number(note, 1, gap->dropped);

    at = put_string(at, 2, push_gap_name(gap->reason));
    at = push_wire_number(at, 3, urgency_number(gap->urgency));
    add_note(out, GAP, note, at);
}

/* Scripts of a browser do not see pings. */
static void protobuf_beat(push_output_t *out, bool event)
{
    static const char nothing[1];

    push_codec_bare.beat(out, event);
    if (event) {
        add_note(out, BEAT, nothing, nothing);
    }
}

static void protobuf_bye(push_output_t *out, const push_notice_t *notice)
{
    char note[NOTE_MAX];
    char *at = put_string(note, 1, notice->reason);

    at = push_wire_number(at, 2, notice->retry_ms);
    at = push_wire_number(at, 3, notice->spread_ms);
    add_note(out, BYE, note, at);
    push_codec_bare.bye(out, notice);
}

char *push_protobuf_welcome(char *at, const push_welcome_t *welcome)
{
    char fields[PUSH_WELCOME_MAX];
    char *end = push_wire_text(fields, 1, &welcome->session);

    end = push_wire_text(end, 2, &welcome->device);
    end = push_wire_number(end, 3, welcome->window);
    end = push_wire_number(end, 4, welcome->max_message);
    end = push_wire_number(end, 5, welcome->retry_ms);
    at = push_wire_key(at, WELCOME, PUSH_WIRE_BYTES);
    at = push_wire_varint(at, (uint64_t)(end - fields));
    return push_put(at, fields, (size_t)(end - fields));
}

const push_codec_t push_codec_protobuf = {.kind = PUSH_CODEC_PROTOBUF,
                                          .name = "ramen.v3.proto",
                                          .message = protobuf_message,
                                          .gap = protobuf_gap,
                                          .beat = protobuf_beat,
                                          .bye = protobuf_bye};
