#ifndef PUSH_ACK_H
#define PUSH_ACK_H

#include "core/checkin.h"
#include "store/shard/store.h"

/* Acknowledgements, and whose they are. */

/*
 * PUSH_STALE (also if the cursor says another session than that of the newest
 * stream), PUSH_NOT_FOUND (no such context), PUSH_BUSY.
 */
push_status_t push_store_ack(push_store_t *store, push_text_t user,
                             const unsigned char *id,
                             const push_cursor_t *cursor,
                             const push_time_t *now);

/*
 * The same by the device's open stream, on which it says so itself.  PUSH_STALE
 * (nothing of it was sent there), PUSH_NOT_FOUND (the stream is over),
 * PUSH_BUSY.
 */
push_status_t push_store_ack_stream(push_store_t *store,
                                    const push_stream_ref_t *stream_ref,
                                    const push_cursor_t *cursor,
                                    const push_time_t *now);

/*
 * The device id of the user's context that has a made-up one and this app;
 * device has PUSH_DEVICE_MAX + 1 bytes.  False unless there is exactly one.
 */
bool push_store_only_made_up(push_store_t *store, push_text_t user,
                             push_text_t app, char *device);

#endif
