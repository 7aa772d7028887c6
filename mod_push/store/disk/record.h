#ifndef PUSH_RECORD_H
#define PUSH_RECORD_H

#include "core/device.h"
#include "core/idempotency.h"
#include "store/shard/records.h"

/*
 * What the state on disk is made of, and what each record says.
 *
 *   'D' context id   a device context: what is known of it, what it has
 *                    acknowledged of its user's log, its subscriptions
 *   'K' key id       an idempotency key and its answer
 *   'M' mid          a message; or, until its time is over, that it ended
 *   'S' id           what is kept for later (later_record.h)
 *   'R' mark id      since when a user's tokens are refused
 *   'U' user id      what the server subscribes a user to (assigned_record.h)
 *   'F' shard        until when it tells of what it forgot (forgot.h)
 *   'B' step time    what happened then, by event class (report_record.h)
 *   'L' pid          a write-ahead log that may hold what is nowhere else
 *   '!' and '~'      version of the format and secrets, at both ends
 *   'W'              nothing: written to see whether the disk takes it
 *
 * A mid's bytes are in big-endian order, so messages come back in that of
 * their mids.  All other numbers are in the machine's own order, as LMDB's.
 */

#define PUSH_RECORD_DEVICE  'D'
#define PUSH_RECORD_KEY     'K'
#define PUSH_RECORD_MESSAGE 'M'
#define PUSH_RECORD_REVOKED 'R'
#define PUSH_RECORD_FORGOT  'F'
#define PUSH_RECORD_META    '!'
#define PUSH_RECORD_META_2  '~'
#define PUSH_RECORD_PROBE   'W'
#define PUSH_RECORD_LOG     'L'

#define PUSH_STATE_VERSION 5u /* also read: 4 to 1, see record_old.h */

/* ---- what a record says ----
 * _make gives a record, or NULL for want of memory.  _read takes a value
 * apart; false if it is not one that _make gave.  Texts are borrowed from it.
 */

typedef struct push_meta_record_t {
    uint32_t version;
    uint32_t node;
    uint64_t hash_key[2];
} push_meta_record_t;

push_record_t *push_probe_make(void);
/* As PUSH_RECORD_META or PUSH_RECORD_META_2. */
push_record_t *push_meta_make(const push_meta_record_t *meta, char type);
bool push_meta_read(push_text_t value, push_meta_record_t *meta);

typedef struct push_message_record_t {
    uint32_t kind; /* push_log_kind_t */
    push_fate_t fate;
    push_text_t name;     /* of the user or channel */
    push_stored_t stored; /* of one that ended, mid and urgency alone */
    int64_t expires;      /* wall ms */
} push_message_record_t;

push_record_t *push_message_make(const push_message_record_t *message);
bool push_message_read(push_text_t key, push_text_t value,
                       push_message_record_t *message);

/* expires is the end of its window. */
typedef struct push_key_record_t {
    unsigned char id[PUSH_KEY_BYTES];
    uint64_t request;
    push_receipt_t receipt;
    int64_t expires; /* wall ms */
} push_key_record_t;

push_record_t *push_key_make(const push_key_record_t *key);
bool push_key_read(push_text_t key, push_text_t value,
                   push_key_record_t *record);

/* A mark of the guard's revocations, see store/limits/guard.h. */
typedef struct push_revoked_record_t {
    uint64_t id[2];
    int64_t issued;  /* wall ms; of tokens: up to then they are refused */
    int64_t expires; /* wall ms */
} push_revoked_record_t;

push_record_t *push_revoked_make(const push_revoked_record_t *revoked);
bool push_revoked_read(push_text_t key, push_text_t value,
                       push_revoked_record_t *revoked);

/* The record that says: write this mark as it is when its turn comes. */
push_record_t *push_revoked_refresh(const uint64_t id[2]);

/* The log of a process; see store/disk/wal.h. */
typedef struct push_named_log_t {
    uint32_t pid;
    uint64_t id;
} push_named_log_t;

push_record_t *push_named_log_make(const push_named_log_t *log);
bool push_named_log_read(push_text_t key, push_text_t value,
                         push_named_log_t *log);

/* The record that says: nothing is only in this log any more. */
push_record_t *push_named_log_refresh(uint32_t pid);

/* A subscription to a channel, or (no name) to the broadcast. */
typedef struct push_subscription_record_t {
    push_text_t name;
    uint64_t joined;
    uint64_t next[PUSH_LANES]; /* what is below was acknowledged */
} push_subscription_record_t;

/* A message of the user's log that is not to be sent to the device again. */
typedef struct push_settled_t {
    uint64_t mid;
    uint32_t after; /* ms from publish */
    uint16_t fate;  /* push_fate_t */
    uint16_t lane;
} push_settled_t;

typedef struct push_device_record_t {
    unsigned char id[PUSH_CONTEXT_BYTES];
    push_text_t user;
    push_text_t labels[PUSH_LABELS];
    uint8_t traits; /* PUSH_DEVICE_EXPLICIT, _MADE_UP, _STATE_LOST */
    uint8_t lowest;
    uint32_t max_in_flight;
    int64_t first_seen, last_seen, last_ack; /* wall ms */
    int64_t left;                            /* wall ms; 0: it was online */
    push_losses_t losses;
    push_text_t settled; /* push_settled_t, not aligned */
    unsigned subscriptions_count;
    push_subscription_record_t subscriptions[1 + PUSH_CHANNELS_MAX];
} push_device_record_t;

push_record_t *push_device_make(const push_device_record_t *device);
bool push_device_read(push_text_t key, push_text_t value,
                      push_device_record_t *device);

/* The record that says: write this device as it is when its turn comes. */
push_record_t *push_device_refresh(const unsigned char *id, unsigned shard);

static inline unsigned push_device_settled_count(
    const push_device_record_t *device)
{
    return (unsigned)(device->settled.len / sizeof(push_settled_t));
}

#endif
