#ifndef PUSH_FORGOT_H
#define PUSH_FORGOT_H

#include "core/types.h"
#include "store/shard/records.h"

/* The record of a shard that forgot something (record.c). */

/* The memory of a shard of what it forgot; 0: nothing. */
typedef struct push_forgot_record_t {
    uint8_t shard;
    int64_t strangers_until; /* wall ms */
    int64_t away_until;      /* wall ms */
} push_forgot_record_t;

push_record_t *push_forgot_make(const push_forgot_record_t *forgot);
bool push_forgot_read(push_text_t key, push_text_t value,
                      push_forgot_record_t *forgot);

/* The record that says: write what the shard forgot when its turn comes. */
push_record_t *push_forgot_refresh(unsigned shard);

#endif
