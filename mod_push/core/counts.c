#include "core/counts.h"

void push_counts_add(uint64_t sums[PUSH_COUNTS], const push_counts_t *counts)
{
    for (unsigned i = 0; i < PUSH_COUNTS; i++) {
        sums[i] += atomic_load_explicit(&counts->of[i], memory_order_relaxed);
    }
}

const char *push_count_name(push_count_t what)
{
#define NAME(kind, name) name,
    static const char *const names[] = {PUSH_COUNT_TABLE(NAME)};
#undef NAME

    return names[what];
}
