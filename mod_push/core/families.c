#include "core/families.h"

#include <stddef.h>
#include <string.h>

#define VALUE(label, kind, name) name,
#define VALUES(label, name)                                                   \
    static const char *const values_of_##label[] = {PUSH_BY_##label(VALUE)};

PUSH_LABEL_TABLE(VALUES)

#define LABEL(label, name)                                                    \
    static const push_label_names_t label_##label = {                         \
        name, values_of_##label, PUSH_BY_##label##_VALUES};

PUSH_LABEL_TABLE(LABEL)

static const int64_t bounds_WRITE[] = {PUSH_BOUNDS_WRITE};
static const int64_t bounds_ACKED[] = {PUSH_BOUNDS_ACKED};
static const int64_t bounds_STREAM[] = {PUSH_BOUNDS_STREAM};

#define HAS(bounds)                                                           \
    _Static_assert(sizeof(bounds_##bounds) / sizeof(*bounds_##bounds)         \
                       == PUSH_BOUNDS_##bounds##_COUNT,                       \
                   "as many as are said")

HAS(WRITE);
HAS(ACKED);
HAS(STREAM);

#define COUNT(kind, text, label, other, about)                                \
    {.name = (text),                                                          \
     .help = (about),                                                         \
     .first = PUSH_COUNT_##kind,                                              \
     .labels = {&label_##label, &label_##other}},
#define HISTOGRAM(kind, text, label, limits, about)                           \
    {.name = (text),                                                          \
     .help = (about),                                                         \
     .first = PUSH_COUNT_##kind,                                              \
     .labels = {&label_##label, &label_NONE},                                 \
     .bounds = bounds_##limits,                                               \
     .bounds_count = PUSH_BOUNDS_##limits##_COUNT},

static const push_family_t families[PUSH_FAMILIES] = {
    PUSH_COUNT_TABLE(COUNT) PUSH_HISTOGRAM_TABLE(HISTOGRAM)};

const push_family_t *push_family(push_family_kind_t kind)
{
    return &families[kind];
}

unsigned push_label_value(push_family_kind_t kind, const char *name)
{
    const push_label_names_t *label = families[kind].labels[0];
    unsigned value = 0;

    while (value < label->count - 1 && strcmp(label->values[value], name)) {
        value++;
    }
    return value;
}

/* ---- what <admin>/stats shows ---- */

#define OUTCOME(kind)                                                         \
    {                                                                         \
        PUSH_COUNT_SETTLED + PUSH_BY_OUTCOME_##kind *PUSH_BY_URGENCY_VALUES,  \
            PUSH_BY_URGENCY_VALUES                                            \
    }

static const struct {
    unsigned first, cells;
} totals[PUSH_TOTALS] = {
    [PUSH_TOTAL_PUBLISHED] = {PUSH_COUNT_PUBLISHED, PUSH_COUNT_PUBLISHED_LAST
                                                        - PUSH_COUNT_PUBLISHED
                                                        + 1},
    [PUSH_TOTAL_DELIVERED] = {PUSH_COUNT_WRITTEN, PUSH_BY_URGENCY_VALUES},
    [PUSH_TOTAL_ACKED] = OUTCOME(ACKED),
    [PUSH_TOTAL_EXPIRED] = OUTCOME(EXPIRED),
    [PUSH_TOTAL_REPLACED] = OUTCOME(REPLACED),
    [PUSH_TOTAL_RECALLED] = OUTCOME(RECALLED),
    [PUSH_TOTAL_EVICTED] = OUTCOME(EVICTED),
    [PUSH_TOTAL_REFUSED] = OUTCOME(REFUSED),
    [PUSH_TOTAL_FILTERED] = OUTCOME(FILTERED)};

const char *push_total_name(push_total_t total)
{
#define NAME(kind, name) name,
    static const char *const names[PUSH_TOTALS] = {PUSH_TOTAL_TABLE(NAME)};

    return names[total];
}

uint64_t push_total_of(const uint64_t sums[PUSH_COUNTS], push_total_t total)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < totals[total].cells; i++) {
        sum += sums[totals[total].first + i];
    }
    return sum;
}
