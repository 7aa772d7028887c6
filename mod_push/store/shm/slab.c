#include "store/shm/slab.h"

#include <stdatomic.h>
#include <string.h>

#include "store/shm/slab_internal.h"

/*
 * The idea: beside each object stands its tag, one byte behind the page's
 * objects, and the tag is the truth.  An allocation takes an object off the
 * free list and then sets the tag; a release clears the tag first.  So at any
 * death an object is free or not, and whoever gets the lock next derives lists
 * and counts anew, of a class from tags, of the pages from their states.
 *
 * Pages are of one size and sizes of objects are close: rounding costs up to a
 * quarter between 64 and 512 bytes, where most objects are, up to a third to
 * 5456, and more above (5457 bytes take 8184, 8185 a page).  What is used
 * counts with rounding, without pages that are used in part.
 */

const uint16_t push_slab_sizes[] = {16,   24,   32,   40,   48,   56,
                                    64,   80,   96,   112,  128,  160,
                                    192,  224,  256,  320,  384,  448,
                                    512,  640,  768,  1024, 1280, 1624,
                                    2040, 2720, 3272, 4088, 5456, 8184};

_Static_assert(sizeof(push_slab_sizes) / sizeof(push_slab_sizes[0]) == CLASSES,
               "as many as slab_internal.h says");
_Static_assert(CLASSES <= PUSH_SLAB_CLASSES, "room for every class");

static unsigned class_for(size_t size)
{
    unsigned low = 0;
    unsigned high = CLASSES;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (size_of(middle) < size) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

static uint16_t *free_link(const push_slab_t *slab, uint32_t index,
                           unsigned class, unsigned object)
{
    return (uint16_t *)(void *)(page_bytes(slab, index)
                                + (size_t)object * size_of(class));
}

bool push_slab_create(push_slab_t *slab, unsigned char *base,
                      push_slab_shared_t *shared, uint64_t offset,
                      uint64_t room)
{
    uint64_t pages = room / (PUSH_PAGE_SIZE + sizeof(push_page_t));
    uint64_t first = offset + pages * sizeof(push_page_t);

    first = (first + PUSH_PAGE_SIZE - 1) / PUSH_PAGE_SIZE * PUSH_PAGE_SIZE;
    while (pages && first + pages * PUSH_PAGE_SIZE > offset + room) {
        pages--;
    }
    if (pages < 2 * CLASSES || pages > UINT32_MAX / 2) {
        return false;
    }
    memset(shared, 0, sizeof(*shared));
    shared->pages = (uint32_t)pages;
    shared->first = first;
    shared->table = offset;
    push_lock_init(&shared->pages_lock);
    for (unsigned i = 0; i < CLASSES; i++) {
        push_lock_init(&shared->classes[i].lock);
    }
    slab->base = base;
    slab->shared = shared;
    slab->pages = (push_page_t *)(void *)(base + offset);
    return true;
}

/* ---- pages: with the lock of the pages ---- */

static void clear_page(push_page_t *page)
{
    page->next = 0;
    page->prev = 0;
    page->used = 0;
    page->carved = 0;
    page->free = 0;
    page->run = 0;
}

/* With the lock that is named at the counter; others only look at it. */
static void tally(_Atomic uint32_t *counter, uint32_t change)
{
    uint32_t now = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, now + change, memory_order_relaxed);
}

/* Pages of a run whose first page does not say that it is one are free. */
static uint32_t repair_run(push_slab_t *slab, uint32_t index)
{
    const push_page_t *page = &slab->pages[index];
    uint32_t room = slab->shared->pages - index;

    if (page->state == PAGE_REST) {
        slab->pages[index].state = PAGE_FREE;
        return 1;
    }
    if (page->state != PAGE_RUN) {
        return 1;
    }
    if (!page->run || page->run > room) {
        slab->pages[index].state = PAGE_FREE;
        return 1;
    }
    tally(&slab->shared->runs, page->run);
    return page->run;
}

