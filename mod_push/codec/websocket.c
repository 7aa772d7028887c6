#include "codec/websocket.h"

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/payload.h"
#include "codec/put.h"
#include "core/message_texts.h"
#include "websocket/frame.h"

/*
 * A frame begins with its length, so what a payload comes to is known before
 * it is written.  It is made once for all streams of the thread, with the name
 * of its member and the end of the message, where the letter has forms and
 * these have room: whether a payload is JSON is found out once.  Else it is
 * looked at for each stream, and written as polls have it.
 */

/* Copying so many bytes costs less than a piece of their own. */
#define SHORT 1024u

/* So much of the scratch is for heads alone, when payloads could take it. */
#define HEADS_MAX (16u << 10)

/* ---- the payload, and the end of the message ---- */

static size_t tail_size(push_json_form_t form)
{
    return form == PUSH_JSON_DATA ? 1 : 2;
}

static size_t payload_size(push_json_form_t form, const push_text_t *data)
{
    return form == PUSH_JSON_DATA ? data->len
           : form == PUSH_JSON_TEXT
               ? push_json_escaped_size(data->at, data->len)
               : push_base64_size(data->len);
}

static char *put_payload(char *at, push_json_form_t form,
                         const push_text_t *data)
{
    return form == PUSH_JSON_DATA ? push_put_text(at, data)
           : form == PUSH_JSON_TEXT
               ? push_json_escape(at, data->at, data->len)
               : push_base64_encode(data->at, data->len, at);
}

static char *put_tail(char *at, push_json_form_t form)
{
    if (form != PUSH_JSON_DATA) {
        *at++ = '"';
    }
    *at++ = '}';
    return at;
}

/* What any payload of so few bytes comes to fits into forms that are empty. */
#define FORM_MAX (PUSH_FORMS_BYTES / 8)

static push_text_t make_form(push_forms_t *forms,
                             const push_message_t *message)
{
    push_text_t data = push_message_payload(message);
    push_json_form_t form;
    const char *member;
    size_t size;
    char *at;

    if (data.len > FORM_MAX || forms->full) {
        return (push_text_t){0};
    }
    form = push_json_form(message, &data);
    member = push_json_member(form);
    size = strlen(member) + payload_size(form, &data) + tail_size(form);
    at = push_forms_add(forms, message->mid, size);
    if (!at) {
        return (push_text_t){0};
    }
    put_tail(put_payload(push_put_string(at, member), form, &data), form);
    return (push_text_t){at, (uint32_t)size};
}

/* Empty if there is none, and none can be. */
static push_text_t form_of(const push_letter_t *letter)
{
    push_text_t form = {0};

    if (letter->forms) {
        form = push_forms_find(letter->forms, letter->message->mid);
        return form.len ? form : make_form(letter->forms, letter->message);
    }
    return form;
}

/* ---- messages ---- */

#define FRONT_MAX (PUSH_FRAME_HEAD_MAX + PUSH_JSON_HEAD_MAX)

/*
 * The heads of the frame and of the message, with a member or NULL; behind
 * them rest bytes of the frame follow.  Where there is room for FRONT_MAX.
 */
static char *put_front(char *at, const push_letter_t *letter,
                       const char *member, size_t rest)
{
    size_t likely = push_frame_head_size(rest + PUSH_MID_CHARS);
    char *begin = at + likely;
    char *end = push_json_head(begin, letter);
    size_t len, head;

    if (member) {
        end = push_put_string(end, member);
    }
    len = (size_t)(end - begin);
    head = push_frame_head_size(len + rest);
    if (head != likely) {
        memmove(at + head, begin, len);
    }
    push_frame_put(at, PUSH_FRAME_TEXT, len + rest);
    return at + head + len;
}

static void add_form(push_output_t *out, const push_letter_t *letter,
                     const push_text_t *form)
{
    bool brief = form->len <= SHORT && push_output_left(out) >= HEADS_MAX;
    char *at = push_output_room(out, FRONT_MAX + SHORT);

    if (!at) {
        return;
    }
    at = put_front(at, letter, NULL, form->len);
    push_output_fill(out, brief ? push_put_text(at, form) : at);
    if (!brief) {
        push_output_lend(out, form->at, form->len);
    }
}

static void add_payload(push_output_t *out, push_letter_t *letter,
                        push_json_form_t form, size_t wire)
{
    push_text_t data = push_message_payload(letter->message);
    char tail[2];

    switch (form) {
    case PUSH_JSON_DATA:
        push_output_lend(out, data.at, data.len);
        break;
    case PUSH_JSON_TEXT:
        push_json_add_text(out, letter, &data, wire);
        break;
    case PUSH_JSON_BASE64:
        push_payload_base64(out, &data);
        break;
    }
    push_output_copy(out, tail, (size_t)(put_tail(tail, form) - tail));
}

