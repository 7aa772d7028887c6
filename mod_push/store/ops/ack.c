#include "store/ops/ack.h"

#include <string.h>

#include "core/trace.h"
#include "store/ops/checkin.h"
#include "store/shard/owned.h"
#include "store/shard/shard.h"

/* Acknowledgements, and whose they are where no device is named. */

/* The numbers are of another stream than the device's newest. */
static bool is_of_another(const push_store_t *store,
                          const push_device_t *device,
                          const push_cursor_t *cursor)
{
    return cursor->has_session
           && cursor->session != push_owned_session(store, device);
}

/* Of a device of the shard that is locked; NULL: there is none. */
static push_status_t acknowledge(push_store_t *store, unsigned shard,
                                 push_device_t *device,
                                 const push_cursor_t *cursor,
                                 const push_time_t *now)
{
    push_heap_t *heap = &store->heaps[shard];
    push_status_t status = device ? PUSH_STALE : PUSH_NOT_FOUND;

    if (device && !is_of_another(store, device, cursor)) {
        push_session_open(store, device);
        status = push_session_ack(heap, device, cursor, now);
        push_session_close(store, device);
    }
    if (status == PUSH_OK) {
        const push_trace_entry_t acked = push_trace_event(PUSH_TRACE_ACKED,
                                                          cursor->seq, 0);

        push_trace_note(heap, device, &acked, now);
        device->traits |= PUSH_DEVICE_ADVANCED;
        push_seat_wake_device(&store->seats, device);
    }
    push_count(heap->counts,
               PUSH_COUNT_ACKS
                   + (status == PUSH_OK      ? PUSH_BY_ACK_OK
                      : status == PUSH_STALE ? PUSH_BY_ACK_STALE
                                             : PUSH_BY_ACK_UNKNOWN),
               1);
    return status;
}

push_status_t push_store_ack(push_store_t *store, push_text_t user,
                             const unsigned char *id,
                             const push_cursor_t *cursor,
                             const push_time_t *now)
{
    push_name_t name = push_store_name(store, user);
    push_status_t status;
    push_device_t *device;

    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    device = push_store_device(store, name.shard, id);
    if (device && !push_is_owned(store, device)) {
        device = NULL;
    }
    status = acknowledge(store, name.shard, device, cursor, now);
    push_shard_leave(store, name.shard);
    return status;
}

void push_store_in_flight(push_store_t *store, push_text_t user,
                          const unsigned char *id, uint64_t seq,
                          push_in_flight_t *found)
{
    push_name_t name = push_store_name(store, user);
    const push_heap_t *heap = &store->heaps[name.shard];
    const push_device_t *device;

    found->count = 0;
    if (!push_shard_enter(store, name.shard)) {
        return;
    }
    device = push_store_device(store, name.shard, id);
    for (uint64_t at = device ? device->acked + 1 : seq + 1;
         at <= seq && at <= device->sent && found->count < PUSH_QUEUE_WINDOW;
         at++) {
        const push_message_t *message = push_session_message(heap, device, at);

        if (message) {
            found->mids[found->count] = message->mid;
            found->lanes[found->count++] = (uint8_t)push_message_urgency(
                message);
        }
    }
    push_shard_leave(store, name.shard);
}

push_status_t push_store_knows(push_store_t *store, push_text_t user,
                               const unsigned char *id)
{
    push_name_t name = push_store_name(store, user);
    const push_device_t *device;

    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    device = push_store_device(store, name.shard, id);
    push_shard_leave(store, name.shard);
    return device ? PUSH_OK : PUSH_NOT_FOUND;
}

push_status_t push_store_ack_stream(push_store_t *store,
                                    const push_stream_ref_t *stream_ref,
                                    const push_cursor_t *cursor,
                                    const push_time_t *now)
{
    push_device_t *device = push_store_device_at(store, stream_ref->device);
    unsigned shard = device->shard % PUSH_SHARDS;
    push_status_t status;

    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    if (device->gen != stream_ref->gen || !push_is_owned(store, device)) {
        device = NULL;
    }
    status = acknowledge(store, shard, device, cursor, now);
    push_shard_leave(store, shard);
    return status;
}

static bool same(push_text_t a, push_text_t b)
{
    return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

static unsigned count_made_up(const push_store_t *store,
                              const push_user_t *user, push_text_t app,
                              char *text)
{
    const push_heap_t *heap = &store->heaps[0];
    push_ref_t ref = user->devices;
    unsigned count = 0;

    while (ref) {
        const push_device_t *device = push_at(heap, ref);

        if (device->traits & PUSH_DEVICE_MADE_UP
            && push_is_owned(store, device)
            && same(push_device_label(heap, device, PUSH_LABEL_APP), app)) {
            push_text_t id = push_device_label(heap, device,
                                               PUSH_LABEL_DEVICE);

            memcpy(text, id.at, id.len);
            text[id.len] = '\0';
            count++;
        }
        ref = device->sibling;
    }
    return count;
}

bool push_store_only_made_up(push_store_t *store, push_text_t text,
                             push_text_t app, char *device)
{
    push_name_t name = push_store_name(store, text);
    const push_user_t *user;
    bool only;

    if (!push_shard_enter(store, name.shard)) {
        return false;
    }
    user = push_store_user(store, &name, false);
    only = user && count_made_up(store, user, app, device) == 1;
    push_shard_leave(store, name.shard);
    return only;
}