/* A process died while it changed the page table. */
static void repair_pages(push_slab_t *slab)
{
    atomic_fetch_add(&slab->shared->repairs, 1);
    slab->shared->low = 0;
    slab->shared->runs = 0;
    for (uint32_t i = 0; i < slab->shared->pages;) {
        i += repair_run(slab, i);
    }
}

bool push_slab_lock_pages(push_slab_t *slab)
{
    switch (push_lock_acquire(&slab->shared->pages_lock)) {
    case PUSH_LOCKED_AFTER_DEATH:
        repair_pages(slab);
        return true;
    case PUSH_LOCKED:
        return true;
    default:
        return false;
    }
}

/* The tags are clear before the page says that it has some. */
static void set_up_page(push_slab_t *slab, uint32_t index, unsigned class)
{
    push_page_t *page = &slab->pages[index];

    clear_page(page);
    memset((void *)tag_of(slab, index, class, 0), 0, objects_of(class));
    PUSH_FAILPOINT("page-take-cleared");
    atomic_store(&page->state, (uint8_t)(class + 1));
    PUSH_FAILPOINT("page-take-stated");
}

/* Index + 1 of a free page, or 0. */
static uint32_t take_page(push_slab_t *slab, unsigned class)
{
    push_slab_shared_t *shared = slab->shared;
    uint32_t found = 0;

    if (!push_slab_lock_pages(slab)) {
        return 0;
    }
    while (shared->low < shared->pages
           && slab->pages[shared->low].state != PAGE_FREE) {
        shared->low++;
    }
    if (shared->low < shared->pages) {
        set_up_page(slab, shared->low, class);
        found = ++shared->low;
    }
    push_lock_release(&shared->pages_lock);
    return found;
}

/* Index + 1 of the first of count free pages in a row, or 0. */
static uint32_t find_run(const push_slab_t *slab, uint32_t count)
{
    uint32_t free = 0;
    uint32_t index = slab->shared->pages;

    while (index > slab->shared->low) {
        const push_page_t *page = &slab->pages[index - 1];

        if (page->state == PAGE_FREE) {
            free++;
            if (free == count) {
                return index;
            }
            index--;
        }
        else {
            free = 0;
            index -= page->state == PAGE_REST ? page->run : 1;
        }
    }
    return 0;
}

/* The first page makes it a run, when all others are part of it. */
static push_ref_t set_up_run(push_slab_t *slab, uint32_t index, uint32_t count,
                             unsigned tag)
{
    push_page_t *page = &slab->pages[index];
    push_slab_shared_t *shared = slab->shared;

    for (uint32_t i = 1; i < count; i++) {
        clear_page(&page[i]);
        page[i].run = i + 1;
        atomic_store(&page[i].state, PAGE_REST);
    }
    PUSH_FAILPOINT("run-take-rest");
    memset(page_bytes(slab, index), 0, PUSH_SLAB_CLEARED);
    clear_page(page);
    page->run = count;
    atomic_store(&page->tag, (uint8_t)tag);
    atomic_store(&page->state, PAGE_RUN);
    PUSH_FAILPOINT("run-take-first");
    tally(&shared->runs, count);
    atomic_fetch_add(&shared->used, (uint64_t)count * PUSH_PAGE_SIZE);
    return ref_of(slab, page_bytes(slab, index));
}

static push_ref_t take_run(push_slab_t *slab, uint32_t count, unsigned tag)
{
    push_ref_t ref = PUSH_NONE;
    uint32_t found;

    if (!push_slab_lock_pages(slab)) {
        return PUSH_NONE;
    }
    found = find_run(slab, count);
    if (found) {
        ref = set_up_run(slab, found - 1, count, tag);
    }
    push_lock_release(&slab->shared->pages_lock);
    return ref;
}

static void free_pages(push_slab_t *slab, uint32_t index, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        atomic_store(&slab->pages[index + i].state, PAGE_FREE);
        PUSH_FAILPOINT("pages-give");
    }
    if (index < slab->shared->low) {
        slab->shared->low = index;
    }
}

