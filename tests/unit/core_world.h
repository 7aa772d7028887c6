#ifndef CORE_WORLD_H
#define CORE_WORLD_H

#include "core/channel.h"
#include "core_heap.h"

/*
 * A small world on the core alone: a clock, users, devices and channels.  It
 * does what the store does around the core, and no more.
 */

#define WORLD_LIMIT   1000u
#define WORLD_HISTORY 1000u
#define WORLD_START   1700000000000 /* wall ms */

typedef struct world_t {
    watched_heap_t memory;
    push_heap_t *heap;
    push_mid_clock_t clock;
    push_time_t now;
    push_channel_t *broadcast;
    uint32_t limit;
    uint32_t history;
    bool stored;      /* what is published was accepted elsewhere */
    uint64_t written; /* bytes of the streams; 0: all arrives at once */
    uint64_t arrived;
    bool full;              /* the last flush: an implicit window was */
    push_receipt_t receipt; /* of the last publish */
    push_ref_t objects[64]; /* users and channels */
    unsigned objects_count;
    char text[4096]; /* of the last world_flush() */
} world_t;

void world_init(world_t *world);

/* Drops all, and fails the test if anything is left over. */
void world_cleanup(world_t *world);

void world_pass(world_t *world, int64_t ms);

/* NULL where an allocation was made to fail. */
push_user_t *world_user(world_t *world);
push_channel_t *world_channel(world_t *world);

/* A device that is not online; it follows count channels. */
push_device_t *world_device(world_t *world, push_user_t *user,
                            const char *name, push_channel_t *const *channels,
                            unsigned count);
void world_drop(world_t *world, push_device_t *device);

typedef struct world_open_t {
    bool implicit;
    uint32_t max_in_flight;      /* 0: 1024 */
    push_urgency_t lowest;       /* PUSH_HIGH stands for all */
    const push_cursor_t *resume; /* NULL: none was given */
} world_open_t;

/* A stream opens, or (NULL) opens with all defaults; it closes. */
void world_open(world_t *world, push_device_t *device,
                const world_open_t *open);
void world_close(world_t *world, push_device_t *device);

/* A message of normal urgency that lives for five minutes. */
push_message_spec_t spec(const char *text);
push_message_spec_t spec_urgent(const char *text, push_urgency_t urgency);
push_message_spec_t spec_topic(const char *text, const char *topic);
push_text_t words(const char *text);

/* The receipt is kept in the world. */
push_status_t world_publish(world_t *world, push_user_t *user,
                            push_message_spec_t spec);
push_status_t world_cast(world_t *world, push_channel_t *channel,
                         push_message_spec_t spec);

/* The same by its text alone; must succeed.  Returns the mid. */
uint64_t world_say(world_t *world, push_user_t *user, const char *text);

/*
 * All that may be sent now, as one line: "1=text 2=text", each with its seq,
 * and before them what was lost: "!low:3".
 */
const char *world_flush(world_t *world, push_device_t *device);

/* The same, but at most so many messages. */
const char *world_flush_some(world_t *world, push_device_t *device,
                             uint32_t max);

/* What waits, without a change: pending messages of all subscriptions. */
uint32_t world_pending(world_t *world, const push_device_t *device);

push_cursor_t cursor(uint64_t seq);
push_cursor_t cursor_mid(uint64_t seq, uint64_t mid);

/* Takes up where the client says it stands, as a check-in does. */
void world_take_up(world_t *world, push_device_t *device,
                   const push_cursor_t *at);
void world_resume(world_t *world, push_device_t *device, push_cursor_t at);
push_status_t world_ack(world_t *world, push_device_t *device,
                        push_cursor_t at);

/* How the message stands for the device; PUSH_LIVE if it is forgotten. */
push_fate_t world_fate(world_t *world, const push_device_t *device,
                       uint64_t mid);

/* The payload of a message that went as one line of text. */
push_text_t world_payload(const push_message_t *message);

#endif
