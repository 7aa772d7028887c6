#ifndef PUSH_NOTE_H
#define PUSH_NOTE_H

#include "core/device.h"
#include "core/feed.h"
#include "core/log.h"

/*
 * What happened, as the listeners copy it for the thread of feeds: one piece
 * of bytes that refers to nothing.
 */

#define PUSH_NOTE_MISSED_MAX 64u /* devices of one user */

/* A device that did not get a message, and why. */
typedef struct push_note_missed_t {
    unsigned char id[PUSH_CONTEXT_BYTES];
    uint8_t fate; /* push_fate_t */
} push_note_missed_t;

typedef enum push_note_text_t {
    PUSH_NOTE_NAME,   /* of the user or the channel */
    PUSH_NOTE_DEVICE, /* device id; the message was for it alone */
    PUSH_NOTE_TOPIC,
    PUSH_NOTE_EVENT, /* event type */
    PUSH_NOTE_TRACE, /* see core/traceparent.h */
    PUSH_NOTE_USER,  /* whose device it is */
    PUSH_NOTE_APP,   /* of the device; presence */
    PUSH_NOTE_TEXTS
} push_note_text_t;

typedef struct push_note_t {
    push_feed_t feed;
    push_log_kind_t kind; /* of the audience; presence: of whose it is */
    uint8_t fate;         /* push_fate_t */
    bool came;            /* presence */
    bool untold; /* of a message, and for no channel: options.tell() alone */
    uint8_t urgency;
    bool has_device; /* device says which */
    uint8_t missed_count;
    uint8_t gap;      /* push_gap_t; of presence, if dropped is not 0 */
    uint32_t dropped; /* messages that the device is told to have lost */
    uint64_t mid;
    int64_t at;                               /* wall ms */
    uint32_t size;                            /* bytes of the payload */
    uint32_t subscribers;                     /* of a channel, at that time */
    unsigned char device[PUSH_CONTEXT_BYTES]; /* the context */
    uint8_t len[PUSH_NOTE_TEXTS];
    /* the texts, then the missed; only so much is copied */
    char bytes[PUSH_NOTE_TEXTS * 256
               + PUSH_NOTE_MISSED_MAX * sizeof(push_note_missed_t)];
} push_note_t;

/* Empty: no text, nobody missed it. */
void push_note_init(push_note_t *note, push_feed_t feed, push_fate_t fate);

/* The texts in their order, each once or not at all; then who missed it. */
void push_note_add_text(push_note_t *note, push_note_text_t which,
                        push_text_t text);
void push_note_add_missed(push_note_t *note, const unsigned char *id,
                          push_fate_t fate);

/* What the message is, and for whom; its texts. */
void push_note_add_message(push_note_t *note, const push_heap_t *heap,
                           const push_message_t *message);

/* Which device it is, with the texts that name it: presence. */
void push_note_add_context(push_note_t *note, const push_heap_t *heap,
                           const push_device_t *device);

push_text_t push_note_text(const push_note_t *note, push_note_text_t which);
push_note_missed_t push_note_missed(const push_note_t *note, unsigned index);

/* Bytes of the note that have to be copied. */
size_t push_note_size(const push_note_t *note);

#endif
