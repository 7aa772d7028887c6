#ifndef PUSH_PREFIX_H
#define PUSH_PREFIX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How a segment of any layout begins.  Every version of the module keeps this
 * as it is: by it a newer or older one finds out that it cannot use the rest,
 * and says so to those who do.
 */

#define PUSH_SEGMENT_MAGIC 0x3268737570646f6dULL /* "modpush2" */

/* The first 64 bytes of every segment, in every version from 4 on. */
typedef struct push_prefix_t {
    uint64_t magic;  /* PUSH_SEGMENT_MAGIC; written last */
    uint64_t layout; /* push_layout() of the version that made it */
    uint64_t size;   /* bytes in all */
    _Atomic uint32_t superseded; /* 1: another segment succeeds it */
    uint32_t unused;
    _Atomic int64_t lost_until; /* mono ms; see push_segment_forget() */
    uint64_t reserved[3];       /* 0 */
} push_prefix_t;

_Static_assert(sizeof(push_prefix_t) == 64
                   && offsetof(push_prefix_t, layout) == 8
                   && offsetof(push_prefix_t, size) == 16
                   && offsetof(push_prefix_t, superseded) == 24
                   && offsetof(push_prefix_t, lost_until) == 32,
               "other versions know this prefix");

/* False if it is no segment of this layout and size. */
bool push_segment_check(const void *base, uint64_t size, uint64_t layout);

/* ---- of any layout; base is only looked at as far as the prefix goes ---- */

/* False: made by a version that did not know of the prefix. */
bool push_segment_has_prefix(const void *base);

/* Those who use it are to end their streams, and to let go of the state. */
void push_segment_supersede(void *base);

/* With a prefix. */
static inline bool push_segment_superseded(const void *base)
{
    const push_prefix_t *prefix = base;

    return atomic_load_explicit(&prefix->superseded, memory_order_acquire)
           != 0;
}

/*
 * The segment succeeds one whose content is lost: contexts that are made until
 * then (mono ms) are told so.
 */
void push_segment_forget(void *base, int64_t until);
int64_t push_segment_forgotten(const void *base);

#endif
