#ifndef PUSH_COPY_VIEW_H
#define PUSH_COPY_VIEW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A log as this machine has it.  The digest is of the ids of its messages that
 * are alive: two that are the same, and not behind, have the same.
 */
typedef struct push_copy_view_t {
    uint32_t messages;
    uint64_t digest;
    bool copied;      /* of what a cluster has: what follows is of that */
    bool current;     /* what is published comes here */
    bool behind;      /* what came was not applied: it is to be asked for */
    bool asked;       /* a process of this machine is about to ask for it */
    uint64_t version; /* tick: all that was published up to it is here */
} push_copy_view_t;

typedef void push_copy_visit_t(void *data, const push_copy_view_t *view);

#endif
