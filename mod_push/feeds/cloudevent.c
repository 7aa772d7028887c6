#include "feeds/cloudevent.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/moment.h"
#include "core/traceparent.h"

/* Where all of it comes from; with the id it names one event. */
#define SOURCE "/push"

/* An id or a subject: a name, a mid, a context and a word. */
#define LINE_MAX_CHARS 400

static json_t *text_json(push_text_t text)
{
    return json_stringn(text.len ? text.at : "", text.len);
}

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static void set_text(json_t *object, const char *name, push_text_t text)
{
    if (text.len) {
        set(object, name, text_json(text));
    }
}

/* ---- attributes ---- */

static json_t *time_json(int64_t wall)
{
    char text[PUSH_MOMENT_CHARS + 1];

    push_moment_write(wall, text);
    return json_string(text);
}

static push_text_t context_text(const unsigned char *id, char *room)
{
    push_context_write(id, room);
    return (push_text_t){room, PUSH_CONTEXT_CHARS};
}

static push_text_t mid_text(uint64_t mid, char *room)
{
    push_mid_write(mid, room);
    return (push_text_t){room, PUSH_MID_CHARS};
}

static json_t *context_json(const unsigned char *id)
{
    char room[PUSH_CONTEXT_CHARS];

    return text_json(context_text(id, room));
}

/* What happened, in a word. */
static const char *presence_word(const push_note_t *note)
{
    if (note->dropped) {
        return "gap";
    }
    if (note->kind == PUSH_LOG_USER) {
        return note->came ? "connected" : "disconnected";
    }
    return note->came ? "occupied" : "vacated";
}

/* What became of a message; what is alive is told of for when it stays so. */
static const char *message_word(const push_note_t *note)
{
    return note->fate == PUSH_LIVE ? "unacked"
                                   : push_fate_name((push_fate_t)note->fate);
}

/* The last word of the id. */
static const char *ending_of(const push_note_t *note)
{
    return note->feed == PUSH_FEED_DEADLETTERS ? "dead" : message_word(note);
}

/* Of one telling to a device each reason and urgency is an event. */
static const char *gap_ending(const push_note_t *note, char *room, size_t size)
{
    if (!note->dropped) {
        return "";
    }
    snprintf(room, size, "/%s/%s", push_gap_name((push_gap_t)note->gap),
             push_urgency_name((push_urgency_t)note->urgency));
    return room;
}

/* "<context>/<ms>/connected", "<channel>/<ms>/vacated",
   "<context>/<ms>/gap/mailbox/normal" */
static json_t *presence_id_json(const push_note_t *note)
{
    char context[PUSH_CONTEXT_CHARS];
    push_text_t whose = note->has_device
                            ? context_text(note->device, context)
                            : push_note_text(note, PUSH_NOTE_NAME);
    char text[LINE_MAX_CHARS], gap[40];

    snprintf(text, sizeof(text), "%.*s/%" PRId64 "/%s%s", (int)whose.len,
             whose.at, note->at, presence_word(note),
             gap_ending(note, gap, sizeof(gap)));
    return json_string(text);
}

/* "<mid>/<context>/acked", or without the context. */
static json_t *id_json(const push_note_t *note)
{
    char mid[PUSH_MID_CHARS], context[PUSH_CONTEXT_CHARS];
    push_text_t first = mid_text(note->mid, mid);
    push_text_t second = {"", 0};
    char text[LINE_MAX_CHARS];

    if (note->has_device) {
        second = context_text(note->device, context);
    }
    snprintf(text, sizeof(text), "%.*s/%.*s%s%s", (int)first.len, first.at,
             (int)second.len, second.len ? second.at : "",
             second.len ? "/" : "", ending_of(note));
    return json_string(text);
}

/* "user/<context>", or whom it was for; NULL: everyone. */
static json_t *subject_json(const push_note_t *note)
{
    push_text_t name = push_note_text(note, note->has_device ? PUSH_NOTE_USER
                                                             : PUSH_NOTE_NAME);
    char context[PUSH_CONTEXT_CHARS];
    char text[LINE_MAX_CHARS];

    if (!name.len) {
        return NULL;
    }
    if (!note->has_device) {
        return text_json(name);
    }
    push_context_write(note->device, context);
    snprintf(text, sizeof(text), "%.*s/%.*s", (int)name.len, name.at,
             (int)sizeof(context), context);
    return json_string(text);
}

