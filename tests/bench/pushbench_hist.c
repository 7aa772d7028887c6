#include "pushbench_hist.h"

#include <math.h>

static unsigned slot_of(uint64_t value)
{
    unsigned shift;

    if (value < PB_HIST_STEPS) {
        return (unsigned)value;
    }
    shift = 63u - (unsigned)__builtin_clzll(value) - PB_HIST_BITS;
    return (shift + 1) * PB_HIST_STEPS
           + (unsigned)((value >> shift) - PB_HIST_STEPS);
}

static uint64_t slot_end(unsigned slot)
{
    unsigned shift;
    uint64_t first;

    if (slot < PB_HIST_STEPS) {
        return slot;
    }
    shift = slot / PB_HIST_STEPS - 1;
    first = (uint64_t)(slot % PB_HIST_STEPS + PB_HIST_STEPS) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

void pb_hist_add(struct pb_hist *hist, uint64_t value)
{
    hist->slots[slot_of(value)]++;
    hist->total++;
    if (value > hist->max) {
        hist->max = value;
    }
}

void pb_hist_merge(struct pb_hist *into, const struct pb_hist *from)
{
    for (unsigned i = 0; i < PB_HIST_SLOTS; i++) {
        into->slots[i] += from->slots[i];
    }
    into->total += from->total;
    if (from->max > into->max) {
        into->max = from->max;
    }
}

uint64_t pb_hist_percentile(const struct pb_hist *hist, double percent)
{
    uint64_t rank = (uint64_t)ceil((double)hist->total * percent / 100.0);
    uint64_t seen = 0;

    if (hist->total == 0) {
        return 0;
    }
    if (rank == 0) {
        rank = 1;
    }
    for (unsigned i = 0; i < PB_HIST_SLOTS; i++) {
        seen += hist->slots[i];
        if (seen >= rank) {
            uint64_t end = slot_end(i);
            return end < hist->max ? end : hist->max;
        }
    }
    return hist->max;
}
