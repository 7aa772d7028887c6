#include "store/ops/keys.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/hash.h"
#include "store/ops/publish.h"
#include "store/shard/shard.h"
#include "store/ops/life.h"

/*
 * The idempotency keys of all publishers, spread over the shards.  A claim
 * names the process that made it and the mid that it publishes with.  Of a
 * claimant that died it is looked up whether that mid is in its log: then the
 * request has its answer; else it never happened, for the dead publish
 * nothing any more.
 *
 * A key counts for one audience.  It once counted for all of them, and a state
 * on disk may still have such keys.  They look like any other; so while one
 * that came from disk may be good, a key is looked up by its old id as well.
 */

/* Claims of the dead that one sweep of a shard ends. */
#define DEAD_MAX 64u

static bool same_key(const push_heap_t *heap, const void *object,
                     const void *id)
{
    (void)heap;
    return !memcmp(((const push_key_t *)object)->id, id, PUSH_KEY_BYTES);
}

static unsigned shard_of(const unsigned char *id)
{
    return id[PUSH_KEY_BYTES - 1] % PUSH_SHARDS;
}

/* ---- with the lock of the key's shard ---- */

static push_key_t *find(push_store_t *store, const unsigned char *id)
{
    push_heap_t *heap = &store->heaps[shard_of(id)];
    push_ref_t ref;
    uint32_t hash;

    memcpy(&hash, id, sizeof(hash));
    ref = push_table_find(heap, &store->shards[shard_of(id)].keys, hash,
                          same_key, id);
    return ref ? push_at(heap, ref) : NULL;
}

static void forget(push_store_t *store, push_key_t *key)
{
    unsigned shard = shard_of(key->id);
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = push_ref_of(heap, key);

    push_node_be(key, PUSH_NODE_NONE);
    PUSH_FAILPOINT("key-died");
    push_table_remove(heap, &store->shards[shard].keys, ref);
    heap->release(heap, ref);
}

static void answer(push_key_t *key, const push_receipt_t *receipt)
{
    key->receipt = *receipt;
    PUSH_FAILPOINT("key-answer");
    key->done = 1;
}

/* The content of a key begins behind its node. */
static void fill(push_key_t *key, const push_key_t *wanted)
{
    memcpy((char *)key + sizeof(key->node),
           (const char *)wanted + sizeof(wanted->node),
           sizeof(*key) - sizeof(key->node));
}

static push_status_t make(push_store_t *store, const push_key_t *wanted)
{
    unsigned shard = shard_of(wanted->id);
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = heap->alloc(heap, sizeof(*wanted), PUSH_NODE);
    push_key_t *key;

    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    key = push_at(heap, ref);
    fill(key, wanted);
    key->node.hash = wanted->node.hash;
    PUSH_FAILPOINT("key-made");
    push_node_be(key, PUSH_NODE_KEY);
    PUSH_FAILPOINT("key-born");
    push_table_add(heap, &store->shards[shard].keys, ref);
    return PUSH_OK;
}

