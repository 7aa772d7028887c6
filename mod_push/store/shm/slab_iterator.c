#include <stdatomic.h>

#include "store/shm/slab_internal.h"

#define RECOUNTS 16u /* attempts, while others allocate */

/* Finds and visits objects without knowing what refers to them. */

static bool find_run(const push_slab_t *slab, uint32_t index,
                     push_object_t *object)
{
    const push_page_t *page = &slab->pages[index];

    object->tag = page->tag;
    object->size = page->run * PUSH_PAGE_SIZE;
    return page->run && page->run <= slab->shared->pages - index
           && object->ref == ref_of(slab, page_bytes(slab, index));
}

bool push_slab_find(const push_slab_t *slab, push_ref_t ref,
                    push_object_t *object)
{
    uint64_t offset = (uint64_t)ref * PUSH_REF_UNIT;
    uint64_t index, within;
    unsigned state;

    if (offset < slab->shared->first) {
        return false;
    }
    index = (offset - slab->shared->first) / PUSH_PAGE_SIZE;
    within = (offset - slab->shared->first) % PUSH_PAGE_SIZE;
    if (index >= slab->shared->pages) {
        return false;
    }
    object->ref = ref;
    state = slab->pages[index].state;
    if (state == PAGE_RUN) {
        return find_run(slab, (uint32_t)index, object);
    }
    if (!state || state > CLASSES || within % size_of(state - 1)
        || within / size_of(state - 1) >= objects_of(state - 1)) {
        return false;
    }
    object->tag = *tag_of(slab, (uint32_t)index, state - 1,
                          (unsigned)(within / size_of(state - 1)));
    object->size = size_of(state - 1);
    return object->tag != 0;
}

static bool each_in_page(const push_slab_t *slab, uint32_t index,
                         push_slab_visit_t *visit, void *data)
{
    unsigned class = slab->pages[index].state - 1u;
    push_object_t object = {.size = size_of(class)};
    const unsigned char *at = page_bytes(slab, index);

    for (unsigned i = 0; i < objects_of(class); i++) {
        object.tag = *tag_of(slab, index, class, i);
        object.ref = ref_of(slab, at + (size_t)i * size_of(class));
        if (object.tag && !visit(data, &object)) {
            return false;
        }
    }
    return true;
}

static bool each_in_class(push_slab_t *slab, unsigned class,
                          push_slab_visit_t *visit, void *data)
{
    bool all = true;

    if (!push_slab_lock_class(slab, class)) {
        return false;
    }
    for (uint32_t i = 0; all && i < slab->shared->pages; i++) {
        if (slab->pages[i].state == class + 1) {
            all = each_in_page(slab, i, visit, data);
        }
    }
    push_lock_release(&slab->shared->classes[class].lock);
    return all;
}

static bool each_run(push_slab_t *slab, push_slab_visit_t *visit, void *data)
{
    bool all = true;

    if (!push_slab_lock_pages(slab)) {
        return false;
    }
    for (uint32_t i = 0; all && i < slab->shared->pages; i++) {
        push_object_t object = {.ref = ref_of(slab, page_bytes(slab, i))};

        if (slab->pages[i].state == PAGE_RUN && find_run(slab, i, &object)) {
            all = visit(data, &object);
        }
    }
    push_lock_release(&slab->shared->pages_lock);
    return all;
}

bool push_slab_each(push_slab_t *slab, push_slab_visit_t *visit, void *data)
{
    for (unsigned class = 0; class < CLASSES; class ++) {
        if (!each_in_class(slab, class, visit, data)) {
            return false;
        }
    }
    return each_run(slab, visit, data);
}

static uint64_t counted(const push_slab_shared_t *shared)
{
    uint64_t used = (uint64_t)atomic_load_explicit(&shared->runs,
                                                   memory_order_relaxed)
                    * PUSH_PAGE_SIZE;

    for (unsigned class = 0; class < CLASSES; class ++) {
        used += (uint64_t)atomic_load_explicit(&shared->classes[class].objects,
                                               memory_order_relaxed)
                * size_of(class);
    }
    return used;
}

void push_slab_recount(push_slab_t *slab)
{
    _Atomic uint64_t *used = &slab->shared->used;
    uint64_t before = atomic_load(used);

    /* Not over what another thread counted meanwhile. */
    for (unsigned i = 0; i < RECOUNTS; i++) {
        if (atomic_compare_exchange_strong(used, &before,
                                           counted(slab->shared))) {
            return;
        }
    }
}