static bool give_page(push_slab_t *slab, uint32_t index)
{
    if (!push_slab_lock_pages(slab)) {
        return false;
    }
    free_pages(slab, index, 1);
    push_lock_release(&slab->shared->pages_lock);
    return true;
}

static bool give_run(push_slab_t *slab, uint32_t index)
{
    push_slab_shared_t *shared = slab->shared;
    uint32_t count;

    if (!push_slab_lock_pages(slab)) {
        return false;
    }
    count = slab->pages[index].run;
    tally(&shared->runs, 0u - count);
    free_pages(slab, index, count);
    atomic_fetch_sub(&shared->used, (uint64_t)count * PUSH_PAGE_SIZE);
    push_lock_release(&shared->pages_lock);
    return true;
}

/* ---- objects: with the lock of their class ---- */

static void link_page(push_slab_t *slab, unsigned class, uint32_t index)
{
    uint32_t *partial = &slab->shared->classes[class].partial;
    push_page_t *page = &slab->pages[index];

    page->prev = 0;
    page->next = *partial;
    if (*partial) {
        slab->pages[*partial - 1].prev = index + 1;
    }
    *partial = index + 1;
}

static void unlink_page(push_slab_t *slab, unsigned class, uint32_t index)
{
    const push_page_t *page = &slab->pages[index];

    if (page->prev) {
        slab->pages[page->prev - 1].next = page->next;
    }
    else {
        slab->shared->classes[class].partial = page->next;
    }
    if (page->next) {
        slab->pages[page->next - 1].prev = page->prev;
    }
}

static void repair_page(push_slab_t *slab, unsigned class, uint32_t index)
{
    push_page_t *page = &slab->pages[index];
    uint16_t objects = objects_of(class);

    page->free = 0;
    page->used = 0;
    page->carved = objects;
    for (uint16_t i = 0; i < objects; i++) {
        if (*tag_of(slab, index, class, i)) {
            page->used++;
        }
        else {
            *free_link(slab, index, class, i) = page->free;
            page->free = (uint16_t)(i + 1);
        }
    }
    tally(&slab->shared->classes[class].objects, page->used);
    if (page->used < objects) {
        link_page(slab, class, index);
    }
    PUSH_FAILPOINT("class-repair-page");
}

/* A process died while it changed the class: derive its lists anew. */
static void repair_class(push_slab_t *slab, unsigned class)
{
    atomic_fetch_add(&slab->shared->repairs, 1);
    slab->shared->classes[class].partial = 0;
    slab->shared->classes[class].objects = 0;
    for (uint32_t i = 0; i < slab->shared->pages; i++) {
        if (slab->pages[i].state == class + 1) {
            repair_page(slab, class, i);
        }
    }
}

bool push_slab_lock_class(push_slab_t *slab, unsigned class)
{
    switch (push_lock_acquire(&slab->shared->classes[class].lock)) {
    case PUSH_LOCKED_AFTER_DEATH:
        repair_class(slab, class);
        return true;
    case PUSH_LOCKED:
        return true;
    default:
        return false;
    }
}

/* A page of the class with a free object, index + 1, or 0. */
static uint32_t partial_page(push_slab_t *slab, unsigned class)
{
    uint32_t found = slab->shared->classes[class].partial;

    if (!found) {
        found = take_page(slab, class);
        if (found) {
            link_page(slab, class, found - 1);
        }
    }
    return found;
}

