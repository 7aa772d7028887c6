#include "store/ops/publish.h"

#include <stdatomic.h>

#include "core/hash.h"
#include "store/disk/journal.h"
#include "store/ops/pressure.h"
#include "store/disk/save.h"

static uint64_t next_mid(push_store_t *store, unsigned shard,
                         const push_time_t *now)
{
    return push_mid_next(&store->segment->clock, now->wall, shard,
                         store->segment->node);
}

static void wake_user(push_store_t *store, const push_heap_t *heap,
                      const push_user_t *user)
{
    push_ref_t ref = user->devices;

    while (ref) {
        push_device_t *device = push_at(heap, ref);

        push_seat_wake_device(&store->seats, device);
        ref = device->sibling;
    }
}

static push_status_t publish_to_user(push_store_t *store,
                                     const push_name_t *name,
                                     push_publish_t *publish)
{
    push_heap_t *heap = &store->heaps[name->shard];
    int64_t ttl = publish->draft->ttl;
    push_user_t *user = push_store_user(store, name, ttl != 0);
    push_status_t status;

    if (!user) {
        return ttl ? PUSH_NO_MEMORY : PUSH_OK;
    }
    publish->limit = store->limits.max_pending;
    status = push_user_publish(heap, user, publish);
    if (status == PUSH_OK) {
        wake_user(store, heap, user);
    }
    return status;
}

static push_status_t publish_to_channel(push_store_t *store,
                                        const push_name_t *name,
                                        push_channel_t *channel,
                                        push_publish_t *publish)
{
    push_status_t status;

    if (!channel) {
        return PUSH_NO_MEMORY;
    }
    publish->limit = store->limits.history;
    status = push_channel_publish(&store->heaps[name->shard], channel,
                                  publish);
    if (status == PUSH_OK) {
        push_seat_wake_channel(&store->seats, channel);
    }
    return status;
}

static push_status_t publish_by_kind(push_store_t *store, push_log_kind_t kind,
                                     const push_name_t *name,
                                     push_publish_t *publish)
{
    switch (kind) {
    case PUSH_LOG_USER:
        return publish_to_user(store, name, publish);
    case PUSH_LOG_CHANNEL:
        return publish_to_channel(
            store, name, push_store_channel(store, name, true), publish);
    default:
        return publish_to_channel(store, name, push_store_broadcast(store),
                                  publish);
    }
}

/* Where the audience lives; everybody is in shard 0. */
static push_name_t name_of(const push_store_t *store,
                           const push_audience_t *audience)
{
    static const push_name_t everybody = {{NULL, 0}, 0, 0};

    return audience->kind == PUSH_LOG_BROADCAST
               ? everybody
               : push_store_name(store, audience->name);
}

uint64_t push_store_next_mid(push_store_t *store,
                             const push_audience_t *audience,
                             const push_time_t *now)
{
    return next_mid(store, name_of(store, audience).shard, now);
}

static void note(push_record_t *record)
{
    if (record) {
        push_journal_note(record);
    }
}

static void save_key(const push_store_t *store, push_text_t text,
                     uint64_t hash, const push_publish_t *publish)
{
    unsigned char id[PUSH_KEY_BYTES];
    push_key_t key;

    push_store_digest(&text, 1, id);
    push_key_init(&key, id, hash,
                  publish->now.mono + store->limits.idempotency);
    key.receipt = publish->receipt;
    note(push_save_key(&key, &publish->now));
}

/* The message and the key that it came with get to the disk together. */
static void save(const push_store_t *store, const push_request_t *request,
                 const push_publish_t *publish)
{
    if (!store->journal) {
        return;
    }
    if (publish->message) {
        note(push_save_message(store,
                               push_at(&store->heaps[0], publish->message),
                               PUSH_LIVE, &publish->now));
    }
    if (request->key.len) {
        save_key(store, request->key, request->hash, publish);
    }
}

static push_status_t publish_once(push_store_t *store,
                                  const push_request_t *request,
                                  push_publish_t *publish)
{
    const push_audience_t *audience = request->audience;
    push_name_t name = name_of(store, audience);
    push_status_t status;

    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    publish->receipt = (push_receipt_t){
        .mid = audience->mid ? audience->mid
                             : next_mid(store, name.shard, &publish->now)};
    PUSH_FAILPOINT("publish");
    status = publish_by_kind(store, audience->kind, &name, publish);
    if (status == PUSH_OK) {
        save(store, request, publish);
    }
    push_shard_leave(store, name.shard);
    return status;
}

static void count(push_store_t *store, push_status_t status,
                  const push_receipt_t *receipt)
{
    push_counts_t *counts = &store->segment->counts;

    if (status == PUSH_OK) {
        atomic_fetch_add_explicit(&counts->published, 1, memory_order_relaxed);
    }
    if (receipt->refused) {
        atomic_fetch_add_explicit(&counts->refused, receipt->refused,
                                  memory_order_relaxed);
    }
}

static push_status_t publish_with(push_store_t *store,
                                  const push_request_t *request,
                                  push_publish_t *publish)
{
    push_urgency_t urgency = publish->draft->urgency;
    push_status_t status;

    if (!push_pressure_admit(store, urgency, &publish->now)) {
        return PUSH_NO_MEMORY;
    }
    push_journal_throttle(store);
    status = publish_once(store, request, publish);
    if (status == PUSH_NO_MEMORY
        && push_pressure_relieve(store, urgency, &publish->now)) {
        status = publish_once(store, request, publish);
    }
    return status;
}

push_status_t push_store_publish(push_store_t *store,
                                 const push_audience_t *audience,
                                 const push_draft_t *draft,
                                 const push_time_t *now,
                                 push_receipt_t *receipt)
{
    const push_request_t request = {.audience = audience, .draft = draft};

    return push_store_publish_request(store, &request, now, receipt);
}

push_status_t push_store_publish_request(push_store_t *store,
                                         const push_request_t *request,
                                         const push_time_t *now,
                                         push_receipt_t *receipt)
{
    push_publish_t publish = {.draft = request->draft, .now = *now};
    push_status_t status = publish_with(store, request, &publish);

    *receipt = publish.receipt;
    count(store, status, receipt);
    return status;
}

uint64_t push_store_request_hash(const push_store_t *store,
                                 const push_text_t *parts, unsigned count)
{
    uint64_t chain[2] = {store->segment->hash_key[0],
                         store->segment->hash_key[1]};

    for (unsigned i = 0; i < count; i++) {
        chain[0] = push_hash(chain, parts[i].at, parts[i].len);
        chain[1] += parts[i].len;
    }
    return chain[0];
}
