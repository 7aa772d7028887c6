#ifndef PUSH_LATER_VIEW_H
#define PUSH_LATER_VIEW_H

#include "core/later.h"

/* What is kept for later, or was, as an administrator sees it. */
typedef struct push_later_view_t {
    uint64_t id;
    push_later_state_t state;
    int64_t at;       /* wall ms */
    uint64_t message; /* what it was published as; 0: it was not */
    /* of what is kept: all else, but for its payload; its texts are borrowed */
    push_publication_t publication;
    uint32_t size; /* bytes of its payload */
} push_later_view_t;

typedef void push_later_visit_t(void *data, const push_later_view_t *view);

#endif
