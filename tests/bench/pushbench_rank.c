#include "pushbench_rank.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* How many values from `at` on are this one. */
static size_t equal_from(const uint64_t *values, size_t at, size_t count,
                         uint64_t value)
{
    size_t equal = 0;

    while (at + equal < count && values[at + equal] == value) {
        equal++;
    }
    return equal;
}

/* The sum of the second's ranks; what ties take from the variance. */
struct sums {
    double ranks;
    double ties;
};

static struct sums sum_up(const uint64_t *first, const uint64_t *second,
                          size_t count)
{
    struct sums sums = {0, 0};
    size_t i = 0, j = 0;

    while (i < count || j < count) {
        uint64_t value = i == count                           ? second[j]
                         : j == count || first[i] < second[j] ? first[i]
                                                              : second[j];
        size_t in_first = equal_from(first, i, count, value);
        size_t in_second = equal_from(second, j, count, value);
        double tied = (double)(in_first + in_second);

        /* Equal values share the mean of their ranks. */
        sums.ranks += (double)in_second * ((double)(i + j) + (tied + 1) / 2);
        sums.ties += tied * tied * tied - tied;
        i += in_first;
        j += in_second;
    }
    return sums;
}

struct pb_ranks pb_rank(uint64_t *first, uint64_t *second, size_t count)
{
    double n = (double)count;
    struct pb_ranks ranks = {.z = 0};
    struct sums sums;
    double above, variance;

    qsort(first, count, sizeof(*first), by_size);
    qsort(second, count, sizeof(*second), by_size);
    sums = sum_up(first, second, count);
    above = sums.ranks - n * (n + 1) / 2;
    variance = n * n / 12 * (2 * n + 1 - sums.ties / (2 * n * (2 * n - 1)));
    ranks.medians[0] = first[(count - 1) / 2];
    ranks.medians[1] = second[(count - 1) / 2];
    ranks.p = above / (n * n);
    if (variance > 0) {
        ranks.z = (above - n * n / 2) / sqrt(variance);
    }
    return ranks;
}
