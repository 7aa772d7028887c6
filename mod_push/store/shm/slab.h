#ifndef PUSH_SLAB_H
#define PUSH_SLAB_H

#include <stdbool.h>

#include "core/heap.h"
#include "store/shm/lock.h"

/*
 * Objects of any size in shared memory.  Memory comes in pages of 16 KiB.  A
 * page holds objects of one size class; an object that is larger than half a
 * page has a run of pages of its own.  Single pages are taken from the low
 * end and runs from the high end, so that runs keep finding room.
 *
 * Beside each object stands one byte, its tag: what it is and which shard owns
 * it.  The tags are the truth; the lists of free objects follow from them and
 * are rebuilt from them when a process died while it changed one, and so is
 * all that the store derives from its objects (store/shard/repair.h).
 */

#define PUSH_PAGE_SIZE    16384u
#define PUSH_SLAB_CLASSES 32

/* kind << 6 | shard; 0: free. */
#define PUSH_TAG(kind, shard) ((unsigned)(kind) << 6 | (unsigned)(shard))
#define PUSH_TAG_KIND(tag)    ((push_kind_t)((tag) >> 6))
#define PUSH_TAG_SHARD(tag)   ((tag)&63u)

/* Retired, and owned by no shard any more (store/shm/epoch.h). */
#define PUSH_TAG_RETIRED 1u

typedef struct push_page_t {
    uint32_t next, prev; /* pages of the class with free objects; index + 1 */
    uint16_t used;       /* objects allocated */
    uint16_t carved;     /* objects that were ever allocated */
    uint16_t free;       /* the first free object of them, + 1 */
    _Atomic uint8_t state; /* 0 free, 1 + class, or of a run */
    _Atomic uint8_t tag;   /* of a run, in its first page */
    uint32_t run;          /* its pages; in the others: 1 + how many before */
} push_page_t;

typedef struct push_slab_class_t {
    push_lock_t lock;
    uint32_t partial;         /* the first page with free objects, index + 1 */
    _Atomic uint32_t objects; /* allocated; changed with the lock only */
} push_slab_class_t;

/* The part of it in shared memory. */
typedef struct push_slab_shared_t {
    push_lock_t pages_lock;
    uint32_t pages;           /* in all */
    uint32_t low;             /* below this no page is free */
    _Atomic uint32_t runs;    /* pages in runs; changed with the lock only */
    uint64_t first;           /* offset of the first page from the base */
    uint64_t table;           /* offset of the page table from the base */
    _Atomic uint64_t used;    /* bytes in allocated objects; see recount */
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

/*
 * PUSH_NONE when there is no memory.  The first PUSH_SLAB_CLEARED bytes are
 * 0 before the tag is set.
 */
push_ref_t push_slab_alloc(push_slab_t *slab, size_t size, unsigned tag);

#define PUSH_SLAB_CLEARED 16u

/* False if a lock was busy: the object is still there. */
bool push_slab_release(push_slab_t *slab, push_ref_t ref);

/* Gives an object another tag. */
void push_slab_set_tag(push_slab_t *slab, push_ref_t ref, unsigned tag);

typedef struct push_object_t {
    push_ref_t ref;
    uint32_t size; /* bytes that it has */
    uint8_t tag;
} push_object_t;

/* The object that begins at ref, whatever ref is; false if there is none. */
bool push_slab_find(const push_slab_t *slab, push_ref_t ref,
                    push_object_t *object);

/*
 * Visits every object.  The visitor runs with a lock of the slab: it must not
 * call the slab.  False if a lock was busy or the visitor said so.
 */
typedef bool push_slab_visit_t(void *data, const push_object_t *object);
bool push_slab_each(push_slab_t *slab, push_slab_visit_t *visit, void *data);

/*
 * Sets the bytes used to what the classes count: a process that died may have
 * allocated without counting.  Takes no lock: what is allocated or freed at
 * this moment may be counted wrongly until the next time.
 */
void push_slab_recount(push_slab_t *slab);

/* Bytes for objects in all. */
uint64_t push_slab_size(const push_slab_t *slab);

/* Bytes that an object of this size takes. */
size_t push_slab_size_of(size_t size);

#endif
