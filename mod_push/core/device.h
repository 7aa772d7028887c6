#ifndef PUSH_DEVICE_H
#define PUSH_DEVICE_H

#include "core/device_labels.h"
#include "core/subscription.h"
#include "core/window.h"

/*
 * A device context: what is known of one installation of an application for
 * one user, its mailbox and its session.  All of it belongs to the lock of the
 * user's shard, but for the wake-up link.
 */

/* Messages dropped that the device had not acknowledged. */
typedef struct push_losses_t {
    uint32_t count[PUSH_GAPS][PUSH_LANES];
} push_losses_t;

#define PUSH_DEVICE_ONLINE   1u
#define PUSH_DEVICE_EXPLICIT 2u /* only acknowledgements move the window */
#define PUSH_DEVICE_MADE_UP  4u /* its id was made up by the server */
/* The device's open stream is to end: an administrator said so. */
#define PUSH_DEVICE_DISMISSED 8u
#define PUSH_DEVICE_REVOKED   16u /* and its tokens are of no use any more */
/* The state on disk lags behind: what it is, or only how far it has read. */
#define PUSH_DEVICE_CHANGED    32u
#define PUSH_DEVICE_ADVANCED   64u
#define PUSH_DEVICE_STATE_LOST 128u /* its losses came of a restart */
#define PUSH_DEVICE_PRESENT    256u /* it was last said to be online */
/* bits 9 to 12: why it went; see core/device_away.h */
#define PUSH_DEVICE_REROUTED  8192u /* its stream follows other channels */
#define PUSH_DEVICE_TRANSPORT 14    /* bits from here: PUSH_BY_TRANSPORT_* */

_Static_assert(PUSH_BY_TRANSPORT_VALUES <= 4, "the last two bits have room");

typedef struct push_device_t {
    push_node_t node; /* in the table of contexts */
    unsigned char id[PUSH_CONTEXT_BYTES];
    push_ref_t user;
    /* assigned << 48 | count << 32 | reference, as one */
    _Atomic uint64_t subscriptions;
    push_ref_t sibling; /* the user's next device */
    push_ref_t labels;
    uint8_t shard;          /* never changes */
    uint8_t lowest;         /* urgency; what is below stays in the mailbox */
    uint16_t traits;        /* PUSH_DEVICE_* */
    _Atomic uint32_t gen;   /* number of its newest stream; 0: it broke off */
    _Atomic uint32_t owner; /* seat and incarnation of its stream's reactor */
    uint32_t handoff_owner; /* the same, of who must hand the stream over */
    _Atomic uint32_t wake;  /* link of the wake-up list; 0 outside of it */
    uint32_t max_in_flight;
    uint32_t address;     /* of its stream; see push_guard_address() */
    push_window_t window; /* of seq acked + 1 … sent */
    uint64_t acked;
    uint64_t sent;
    uint64_t stale;     /* a plain cursor of another session, or 0 */
    uint64_t since;     /* mids above were published to the open stream */
    int64_t first_seen; /* wall ms */
    int64_t last_seen;  /* wall ms */
    int64_t last_ack;   /* wall ms, 0 for never */
    int64_t left; /* mono ms; when the stream ended, see below if it is open */
    uint64_t gap_seq;     /* the first seq behind the gaps told */
    push_losses_t losses; /* to be told */
    push_losses_t gaps;   /* told, not known to have arrived */
} push_device_t;

/* The most that a device context costs, bytes; without its channels. */
#define PUSH_DEVICE_OVERHEAD                                                  \
    (sizeof(push_device_t) + 2 * sizeof(push_subscription_t) + PUSH_LABELS    \
     + PUSH_LABELS_MAX)

_Static_assert(PUSH_DEVICE_OVERHEAD <= 512,
               "a device context costs at most 512 bytes");

static inline push_ref_t push_device_subscriptions_ref(
    const push_device_t *device)
{
    return (push_ref_t)atomic_load(&device->subscriptions);
}

static inline unsigned push_device_subscriptions_count(
    const push_device_t *device)
{
    return (uint16_t)(atomic_load(&device->subscriptions) >> 32);
}

/* The last ones of them, which the server subscribes it to. */
static inline unsigned push_device_assigned_count(const push_device_t *device)
{
    return (unsigned)(atomic_load(&device->subscriptions) >> 48);
}

static inline void push_device_set_assigned(push_device_t *device,
                                            push_ref_t ref, unsigned count,
                                            unsigned assigned)
{
    atomic_store_explicit(&device->subscriptions,
                          (uint64_t)assigned << 48 | (uint64_t)count << 32
                              | ref,
                          memory_order_relaxed);
}

static inline void push_device_set_subscriptions(push_device_t *device,
                                                 push_ref_t ref,
                                                 unsigned count)
{
    push_device_set_assigned(device, ref, count, 0);
}

static inline push_subscription_t *push_device_subscriptions(
    const push_heap_t *heap, const push_device_t *device)
{
    return push_at(heap, push_device_subscriptions_ref(device));
}

push_text_t push_device_label(const push_heap_t *heap,
                              const push_device_t *device, push_label_t label);

/* Replaces all labels; the last are cut to PUSH_LABELS_MAX bytes in all. */
push_status_t push_device_set_labels(push_heap_t *heap, push_device_t *device,
                                     const push_text_t *labels);

/* True if the message was only for streams that were open at its publish. */
bool push_device_missed(const push_device_t *device,
                        const push_message_t *message);

/* Gives back what hangs on the device, but not its trace, nor itself. */
void push_device_cleanup(push_heap_t *heap, push_device_t *device);

#endif
