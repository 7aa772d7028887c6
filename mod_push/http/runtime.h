#ifndef PUSH_RUNTIME_H
#define PUSH_RUNTIME_H

#include "broker/broker.h"
#include "http/settings.h"

/* All that a child has for its requests; server/process.c fills it in. */

#define PUSH_REACTORS_MAX 16

struct push_reservation_t;
struct push_reactor_t;

typedef struct push_runtime_t {
    push_broker_t broker;
    const char *version;        /* of the module */
    struct push_store_t *store; /* of this machine, where streams live */
    bool (*superseded)(const struct push_store_t *store);
    struct push_reactor_t *reactors[PUSH_REACTORS_MAX];
    unsigned reactors_count;
    unsigned reactors_wanted;
    uint32_t max_blocking;   /* streams that hold a worker thread */
    uint32_t max_publishers; /* NDJSON requests, which hold one too */
    int64_t jwt_lifetime;    /* ms */
    bool presence;           /* PushPresence */
    int64_t position_age;    /* ms */
    int64_t largest;         /* bytes; no endpoint takes a larger payload */
    const apr_array_header_t *traced; /* const char *: patterns of users */
    /* NULL: there is no rule; and what was counted of each. */
    struct push_triggers_t *triggers;
    struct push_trigger_figures_t *trigger_figures;
} push_runtime_t;

/* NULL in a process that has no reactors. */
push_runtime_t *push_runtime(void);

/* The same for who starts and stops them: never NULL. */
push_runtime_t *push_runtime_own(void);

/* In a process that has reactors. */
static inline push_broker_t *push_broker(void)
{
    return &push_runtime()->broker;
}

/* Counts one, in a process that has reactors.  Any thread. */
static inline void push_counted(unsigned what)
{
    push_count_shared(push_broker()->counts, (push_count_t)what, 1);
}

/*
 * In a process that has reactors: its segment is not the server's any more,
 * so nothing new is to be done in it.
 */
bool push_runtime_superseded(void);

/*
 * Reserves room for one more stream: in this child or, if this is full and the
 * stream can be passed on, in another one.  False if there is none; see
 * push_reservation_make().
 */
bool push_runtime_reserve(bool can_move,
                          struct push_reservation_t *reservation);

#endif
