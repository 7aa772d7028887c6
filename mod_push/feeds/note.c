#include "feeds/note.h"

#include <stddef.h>
#include <string.h>

#include "core/channel.h"
#include "core/message_texts.h"

static size_t texts_len(const push_note_t *note)
{
    size_t len = 0;

    for (unsigned i = 0; i < PUSH_NOTE_TEXTS; i++) {
        len += note->len[i];
    }
    return len;
}

void push_note_init(push_note_t *note, push_feed_t feed, push_fate_t fate)
{
    memset(note, 0, offsetof(push_note_t, bytes));
    note->feed = feed;
    note->fate = (uint8_t)fate;
}

void push_note_add_text(push_note_t *note, push_note_text_t which,
                        push_text_t text)
{
    char *at = note->bytes + texts_len(note);

    note->len[which] = (uint8_t)text.len;
    if (text.len) {
        memcpy(at, text.at, text.len);
    }
}

void push_note_add_missed(push_note_t *note, const unsigned char *id,
                          push_fate_t fate)
{
    push_note_missed_t missed = {.fate = (uint8_t)fate};

    if (note->missed_count < PUSH_NOTE_MISSED_MAX) {
        memcpy(missed.id, id, sizeof(missed.id));
        memcpy(note->bytes + texts_len(note)
                   + note->missed_count * sizeof(missed),
               &missed, sizeof(missed));
        note->missed_count++;
    }
}

/* The name of the log that a message is in; its own lock is not needed. */
static push_text_t name_of(const push_log_t *log)
{
    const push_user_t *user = (const push_user_t *)(const void *)log;

    return push_log_kind(log) == PUSH_LOG_USER
               ? (push_text_t){user->name, user->name_len}
               : push_channel_name((const push_channel_t *)(const void *)log);
}

void push_note_add_message(push_note_t *note, const push_heap_t *heap,
                           const push_message_t *message)
{
    const push_log_t *log = push_at(heap, message->log);

    note->kind = push_log_kind(log);
    note->urgency = (uint8_t)push_message_urgency(message);
    note->mid = message->mid;
    note->size = push_message_payload(message).len;
    push_note_add_text(note, PUSH_NOTE_NAME, name_of(log));
    push_note_add_text(note, PUSH_NOTE_DEVICE, push_message_device(message));
    push_note_add_text(note, PUSH_NOTE_TOPIC, push_message_topic(message));
    push_note_add_text(note, PUSH_NOTE_EVENT, push_message_event(message));
    push_note_add_text(note, PUSH_NOTE_TRACE, push_message_trace(message));
}

void push_note_add_context(push_note_t *note, const push_heap_t *heap,
                           const push_device_t *device)
{
    const push_user_t *user = push_at(heap, device->user);

    note->kind = PUSH_LOG_USER;
    note->has_device = true;
    memcpy(note->device, device->id, sizeof(note->device));
    push_note_add_text(note, PUSH_NOTE_DEVICE,
                       push_device_label(heap, device, PUSH_LABEL_DEVICE));
    push_note_add_text(note, PUSH_NOTE_USER,
                       (push_text_t){user->name, user->name_len});
    push_note_add_text(note, PUSH_NOTE_APP,
                       push_device_label(heap, device, PUSH_LABEL_APP));
}

push_text_t push_note_text(const push_note_t *note, push_note_text_t which)
{
    push_text_t text = {note->bytes, note->len[which]};

    for (unsigned i = 0; i < which; i++) {
        text.at += note->len[i];
    }
    return text;
}

push_note_missed_t push_note_missed(const push_note_t *note, unsigned index)
{
    push_note_missed_t missed;

    memcpy(&missed, note->bytes + texts_len(note) + index * sizeof(missed),
           sizeof(missed));
    return missed;
}

size_t push_note_size(const push_note_t *note)
{
    return offsetof(push_note_t, bytes) + texts_len(note)
           + note->missed_count * sizeof(push_note_missed_t);
}
