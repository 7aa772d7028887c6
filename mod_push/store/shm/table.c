#include "store/shm/table.h"

#include <string.h>

#define BUCKETS_MIN 32u

static uint32_t *buckets_of(const push_heap_t *heap, const push_table_t *table)
{
    return push_at(heap, table->buckets);
}

static push_node_t *node_at(const push_heap_t *heap, push_ref_t ref)
{
    return push_at(heap, ref);
}

static void set_count(push_table_t *table, uint32_t count)
{
    atomic_store_explicit(&table->count, count, memory_order_relaxed);
}

static push_ref_t make_buckets(push_heap_t *heap, uint32_t count)
{
    push_ref_t ref = heap->alloc(heap, count * sizeof(uint32_t), PUSH_PART);

    if (ref) {
        memset(push_at(heap, ref), 0, count * sizeof(uint32_t));
    }
    return ref;
}

bool push_table_create(push_heap_t *heap, push_table_t *table)
{
    push_ref_t ref = make_buckets(heap, BUCKETS_MIN);

    if (!ref) {
        return false;
    }
    table->mask = BUCKETS_MIN - 1;
    table->buckets = ref;
    set_count(table, 0);
    return true;
}

void push_table_clear(const push_heap_t *heap, push_table_t *table)
{
    memset(buckets_of(heap, table), 0,
           (table->mask + (size_t)1) * sizeof(uint32_t));
    set_count(table, 0);
}

push_ref_t push_table_find(const push_heap_t *heap, const push_table_t *table,
                           uint32_t hash, push_table_match_t *match,
                           const void *key)
{
    push_ref_t ref = buckets_of(heap, table)[hash & table->mask];

    while (ref) {
        const push_node_t *node = node_at(heap, ref);

        if (node->hash == hash && match(heap, node, key)) {
            return ref;
        }
        ref = node->next;
    }
    return PUSH_NONE;
}

static void chain(const push_heap_t *heap, uint32_t *buckets, uint32_t mask,
                  push_ref_t ref)
{
    push_node_t *node = node_at(heap, ref);

    node->next = buckets[node->hash & mask];
    buckets[node->hash & mask] = ref;
}

static void grow(push_heap_t *heap, push_table_t *table)
{
    uint32_t *old = buckets_of(heap, table);
    uint32_t mask = table->mask * 2 + 1;
    push_ref_t before = table->buckets;
    push_ref_t ref = make_buckets(heap, mask + 1);

    if (!ref) {
        return;
    }
    for (uint32_t i = 0; i <= table->mask; i++) {
        push_ref_t at = old[i];

        while (at) {
            push_ref_t next = node_at(heap, at)->next;

            chain(heap, push_at(heap, ref), mask, at);
            at = next;
        }
        PUSH_FAILPOINT("table-grow-moved");
    }
    /* In this order the mask never reaches beyond the buckets. */
    table->buckets = ref;
    PUSH_FAILPOINT("table-grow-swapped");
    table->mask = mask;
    heap->release(heap, before);
}

void push_table_add(push_heap_t *heap, push_table_t *table, push_ref_t ref)
{
    if (push_table_count(table) > table->mask) {
        grow(heap, table);
    }
    push_table_link(heap, table, ref);
}

void push_table_link(const push_heap_t *heap, push_table_t *table,
                     push_ref_t ref)
{
    chain(heap, buckets_of(heap, table), table->mask, ref);
    PUSH_FAILPOINT("table-add");
    set_count(table, push_table_count(table) + 1);
}

void push_table_remove(push_heap_t *heap, push_table_t *table, push_ref_t ref)
{
    uint32_t hash = node_at(heap, ref)->hash;
    uint32_t *link = &buckets_of(heap, table)[hash & table->mask];

    while (*link != ref) {
        link = &node_at(heap, *link)->next;
    }
    *link = node_at(heap, ref)->next;
    PUSH_FAILPOINT("table-remove");
    set_count(table, push_table_count(table) - 1);
}

push_ref_t push_table_next(const push_heap_t *heap, const push_table_t *table,
                           push_ref_t ref)
{
    const uint32_t *buckets = buckets_of(heap, table);
    uint32_t bucket = 0;

    if (ref) {
        const push_node_t *node = node_at(heap, ref);

        if (node->next) {
            return node->next;
        }
        bucket = (node->hash & table->mask) + 1;
    }
    while (bucket <= table->mask && !buckets[bucket]) {
        bucket++;
    }
    return bucket <= table->mask ? buckets[bucket] : PUSH_NONE;
}

push_ref_t push_table_bucket(const push_heap_t *heap,
                             const push_table_t *table, uint32_t bucket)
{
    return buckets_of(heap, table)[bucket];
}
