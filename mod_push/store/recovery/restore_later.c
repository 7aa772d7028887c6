#include <stdatomic.h>
#include <string.h>

#include "store/disk/later_record.h"
#include "store/recovery/restore_internal.h"
#include "store/recovery/restore_times.h"
#include "store/shard/later.h"

/*
 * What is kept for later, and what became of what was.  What should have been
 * published while the server was down is due at once; where there is no room,
 * what comes last is dropped.
 */

static bool is_full(const push_store_t *store)
{
    return store->segment->slab.used
           > push_slab_size(&store->slab) / 100 * PUSH_RESTORE_PERCENT;
}

static bool is_there(const push_store_t *store, unsigned shard,
                     const push_audience_t *audience)
{
    return audience->kind == PUSH_LOG_BROADCAST
               ? shard == 0
               : push_store_name(store, audience->name).shard == shard;
}

/* Its body, in the memory of the shard; false: it is none. */
static bool restore_body(push_store_t *store, unsigned shard,
                         push_later_t *later, push_text_t body)
{
    push_heap_t *heap = &store->heaps[shard];
    push_publication_t publication;

    later->body = heap->alloc(heap, body.len, PUSH_PART);
    if (!later->body) {
        return true;
    }
    memcpy(push_later_body(heap, later), body.at, body.len);
    if (!push_later_read(push_later_body(heap, later), body.len, &publication)
        || !is_there(store, shard, &publication.audience)) {
        heap->release(heap, later->body);
        return false;
    }
    later->node.hash = push_later_hash(store->segment->hash_key, &publication,
                                       later->id);
    return true;
}

static bool keep(push_store_t *store, unsigned shard, push_later_t *later)
{
    push_heap_t *heap = &store->heaps[shard];

    if (push_later_remember(store, shard, later)) {
        return true;
    }
    if (later->body) {
        heap->release(heap, later->body);
    }
    return false;
}

static void restore_one(push_restore_t *restore, push_store_t *store,
                        const push_raw_t *raw)
{
    push_restored_t *restored = &restore->restored;
    push_later_t later;
    push_text_t body;
    unsigned shard;
    bool kept;

    if (!push_later_record_read(raw->key, raw->value, &later, &body)) {
        restored->invalid++;
        return;
    }
    push_restore_clock(store, later.id);
    push_restore_clock(store, later.message);
    kept = body.len != 0;
    shard = push_mid_shard(later.id);
    if (raw->expires <= restore->now.wall) {
        restored->expired += kept;
        return;
    }
    if (kept && !is_full(store) && !restore_body(store, shard, &later, body)) {
        restored->invalid++;
        return;
    }
    if ((!kept || later.body) && keep(store, shard, &later)) {
        restored->laters += kept;
        return;
    }
    restored->dropped += kept;
}

void push_restore_laters(push_restore_t *restore, push_store_t *store)
{
    for (size_t i = 0; i < restore->laters.count; i++) {
        restore_one(restore, store, &restore->laters.at[i]);
    }
}