static push_ref_t take_object(push_slab_t *slab, unsigned class,
                              uint32_t index, unsigned tag)
{
    push_page_t *page = &slab->pages[index];
    unsigned object = page->carved;
    unsigned char *at;

    if (page->free) {
        object = page->free - 1u;
        page->free = *free_link(slab, index, class, object);
    }
    else {
        page->carved++;
    }
    PUSH_FAILPOINT("object-take-unlinked");
    at = page_bytes(slab, index) + (size_t)object * size_of(class);
    memset(at, 0, PUSH_SLAB_CLEARED);
    atomic_store(tag_of(slab, index, class, object), (uint8_t)tag);
    PUSH_FAILPOINT("object-take-tagged");
    page->used++;
    if (page->used == objects_of(class)) {
        unlink_page(slab, class, index);
    }
    tally(&slab->shared->classes[class].objects, 1);
    atomic_fetch_add(&slab->shared->used, size_of(class));
    return ref_of(slab, at);
}

push_ref_t push_slab_alloc(push_slab_t *slab, size_t size, unsigned tag)
{
    unsigned class = class_for(size);
    push_ref_t ref = PUSH_NONE;
    uint32_t page;

    if (class == CLASSES) {
        size_t pages = (size + PUSH_PAGE_SIZE - 1) / PUSH_PAGE_SIZE;

        return take_run(slab, (uint32_t)pages, tag);
    }
    if (!push_slab_lock_class(slab, class)) {
        return PUSH_NONE;
    }
    page = partial_page(slab, class);
    if (page) {
        ref = take_object(slab, class, page - 1, tag);
    }
    push_lock_release(&slab->shared->classes[class].lock);
    return ref;
}

/* Which of its page's objects stands at ref. */
static unsigned object_at(const push_slab_t *slab, unsigned class,
                          push_ref_t ref)
{
    uint64_t offset = (uint64_t)ref * PUSH_REF_UNIT - slab->shared->first;

    return (unsigned)(offset % PUSH_PAGE_SIZE / size_of(class));
}

static void release_object(push_slab_t *slab, unsigned class, uint32_t index,
                           push_ref_t ref)
{
    push_page_t *page = &slab->pages[index];
    unsigned object = object_at(slab, class, ref);

    atomic_store(tag_of(slab, index, class, object), 0);
    PUSH_FAILPOINT("object-give-untagged");
    *free_link(slab, index, class, object) = page->free;
    page->free = (uint16_t)(object + 1);
    if (page->used == objects_of(class)) {
        link_page(slab, class, index);
    }
    page->used--;
    tally(&slab->shared->classes[class].objects, UINT32_MAX);
    atomic_fetch_sub(&slab->shared->used, size_of(class));
    if (!page->used && (page->next || page->prev)) {
        unlink_page(slab, class, index);
        PUSH_FAILPOINT("page-give-unlinked");
        if (!give_page(slab, index)) {
            link_page(slab, class, index);
        }
    }
}

bool push_slab_release(push_slab_t *slab, push_ref_t ref)
{
    uint32_t index = page_index(slab, ref);
    unsigned state = slab->pages[index].state;

    if (state == PAGE_RUN) {
        return give_run(slab, index);
    }
    if (!push_slab_lock_class(slab, state - 1u)) {
        return false;
    }
    release_object(slab, state - 1u, index, ref);
    push_lock_release(&slab->shared->classes[state - 1u].lock);
    return true;
}

void push_slab_set_tag(push_slab_t *slab, push_ref_t ref, unsigned tag)
{
    uint32_t index = page_index(slab, ref);
    push_page_t *page = &slab->pages[index];

    if (page->state == PAGE_RUN) {
        atomic_store(&page->tag, (uint8_t)tag);
    }
    else {
        unsigned class = page->state - 1u;

        atomic_store(tag_of(slab, index, class, object_at(slab, class, ref)),
                     (uint8_t)tag);
    }
}

uint64_t push_slab_size(const push_slab_t *slab)
{
    return (uint64_t)slab->shared->pages * PUSH_PAGE_SIZE;
}

size_t push_slab_size_of(size_t size)
{
    unsigned class = class_for(size);

    if (class < CLASSES) {
        return size_of(class);
    }
    return (size + PUSH_PAGE_SIZE - 1) / PUSH_PAGE_SIZE * PUSH_PAGE_SIZE;
}
