#include "store/ops/walk.h"

#include "store/shard/shard.h"

/* Objects and buckets that are looked at before others are let in. */
#define AT_ONCE 256u

typedef struct {
    push_store_t *store;
    size_t table;
    push_walk_visit_t *visit;
    void *data;
} walk_t;

static const push_table_t *table_of(const walk_t *walk, unsigned shard)
{
    const char *base = (const char *)&walk->store->shards[shard];

    return (const push_table_t *)(const void *)(base + walk->table);
}

static uint32_t visit_bucket(const walk_t *walk, const push_heap_t *heap,
                             push_ref_t ref)
{
    uint32_t count = 1;

    while (ref) {
        const push_node_t *node = push_at(heap, ref);

        walk->visit(walk->data, heap, node);
        ref = node->next;
        count++;
    }
    return count;
}

/* With the shard's lock; false behind the last bucket. */
static bool visit_some(const walk_t *walk, unsigned shard, uint32_t *bucket)
{
    const push_heap_t *heap = &walk->store->heaps[shard];
    const push_table_t *table = table_of(walk, shard);
    uint32_t seen = 0;

    while (seen < AT_ONCE && *bucket <= table->mask) {
        seen += visit_bucket(walk, heap,
                             push_table_bucket(heap, table, *bucket));
        ++*bucket;
    }
    return *bucket <= table->mask;
}

void push_walk(push_store_t *store, size_t table, push_walk_visit_t *visit,
               void *data)
{
    const walk_t walk = {store, table, visit, data};

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        uint32_t bucket = 0;
        bool more = true;

        while (more && push_shard_enter(store, i)) {
            more = visit_some(&walk, i, &bucket);
            push_shard_leave(store, i);
        }
    }
}
