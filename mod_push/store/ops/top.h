#ifndef PUSH_TOP_H
#define PUSH_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first few of many, in some order, in memory for those few: for a list of
 * which nobody keeps the whole.
 */

typedef struct push_top_t {
    char **entries; /* in order; behind the last one, one that is free */
    size_t size;    /* bytes of an entry */
    uint32_t limit;
    uint32_t count;
    bool more;                                          /* some did not fit */
    int (*compare)(const void *one, const void *other); /* < 0: one is first */
    bool (*same)(const void *one, const void *other);
} push_top_t;

/* size, limit, compare and same are set; false: there is no memory. */
bool push_top_init(push_top_t *top);
void push_top_cleanup(push_top_t *top);

/*
 * True if the entry is among the first; compare() is asked, so only what that
 * looks at has to be there yet.  If not, there is more than fits.
 */
bool push_top_wants(push_top_t *top, const void *entry);

/* Copies an entry that is wanted to its place; one that is the same goes. */
void push_top_put(push_top_t *top, const void *entry);

static inline void *push_top_at(const push_top_t *top, uint32_t index)
{
    return top->entries[index];
}

#endif
