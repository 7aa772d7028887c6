#ifndef PUSH_SESSION_H
#define PUSH_SESSION_H

#include "core/device.h"

/*
 * A session is one run of seq for one device context: what was sent in which
 * order, and up to where it was acknowledged (docs/protocol.md, "Resume").
 * All functions run with the lock of the user's shard.
 */

/*
 * Takes up where the client says it stands; NULL: it does not say.  True if
 * its cursor names a message, and is of another session: when the device has
 * the subscriptions of its stream, push_session_received() follows.
 */
bool push_session_resume(push_heap_t *heap, push_device_t *device,
                         const push_cursor_t *cursor, const push_time_t *now);

/*
 * The client has received this message on some stream of the device, and so
 * all that stands before it in its lane of its log, or it was told a gap: that
 * is acknowledged.  Nothing must be in flight.
 */
void push_session_received(push_heap_t *heap, push_device_t *device,
                           uint64_t mid, const push_time_t *now);

/*
 * Acknowledges everything up to the cursor.  PUSH_STALE, with nothing
 * changed, if it is beyond what was sent or names another message.
 */
push_status_t push_session_ack(push_heap_t *heap, push_device_t *device,
                               const push_cursor_t *cursor,
                               const push_time_t *now);

/* The message that was sent as seq and waits for its acknowledgement; NULL: it
   is forgotten, or seq is not in flight. */
const push_message_t *push_session_message(const push_heap_t *heap,
                                           const push_device_t *device,
                                           uint64_t seq);

/* Returns the messages that were sent above keep to the mailbox. */
void push_session_return(push_heap_t *heap, push_device_t *device,
                         uint64_t keep);

/*
 * The session broke off in the middle of a change: begins a new one in which
 * nothing was sent.  What was not acknowledged is pending; some of it may be
 * delivered again.  May itself be broken off, and called again.
 */
void push_session_reset(push_heap_t *heap, push_device_t *device);

/*
 * The oldest in flight counts as acknowledged although the client did not say
 * so; there must be one.  If it shows that it has not received it, that is
 * told as a gap.
 */
void push_session_slide(push_heap_t *heap, push_device_t *device,
                        const push_time_t *now);

static inline uint64_t push_session_in_flight(const push_device_t *device)
{
    return device->sent - device->acked;
}

#endif
