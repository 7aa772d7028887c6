/*
 * What the processes of one run share: the coordinator says where the run
 * stands, the subscriber processes and the publisher count what they did. One
 * mapping, made before the forks; every counter has one writer.
 */
#ifndef PUSHBENCH_SHARED_H
#define PUSHBENCH_SHARED_H

#include "pushbench_hist.h"

#include <stdatomic.h>
#include <stdint.h>

enum pb_phase {
    PB_OPENING,    /* subscribers open their streams */
    PB_PUBLISHING, /* the publisher publishes */
    PB_DRAINING,   /* it waits for its answers, and ends */
    PB_ENDING      /* all end */
};

/* Written by one subscriber process. */
struct pb_received {
    _Alignas(64) _Atomic uint64_t ready; /* streams whose head came */
    _Atomic uint64_t failed;             /* streams that could not open */
    _Atomic uint64_t put_off;            /* hold: attempts answered 503 */
    _Atomic uint64_t closed;             /* streams that ended unasked */
    _Atomic uint64_t messages;           /* messages received */
    _Atomic uint64_t reserved;           /* events of type push.* */
    _Atomic uint64_t wrong;              /* not ours, or another stream's */
    _Atomic uint64_t bytes;              /* body bytes, chunk framing too */
    _Atomic uint64_t payload;            /* payload bytes, if parsed */
    _Atomic uint64_t longest;            /* hold: silence of a stream, ns */
    struct pb_hist latency;              /* of messages due in the window */
};

/* Written by the publisher process. */
struct pb_published {
    _Alignas(64) _Atomic uint64_t connected; /* its connections */
    _Atomic uint64_t sent;                   /* messages written */
    _Atomic uint64_t accepted;               /* answered 2xx */
    _Atomic uint64_t refused;                /* answered otherwise */
    _Atomic uint64_t written_off;            /* deliveries not waited for */
};

struct pb_shared {
    /* ---- coordinator writes ---- */
    _Atomic int phase;             /* enum pb_phase */
    _Atomic unsigned open_limit;   /* streams below this index open */
    _Atomic uint64_t window_begin; /* latencies count for messages due */
    _Atomic uint64_t window_end;   /* between these times; ns */
    unsigned workers;              /* subscriber processes */

    /* ---- each process of the limit's server adds one ---- */
    _Atomic unsigned listening;

    struct pb_published published;
    struct pb_received received[]; /* one a worker */
};

/* Messages received by all workers together. */
static inline uint64_t pb_shared_messages(const struct pb_shared *shared)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < shared->workers; i++) {
        sum += atomic_load_explicit(&shared->received[i].messages,
                                    memory_order_relaxed);
    }
    return sum;
}

/* Add to a counter that only the caller writes. */
static inline void pb_shared_add(_Atomic uint64_t *counter, uint64_t more)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, now + more, memory_order_relaxed);
}

#endif
