/* Whether two samples of times are of one distribution. */
#ifndef PUSHBENCH_RANK_H
#define PUSHBENCH_RANK_H

#include <stddef.h>
#include <stdint.h>

struct pb_ranks {
    uint64_t medians[2]; /* of each sample; the lower one of two */
    double z; /* rank sum of the second against chance, in deviations */
    double p; /* a value of the second is above one of the first: 0 to 1 */
};

/*
 * The rank-sum test of Wilcoxon, Mann and Whitney, with its normal
 * approximation and the correction for ties, of two samples of the same count
 * (at least 1).  Sorts them.
 */
struct pb_ranks pb_rank(uint64_t *first, uint64_t *second, size_t count);

#endif
