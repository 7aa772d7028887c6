#ifndef PUSH_TIMES_H
#define PUSH_TIMES_H

#include "core/counts.h"

/* Times that are counted in the buckets of a histogram, and in its sum. */

/*
 * By the block's only writer, for a value of the histogram's label; returns
 * the bucket.
 */
unsigned push_count_time(push_counts_t *counts, push_histogram_t histogram,
                         unsigned value, int64_t us);

/* By one writer of many: the same time, so many times. */
void push_count_time_shared(push_counts_t *counts, push_histogram_t histogram,
                            unsigned value, int64_t us, uint64_t times);

#endif
