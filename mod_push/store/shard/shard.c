#include "store/shard/shard.h"

#include <stdatomic.h>

#include "store/shard/repair.h"

bool push_shard_enter(push_store_t *store, unsigned shard)
{
    push_shard_t *s = &store->shards[shard];
    push_lock_status_t status = push_lock_acquire(&s->lock);

    if (status == PUSH_LOCK_BUSY) {
        return false;
    }
    if (status == PUSH_LOCKED_AFTER_DEATH) {
        s->damaged = 1;
        atomic_fetch_add(&store->segment->recovered, 1);
    }
    atomic_fetch_add(store->visitors, 1);
    PUSH_FAILPOINT("shard-entered");
    if (!s->damaged || push_repair_shard(store, shard)) {
        return true;
    }
    push_shard_leave(store, shard);
    return false;
}

void push_shard_leave_for(push_store_t *store, unsigned shard,
                          push_commit_t *commit)
{
    push_records_t records = {0};

    PUSH_FAILPOINT("shard-leaving");
    if (store->noted[shard].first) {
        push_records_join(&records, &store->noted[shard]);
    }
    atomic_fetch_sub(store->visitors, 1);
    push_lock_release(&store->shards[shard].lock);
    if (store->hand_over && records.first) {
        store->hand_over(store, &records, commit);
    }
    else {
        push_records_cleanup(&records);
    }
    push_epoch_tidy(&store->epoch);
}

void push_shard_leave(push_store_t *store, unsigned shard)
{
    push_shard_leave_for(store, shard, NULL);
}
