#include "broker/node/node.h"

int64_t push_cluster_until(const push_cluster_t *cluster, unsigned partition,
                           int64_t expires, const push_time_t *now)
{
    const push_cluster_words_t *words = cluster->words;
    unsigned home = words->home[partition % PUSH_CLUSTER_PARTITIONS];
    int64_t offset = home ? atomic_load(&words->masters[home - 1].offset) : 0;

    return expires - (offset ? offset : now->wall - now->mono);
}
