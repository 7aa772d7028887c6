#ifndef PUSH_FENCES_H
#define PUSH_FENCES_H

#include "core/places.h"

/*
 * Circles that devices come into and leave.  A table of fixed size in memory
 * that processes share; each report looks at all of them, so there are few
 * enough for that (docs/positions.md says what it costs).
 *
 * All functions run with the lock of the fences.
 */

#define PUSH_FENCES_MAX      10000u
#define PUSH_FENCE_NAME_MAX  64u  /* bytes */
#define PUSH_FENCE_USER_MAX  255u /* bytes */
#define PUSH_FENCE_SLOT_BITS 14 /* of its number; the others count its uses */

_Static_assert(PUSH_FENCES_MAX <= 1u << PUSH_FENCE_SLOT_BITS,
               "the number of a fence says where it stands");

/* What each report looks at. */
typedef struct push_fence_t {
    push_circle_t circle;
    push_reach_t reach;
    uint32_t uses; /* how many circles have stood here */
    int64_t until; /* mono ms; 0: none stands here */
} push_fence_t;

/* What is looked at of those that are near. */
typedef struct push_fence_label_t {
    uint8_t name_len, user_len;
    char name[PUSH_FENCE_NAME_MAX];
    char user[PUSH_FENCE_USER_MAX]; /* whose devices it is for; "": all */
} push_fence_label_t;

typedef struct push_fences_t {
    uint32_t high; /* behind the last that was ever used */
    push_fence_t list[PUSH_FENCES_MAX];
    push_fence_label_t labels[PUSH_FENCES_MAX];
} push_fences_t;

/* A fence as administrators give and see it; texts are borrowed. */
typedef struct push_fence_view_t {
    push_text_t name, user;
    push_circle_t circle;
    int64_t until; /* mono ms */
} push_fence_view_t;

/*
 * Puts it up, in place of one of its name: if only until differs, devices
 * that are inside stay inside, else it is another fence.  PUSH_TOO_MANY.
 */
push_status_t push_fences_put(push_fences_t *fences,
                              const push_fence_view_t *fence, int64_t now);

/* False: there is no such.  Who is inside is told nothing. */
bool push_fences_remove(push_fences_t *fences, push_text_t name, int64_t now);

/* False: there is no such. */
bool push_fences_find(const push_fences_t *fences, push_text_t name,
                      int64_t now, push_fence_view_t *fence);

/* The next one from slot *at on, which moves behind it; false: there is none.
 */
bool push_fences_next(const push_fences_t *fences, uint32_t *at, int64_t now,
                      push_fence_view_t *fence);

/* Fences that somebody looks at; texts are borrowed for the call. */
typedef struct push_fence_visitor_t {
    push_text_t name; /* of the only one to visit; empty: all */
    void (*fence)(void *data, const push_fence_view_t *fence);
    void *data;
} push_fence_visitor_t;

/* A device that came into a fence, or left it. */
typedef struct push_crossing_t {
    bool entered;
    uint8_t len;
    char name[PUSH_FENCE_NAME_MAX];
} push_crossing_t;

/* A report, and what comes of it. */
typedef struct push_visit_t {
    unsigned char id[PUSH_CONTEXT_BYTES]; /* of the device */
    push_fix_t fix;                       /* inside: from here on */
    unsigned count;
    push_crossing_t crossings[2 * PUSH_PLACE_INSIDE];
} push_visit_t;

/*
 * Who is in a fence stays in it up to 10 % of its radius, or the accuracy of
 * the report, beyond it.  before: the device's last fix, or NULL.  Of more
 * than PUSH_PLACE_INSIDE fences at a time the later ones are not entered.
 */
void push_fences_visit(const push_fences_t *fences, push_text_t user,
                       const push_fix_t *before, push_visit_t *visit);

#endif
