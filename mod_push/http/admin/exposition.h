#ifndef PUSH_EXPOSITION_H
#define PUSH_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>

#include "core/exemplar.h"

/*
 * Metrics as text: in Prometheus's format 0.0.4 or, with examples, in that of
 * OpenMetrics 1.0.  Pure C: where the text goes is the caller's concern.
 */

typedef struct push_exposition_t {
    bool open; /* OpenMetrics */
    void (*put)(void *data, const char *text, size_t len);
    void *data;
} push_exposition_t;

/* A label; one with an empty name is left out. */
typedef struct push_pair_t {
    const char *name, *value;
} push_pair_t;

#define PUSH_PAIRS 2 /* labels of a series, beside le */

/* A number, of so many parts each (1, or 1000000 where it is µs). */
typedef struct push_amount_t {
    uint64_t parts;
    unsigned each;
} push_amount_t;

/* Times in buckets: one more than there are bounds. */
typedef struct push_spread_t {
    const int64_t *bounds; /* µs */
    unsigned bounds_count;
    const uint64_t *cells; /* of the buckets, and behind them the sum in µs */
    const push_sample_t *samples; /* one a bucket; NULL: none */
    unsigned urgency;             /* of the samples that belong here */
} push_spread_t;

/* "counter", "gauge", "histogram"; the name of a counter ends with _total. */
void push_exposition_family(const push_exposition_t *to, const char *name,
                            const char *type, const char *help);

void push_exposition_value(const push_exposition_t *to, const char *name,
                           const push_pair_t pairs[PUSH_PAIRS],
                           push_amount_t value);

void push_exposition_spread(const push_exposition_t *to, const char *name,
                            const push_pair_t pairs[PUSH_PAIRS],
                            const push_spread_t *spread);

/* Behind all families. */
void push_exposition_end(const push_exposition_t *to);

#endif
