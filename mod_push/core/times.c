#include "core/times.h"

#include "core/families.h"

/*
 * The first bound that is not below; as many as there are if there is none.
 * Without a branch that depends on the time: it would be guessed wrongly.
 */
static unsigned bucket_for(const push_family_t *family, int64_t us)
{
    unsigned below = 0;

    for (unsigned i = 0; i < family->bounds_count; i++) {
        below += family->bounds[i] < us;
    }
    return below;
}

/* The cells of one value: its buckets, then the sum. */
static push_count_t cells_of(push_histogram_t histogram, unsigned value,
                             const push_family_t **family)
{
    *family = push_family(PUSH_FAMILIES - PUSH_HISTOGRAMS + histogram);
    return (push_count_t)((*family)->first
                          + value * ((*family)->bounds_count + 2));
}

unsigned push_count_time(push_counts_t *counts, push_histogram_t histogram,
                         unsigned value, int64_t us)
{
    const push_family_t *family;
    push_count_t cells = cells_of(histogram, value, &family);
    unsigned bucket;

    us = us < 0 ? 0 : us;
    bucket = bucket_for(family, us);
    push_count(counts, cells + bucket, 1);
    push_count(counts, cells + family->bounds_count + 1, (uint64_t)us);
    return bucket;
}

void push_count_time_shared(push_counts_t *counts, push_histogram_t histogram,
                            unsigned value, int64_t us, uint64_t times)
{
    const push_family_t *family;
    push_count_t cells = cells_of(histogram, value, &family);

    us = us < 0 ? 0 : us;
    push_count_shared(counts, cells + bucket_for(family, us), times);
    push_count_shared(counts, cells + family->bounds_count + 1,
                      (uint64_t)us * times);
}
