#ifndef PUSH_RELAY_STATE_H
#define PUSH_RELAY_STATE_H

#include <curl/curl.h>
#include <pthread.h>

#include "broker/relay/lot.h"
#include "broker/relay/options.h"
#include "redis/courier.h"
#include "store/shm/relay_words.h"

/*
 * The thread never waits for Redis: a call is queued at the courier, and comes
 * back by push_relay_t.finished.  Nor for a region: libcurl's multi interface
 * has all that is under way, and is what the thread sleeps in.
 */

#define PUSH_RELAY_BITS (PUSH_PARTITIONS / 64)

/* A set of partitions. */
typedef struct push_partitions_t {
    uint64_t bits[PUSH_RELAY_BITS];
} push_partitions_t;

static inline void push_partitions_add(push_partitions_t *set, unsigned one)
{
    set->bits[one / 64] |= UINT64_C(1) << one % 64;
}

static inline void push_partitions_drop(push_partitions_t *set, unsigned one)
{
    set->bits[one / 64] &= ~(UINT64_C(1) << one % 64);
}

static inline bool push_partitions_has(const push_partitions_t *set,
                                       unsigned one)
{
    return set->bits[one / 64] >> one % 64 & 1;
}

typedef struct push_relay_call_t push_relay_call_t;
typedef struct push_shipment_t push_shipment_t;

/* A command on its way; its owner frees it. */
struct push_relay_call_t {
    push_request_t request;
    push_relay_call_t *next;
    push_relay_t *relay;
    void (*over)(push_relay_call_t *call); /* in the relay's thread */
    void *data;
    unsigned index;
};

/* Lots of one region that are under way at once. */
#define PUSH_SHIPMENTS 4u

typedef enum push_shipment_step_t {
    PUSH_SHIPMENT_IDLE,
    PUSH_SHIPMENT_TAKING,  /* the lists' entries come from Redis */
    PUSH_SHIPMENT_POSTING, /* the region has them */
    PUSH_SHIPMENT_ENDING   /* what is over leaves the lists */
} push_shipment_step_t;

typedef struct push_region_state_t push_region_state_t;

struct push_shipment_t {
    push_region_state_t *region;
    push_shipment_step_t step;
    push_lot_t lot;
    push_relay_call_t calls[PUSH_LOT_LISTS];
    unsigned out; /* calls that are on their way */
    CURL *easy;
    struct curl_slist *headers;
    push_buffer_t answer;
    char error[CURL_ERROR_SIZE];
};

/* What was counted and not reported yet. */
typedef struct push_relay_losses_t {
    uint64_t refused, expired;
    char reason[256]; /* of the last one refused */
} push_relay_losses_t;

struct push_region_state_t {
    push_relay_t *relay;
    const push_region_t *set;
    unsigned index;
    _Atomic uint64_t woken[PUSH_RELAY_BITS]; /* any thread sets bits */
    push_partitions_t ready;                 /* something waits there */
    push_partitions_t busy;                  /* in a shipment */
    unsigned next; /* where the search for ready ones goes on */
    push_shipment_t shipments[PUSH_SHIPMENTS];
    unsigned failures;           /* in a row */
    int64_t until;               /* mono ms; nothing is tried before */
    bool trouble;                /* is reported */
    push_relay_event_t reported; /* if so, as what */
    push_relay_losses_t losses;
    int64_t losses_next; /* mono ms; when the next ones are reported */
};

struct push_relay_t {
    push_relay_options_t options;
    push_relay_list_t lists[PUSH_REGIONS]; /* of the regions, in order */
    push_region_state_t *regions;          /* likewise */
    CURLM *multi;
    pthread_t thread;
    char holder[24]; /* this thread's word in leases */
    _Atomic bool stop;
    _Atomic uint64_t fell; /* messages, not reported yet; any thread */
    _Atomic bool rung;     /* the thread was woken, and has not looked yet */
    pthread_mutex_t lock;
    push_relay_call_t *finished, **finished_end; /* with lock */
    /* ---- the relay's thread only ---- */
    int64_t fell_next; /* mono ms; when the next ones are reported */
    unsigned out;      /* calls on their way, in all */
    struct push_leftovers_t
        *leftovers; /* NULL while the child does not lead */
};

#endif
