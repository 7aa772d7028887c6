#ifndef PUSH_BELL_H
#define PUSH_BELL_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * A word in shared memory on which threads of any process sleep until it is
 * rung.  Who waits remembers the word as it was before it looked whether there
 * is something to wait for, so nothing that happens afterwards is missed.
 * There is no condition variable, since one in shared memory does not outlive
 * a process that dies in it.
 */
typedef struct push_bell_t {
    _Atomic uint32_t rung;
    _Atomic uint32_t sleepers; /* too many where one died */
} push_bell_t;

static inline uint32_t push_bell_look(const push_bell_t *bell)
{
    return atomic_load(&bell->rung);
}

/* Wakes all. */
void push_bell_ring(push_bell_t *bell);

/* Until it is rung after the look, or for ms; may come back too early. */
void push_bell_wait(push_bell_t *bell, uint32_t seen, int64_t ms);

#endif