static void ramen_message(push_output_t *out, push_letter_t *letter)
{
    size_t wire = letter->resume.wire;
    push_text_t form = form_of(letter);
    push_json_form_t kind = PUSH_JSON_TEXT; /* which alone moves on */

    if (form.len) {
        add_form(out, letter, &form);
        return;
    }
    if (wire) {
        push_output_pass(out, wire);
    }
    else {
        push_text_t data = push_message_payload(letter->message);
        char *at = push_output_room(out, FRONT_MAX);
        char *end;

        if (!at) {
            return;
        }
        kind = push_json_form(letter->message, &data);
        end = put_front(at, letter, push_json_member(kind),
                        payload_size(kind, &data) + tail_size(kind));
        wire = (size_t)(end - at);
        push_output_fill(out, end);
    }
    add_payload(out, letter, kind, wire);
}

static void bare_message(push_output_t *out, push_letter_t *letter)
{
    push_text_t data = push_message_payload(letter->message);
    bool binary = letter->message->traits & PUSH_TRAIT_BINARY;
    bool brief = data.len <= SHORT && push_output_left(out) >= HEADS_MAX;
    char *at = push_output_room(out, PUSH_FRAME_HEAD_MAX + SHORT);

    if (!at) {
        return;
    }
    at = push_frame_put(at, binary ? PUSH_FRAME_BINARY : PUSH_FRAME_TEXT,
                        data.len);
    push_output_fill(out, brief ? push_put_text(at, &data) : at);
    if (!brief) {
        push_output_lend(out, data.at, data.len);
    }
}

/* ---- what is no message ---- */

#define NOTE_MAX 256u

/* The text from begin to end, as a frame of its own. */
static void add_note(push_output_t *out, const char *begin, const char *end)
{
    size_t len = (size_t)(end - begin);
    char *at = push_output_room(out, PUSH_FRAME_HEAD_MAX + len);

    if (at) {
        at = push_frame_put(at, PUSH_FRAME_TEXT, len);
        push_output_fill(out, push_put(at, begin, len));
    }
}

static void ramen_gap(push_output_t *out, const push_gap_report_t *gap)
{
    char note[NOTE_MAX];
    char *at = PUSH_PUT(note, "{\"gap\":{\"dropped\":");

    at = push_put_number(at, gap->dropped);
    at = PUSH_PUT(at, ",\"reason\":\"");
    at = push_put_string(at, push_gap_name(gap->reason));
    at = PUSH_PUT(at, "\",\"urgency\":\"");
    at = push_put_string(at, push_urgency_name(gap->urgency));
    add_note(out, note, PUSH_PUT(at, "\"}}"));
}

/* It has no way to say it. */
static void bare_gap(push_output_t *out, const push_gap_report_t *gap)
{
    (void)out;
    (void)gap;
}

static void bare_beat(push_output_t *out, bool event)
{
    char ping[PUSH_FRAME_HEAD_MAX];
    const char *end = push_frame_put(ping, PUSH_FRAME_PING, 0);

    (void)event;
    push_output_copy(out, ping, (size_t)(end - ping));
}

/* Scripts of a browser do not see pings. */
static void ramen_beat(push_output_t *out, bool event)
{
    static const char note[] = "{\"beat\":true}";

    bare_beat(out, event);
    if (event) {
        add_note(out, note, note + sizeof(note) - 1);
    }
}

/* Whoever is told another reason may come again when the server is back. */
static push_close_t close_for(const char *reason)
{
    static const struct {
        const char *reason;
        push_close_t code;
    } rows[] = {{"superseded", PUSH_CLOSE_SUPERSEDED},
                {"disconnected", PUSH_CLOSE_DISCONNECTED},
                {"expired-token", PUSH_CLOSE_TOKEN}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (!strcmp(reason, rows[i].reason)) {
            return rows[i].code;
        }
    }
    return PUSH_CLOSE_AWAY;
}

static void bare_bye(push_output_t *out, const push_notice_t *notice)
{
    char frame[PUSH_FRAME_HEAD_MAX + PUSH_CONTROL_MAX];
    const char *end = push_frame_put_close(frame, close_for(notice->reason),
                                           notice->reason);

    push_output_copy(out, frame, (size_t)(end - frame));
}

static void ramen_bye(push_output_t *out, const push_notice_t *notice)
{
    char note[NOTE_MAX];
    char *at = PUSH_PUT(note, "{\"bye\":{\"reason\":\"");

    at = push_put_string(at, notice->reason);
    at = PUSH_PUT(at, "\",\"retry_ms\":");
    at = push_put_number(at, notice->retry_ms);
    at = PUSH_PUT(at, ",\"spread_ms\":");
    at = push_put_number(at, notice->spread_ms);
    add_note(out, note, PUSH_PUT(at, "}}"));
    bare_bye(out, notice);
}

const push_codec_t push_codec_ramen = {.kind = PUSH_CODEC_RAMEN,
                                       .name = "ramen.v1.json",
                                       .message = ramen_message,
                                       .gap = ramen_gap,
                                       .beat = ramen_beat,
                                       .bye = ramen_bye};

const push_codec_t push_codec_bare = {.kind = PUSH_CODEC_BARE,
                                      .name = "bare",
                                      .message = bare_message,
                                      .gap = bare_gap,
                                      .beat = bare_beat,
                                      .bye = bare_bye};
