#include "codec/json.h"

#include "codec/payload.h"
#include "codec/put.h"
#include "core/message_texts.h"

/*
 * Whether a payload is JSON is looked at when it is written: who polls pays for
 * that, and neither publishers nor streams do.  What has to be escaped is made
 * in the scratch, in steps; each step notes where the rest begins.
 */

/* Bytes that one byte of a text comes to, at most: \u001f. */
#define ESCAPED 6u

/* Names of members, a trace, two numbers, and four texts. */
_Static_assert(PUSH_JSON_HEAD_MAX
                   == 320u + 2 * PUSH_DIGITS_MAX + 4 * ESCAPED * UINT8_MAX,
               "there is room for a head");

/* So many bytes of a payload are escaped in one step. */
#define STEP 1024u

/* ---- strings ---- */

static char *put_escape(char *at, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char names[] = "btn\0fr"; /* from 8 on; 11 has none */

    *at++ = '\\';
    if (c >= ' ') {
        *at++ = (char)c;
    }
    else if (c >= '\b' && c <= '\r' && c != '\v') {
        *at++ = names[c - '\b'];
    }
    else {
        at = PUSH_PUT(at, "u00");
        *at++ = hex[c >> 4];
        *at++ = hex[c & 15];
    }
    return at;
}

static bool is_escaped(unsigned char c)
{
    return c < ' ' || c == '"' || c == '\\';
}

size_t push_json_escaped_size(const char *text, size_t len)
{
    size_t size = len;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (is_escaped(c)) {
            char escape[ESCAPED];

            size += (size_t)(put_escape(escape, c) - escape) - 1;
        }
    }
    return size;
}

/* Where there is ESCAPED times its room. */
char *push_json_escape(char *at, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (is_escaped(c)) {
            at = put_escape(at, c);
        }
        else {
            *at++ = (char)c;
        }
    }
    return at;
}

static char *put_quoted(char *at, const push_text_t *text)
{
    *at++ = '"';
    at = push_json_escape(at, text->at, text->len);
    *at++ = '"';
    return at;
}

/* ---- the head of a message ---- */

static char *put_id(char *at, const push_letter_t *letter)
{
    at = push_put_number(at, letter->seq);
    *at++ = '.';
    push_mid_write(letter->message->mid, at);
    at += PUSH_MID_CHARS;
    if (letter->device.len) {
        *at++ = '.';
        at = push_put_text(at, &letter->device);
    }
    return at;
}

static char *put_trace(char *at, const push_message_t *message)
{
    push_text_t trace = push_message_trace(message);

    if (trace.len) {
        at = PUSH_PUT(at, ",\"trace\":\"");
        push_traceparent_write(trace.at, at);
        at += PUSH_TRACEPARENT_CHARS;
        *at++ = '"';
    }
    return at;
}

static char *put_meta(char *at, const push_letter_t *letter)
{
    const push_message_t *message = letter->message;
    push_text_t type = push_message_type(message);

    if (letter->meta & PUSH_META_TYPE && type.len) {
        at = PUSH_PUT(at, ",\"type\":");
        at = put_quoted(at, &type);
    }
    if (letter->meta & PUSH_META_CHANNEL && letter->channel.len) {
        at = PUSH_PUT(at, ",\"channel\":");
        at = put_quoted(at, &letter->channel);
    }
    if (letter->meta & PUSH_META_URGENCY) {
        at = PUSH_PUT(at, ",\"urgency\":\"");
        at = push_put_string(at,
                             push_urgency_name(push_message_urgency(message)));
        *at++ = '"';
    }
    if (letter->meta & PUSH_META_TIME) {
        at = PUSH_PUT(at, ",\"time\":");
        at = push_put_number(at, (uint64_t)push_mid_ms(message->mid));
    }
    return letter->meta & PUSH_META_TRACE ? put_trace(at, message) : at;
}

push_json_form_t push_json_form(const push_message_t *message,
                                const push_text_t *data)
{
    if (message->traits & PUSH_TRAIT_BINARY) {
        return PUSH_JSON_BASE64;
    }
    return push_payload_is_json(data) ? PUSH_JSON_DATA : PUSH_JSON_TEXT;
}

const char *push_json_member(push_json_form_t form)
{
    static const char *const names[] = {[PUSH_JSON_DATA] = ",\"data\":",
                                        [PUSH_JSON_TEXT] = ",\"text\":\"",
                                        [PUSH_JSON_BASE64] = ",\"base64\":\""};

    return names[form];
}

char *push_json_head(char *at, const push_letter_t *letter)
{
    push_text_t event = push_message_event(letter->message);

    at = PUSH_PUT(at, "{\"id\":\"");
    at = put_id(at, letter);
    *at++ = '"';
    if (event.len) {
        at = PUSH_PUT(at, ",\"event\":");
        at = put_quoted(at, &event);
    }
    if (letter->message->traits & PUSH_TRAIT_RECEIPT) {
        at = PUSH_PUT(at, ",\"ack\":\"now\"");
    }
    return put_meta(at, letter);
}

