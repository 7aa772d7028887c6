#include "codec/sse.h"

#include <string.h>

#include "codec/base64.h"
#include "codec/payload.h"
#include "codec/put.h"
#include "core/message_texts.h"

/*
 * The head of a message, up to its payload, is written anew for every stream:
 * some 40 bytes as a rule.  A payload of one line is one piece from where it
 * lies.  Lines and base64 are made once for all streams of the thread, where
 * the letter has forms and these have room; else for each stream, a piece a
 * line, and base64 in the scratch.  Where only the rest of a message is to be
 * written, its head is made and dropped, and the payload is passed over by what
 * its bytes come to.
 *
 * To make the head at each write costs some 300 instructions, as much as it
 * saves in sendmsg() to copy a short payload behind it; base64 costs 0.3 us a
 * KiB, many lines 0.1.
 */

/* Names of fields and their ends, a trace, two numbers and four texts. */
#define HEAD_MAX (256u + 2 * PUSH_DIGITS_MAX + 4 * UINT8_MAX)

/* Copying so many bytes costs less than a piece of their own. */
#define SHORT 1024u

/* So much of the scratch is for heads alone, when payloads could take it. */
#define HEADS_MAX (16u << 10)

/* ---- the head of a message ---- */

static char *put_id(char *at, const push_letter_t *letter)
{
    at = PUSH_PUT(at, "id: ");
    at = push_put_number(at, letter->seq);
    *at++ = '.';
    push_mid_write(letter->message->mid, at);
    at += PUSH_MID_CHARS;
    if (letter->device.len) {
        *at++ = '.';
        at = push_put_text(at, &letter->device);
    }
    *at++ = '\n';
    return at;
}

static char *put_trace(char *at, const push_message_t *message)
{
    push_text_t trace = push_message_trace(message);

    if (trace.len) {
        at = PUSH_PUT(at, "trace: ");
        push_traceparent_write(trace.at, at);
        at += PUSH_TRACEPARENT_CHARS;
        *at++ = '\n';
    }
    return at;
}

static char *put_meta(char *at, const push_letter_t *letter)
{
    const push_message_t *message = letter->message;
    push_text_t type = push_message_type(message);

    if (letter->meta & PUSH_META_TYPE && type.len) {
        at = PUSH_PUT(at, "type: ");
        at = push_put_text(at, &type);
        *at++ = '\n';
    }
    if (letter->meta & PUSH_META_CHANNEL && letter->channel.len) {
        at = PUSH_PUT(at, "channel: ");
        at = push_put_text(at, &letter->channel);
        *at++ = '\n';
    }
    if (letter->meta & PUSH_META_URGENCY) {
        at = PUSH_PUT(at, "urgency: ");
        at = push_put_string(at,
                             push_urgency_name(push_message_urgency(message)));
        *at++ = '\n';
    }
    if (letter->meta & PUSH_META_TIME) {
        at = PUSH_PUT(at, "time: ");
        at = push_put_number(at, (uint64_t)push_mid_ms(message->mid));
        *at++ = '\n';
    }
    return letter->meta & PUSH_META_TRACE ? put_trace(at, message) : at;
}

/* From at on, where there is room for HEAD_MAX; returns its end. */
static char *put_head(char *at, const push_letter_t *letter)
{
    const push_message_t *message = letter->message;
    push_text_t event = push_message_event(message);

    at = put_id(at, letter);
    if (event.len) {
        at = PUSH_PUT(at, "event: ");
        at = push_put_text(at, &event);
        *at++ = '\n';
    }
    if (message->traits & PUSH_TRAIT_RECEIPT) {
        at = PUSH_PUT(at, "ack: now\n");
    }
    if (letter->meta) {
        at = put_meta(at, letter);
    }
    if (message->traits & PUSH_TRAIT_BINARY) {
        at = PUSH_PUT(at, "enc: base64\n");
    }
    return message->traits & PUSH_TRAIT_LINES ? at : PUSH_PUT(at, "data: ");
}

/* ---- its payload ---- */

/* The first line end at or after p, or end. */
static const char *line_end(const char *p, const char *end, bool returns)
{
    if (!returns) {
        const char *feed = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;

        return feed ? feed : end;
    }
    while (p < end && *p != '\n' && *p != '\r') {
        p++;
    }
    return p;
}

/* Behind the line terminator at p. */
static const char *line_skip(const char *p, const char *end)
{
    return p + (*p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1);
}

