#include "store/shm/prefix.h"

bool push_segment_has_prefix(const void *base)
{
    const push_prefix_t *prefix = base;

    return prefix->magic == PUSH_SEGMENT_MAGIC;
}

bool push_segment_check(const void *base, uint64_t size, uint64_t layout)
{
    const push_prefix_t *prefix = base;

    return push_segment_has_prefix(base) && prefix->layout == layout
           && prefix->size == size;
}

void push_segment_supersede(void *base)
{
    push_prefix_t *prefix = base;

    if (push_segment_has_prefix(base)) {
        atomic_store(&prefix->superseded, 1);
    }
}

void push_segment_forget(void *base, int64_t until)
{
    push_prefix_t *prefix = base;

    atomic_store(&prefix->lost_until, until);
}

int64_t push_segment_forgotten(const void *base)
{
    const push_prefix_t *prefix = base;

    return push_segment_has_prefix(base) ? atomic_load(&prefix->lost_until)
                                         : 0;
}