/* ---- its payload ---- */

void push_json_add_text(push_output_t *out, push_letter_t *letter,
                        const push_text_t *data, size_t wire)
{
    size_t from = letter->resume.payload;

    while (from < data->len && !out->cut) {
        size_t room = push_output_left(out) / ESCAPED;
        size_t step = data->len - from < STEP ? data->len - from : STEP;
        char *at, *end;

        step = step < room ? step : room;
        at = push_output_room(out, step ? step * ESCAPED : ESCAPED);
        if (!at) {
            return;
        }
        end = push_json_escape(at, data->at + from, step);
        if (!out->bytes && (size_t)(end - at) > out->skip) {
            letter->resume = (push_resume_t){(uint32_t)from, (uint32_t)wire};
        }
        push_output_fill(out, end);
        wire += (size_t)(end - at);
        from += step;
    }
}

static void json_message(push_output_t *out, push_letter_t *letter)
{
    push_text_t data = push_message_payload(letter->message);
    size_t wire = letter->resume.wire;
    /* Only what is escaped moves a letter on: no further look at it is needed. */
    push_json_form_t form = wire ? PUSH_JSON_TEXT
                                 : push_json_form(letter->message, &data);

    if (wire) {
        push_output_pass(out, wire);
    }
    else {
        char *at = push_output_room(out, PUSH_JSON_HEAD_MAX);
        char *end = at ? push_json_head(at, letter) : NULL;

        if (!at) {
            return;
        }
        end = push_put_string(end, push_json_member(form));
        wire = (size_t)(end - at);
        push_output_fill(out, end);
    }
    switch (form) {
    case PUSH_JSON_DATA:
        push_output_lend(out, data.at, data.len);
        push_output_copy(out, "}", 1);
        return;
    case PUSH_JSON_TEXT:
        push_json_add_text(out, letter, &data, wire);
        break;
    case PUSH_JSON_BASE64:
        push_payload_base64(out, &data);
        break;
    }
    push_output_copy(out, "\"}", 2);
}

/* ---- what is no message ---- */

#define NOTE_MAX 256u

static void json_gap(push_output_t *out, const push_gap_report_t *gap)
{
    char *at = push_output_room(out, NOTE_MAX);

    if (at) {
        at = PUSH_PUT(at, "{\"dropped\":");
        at = push_put_number(at, gap->dropped);
        at = PUSH_PUT(at, ",\"reason\":\"");
        at = push_put_string(at, push_gap_name(gap->reason));
        at = PUSH_PUT(at, "\",\"urgency\":\"");
        at = push_put_string(at, push_urgency_name(gap->urgency));
        push_output_fill(out, PUSH_PUT(at, "\"}"));
    }
}

/* Space before a JSON text is none of it. */
static void json_beat(push_output_t *out, bool event)
{
    (void)event;
    push_output_copy(out, "\n", 1);
}

static void json_seam(push_output_t *out, push_seam_t seam)
{
    static const char *const seams[] = {
        [PUSH_SEAM_BEGIN] = "{\"gaps\":[",
        [PUSH_SEAM_NEXT] = ",",
        [PUSH_SEAM_MESSAGES] = "],\"messages\":[",
        [PUSH_SEAM_END] = "]"};

    push_output_copy(out, seams[seam], strlen(seams[seam]));
}

static void json_batch_end(push_output_t *out, const push_letter_t *last,
                           bool more)
{
    char *at = push_output_room(out, NOTE_MAX + PUSH_DEVICE_MAX);

    if (!at) {
        return;
    }
    if (last) {
        at = PUSH_PUT(at, ",\"cursor\":\"");
        at = put_id(at, last);
        *at++ = '"';
    }
    at = PUSH_PUT(at, ",\"more\":");
    at = push_put_string(at, more ? "true" : "false");
    push_output_fill(out, PUSH_PUT(at, "}\n"));
}

/* The answer of a poll that the server ends, and that found nothing. */
static void json_bye(push_output_t *out, const push_notice_t *notice)
{
    char *at = push_output_room(out, NOTE_MAX);

    if (at) {
        at = PUSH_PUT(at, "{\"gaps\":[],\"messages\":[],\"bye\":\"");
        at = push_put_string(at, notice->reason);
        at = PUSH_PUT(at, "\",\"retry_ms\":");
        at = push_put_number(at, notice->retry_ms);
        at = PUSH_PUT(at, ",\"spread_ms\":");
        at = push_put_number(at, notice->spread_ms);
        push_output_fill(out, PUSH_PUT(at, ",\"more\":false}\n"));
    }
}

const push_codec_t push_codec_json = {.kind = PUSH_CODEC_JSON,
                                      .name = "json",
                                      .type = "application/json",
                                      .message = json_message,
                                      .gap = json_gap,
                                      .beat = json_beat,
                                      .bye = json_bye,
                                      .seam = json_seam,
                                      .batch_end = json_batch_end};