/* An extension of CloudEvents: the trace that the message is part of. */
static void set_trace(json_t *event, const push_note_t *note)
{
    push_text_t trace = push_note_text(note, PUSH_NOTE_TRACE);
    char text[PUSH_TRACEPARENT_CHARS];

    if (trace.len) {
        push_traceparent_write(trace.at, text);
        set(event, "traceparent", json_stringn(text, sizeof(text)));
    }
}

static json_t *type_json(const push_note_t *note)
{
    char text[64];

    if (note->feed == PUSH_FEED_PRESENCE) {
        snprintf(text, sizeof(text), "push.%s.%s",
                 note->has_device ? "device" : "channel", presence_word(note));
    }
    else {
        snprintf(text, sizeof(text), "push.message.%s", message_word(note));
    }
    return json_string(text);
}

/* ---- data ---- */

static json_t *audience_json(const push_note_t *note)
{
    json_t *audience = json_object();
    push_text_t name = push_note_text(note, PUSH_NOTE_NAME);

    if (note->kind == PUSH_LOG_BROADCAST) {
        set(audience, "broadcast", json_true());
    }
    else {
        set(audience, note->kind == PUSH_LOG_USER ? "user" : "channel",
            text_json(name));
    }
    set_text(audience, "device", push_note_text(note, PUSH_NOTE_DEVICE));
    return audience;
}

/* Who did not get it, and why. */
static json_t *missed_json(const push_note_t *note)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < note->missed_count; i++) {
        push_note_missed_t missed = push_note_missed(note, i);
        json_t *one = json_object();

        set(one, "device", context_json(missed.id));
        set(one, "reason",
            json_string(push_fate_name((push_fate_t)missed.fate)));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *message_json(const push_note_t *note)
{
    json_t *data = json_object();
    char mid[PUSH_MID_CHARS];

    set_text(data, "message", mid_text(note->mid, mid));
    set(data, "audience", audience_json(note));
    set_text(data, "user", push_note_text(note, PUSH_NOTE_USER));
    if (note->has_device) {
        set(data, "device", context_json(note->device));
    }
    set(data, "urgency",
        json_string(push_urgency_name((push_urgency_t)note->urgency)));
    set_text(data, "topic", push_note_text(note, PUSH_NOTE_TOPIC));
    set_text(data, "event", push_note_text(note, PUSH_NOTE_EVENT));
    set(data, "size", json_integer(note->size));
    set(data, "created", json_integer(push_mid_ms(note->mid)));
    return data;
}

static json_t *presence_json(const push_note_t *note)
{
    json_t *data = json_object();

    set_text(data, "channel", push_note_text(note, PUSH_NOTE_NAME));
    set_text(data, "user", push_note_text(note, PUSH_NOTE_USER));
    if (note->has_device) {
        set(data, "device", context_json(note->device));
    }
    set_text(data, "device_id", push_note_text(note, PUSH_NOTE_DEVICE));
    set_text(data, "app", push_note_text(note, PUSH_NOTE_APP));
    if (note->dropped) {
        set(data, "dropped", json_integer(note->dropped));
        set(data, "reason", json_string(push_gap_name((push_gap_t)note->gap)));
        set(data, "urgency",
            json_string(push_urgency_name((push_urgency_t)note->urgency)));
    }
    return data;
}

static json_t *data_json(const push_note_t *note)
{
    json_t *data;

    if (note->feed == PUSH_FEED_PRESENCE) {
        return presence_json(note);
    }
    data = message_json(note);
    if (note->feed == PUSH_FEED_DEADLETTERS) {
        set(data, "ended", json_integer(note->at));
        set(data, "reason",
            json_string(push_fate_name((push_fate_t)note->fate)));
        set(data, "devices", missed_json(note));
    }
    else if (!note->has_device && note->kind != PUSH_LOG_USER) {
        set(data, "subscribers", json_integer(note->subscribers));
    }
    return data;
}

char *push_cloudevent_make(const push_note_t *note)
{
    json_t *event = json_object();
    json_t *subject = subject_json(note);
    char *text;

    set(event, "specversion", json_string("1.0"));
    set(event, "id",
        note->feed == PUSH_FEED_PRESENCE ? presence_id_json(note)
                                         : id_json(note));
    set(event, "source", json_string(SOURCE));
    set(event, "type", type_json(note));
    if (subject) {
        set(event, "subject", subject);
    }
    set(event, "time", time_json(note->at));
    set(event, "datacontenttype", json_string("application/json"));
    set_trace(event, note);
    set(event, "data", data_json(note));
    text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    return text;
}
