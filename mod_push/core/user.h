#ifndef PUSH_USER_H
#define PUSH_USER_H

#include <string.h>

#include "core/mailbox.h"

/*
 * A user: the log of all that is published to this user or to one of the
 * user's devices, and the devices.  A message stays in the log until its TTL
 * ends, so that a device which appears meanwhile finds it.
 * All functions run with the lock of the user's shard.
 */

#define PUSH_NAME_MAX    255u /* bytes of the name of a user or a channel */
#define PUSH_DEVICES_MAX 64u  /* contexts of one user */

/*
 * A user whose name begins so is a queue: what was accepted for it makes room
 * for nothing, neither in a full mailbox nor in a full memory.  What has no
 * room is refused instead.
 */
#define PUSH_QUEUE_PREFIX "$trigger/"

/* ms; the moment of a loss, log.lost_at, fits 32 bits in ticks of this. */
#define PUSH_LOST_TICK 16

/* log.lost_at is the moment when lost was last raised; 0: by its shard. */
typedef struct push_user_t {
    push_log_t log;
    push_ref_t devices;
    uint16_t devices_count;
    uint8_t name_len;
    uint8_t spared;            /* 1: a context went for a newer one */
    uint32_t lost[PUSH_LANES]; /* dropped, though a device might appear */
    int64_t lost_until;        /* mono ms; the last of their TTLs */
    char name[];
} push_user_t;

/* The outcome of a publish. */
typedef struct push_receipt_t {
    uint64_t mid;
    uint32_t recipients;
    uint32_t connected;
    uint32_t refused; /* recipients whose mailbox held nothing less urgent */
} push_receipt_t;

static inline bool push_user_is_queue(const push_user_t *user)
{
    return user->name_len >= sizeof(PUSH_QUEUE_PREFIX) && *user->name == '$'
           && !memcmp(user->name, PUSH_QUEUE_PREFIX,
                      sizeof(PUSH_QUEUE_PREFIX) - 1);
}

/* One publish: what, under which limits, when, and what came of it. */
typedef struct push_publish_t {
    const push_message_spec_t *spec;
    uint32_t limit; /* messages: of a mailbox, or kept by a channel */
    /*
     * It was accepted elsewhere, and other devices have it: a full mailbox
     * cannot turn it away any more, and its device is told a gap.
     */
    bool stored;
    bool kept; /* it was accepted before, for now: a queue takes it always */
    push_time_t now;
    push_receipt_t receipt; /* its mid is set before */
} push_publish_t;

/*
 * Publishes to the user.  On PUSH_NO_MEMORY and PUSH_MAILBOX_FULL (there is
 * one recipient or none, and it refused; never of one that is stored) nothing
 * was changed.
 */
push_status_t push_user_publish(push_heap_t *heap, push_user_t *user,
                                push_publish_t *publish);

/* How a message in the user's log stands for one of the devices. */
push_fate_t push_user_fate(const push_heap_t *heap,
                           const push_device_t *device,
                           const push_message_t *message,
                           push_position_t position, const push_time_t *now);

/* Puts a new device at the start of the log; tells it what was dropped. */
void push_user_adopt(push_heap_t *heap, push_user_t *user,
                     push_device_t *device, const push_time_t *now);

/* Takes a device out; the log forgets what became of messages for it. */
void push_user_drop(push_heap_t *heap, push_user_t *user,
                    push_device_t *device);

/* Drops a message for want of memory; whoever waits for it will be told. */
void push_user_evict(push_heap_t *heap, push_user_t *user,
                     const push_entry_t *entry, const push_time_t *now);

/* Drops the messages that no device waits for; returns how many. */
uint32_t push_user_forget_settled(push_heap_t *heap, push_user_t *user,
                                  const push_time_t *now);

/*
 * A message is gone that a device which appears before until (mono ms) would
 * have been sent.  Which one is not kept: better one too many is told of a gap
 * than one too few.
 */
void push_user_note_lost(push_user_t *user, push_urgency_t urgency,
                         int64_t until, const push_time_t *now);

/* Ticks since the last loss was noted; 0 if that was after now. */
static inline uint32_t push_user_lost_age(const push_user_t *user,
                                          const push_time_t *now)
{
    int32_t age = (int32_t)((uint32_t)(now->mono / PUSH_LOST_TICK)
                            - user->log.lost_at);

    return age > 0 ? (uint32_t)age : 0;
}

#endif
