#include "core/counts.h"

void push_counts_add(uint64_t sums[PUSH_COUNTS], const push_counts_t *counts)
{
    for (unsigned i = 0; i < PUSH_COUNTS; i++) {
        sums[i] += atomic_load_explicit(&counts->of[i], memory_order_relaxed);
    }
}
