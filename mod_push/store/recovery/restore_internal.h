#ifndef PUSH_RESTORE_INTERNAL_H
#define PUSH_RESTORE_INTERNAL_H

#include "store/recovery/restore.h"

/*
 * The parts that restore.c and the files restore_*.c share; nobody else
 * includes them.
 */

/* A record as it was read. */
typedef struct push_raw_t {
    char *bytes; /* owned: key and value point into it */
    push_text_t key, value;
    int64_t expires;               /* wall ms */
    push_message_record_t message; /* of a message: the record, taken apart */
    bool matters;                  /* it is to be restored, or was lost */
    bool kept;                     /* it has room */
    bool gone; /* of a user's log; devices that appear would have got it */
} push_raw_t;

typedef struct push_raws_t {
    push_raw_t *at;
    size_t count, room;
} push_raws_t;

/* A message that some devices will not get. */
typedef struct push_lost_t {
    push_ref_t log;
    uint8_t lane;
    uint8_t reason; /* push_gap_t */
    uint64_t mid;
    push_text_t device; /* the one that it was for, or empty */
} push_lost_t;

typedef struct push_losts_t {
    push_lost_t *at; /* by log, then mid, once all are there */
    size_t count, room;
} push_losts_t;

struct push_restore_t {
    push_time_t now;
    bool has_meta;
    bool torn;
    push_meta_record_t meta;
    push_raws_t messages, laters, devices, keys, revocations, forgot, reports;
    push_raws_t assigned;
    push_losts_t lost;
    push_restored_t restored;
};

/* Before all messages, and when all messages and devices are there. */
void push_restore_forgot(push_restore_t *restore, push_store_t *store);
void push_restore_losses(const push_restore_t *restore, push_store_t *store);

/* Last, since what is restored is not to be counted. */
void push_restore_reports(push_restore_t *restore, push_store_t *store);

/* Before all messages, which get the room that is left. */
void push_restore_assigned(push_restore_t *restore, push_store_t *store);
void push_restore_laters(push_restore_t *restore, push_store_t *store);

/* So much of the segment may be full after a start. */
#define PUSH_RESTORE_PERCENT 85u

void push_restore_devices(push_restore_t *restore, push_store_t *store);

#endif
