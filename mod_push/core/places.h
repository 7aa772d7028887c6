#ifndef PUSH_PLACES_H
#define PUSH_PLACES_H

#include <stdatomic.h>

#include "core/geo.h"
#include "core/ids.h"

/*
 * Where devices are, as they have reported it: a table in memory that
 * processes share, of which nothing is ever saved.  A device has one of a few
 * entries, found by its context id; where there is none left, the one that was
 * reported longest ago goes.  So nothing is linked, and a process that dies
 * leaves at worst one entry that counts as none until its next report.
 */

#define PUSH_PLACE_SETS   16384u
#define PUSH_PLACE_WAYS   16u
#define PUSH_PLACE_INSIDE 8u /* fences that one device is in at a time */

/* One entry: any process reads it without a lock. */
typedef struct push_place_t {
    _Atomic uint32_t version; /* odd while it is written; 0: never used */
    _Atomic uint32_t accuracy;
    _Atomic uint64_t id[PUSH_CONTEXT_BYTES / sizeof(uint64_t)];
    _Atomic uint64_t point; /* lat << 32 | lon */
    _Atomic int64_t at;     /* mono ms */
    _Atomic int64_t until;  /* mono ms; from then on it counts as none */
    _Atomic uint32_t inside[PUSH_PLACE_INSIDE]; /* see core/fences.h */
} push_place_t;

typedef struct push_places_t {
    /* mono ms, as of the last report or sweep: who reads has no clock */
    _Atomic int64_t now;
    push_place_t sets[PUSH_PLACE_SETS][PUSH_PLACE_WAYS];
} push_places_t;

/* An entry as it was at one moment. */
typedef struct push_fix_t {
    push_point_t point;
    uint32_t accuracy;                  /* metres */
    int64_t at, until;                  /* mono ms */
    uint32_t inside[PUSH_PLACE_INSIDE]; /* the fences; 0: none */
} push_fix_t;

/* Which set a context has, of PUSH_PLACE_SETS. */
unsigned push_places_set(const unsigned char *id);

/* Where a device is; false: nobody knows.  places may be NULL. */
bool push_places_find(const push_places_t *places, const unsigned char *id,
                      push_fix_t *fix);

/* It is now (mono ms) at least. */
void push_places_tick(push_places_t *places, int64_t now);

/* ---- with the lock of the set ---- */

void push_places_keep(push_places_t *places, const unsigned char *id,
                      const push_fix_t *fix);

/* False: there was nothing to forget. */
bool push_places_forget(push_places_t *places, const unsigned char *id);

#endif
