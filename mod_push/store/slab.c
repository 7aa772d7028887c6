#include "store/slab.h"

#include <stdatomic.h>
#include <string.h>

#define PAGE_FREE 0u
#define PAGE_RUN  255u

/* Sizes of the classes; the last holds two objects a page. */
static const uint16_t sizes[] = {16,   24,   32,   40,   48,   56,
                                 64,   80,   96,   112,  128,  160,
                                 192,  224,  256,  320,  384,  448,
                                 512,  640,  768,  1024, 1280, 1624,
                                 2040, 2720, 3272, 4088, 5456, 8184};

#define CLASSES (sizeof(sizes) / sizeof(sizes[0]))

_Static_assert(CLASSES <= PUSH_SLAB_CLASSES, "room for every class");

static unsigned class_for(size_t size)
{
    unsigned low = 0;
    unsigned high = CLASSES;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (sizes[middle] < size) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

static uint16_t objects_of(unsigned class)
{
    return (uint16_t)(PUSH_PAGE_SIZE / (sizes[class] + 1u));
}

static unsigned char *page_bytes(const push_slab_t *slab, uint32_t index)
{
    return slab->base + slab->shared->first + (uint64_t)index * PUSH_PAGE_SIZE;
}

static uint32_t page_index(const push_slab_t *slab, push_ref_t ref)
{
    return (uint32_t)(((uint64_t)ref * PUSH_REF_UNIT - slab->shared->first)
                      / PUSH_PAGE_SIZE);
}

static push_ref_t ref_of(const push_slab_t *slab, const unsigned char *p)
{
    return (push_ref_t)((uint64_t)(p - slab->base) / PUSH_REF_UNIT);
}

/* The byte that says for whom an object is allocated; 0: for nobody. */
static unsigned char *owner_of(const push_slab_t *slab, uint32_t index,
                               unsigned class, unsigned object)
{
    return page_bytes(slab, index) + (size_t)objects_of(class) * sizes[class]
           + object;
}

static uint16_t *free_link(const push_slab_t *slab, uint32_t index,
                           unsigned class, unsigned object)
{
    return (uint16_t *)(void *)(page_bytes(slab, index)
                                + (size_t)object * sizes[class]);
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

/* A process died while it changed the page table. */
static void repair_pages(push_slab_t *slab)
{
    atomic_fetch_add(&slab->shared->repairs, 1);
    slab->shared->low = 0;
}

static bool lock_pages(push_slab_t *slab)
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

/* Index + 1 of a free page, or 0. */
static uint32_t take_page(push_slab_t *slab, uint8_t state)
{
    push_slab_shared_t *shared = slab->shared;
    uint32_t found = 0;

    if (!lock_pages(slab)) {
        return 0;
    }
    while (shared->low < shared->pages
           && slab->pages[shared->low].state != PAGE_FREE) {
        shared->low++;
    }
    if (shared->low < shared->pages) {
        push_page_t *page = &slab->pages[shared->low];

        memset(page, 0, sizeof(*page));
        page->state = state;
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
            index -= page->state == PAGE_RUN ? page->run : 1;
        }
    }
    return 0;
}

static push_ref_t take_run(push_slab_t *slab, uint32_t count, unsigned owner)
{
    push_ref_t ref = PUSH_NONE;
    uint32_t found;

    if (!lock_pages(slab)) {
        return PUSH_NONE;
    }
    found = find_run(slab, count);
    if (found) {
        for (uint32_t i = 0; i < count; i++) {
            push_page_t *page = &slab->pages[found - 1 + i];

            memset(page, 0, sizeof(*page));
            page->state = PAGE_RUN;
            page->owner = (uint8_t)owner;
            page->run = count;
        }
        ref = ref_of(slab, page_bytes(slab, found - 1));
        atomic_fetch_add(&slab->shared->used,
                         (uint64_t)count * PUSH_PAGE_SIZE);
    }
    push_lock_release(&slab->shared->pages_lock);
    return ref;
}

static void give_pages(push_slab_t *slab, uint32_t index, uint32_t count)
{
    if (!lock_pages(slab)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        slab->pages[index + i].state = PAGE_FREE;
    }
    if (index < slab->shared->low) {
        slab->shared->low = index;
    }
    push_lock_release(&slab->shared->pages_lock);
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
        if (*owner_of(slab, index, class, i)) {
            page->used++;
        }
        else {
            *free_link(slab, index, class, i) = page->free;
            page->free = (uint16_t)(i + 1);
        }
    }
    if (page->used < objects) {
        link_page(slab, class, index);
    }
}

