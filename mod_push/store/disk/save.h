#ifndef PUSH_SAVE_H
#define PUSH_SAVE_H

#include "core/publication.h"
#include "store/disk/save_device.h"
#include "store/shard/store.h"

/* From the objects of the segment to the records that say what they are. */

/* ---- with the lock of the object's shard; NULL: no memory ---- */

/* A message, or that it ends as fate; NULL also if that is not kept. */
push_record_t *push_save_message(const push_store_t *store,
                                 const push_message_t *message,
                                 push_fate_t fate, const push_time_t *now);
push_record_t *push_save_key(const push_key_t *key, const push_time_t *now);

/* The same of a key that is about to be answered with this receipt. */
push_record_t *push_save_claim(const push_store_t *store,
                               const push_claim_t *claim,
                               const push_receipt_t *receipt,
                               const push_time_t *now);

/* What is kept for later, or what became of it. */
push_record_t *push_save_later(const push_store_t *store, unsigned shard,
                               const push_later_t *later);

/*
 * During a sweep: lets the journal write a device whose record lags behind.
 * How far devices have read is written of at most so many a sweep; *written
 * counts them, from 0.
 */
#define PUSH_SAVE_ADVANCED 4000u

void push_save_if_changed(push_store_t *store, push_device_t *device,
                          unsigned *written);

/* Until when the shard tells of what it forgot; NULL also if it does not. */
push_record_t *push_save_forgot(push_store_t *store, unsigned shard,
                                const push_time_t *now);

/* ---- takes the lock ---- */

/*
 * All that the shard holds, of its messages those from this mid on, and as
 * large a part of the revocations.  False if it is busy, or for want of memory.
 */
bool push_save_shard(push_store_t *store, unsigned shard, uint64_t from,
                     push_records_t *records);

/* Every device of the shard whose record lags behind; false as above. */
bool push_save_changed(push_store_t *store, unsigned shard,
                       push_records_t *records);

/* A push_durable_refresh_t; data is the store. */
bool push_save_refresh(void *data, const push_record_t *record,
                       push_record_t **found);

#endif
