#ifndef PUSH_RELAY_OPTIONS_H
#define PUSH_RELAY_OPTIONS_H

#include "core/counts.h"
#include "core/nodes.h"
#include "core/types.h"

/* What a relay is told at its start, and what it has to say. */

struct push_courier_t;
struct push_relay_words_t;

#define PUSH_REGIONS PUSH_REGIONS_MAX

/* One region, as the administrator set it. */
typedef struct push_region_t {
    const char *name;       /* 1 to PUSH_REGION_MAX of A-Z a-z 0-9 . _ : - */
    const char *url;        /* http:// or https:// */
    const char *token;      /* for Authorization; NULL: none */
    const char *ca;         /* file that vouches for it; NULL: the system's */
    push_urgency_t urgency; /* what is less urgent is not for it */
} push_region_t;

/* What the thread has to say; server/ makes log messages of it. */
typedef enum push_relay_event_t {
    PUSH_RELAY_AWAY,    /* the region does not take what waits; why */
    PUSH_RELAY_DENIED,  /* it refuses the token, or there is none */
    PUSH_RELAY_WRONG,   /* it answers, but is no publish address */
    PUSH_RELAY_BACK,    /* it takes messages again */
    PUSH_RELAY_REFUSED, /* it has refused so many messages; the last reason */
    PUSH_RELAY_EXPIRED, /* so many have expired before it took them */
    PUSH_RELAY_FELL,    /* so many fell off lists that were full; no region */
    PUSH_RELAY_EVENTS
} push_relay_event_t;

typedef struct push_relay_report_t {
    push_relay_event_t what;
    const push_region_t *region; /* NULL: some */
    uint64_t count;     /* of messages, where it is about some; else 0 */
    const char *detail; /* "": none */
} push_relay_report_t;

typedef struct push_relay_options_t {
    const push_region_t *regions; /* borrowed, as all here; those that take
                                     the least urgent messages come first */
    unsigned count;               /* 1 to PUSH_REGIONS */
    int64_t keep;                 /* ms; PushRelayKeep */
    uint32_t entries;             /* PushRelayLimit */
    uint64_t bytes;
    const char *prefix;             /* of keys */
    char cluster[17];               /* a word that no other cluster has */
    struct push_courier_t *courier; /* started; stopped later */
    push_counts_t *counts;          /* shared by the process's threads */
    struct push_relay_words_t *words;
    const _Atomic bool *leads; /* this child looks after what is left over */
    void (*report)(void *data, const push_relay_report_t *report);
    void *data;
} push_relay_options_t;

typedef struct push_relay_t push_relay_t;

#endif
