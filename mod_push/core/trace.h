#ifndef PUSH_TRACE_H
#define PUSH_TRACE_H

#include "core/device.h"

/*
 * The last events of a device whose user PushTrace names: a ring that hangs on
 * the device's own subscription to its user, so a device without one costs
 * nothing but a look at that.  With the lock of the device's shard.
 */

typedef enum push_trace_what_t {
    PUSH_TRACE_CAME,      /* value: the cursor's seq */
    PUSH_TRACE_SETTINGS,  /* value: lowest | explicit << 8 | window << 16 */
    PUSH_TRACE_WENT,      /* value: push_went_t */
    PUSH_TRACE_WRITTEN,   /* value: the mid, as seq */
    PUSH_TRACE_AGAIN,     /* the same, and it was written before */
    PUSH_TRACE_BLOCKED,   /* its socket takes no more */
    PUSH_TRACE_UNBLOCKED, /* it has taken all */
    PUSH_TRACE_ACKED,     /* up to seq */
    PUSH_TRACE_GAP,       /* told; value: how many messages */
    PUSH_TRACE_WHATS
} push_trace_what_t;

typedef struct push_trace_entry_t {
    uint32_t at;   /* ms since the ring's base */
    uint32_t what; /* push_trace_what_t << 28 | the low bits of seq */
    uint64_t value;
} push_trace_entry_t;

#define PUSH_TRACE_KEPT 31u
#define PUSH_TRACE_SEQ  ((1u << 28) - 1)

typedef struct push_trace_t {
    uint32_t count; /* events ever noted */
    uint32_t spare;
    int64_t base; /* wall ms */
    push_trace_entry_t entries[PUSH_TRACE_KEPT];
} push_trace_t;

_Static_assert(sizeof(push_trace_t) == 512, "a traced device costs so much");

/* Traces take at most this part of the memory, each shard its part of it. */
#define PUSH_TRACE_PART 64u

/* In place of a ring: the user is traced, but there was no room for one. */
#define PUSH_TRACE_NO_ROOM 1u

static inline push_ref_t push_trace_ref(const push_heap_t *heap,
                                        const push_device_t *device)
{
    return push_device_subscriptions(heap, device)[PUSH_SUBSCRIPTION_USER]
        .since;
}

/* The device's ring, or NULL. */
static inline push_trace_t *push_trace_of(const push_heap_t *heap,
                                          const push_device_t *device)
{
    push_ref_t ref = push_trace_ref(heap, device);

    return ref > PUSH_TRACE_NO_ROOM ? push_at(heap, ref) : NULL;
}

/* The device is traced from here on, or is not any more. */
void push_trace_begin(push_heap_t *heap, push_device_t *device,
                      const push_time_t *now);
void push_trace_end(push_heap_t *heap, push_device_t *device);

/* A no-op for a device without a ring. */
void push_trace_note(const push_heap_t *heap, const push_device_t *device,
                     const push_trace_entry_t *event, const push_time_t *now);

/* What was noted last as written above seq was not. */
void push_trace_cut(const push_heap_t *heap, const push_device_t *device,
                    uint64_t seq);

/* What happened, of a seq (0: of none), with its value. */
static inline push_trace_entry_t push_trace_event(push_trace_what_t what,
                                                  uint64_t seq, uint64_t value)
{
    return (push_trace_entry_t){
        0, (uint32_t)what << 28 | (uint32_t)(seq & PUSH_TRACE_SEQ), value};
}

/* A copy of a ring, the oldest first. */
typedef struct push_trace_view_t {
    bool on;
    bool no_room; /* the user is traced, this device could not be */
    unsigned count;
    push_trace_entry_t entries[PUSH_TRACE_KEPT];
    int64_t base; /* wall ms */
} push_trace_view_t;

void push_trace_copy(const push_heap_t *heap, const push_device_t *device,
                     push_trace_view_t *view);

const char *push_trace_name(push_trace_what_t what);

#endif
