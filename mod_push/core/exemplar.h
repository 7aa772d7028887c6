#ifndef PUSH_EXEMPLAR_H
#define PUSH_EXEMPLAR_H

#include <stdbool.h>

#include "core/counts.h"

/*
 * Examples of how long writes took: for each bucket of the histogram the last
 * message that was part of a trace.  They stand in the block of a seat, and
 * are written by its reactor alone; any process may read them meanwhile.
 */

#define PUSH_EXEMPLARS      (PUSH_BOUNDS_WRITE_COUNT + 1)
#define PUSH_EXEMPLAR_TRACE 16u /* bytes of a trace id */

/* One example, as it is given and taken. */
typedef struct push_sample_t {
    unsigned urgency;
    int64_t us;   /* how long it took */
    int64_t wall; /* ms; when it was written; 0: there is none */
    unsigned char trace[PUSH_EXEMPLAR_TRACE];
} push_sample_t;

typedef struct push_exemplar_t {
    _Atomic uint32_t version; /* odd while it is being written */
    _Atomic uint32_t urgency;
    _Atomic int64_t us;
    _Atomic int64_t wall;
    _Atomic uint64_t trace[2];
} push_exemplar_t;

typedef struct push_exemplars_t {
    push_exemplar_t of[PUSH_EXEMPLARS]; /* a bucket */
} push_exemplars_t;

/* ---- reactor thread only ---- */

void push_exemplar_note(push_exemplars_t *exemplars, unsigned bucket,
                        const push_sample_t *sample);

/* ---- any thread ---- */

/* False if there is none, or it is just being written. */
bool push_exemplar_read(const push_exemplars_t *exemplars, unsigned bucket,
                        push_sample_t *sample);

#endif