static push_status_t replay(const push_key_t *key, uint64_t request,
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

/* The same moment of the window begins again for whoever is first now. */
static push_status_t claim(push_store_t *store, const push_key_t *wanted,
                           const push_time_t *now, push_receipt_t *receipt)
{
    push_key_t *key = find(store, wanted->id);
    push_status_t status;

    if (!key) {
        return make(store, wanted);
    }
    status = replay(key, wanted->request, now, receipt);
    if (status == PUSH_OK) {
        forget(store, key);
        return make(store, wanted);
    }
    return status;
}

/* ---- claims of the dead ---- */

static bool claimant_gone(const push_store_t *store, const push_key_t *key)
{
    return !key->done && key->claimant != PUSH_SEAT_NOBODY
           && !push_seat_alive(&store->seats, key->claimant);
}

typedef struct {
    unsigned char id[PUSH_KEY_BYTES];
    uint64_t mid;
} dead_t;

/* Without a lock: the log of the message is in a shard of its own. */
static void settle_dead(push_store_t *store, const dead_t *dead)
{
    push_receipt_t receipt;
    push_status_t status = push_store_lookup(store, dead->mid, &receipt);
    push_key_t *key;

    if (status == PUSH_BUSY || !push_shard_enter(store, shard_of(dead->id))) {
        return;
    }
    key = find(store, dead->id);
    if (key && !key->done && key->receipt.mid == dead->mid) {
        if (status == PUSH_OK) {
            answer(key, &receipt);
        }
        else {
            forget(store, key);
        }
    }
    push_shard_leave(store, shard_of(dead->id));
}

/* True, with its name, if the key is claimed by a process that died. */
static bool is_dead(push_store_t *store, const unsigned char *id, dead_t *dead)
{
    const push_key_t *key = find(store, id);

    if (!key || !claimant_gone(store, key)) {
        return false;
    }
    memcpy(dead->id, id, sizeof(dead->id));
    dead->mid = key->receipt.mid;
    return true;
}

/* ---- any thread ---- */

static push_status_t try_claim(push_store_t *store, const push_key_t *wanted,
                               const push_time_t *now, push_receipt_t *receipt)
{
    unsigned shard = shard_of(wanted->id);
    push_status_t status;
    bool found = false;
    dead_t dead;

    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    status = claim(store, wanted, now, receipt);
    if (status == PUSH_KEY_BUSY) {
        found = is_dead(store, wanted->id, &dead);
    }
    push_shard_leave(store, shard);
    if (found) {
        settle_dead(store, &dead);
    }
    return status;
}

/* Over the parts with their lengths. */
static uint64_t hash_of(const push_store_t *store, const push_text_t *parts,
                        unsigned count)
{
    uint64_t chain[2] = {store->segment->hash_key[0],
                         store->segment->hash_key[1]};

    for (unsigned i = 0; i < count; i++) {
        chain[0] = push_hash(chain, parts[i].at, parts[i].len);
        chain[1] += parts[i].len;
    }
    return chain[0];
}

/* It is kept on disk: another order of the parts makes other requests. */
static uint64_t request_hash(const push_store_t *store,
                             const push_publication_t *publication)
{
    const push_message_spec_t *spec = &publication->spec;
    const push_audience_t *audience = &publication->audience;
    char numbers[64];
    int len = snprintf(numbers, sizeof(numbers), "%d %d %" PRId64 " %d",
                       audience->kind, spec->urgency, spec->ttl,
                       spec->content.ack_now);
    const push_text_t parts[] = {{numbers, (uint32_t)len},
                                 audience->name,
                                 spec->device,
                                 spec->topic,
                                 spec->content.event,
                                 spec->content.data,
                                 spec->where};
    unsigned count = sizeof(parts) / sizeof(parts[0]);

    return hash_of(store, parts, spec->where.len ? count : count - 1);
}

void push_store_key_name(const push_store_t *store,
                         const push_publication_t *publication,
                         push_claim_t *claim)
{
    static const char *const kinds[] = {[PUSH_LOG_USER] = "u",
                                        [PUSH_LOG_CHANNEL] = "c",
                                        [PUSH_LOG_BROADCAST] = "b"};
    const push_audience_t *audience = &publication->audience;
    const push_text_t parts[] = {{kinds[audience->kind], 1},
                                 audience->name,
                                 publication->spec.device,
                                 publication->key};

    push_store_digest(parts, sizeof(parts) / sizeof(parts[0]), claim->id);
    claim->request = request_hash(store, publication);
}

push_status_t push_store_key_of_old(push_store_t *store,
                                    const push_publication_t *publication,
                                    const push_claim_t *claim,
                                    push_receipt_t *receipt)
{
    const push_time_t *now = &publication->now;
    unsigned char id[PUSH_KEY_BYTES];
    push_status_t status = PUSH_OK;
    const push_key_t *key;

    if (store->segment->keys_restored <= now->mono) {
        return PUSH_OK;
    }
    push_store_digest(&publication->key, 1, id);
    if (!push_shard_enter(store, shard_of(id))) {
        return PUSH_BUSY;
    }
    key = find(store, id);
    if (key && replay(key, claim->request, now, receipt) == PUSH_OVER) {
        status = PUSH_OVER;
    }
    push_shard_leave(store, shard_of(id));
    return status;
}

push_status_t push_store_key_claim(push_store_t *store,
                                   const push_claim_t *wish,
                                   push_audience_t *audience,
                                   const push_time_t *now,
                                   push_receipt_t *receipt)
{
    push_status_t status;
    push_key_t wanted;

    push_key_init(&wanted, wish->id, wish->request,
                  now->mono + store->limits.idempotency);
    wanted.claimant = store->tag;
    wanted.receipt.mid = push_store_next_mid(store, audience, now);
    status = try_claim(store, &wanted, now, receipt);
    if (status == PUSH_KEY_BUSY) {
        status = try_claim(store, &wanted, now, receipt);
    }
    if (status == PUSH_OK) {
        audience->mid = wanted.receipt.mid;
    }
    return status;
}

void push_store_key_done(push_store_t *store, const push_claim_t *claim,
                         const push_receipt_t *receipt)
{
    push_key_t *key;

    if (!push_shard_enter(store, shard_of(claim->id))) {
        return;
    }
    key = find(store, claim->id);
    if (key && receipt) {
        answer(key, receipt);
    }
    else if (key) {
        forget(store, key);
    }
    push_shard_leave(store, shard_of(claim->id));
}

/* Returns how many claims of the dead it found, at most DEAD_MAX. */
static unsigned sweep(push_store_t *store, unsigned shard,
                      const push_time_t *now, dead_t *dead)
{
    push_heap_t *heap = &store->heaps[shard];
    push_table_t *keys = &store->shards[shard].keys;
    push_ref_t ref = push_table_next(heap, keys, PUSH_NONE);
    unsigned count = 0;

    while (ref) {
        push_ref_t next = push_table_next(heap, keys, ref);
        push_key_t *key = push_at(heap, ref);

        if (key->until <= now->mono) {
            forget(store, key);
        }
        else if (count < DEAD_MAX && is_dead(store, key->id, &dead[count])) {
            count++;
        }
        ref = next;
    }
    return count;
}

void push_store_keys_sweep(push_store_t *store, unsigned shard,
                           const push_time_t *now)
{
    dead_t dead[DEAD_MAX];
    unsigned count;

    if (!push_shard_enter(store, shard)) {
        return;
    }
    count = sweep(store, shard, now, dead);
    push_shard_leave(store, shard);
    while (count) {
        settle_dead(store, &dead[--count]);
    }
}