/* A line that ends in LF takes it along. */
static void add_line(push_output_t *out, const char *line, size_t len,
                     bool feed)
{
    char *at;

    if (len > SHORT) {
        push_output_copy(out, "data: ", 6);
        push_output_lend(out, line, len + feed);
        if (!feed) {
            push_output_copy(out, "\n", 1);
        }
        return;
    }
    at = push_output_room(out, len + sizeof("data: "));
    if (at) {
        at = PUSH_PUT(at, "data: ");
        at = len ? push_put(at, line, len) : at;
        *at++ = '\n';
        push_output_fill(out, at);
    }
}

/*
 * Line by line, from where the letter resumes: behind wire bytes.  That moves
 * to the first line of which something is written, if nothing before it is.
 */
static void add_lines(push_output_t *out, push_letter_t *letter, size_t wire)
{
    push_text_t data = push_message_payload(letter->message);
    const char *end = data.at + data.len;
    const char *line = data.at + letter->resume.payload;
    bool returns = letter->message->traits & PUSH_TRAIT_RETURNS;

    while (!out->cut) {
        const char *stop = line_end(line, end, returns);
        size_t size = sizeof("data: ") + (size_t)(stop - line);

        if (size <= out->skip) {
            push_output_pass(out, size);
        }
        else {
            if (!out->bytes) {
                letter->resume = (push_resume_t){(uint32_t)(line - data.at),
                                                 (uint32_t)wire};
            }
            add_line(out, line, (size_t)(stop - line),
                     stop < end && *stop == '\n');
        }
        if (stop == end) {
            return;
        }
        wire += size;
        line = line_skip(stop, end);
    }
}

/* Bytes that any lines of so few bytes come to, at most. */
#define LINES_MAX (SHORT * 7 + 7)

/* All lines of a payload, where there is room; only counts if at is NULL. */
static size_t put_lines(char *at, const push_text_t *data, bool returns)
{
    const char *line = data->at;
    const char *end = line + data->len;
    size_t size = 0;

    for (;;) {
        const char *stop = line_end(line, end, returns);

        if (at) {
            char *text = PUSH_PUT(at + size, "data: ");

            *push_put(text, line, (size_t)(stop - line)) = '\n';
        }
        size += sizeof("data: ") + (size_t)(stop - line);
        if (stop == end) {
            return size;
        }
        line = line_skip(stop, end);
    }
}

static void add_payload(push_output_t *out, push_letter_t *letter, size_t wire)
{
    push_text_t data = push_message_payload(letter->message);

    if (letter->message->traits & PUSH_TRAIT_LINES) {
        add_lines(out, letter, wire);
        push_output_copy(out, "\n", 1);
        return;
    }
    if (letter->message->traits & PUSH_TRAIT_BINARY) {
        push_payload_base64(out, &data);
    }
    else {
        push_output_lend(out, data.at, data.len);
    }
    push_output_copy(out, "\n\n", 2);
}

/* Those that are short stand in the scratch, one behind the other. */
static bool is_short(const push_output_t *out, const push_message_t *message)
{
    const unsigned rare = PUSH_TRAIT_BINARY | PUSH_TRAIT_RETURNS;

    return !(message->traits & rare)
           && push_message_payload(message).len <= SHORT
           && push_output_left(out) >= HEADS_MAX;
}

static void add_short(push_output_t *out, const push_letter_t *letter)
{
    const push_message_t *message = letter->message;
    push_text_t data = push_message_payload(message);
    char *at = push_output_room(out, HEAD_MAX + LINES_MAX + 2);

    if (at) {
        at = put_head(at, letter);
        if (message->traits & PUSH_TRAIT_LINES) {
            at += put_lines(at, &data, false);
        }
        else {
            at = push_put_text(at, &data);
            *at++ = '\n';
        }
        *at++ = '\n';
        push_output_fill(out, at);
    }
}

/* ---- a payload that was made before ---- */

/* What any payload of so few bytes comes to fits into forms that are empty. */
#define FORM_MAX (PUSH_FORMS_BYTES / 8)

