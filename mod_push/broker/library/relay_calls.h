#ifndef PUSH_LIBRARY_RELAY_CALLS_H
#define PUSH_LIBRARY_RELAY_CALLS_H

#include "broker/library/library.h"
#include "broker/library/publish_calls.h"

/*
 * What waits in a partition for another region.  push_publish put it there;
 * whoever takes it has the list for some time, alone, and says what is over.
 */

/* One message that waits; its body is borrowed. */
typedef struct push_relay_entry_t {
    uint64_t tick;
    int64_t expires; /* Redis ms; 0: the message has no TTL */
    push_text_t body;
} push_relay_entry_t;

/* False if it is none. */
bool push_relay_entry_read(push_text_t text, push_relay_entry_t *entry);

/* ---- push_relay_take: the first of what waits, and the lease of the list ---- */

typedef struct push_relay_take_call_t {
    push_home_t home;
    push_text_t region;
    push_text_t holder; /* who takes it */
    int64_t lease;      /* ms */
    uint32_t entries;   /* at most */
    uint32_t bytes;     /* of them; the last one may go beyond */
} push_relay_take_call_t;

typedef struct push_relay_taken_t {
    bool held;        /* by another one: nothing was given */
    int64_t now;      /* Redis ms */
    uint32_t waiting; /* all there are */
    unsigned count;   /* of entries, see push_relay_taken_at() */
} push_relay_taken_t;

void push_library_relay_take(push_command_t *command,
                             const push_relay_take_call_t *call);
bool push_relay_take_reply(const push_reply_t *reply,
                           push_relay_taken_t *taken);
push_text_t push_relay_taken_at(const push_reply_t *reply, unsigned index);

/* ---- push_relay_done: some of them are over; the lease ends ---- */

typedef struct push_relay_done_call_t {
    push_home_t home;
    push_text_t region;
    push_text_t holder;
    uint32_t taken;        /* so many were given */
    const uint64_t *ticks; /* of those that are over */
    unsigned count;
} push_relay_done_call_t;

void push_library_relay_done(push_command_t *command,
                             const push_relay_done_call_t *call);
/* *waiting: how many are left. */
bool push_relay_done_reply(const push_reply_t *reply, uint32_t *waiting);

/* ---- push_relay_count: one partition's; the VM knows of it from then on ---- */

void push_library_relay_count(push_command_t *command, const push_home_t *home,
                              push_text_t region);
bool push_relay_count_reply(const push_reply_t *reply, uint32_t *waiting);

/* ---- push_relay_waiting: of all partitions that a master's VM knows ---- */

/* regions: the names of so many. */
void push_library_relay_waiting(push_command_t *command,
                                const push_home_t *home,
                                const push_relay_list_t *regions,
                                unsigned count);

typedef struct push_relay_waiting_t {
    push_vm_t vm; /* another one than before: it knows nothing of before */
    int64_t now;  /* Redis ms */
    unsigned regions;
} push_relay_waiting_t;

bool push_relay_waiting_reply(const push_reply_t *reply,
                              push_relay_waiting_t *waiting);

/* One partition's of a region; *at is 0 at first.  False: that was all. */
typedef struct push_relay_mark_t {
    unsigned partition;
    uint32_t waiting;
    uint64_t oldest; /* tick */
} push_relay_mark_t;

bool push_relay_waiting_next(const push_reply_t *reply, unsigned region,
                             uint32_t *at, push_relay_mark_t *mark);

#endif
