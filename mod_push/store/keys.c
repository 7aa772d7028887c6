#include <stdatomic.h>
#include <string.h>

#include "store/publish.h"

/* The idempotency keys of all publishers, spread over the shards. */

static bool same_key(const push_heap_t *heap, const void *object,
                     const void *id)
{
    (void)heap;
    return !memcmp(((const push_key_t *)object)->id, id, PUSH_KEY_BYTES);
}

static push_key_t *find(push_store_t *store, unsigned shard,
                        const unsigned char *id)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref;
    uint32_t hash;

    memcpy(&hash, id, sizeof(hash));
    ref = push_table_find(heap, &store->shards[shard].keys, hash, same_key,
                          id);
    return ref ? push_at(heap, ref) : NULL;
}

static push_status_t replay(push_key_t *key, uint64_t request,
                            const push_time_t *now, push_receipt_t *receipt)
{
    switch (push_key_replay(key, request, now)) {
    case PUSH_REPLAY_BUSY:
        return PUSH_KEY_BUSY;
    case PUSH_REPLAY_OTHER:
        return PUSH_KEY_REUSED;
    case PUSH_REPLAY_ANSWER:
        *receipt = key->receipt;
        return PUSH_OVER;
    default:
        return PUSH_OK;
    }
}

static push_status_t claim(push_store_t *store, unsigned shard,
                           const push_key_t *wanted, const push_time_t *now,
                           push_receipt_t *receipt)
{
    push_heap_t *heap = &store->heaps[shard];
    push_key_t *key = find(store, shard, wanted->id);
    push_status_t status;
    push_ref_t ref;

    if (key) {
        status = replay(key, wanted->request, now, receipt);
        if (status == PUSH_OK) {
            uint32_t next = key->next;

            *key = *wanted;
            key->next = next;
        }
        return status;
    }
    ref = heap->alloc(heap, sizeof(*key));
    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    memcpy(push_at(heap, ref), wanted, sizeof(*wanted));
    push_table_add(heap, &store->shards[shard].keys, ref);
    return PUSH_OK;
}

static unsigned shard_of(const unsigned char *id)
{
    return id[PUSH_KEY_BYTES - 1] % PUSH_SHARDS;
}

push_status_t push_store_key_claim(push_store_t *store, push_text_t text,
                                   uint64_t request, const push_time_t *now,
                                   push_receipt_t *receipt)
{
    unsigned char id[PUSH_KEY_BYTES];
    push_status_t status;
    push_key_t wanted;

    push_store_digest(&text, 1, id);
    push_key_init(&wanted, id, request, now->mono + store->limits.idempotency);
    if (!push_shard_enter(store, shard_of(id))) {
        return PUSH_BUSY;
    }
    status = claim(store, shard_of(id), &wanted, now, receipt);
    push_shard_leave(store, shard_of(id));
    return status;
}

void push_store_key_done(push_store_t *store, push_text_t text,
                         const push_receipt_t *receipt)
{
    unsigned char id[PUSH_KEY_BYTES];
    push_key_t *key;
    unsigned shard;

    push_store_digest(&text, 1, id);
    shard = shard_of(id);
    if (!push_shard_enter(store, shard)) {
        return;
    }
    key = find(store, shard, id);
    if (key && receipt) {
        key->receipt = *receipt;
        key->done = 1;
    }
    else if (key) {
        push_heap_t *heap = &store->heaps[shard];
        push_ref_t ref = push_ref_of(heap, key);

        push_table_remove(heap, &store->shards[shard].keys, ref);
        heap->release(heap, ref);
    }
    push_shard_leave(store, shard);
}
