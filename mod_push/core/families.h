#ifndef PUSH_FAMILIES_H
#define PUSH_FAMILIES_H

#include "core/counts.h"

/*
 * What the tables of core/figures.h and core/labels.h say, for those who read
 * the sums: which cells are whose, and by what names.
 */

typedef struct push_label_names_t {
    const char *name; /* empty: there is no label */
    const char *const *values;
    unsigned count; /* of values */
} push_label_names_t;

/* One figure; its cells are by the first label, then by the second. */
typedef struct push_family_t {
    const char *name;
    const char *help;
    unsigned first; /* cell */
    const push_label_names_t *labels[2];
    const int64_t *bounds; /* µs, of its buckets; NULL: no histogram */
    unsigned bounds_count;
} push_family_t;

#define PUSH_FAMILY(kind, ...) PUSH_FAMILY_##kind,

typedef enum push_family_kind_t {
    PUSH_COUNT_TABLE(PUSH_FAMILY) PUSH_HISTOGRAM_TABLE(PUSH_FAMILY)
        PUSH_FAMILIES
} push_family_kind_t;

#undef PUSH_FAMILY

const push_family_t *push_family(push_family_kind_t kind);

/* The value of this name of the figure's first label; else the last one. */
unsigned push_label_value(push_family_kind_t kind, const char *name);

/* What <admin>/stats shows. */
#define PUSH_TOTAL(kind, name) PUSH_TOTAL_##kind,

typedef enum push_total_t {
    PUSH_TOTAL_TABLE(PUSH_TOTAL) PUSH_TOTALS
} push_total_t;

#undef PUSH_TOTAL

const char *push_total_name(push_total_t total);
uint64_t push_total_of(const uint64_t sums[PUSH_COUNTS], push_total_t total);

#endif
