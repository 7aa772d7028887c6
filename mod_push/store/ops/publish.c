#include "store/ops/publish.h"

#include <stdatomic.h>

#include "core/tally.h"
#include "store/disk/journal.h"
#include "store/ops/pressure.h"
#include "store/disk/save.h"
#include "store/shard/shard.h"

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
    int64_t ttl = publish->spec->ttl;
    push_user_t *user = push_store_user(store, name, ttl != 0);
    push_status_t status;

    if (!user && ttl) {
        return PUSH_NO_MEMORY;
    }
    if (!user) {
        push_gone_note_nobody(heap, PUSH_NODE_USER, (uint32_t)name->hash,
                              publish->receipt.mid);
        return PUSH_OK;
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

push_name_t push_store_place(const push_store_t *store,
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
    return next_mid(store, push_store_place(store, audience).shard, now);
}

static void count(const push_heap_t *heap, push_status_t status,
                  const push_publication_t *publication,
                  const push_receipt_t *receipt)
{
    const push_message_spec_t *spec = &publication->spec;
    unsigned urgency = publication->spec.urgency;
    unsigned audience = (unsigned)publication->audience.kind - PUSH_LOG_USER;

    if (status == PUSH_OK) {
        push_tally(heap, spec, PUSH_TALLY_PUBLISHED, 1);
        push_count(heap->counts,
                   push_cell(PUSH_COUNT_PUBLISHED, audience, urgency,
                             PUSH_BY_URGENCY_VALUES),
                   1);
        push_count(heap->counts,
                   push_cell(PUSH_COUNT_PUBLISHED_BYTES, audience, urgency,
                             PUSH_BY_URGENCY_VALUES),
                   publication->spec.content.data.len);
    }
    if (receipt->refused) {
        push_tally(heap, spec, PUSH_TALLY_REFUSED, receipt->refused);
        push_count_settled(heap, PUSH_BY_OUTCOME_REFUSED, urgency,
                           receipt->refused);
    }
}

push_status_t push_store_publish_locked(push_store_t *store,
                                        const push_publication_t *publication,
                                        push_publish_t *publish)
{
    const push_audience_t *audience = &publication->audience;
    push_name_t name = push_store_place(store, audience);
    push_status_t status = publish_by_kind(store, audience->kind, &name,
                                           publish);

    count(&store->heaps[name.shard], status, publication, &publish->receipt);
    return status;
}

static push_status_t publish_once(push_store_t *store,
                                  const push_publication_t *publication,
                                  push_publish_t *publish,
                                  push_commit_t *commit,
                                  const push_answer_t *answer)
{
    const push_audience_t *audience = &publication->audience;
    push_name_t name = push_store_place(store, audience);
    push_status_t status;

    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    publish->receipt = (push_receipt_t){
        .mid = audience->mid ? audience->mid
                             : next_mid(store, name.shard, &publish->now)};
    PUSH_FAILPOINT("publish");
    status = push_store_publish_locked(store, publication, publish);
    /* The message and the key that it came with get to the disk together. */
    if (status == PUSH_OK && answer->keyed && store->journal) {
        push_shard_note(store, name.shard,
                        push_save_claim(store, &answer->claim,
                                        &publish->receipt, &publish->now));
    }
    push_shard_leave_for(store, name.shard, commit);
    return status;
}

push_status_t push_store_publish(push_store_t *store,
                                 const push_publication_t *publication,
                                 push_commit_t *commit, push_answer_t *answer)
{
    push_publish_t publish = {.spec = &publication->spec,
                              .now = publication->now};
    push_urgency_t urgency = publication->spec.urgency;
    push_status_t status = PUSH_NO_MEMORY;

    if (store->segment->cluster) {
        answer->receipt = publish.receipt;
        return PUSH_NO_STATE;
    }
    if (push_pressure_admit(store, urgency, &publish.now)) {
        if (store->journal) {
            push_journal_throttle(store);
        }
        status = publish_once(store, publication, &publish, commit, answer);
        if (status == PUSH_NO_MEMORY
            && push_pressure_relieve(store, urgency, &publish.now)) {
            status = publish_once(store, publication, &publish, commit,
                                  answer);
        }
    }
    answer->receipt = publish.receipt;
    return status;
}
