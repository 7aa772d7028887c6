#ifndef PUSH_LIBRARY_FOLLOWED_H
#define PUSH_LIBRARY_FOLLOWED_H

#include "broker/library/call.h"
#include "broker/library/library.h"

/* What answers of follow_calls.h and device_calls.h have in common. */

/*
 * Of a log, what Redis says.  The entries are to be applied in order; then the
 * log is at version.  Where more is set, about 1 MiB was given, and it is to
 * be followed again from version on.  Entries are messages above since, what
 * expired left out, and after them the recalls since then.
 */
typedef struct push_followed_t {
    uint64_t version;
    bool more;
    bool whole; /* these are the first of all there is, and what the node has
                   and is not given is no more: since was 0, or too old to know
                   what was recalled */
    push_pieces_t entries;
    int64_t now; /* as in push_origin_t; expiries are by that clock */
} push_followed_t;

/* In each answer: another vm or epoch than before means trouble. */
typedef struct push_origin_t {
    push_vm_t vm;
    unsigned char epoch[8]; /* zeros: the partition has none yet */
    int64_t now;            /* Redis ms */
} push_origin_t;

/* ---- for these two files ---- */

/* vm, epoch and time, at index and the two behind it. */
bool push_origin_read(push_parts_t *parts, unsigned index,
                      push_origin_t *origin);

/* version, more, whole and entries; the time is that of the answer's origin. */
void push_followed_read(push_parts_t *parts, unsigned index,
                        const push_origin_t *origin,
                        push_followed_t *followed);

#endif
