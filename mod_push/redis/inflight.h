#ifndef PUSH_REDIS_INFLIGHT_H
#define PUSH_REDIS_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The commands of a connection that have no reply, in their order: a ring. */

typedef struct push_inflight_command_t {
    void *tag;
    uint64_t begins; /* the position of its first byte among all bytes */
    int64_t sent;    /* ms */
    int64_t patience;
} push_inflight_command_t;

typedef struct push_inflight_t {
    push_inflight_command_t *ring;
    unsigned room;     /* a power of two */
    uint64_t from, to; /* numbers */
} push_inflight_t;

static inline unsigned push_inflight_count(const push_inflight_t *inflight)
{
    return (unsigned)(inflight->to - inflight->from);
}

/* NULL: it is not there any more. */
static inline push_inflight_command_t *push_inflight_at(
    const push_inflight_t *inflight, uint64_t number)
{
    return number >= inflight->from && number < inflight->to
               ? &inflight->ring[number & (inflight->room - 1)]
               : NULL;
}

/* Takes the oldest; there must be one. */
static inline push_inflight_command_t push_inflight_take(
    push_inflight_t *inflight)
{
    return inflight->ring[inflight->from++ & (inflight->room - 1)];
}

/* Room for one more; false: no memory. */
bool push_inflight_reserve(push_inflight_t *inflight);

#endif
