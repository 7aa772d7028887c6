#include "feeds/presence.h"

#include <string.h>

#include "feeds/note.h"

/*
 * With a shard locked.  While nobody follows `$presence`, what changes is
 * taken as said: who comes later sees what changes from then on.
 */

static bool is_followed(const push_feed_listener_t *listener)
{
    return push_feed_heard(listener, PUSH_FEED_PRESENCE);
}

/* Half of the queue is for what happens but once. */
static bool put(push_feed_listener_t *listener, const push_note_t *note)
{
    return push_feed_queue_half_empty(listener->queue)
           && push_feed_queue_put(listener->queue, note, push_note_size(note));
}

/* Operators are nobody's presence. */
static bool note_device(void *data, const push_heap_t *heap,
                        const push_device_t *device, bool online)
{
    const push_user_t *user = push_at(heap, device->user);
    push_note_t note;

    if (!is_followed(data) || *user->name == '$') {
        return true;
    }
    push_note_init(&note, PUSH_FEED_PRESENCE, PUSH_LIVE);
    note.came = online;
    note.at = device->last_seen;
    push_note_add_context(&note, heap, device);
    return put(data, &note);
}

/* The server's own channels are nobody's presence. */
static bool note_channel(void *data, const push_channel_t *channel,
                         bool occupied, const push_time_t *now)
{
    push_text_t name = push_channel_name(channel);
    push_note_t note;

    if (!is_followed(data) || *name.at == '$') {
        return true;
    }
    push_note_init(&note, PUSH_FEED_PRESENCE, PUSH_LIVE);
    note.kind = PUSH_LOG_CHANNEL;
    note.came = occupied;
    note.at = now->wall;
    push_note_add_text(&note, PUSH_NOTE_NAME, name);
    return put(data, &note);
}

push_presence_t push_feed_presence(push_feed_listener_t *listener)
{
    return (push_presence_t){note_device, note_channel, listener};
}
