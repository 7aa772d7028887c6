#ifndef PUSH_SLAB_INTERNAL_H
#define PUSH_SLAB_INTERNAL_H

#include "store/shm/slab.h"

/*
 * Where things stand in the slab; for slab.c, slab_iterator.c and layout.c
 * only.
 */

#define PAGE_FREE 0u
#define PAGE_RUN  255u /* the first page of a run */
#define PAGE_REST 254u /* another one */

#define CLASSES 30u

/* Of each class; the last holds two objects a page. */
extern const uint16_t push_slab_sizes[];

static inline unsigned size_of(unsigned class)
{
    return push_slab_sizes[class];
}

static inline uint16_t objects_of(unsigned class)
{
    return (uint16_t)(PUSH_PAGE_SIZE / (size_of(class) + 1u));
}

static inline unsigned char *page_bytes(const push_slab_t *slab,
                                        uint32_t index)
{
    return slab->base + slab->shared->first + (uint64_t)index * PUSH_PAGE_SIZE;
}

static inline uint32_t page_index(const push_slab_t *slab, push_ref_t ref)
{
    return (uint32_t)(((uint64_t)ref * PUSH_REF_UNIT - slab->shared->first)
                      / PUSH_PAGE_SIZE);
}

static inline push_ref_t ref_of(const push_slab_t *slab,
                                const unsigned char *p)
{
    return (push_ref_t)((uint64_t)(p - slab->base) / PUSH_REF_UNIT);
}

/* The tags of a page's objects stand behind them. */
static inline _Atomic uint8_t *tag_of(const push_slab_t *slab, uint32_t index,
                                      unsigned class, unsigned object)
{
    return (_Atomic uint8_t *)(page_bytes(slab, index)
                               + (size_t)objects_of(class) * size_of(class)
                               + object);
}

/* ---- slab.c ---- */

/* False if it is busy; after a death what it guards is derived anew. */
bool push_slab_lock_class(push_slab_t *slab, unsigned class);
bool push_slab_lock_pages(push_slab_t *slab);

#endif
