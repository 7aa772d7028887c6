#include "broker/node/tagged.h"

#include <stdlib.h>

#include "broker/node/load.h"
#include "store/ops/tags.h"

/* Lists that devices do not follow yet, of one look at a shard. */
#define DUE 32u

/* So often all are looked at, ms: who stored one may have died before he said
 * so. */
#define ALL_MS 10000

/* Its channels are brought here, and then its devices follow. */
static bool settle(push_cluster_t *cluster, push_assigned_copy_t *copy)
{
    push_text_t channel = {NULL, 0};
    push_status_t status = PUSH_OK;

    while (status == PUSH_OK && push_assigned_next(copy->list, &channel)) {
        push_log_name_t log = push_log_name('c', channel);

        status = push_load_whole(cluster, push_log_text(&log));
    }
    return status == PUSH_OK
           && push_tags_settle(cluster->store, copy) == PUSH_OK;
}

static bool settle_shard(push_cluster_t *cluster, unsigned shard)
{
    push_assigned_copy_t copies[DUE];
    unsigned count;
    bool well = true;

    do {
        count = push_tags_due(cluster->store, shard, copies, DUE);
        for (unsigned i = 0; i < count; i++) {
            well = settle(cluster, &copies[i]) && well;
            free(copies[i].list);
        }
    } while (well && count == DUE);
    return well;
}

bool push_tagged_settle(push_cluster_t *cluster)
{
    push_cluster_words_t *words = cluster->words;
    int64_t now = push_clock_now().mono;
    uint64_t due = atomic_exchange(&words->tags_due, 0);
    bool well = true;

    if (now >= atomic_load(&words->tags_look)) {
        atomic_store(&words->tags_look, now + ALL_MS);
        due = UINT64_MAX;
    }
    for (unsigned shard = 0; due && shard < PUSH_SHARDS; shard++) {
        if (due >> shard & 1 && !settle_shard(cluster, shard)) {
            atomic_fetch_or(&words->tags_due, UINT64_C(1) << shard);
            well = false;
        }
    }
    return well;
}