/* The lines of a payload or its base64, and the event's end. */
static push_text_t make_form(push_forms_t *forms,
                             const push_message_t *message)
{
    push_text_t data = push_message_payload(message);
    bool binary = message->traits & PUSH_TRAIT_BINARY;
    bool returns = message->traits & PUSH_TRAIT_RETURNS;
    size_t size;
    char *at;

    if (data.len > FORM_MAX || forms->full) {
        return (push_text_t){0};
    }
    size = binary ? push_base64_size(data.len) + 2
                  : put_lines(NULL, &data, returns) + 1;
    at = push_forms_add(forms, message->mid, size);
    if (!at) {
        return (push_text_t){0};
    }
    if (binary) {
        *push_base64_encode(data.at, data.len, at) = '\n';
    }
    else {
        put_lines(at, &data, returns);
    }
    at[size - 1] = '\n';
    return (push_text_t){at, (uint32_t)size};
}

/* Empty if there is none, and none can be. */
static push_text_t form_of(const push_letter_t *letter)
{
    const push_message_t *message = letter->message;
    push_text_t form = {0};

    if (letter->forms
        && message->traits & (PUSH_TRAIT_BINARY | PUSH_TRAIT_LINES)) {
        form = push_forms_find(letter->forms, message->mid);
        return form.len ? form : make_form(letter->forms, message);
    }
    return form;
}

static void add_form(push_output_t *out, const push_letter_t *letter,
                     const push_text_t *form)
{
    bool brief = form->len <= SHORT && push_output_left(out) >= HEADS_MAX;
    char *at = push_output_room(out, HEAD_MAX + SHORT);

    if (!at) {
        return;
    }
    at = put_head(at, letter);
    push_output_fill(out, brief ? push_put_text(at, form) : at);
    if (!brief) {
        push_output_lend(out, form->at, form->len);
    }
}

static void sse_message(push_output_t *out, push_letter_t *letter)
{
    size_t wire = letter->resume.wire;
    push_text_t form = form_of(letter);

    if (form.len) {
        add_form(out, letter, &form);
        return;
    }
    if (wire) {
        push_output_pass(out, wire);
    }
    else if (is_short(out, letter->message)) {
        add_short(out, letter);
        return;
    }
    else {
        char *at = push_output_room(out, HEAD_MAX);
        char *end = at ? put_head(at, letter) : NULL;

        if (!at) {
            return;
        }
        wire = (size_t)(end - at);
        push_output_fill(out, end);
    }
    add_payload(out, letter, wire);
}

/* ---- what is no message ---- */

#define NOTE_MAX 256u

static void sse_gap(push_output_t *out, const push_gap_report_t *gap)
{
    char *at = push_output_room(out, NOTE_MAX);

    if (at) {
        at = PUSH_PUT(at, "event: push.gap\ndata: {\"dropped\":");
        at = push_put_number(at, gap->dropped);
        at = PUSH_PUT(at, ",\"reason\":\"");
        at = push_put_string(at, push_gap_name(gap->reason));
        at = PUSH_PUT(at, "\",\"urgency\":\"");
        at = push_put_string(at, push_urgency_name(gap->urgency));
        push_output_fill(out, PUSH_PUT(at, "\"}\n\n"));
    }
}

static void sse_beat(push_output_t *out, bool event)
{
    static const char text[] = "event: heartbeat\ndata:\n\n";

    if (event) {
        push_output_copy(out, text, sizeof(text) - 1);
    }
    else {
        push_output_copy(out, "\n", 1);
    }
}

static void sse_bye(push_output_t *out, const push_notice_t *notice)
{
    char *at = push_output_room(out, NOTE_MAX);

    if (at) {
        at = PUSH_PUT(at, "retry: ");
        at = push_put_number(at, notice->retry_ms);
        at = PUSH_PUT(at, "\nevent: push.bye\ndata: {\"reason\":\"");
        at = push_put_string(at, notice->reason);
        at = PUSH_PUT(at, "\",\"spread_ms\":");
        at = push_put_number(at, notice->spread_ms);
        push_output_fill(out, PUSH_PUT(at, "}\n\n"));
    }
}

/* Events need nothing between them. */
static void sse_seam(push_output_t *out, push_seam_t seam)
{
    (void)out;
    (void)seam;
}

/* The id of the last event says all. */
static void sse_batch_end(push_output_t *out, const push_letter_t *last,
                          bool more)
{
    (void)out;
    (void)last;
    (void)more;
}

const push_codec_t push_codec_sse = {
    .kind = PUSH_CODEC_SSE,
    .name = "sse",
    .type = "text/event-stream; charset=utf-8",
    .message = sse_message,
    .gap = sse_gap,
    .beat = sse_beat,
    .bye = sse_bye,
    .seam = sse_seam,
    .batch_end = sse_batch_end};