/* A process died while it changed the class: derive its lists anew. */
static void repair_class(push_slab_t *slab, unsigned class)
{
    atomic_fetch_add(&slab->shared->repairs, 1);
    slab->shared->classes[class].partial = 0;
    for (uint32_t i = 0; i < slab->shared->pages; i++) {
        if (slab->pages[i].state == class + 1) {
            repair_page(slab, class, i);
        }
    }
}

static bool lock_class(push_slab_t *slab, unsigned class)
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
        found = take_page(slab, (uint8_t)(class + 1));
        if (found) {
            memset(owner_of(slab, found - 1, class, 0), 0, objects_of(class));
            link_page(slab, class, found - 1);
        }
    }
    return found;
}

static push_ref_t take_object(push_slab_t *slab, unsigned class,
                              uint32_t index, unsigned owner)
{
    push_page_t *page = &slab->pages[index];
    unsigned object = page->carved;

    if (page->free) {
        object = page->free - 1u;
        page->free = *free_link(slab, index, class, object);
    }
    else {
        page->carved++;
    }
    *owner_of(slab, index, class, object) = (unsigned char)owner;
    page->used++;
    if (page->used == objects_of(class)) {
        unlink_page(slab, class, index);
    }
    atomic_fetch_add(&slab->shared->used, sizes[class]);
    return ref_of(slab,
                  page_bytes(slab, index) + (size_t)object * sizes[class]);
}

push_ref_t push_slab_alloc(push_slab_t *slab, size_t size, unsigned owner)
{
    unsigned class = class_for(size);
    push_ref_t ref = PUSH_NONE;
    uint32_t page;

    if (class == CLASSES) {
        size_t pages = (size + PUSH_PAGE_SIZE - 1) / PUSH_PAGE_SIZE;

        return take_run(slab, (uint32_t)pages, owner);
    }
    if (!lock_class(slab, class)) {
        return PUSH_NONE;
    }
    page = partial_page(slab, class);
    if (page) {
        ref = take_object(slab, class, page - 1, owner);
    }
    push_lock_release(&slab->shared->classes[class].lock);
    return ref;
}

static void release_object(push_slab_t *slab, unsigned class, uint32_t index,
                           push_ref_t ref)
{
    push_page_t *page = &slab->pages[index];
    uint64_t offset = (uint64_t)ref * PUSH_REF_UNIT;
    unsigned object = (unsigned)((offset - slab->shared->first)
                                 % PUSH_PAGE_SIZE / sizes[class]);

    *owner_of(slab, index, class, object) = 0;
    *free_link(slab, index, class, object) = page->free;
    page->free = (uint16_t)(object + 1);
    if (page->used == objects_of(class)) {
        link_page(slab, class, index);
    }
    page->used--;
    atomic_fetch_sub(&slab->shared->used, sizes[class]);
    if (!page->used && (page->next || page->prev)) {
        unlink_page(slab, class, index);
        give_pages(slab, index, 1);
    }
}

void push_slab_release(push_slab_t *slab, push_ref_t ref)
{
    uint32_t index = page_index(slab, ref);
    const push_page_t *page = &slab->pages[index];
    unsigned class;

    if (page->state == PAGE_RUN) {
        atomic_fetch_sub(&slab->shared->used,
                         (uint64_t)page->run * PUSH_PAGE_SIZE);
        give_pages(slab, index, page->run);
        return;
    }
    class = page->state - 1u;
    if (lock_class(slab, class)) {
        release_object(slab, class, index, ref);
        push_lock_release(&slab->shared->classes[class].lock);
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
        return sizes[class];
    }
    return (size + PUSH_PAGE_SIZE - 1) / PUSH_PAGE_SIZE * PUSH_PAGE_SIZE;
}
