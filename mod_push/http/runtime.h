#ifndef PUSH_RUNTIME_H
#define PUSH_RUNTIME_H

#include "broker/broker.h"
#include "http/settings.h"

/*
 * What runs: the segment, made by the parent and kept over graceful restarts,
 * and the reactors of a child.
 */

#define PUSH_REACTORS_MAX 16

struct push_berth_t;

typedef struct push_runtime_t {
    push_broker_t broker;
    uint32_t max_blocking;   /* streams that hold a worker thread */
    uint32_t max_publishers; /* NDJSON requests, which hold one too */
    int64_t jwt_lifetime;    /* ms */
    int64_t largest;         /* bytes; no place takes a larger payload */
} push_runtime_t;

/* NULL in a process that has no reactors. */
push_runtime_t *push_runtime(void);

/* In a process that has reactors. */
static inline push_broker_t *push_broker(void)
{
    return &push_runtime()->broker;
}

/*
 * In a process that has reactors: its segment is not the server's any more,
 * so nothing new is to be done in it.
 */
bool push_runtime_superseded(void);

/*
 * check_config, where the configuration is only tested: whether a start could
 * do what push_runtime_prepare() does.  False, after the same sentence in the
 * log.  Nothing of what it tries stays.
 */
bool push_runtime_check(server_rec *s, const push_global_t *global);

/* post_config: makes the segment, or finds the one that is in use. */
int push_runtime_prepare(server_rec *s, const push_global_t *global);

/*
 * child_status, in the parent: what a child left behind is seen to at once,
 * and if it died, that is counted.
 */
void push_runtime_child_ended(pid_t pid);

/* child_init: starts the reactors; the pool's end stops them. */
void push_runtime_start(apr_pool_t *child, server_rec *s);

/* child_stopping: why the streams of this child are going to end. */
void push_runtime_stopping(int graceful);

/*
 * A place for one more stream: in this child or, if this is full and the
 * stream can be passed on, in another one.  False if there is none.  It is
 * reserved; see push_berth_reserve().
 */
bool push_runtime_berth(bool can_move, struct push_berth_t *berth);

#endif
