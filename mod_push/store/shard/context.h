#ifndef PUSH_CONTEXT_H
#define PUSH_CONTEXT_H

#include "store/shard/store.h"

/*
 * Device contexts as the store keeps them: their names, and their ends.  Who
 * checks devices in, sweeps or makes room stands on this.
 */

/* The id of the context of this user, device and app. */
void push_store_context_id(push_text_t user, push_text_t device,
                           push_text_t app, unsigned char *id);

/* ---- with the lock of the device's shard ---- */

/* The device's channels count one open stream more, or one less. */
void push_store_count_stream(push_store_t *store, const push_device_t *device,
                             int by);

/* The device's stream is gone; it must be online. */
void push_store_mark_offline(push_store_t *store, push_device_t *device,
                             push_went_t why, const push_time_t *now);

/* The stream that is open, if any, learns that a newer one takes over. */
void push_store_supersede(push_store_t *store, push_device_t *device,
                          const push_time_t *now);

/* Forgets a context; it must be offline. */
void push_store_drop_device(push_store_t *store, push_device_t *device);

#endif
