#ifndef PUSH_SLAB_H
#define PUSH_SLAB_H

#include <stdbool.h>

#include "core/heap.h"
#include "store/lock.h"

/*
 * Objects of any size in shared memory.  Memory comes in pages of 16 KiB.  A
 * page holds objects of one size class; an object that is larger than half a
 * page has a run of pages of its own.  Single pages are taken from the low
 * end and runs from the high end, so that runs keep finding room.
 *
 * Beside each object stands one byte that says for whom it is allocated; the
 * lists of free objects follow from these bytes and are rebuilt from them
 * when a process died while it changed one.
 */

#define PUSH_PAGE_SIZE    16384u
#define PUSH_SLAB_CLASSES 32

typedef struct push_page_t {
    uint32_t next, prev; /* pages of the class with free objects; index + 1 */
    uint16_t used;       /* objects allocated */
    uint16_t carved;     /* objects that were ever allocated */
    uint16_t free;       /* the first free object of them, + 1 */
    uint8_t state;       /* 0 free, 1 + class, or PUSH_PAGE_RUN */
    uint8_t owner;       /* of a run */
    uint32_t run;        /* pages in the run; in its first and its last */
} push_page_t;

typedef struct push_slab_class_t {
    push_lock_t lock;
    uint32_t partial; /* the first page with free objects, index + 1 */
} push_slab_class_t;

/* The part of it in shared memory. */
typedef struct push_slab_shared_t {
    push_lock_t pages_lock;
    uint32_t pages;           /* in all */
    uint32_t low;             /* below this no page is free */
    uint64_t first;           /* offset of the first page from the base */
    uint64_t table;           /* offset of the page table from the base */
    _Atomic uint64_t used;    /* bytes in allocated objects */
    _Atomic uint64_t repairs; /* after a process died in here */
    push_slab_class_t classes[PUSH_SLAB_CLASSES];
} push_slab_shared_t;

/* A process's view of it. */
typedef struct push_slab_t {
    unsigned char *base;
    push_slab_shared_t *shared;
    push_page_t *pages;
} push_slab_t;

/* Lays a slab over room bytes at offset from base; false if too small. */
bool push_slab_create(push_slab_t *slab, unsigned char *base,
                      push_slab_shared_t *shared, uint64_t offset,
                      uint64_t room);

/* PUSH_NONE when there is no memory.  owner is 1…255. */
push_ref_t push_slab_alloc(push_slab_t *slab, size_t size, unsigned owner);

void push_slab_release(push_slab_t *slab, push_ref_t ref);

/* Bytes for objects in all. */
uint64_t push_slab_size(const push_slab_t *slab);

/* Bytes that an object of this size takes. */
size_t push_slab_size_of(size_t size);

#endif
