/* A histogram of times with a fixed relative error, and its percentiles. */
#ifndef PUSHBENCH_HIST_H
#define PUSHBENCH_HIST_H

#include <stdint.h>

/* A value keeps its PB_HIST_BITS + 1 highest bits: an error below 1/128. */
#define PB_HIST_BITS  7
#define PB_HIST_STEPS (1u << PB_HIST_BITS)
#define PB_HIST_SLOTS ((64 - PB_HIST_BITS + 1) * PB_HIST_STEPS)

/* Holds no pointer, so that processes can share it; one writer at a time. */
struct pb_hist {
    uint64_t total;                /* values added */
    uint64_t max;                  /* the largest one, exact; ns */
    uint64_t slots[PB_HIST_SLOTS]; /* values a slot */
};

/* Add one value (ns). */
void pb_hist_add(struct pb_hist *hist, uint64_t value);

/* Add all that `from` (borrowed) holds to `into`. */
void pb_hist_merge(struct pb_hist *into, const struct pb_hist *from);

/*
 * The value (ns) that `percent` % of all values do not exceed (nearest rank):
 * the upper end of its slot, never above the maximum; 0 where none was added.
 */
uint64_t pb_hist_percentile(const struct pb_hist *hist, double percent);

#endif
