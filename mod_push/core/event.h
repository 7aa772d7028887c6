#ifndef PUSH_EVENT_H
#define PUSH_EVENT_H

#include "core/heap.h"
#include "core/ids.h"
#include "core/types.h"

/*
 * What happens to messages and devices, for whoever hangs on: today the state
 * on disk.  Where it happens nobody knows who listens.
 *
 * An event is told in the process and the thread where it happens, and in no
 * other; all but PUSH_EVENT_WRITTEN with the lock of its shard, so those of
 * one shard come in the order of the changes.  A listener looks at the
 * objects, copies what it needs, and returns: it changes none of them, asks
 * nothing of the store (but push_shard_note()), keeps no pointer, and waits
 * for no lock, disk or socket.  What takes time is for a thread of its own.
 *
 * A process that is killed between a change and its event tells it never; so
 * a device may come twice, or go unsaid.  What a start restores is not told.
 */
typedef enum push_event_kind_t {
    PUSH_EVENT_PUBLISHED, /* message stands in its log */
    PUSH_EVENT_WRITTEN,   /* so many messages, to a stream of device */
    PUSH_EVENT_ACKED,     /* by device, or it counts as acknowledged */
    PUSH_EVENT_DROPPED, /* message, for device alone, whose mailbox is full */
    PUSH_EVENT_ENDED,   /* message, alive and whole still, is about to */
    PUSH_EVENT_CAME,    /* device has a stream, and had none */
    PUSH_EVENT_WENT,    /* device has none any more */
    PUSH_EVENT_GAP      /* device is told that it lost messages */
} push_event_kind_t;

typedef struct push_event_t {
    push_event_kind_t kind;
    push_heap_t *heap; /* of the shard that is locked; NULL: of none */
    /* published, dropped, ended; acked: NULL if it is forgotten already */
    const struct push_message_t *message;
    /* all others; written: it names the device, and may be of another now */
    const struct push_device_t *device;
    const push_time_t *now; /* NULL: not at hand where it happens */
    push_fate_t fate;       /* ended; dropped: evicted or refused */
    uint64_t seq;      /* acked (0: none named it); written: of the last one */
    unsigned messages; /* written */
    const push_gap_report_t *gap; /* of that */
} push_event_t;

#define PUSH_EVENT_BIT(kind) (1u << (kind))

typedef struct push_listener_t {
    unsigned kinds; /* PUSH_EVENT_BIT() of those that it is told */
    void (*tell)(void *data, const push_event_t *event);
    void *data;
    const _Atomic uint32_t *enabled; /* or NULL; while it is 0: deaf */
} push_listener_t;

#define PUSH_LISTENERS_MAX 8u

/* Who listens in this process; all 0: nobody. */
typedef struct push_events_t {
    unsigned kinds;    /* of all that always hear */
    unsigned optional; /* of all that are told while enabled is not 0 */
    const _Atomic uint32_t *enabled;
    push_listener_t listeners[PUSH_LISTENERS_MAX];
} push_events_t;

/*
 * While nobody publishes or has a stream here.  They are told in the order in
 * which they began to listen, as long as none has ended; false: too many, or
 * one that is enabled by something else than another.
 */
bool push_events_listen(push_events_t *events,
                        const push_listener_t *listener);

/* What listens with this function and data hears nothing from now on. */
void push_events_ignore(push_events_t *events,
                        const push_listener_t *listener);

static inline bool push_listener_enabled(const _Atomic uint32_t *enabled)
{
    return !enabled || atomic_load_explicit(enabled, memory_order_relaxed);
}

/* Whether there is somebody to tell; events may be NULL. */
static inline bool push_events_wanted(const push_events_t *events,
                                      push_event_kind_t kind)
{
    return events
           && (events->kinds & PUSH_EVENT_BIT(kind)
               || (events->optional & PUSH_EVENT_BIT(kind)
                   && push_listener_enabled(events->enabled)));
}

void push_events_tell(const push_events_t *events, const push_event_t *event);

/* ---- with the lock of the shard of this heap ---- */

/* Tells of a message, fate (if it ends) or PUSH_LIVE; now may be NULL. */
void push_event_of_message(push_heap_t *heap, push_event_kind_t kind,
                           const struct push_message_t *message,
                           push_fate_t fate, const push_time_t *now);

/* Tells of a message that a device will not get. */
void push_event_of_drop(push_heap_t *heap,
                        const struct push_message_t *message,
                        const struct push_device_t *device, push_fate_t fate,
                        const push_time_t *now);

/* Tells of a device that came or went; now may be NULL. */
void push_event_of_device(push_heap_t *heap, push_event_kind_t kind,
                          const struct push_device_t *device,
                          const push_time_t *now);

/* Tells of what a device is told that it lost. */
void push_event_of_gap(push_heap_t *heap, const struct push_device_t *device,
                       const push_gap_report_t *gap, const push_time_t *now);

#endif
