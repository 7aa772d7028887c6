#include "broker/node/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/node/masters.h"

push_text_t push_lease_info(push_cluster_t *cluster,
                            char room[PUSH_LEASE_INFO])
{
    push_stats_view_t figures = {0};
    int len;

    cluster->local.figures(&cluster->local, &figures);
    len = snprintf(room, PUSH_LEASE_INFO,
                   "{\"streams\":%" PRIu64 ",\"devices\":%" PRIu64
                   ",\"users\":%" PRIu64 ",\"channels\":%" PRIu64
                   ",\"published\":%" PRIu64 ",\"memory\":%" PRIu64
                   ",\"memory_used\":%" PRIu64 "}",
                   figures.streams, figures.devices, figures.users,
                   figures.channels, figures.counts[PUSH_TOTAL_PUBLISHED],
                   figures.memory_size, figures.memory_used);
    return (push_text_t){room, (uint32_t)len};
}

void push_lease_fill(push_cluster_t *cluster, push_command_t *command)
{
    const push_segment_t *segment = cluster->store->segment;
    char room[PUSH_LEASE_INFO];
    push_lease_call_t call = {
        .meta = {.home = push_cluster_home(cluster, 0),
                 .hash_key = {segment->hash_key[0], segment->hash_key[1]}},
        .owner = push_cluster_owner(cluster),
        .url = {cluster->options.url, (uint32_t)strlen(cluster->options.url)},
        .info = push_lease_info(cluster, room)};

    memcpy(call.meta.check, cluster->options.check, sizeof(call.meta.check));
    push_library_lease(command, &call);
}

static void report(push_cluster_t *cluster, push_cluster_event_t what,
                   const char *detail)
{
    cluster->options.report(cluster->options.data, what, detail);
}

/*
 * Names are hashed by the key that this segment was made with; with another
 * one Redis has another cluster's data.
 */
static bool is_ours(push_cluster_t *cluster, const push_lease_reply_t *lease)
{
    const uint64_t *ours = cluster->store->segment->hash_key;

    return lease->meta.hash_key[0] == ours[0]
           && lease->meta.hash_key[1] == ours[1]
           && !memcmp(lease->meta.check, cluster->options.check,
                      sizeof(lease->meta.check));
}

bool push_lease_take(push_cluster_t *cluster, const push_lease_reply_t *lease)
{
    push_cluster_words_t *words = cluster->words;
    unsigned before = push_cluster_owner(cluster);
    unsigned owner = PUSH_OWNER_NOBODY;
    char text[64];

    if (!is_ours(cluster, lease)) {
        report(cluster, PUSH_CLUSTER_FOREIGN, "");
    }
    else if (lease->outcome == PUSH_LEASED) {
        owner = lease->owner;
        atomic_store(&words->lease, push_clock_now().mono);
    }
    else if (lease->outcome == PUSH_LEASE_FULL) {
        report(cluster, PUSH_CLUSTER_CROWDED, "");
    }
    if (owner == before) {
        return false;
    }
    atomic_store(&words->owner, owner);
    if (owner != PUSH_OWNER_NOBODY) {
        push_masters_suspect_all(words);
        snprintf(text, sizeof(text), "%u", push_owner_node(owner));
        report(cluster, PUSH_CLUSTER_LEASED, text);
    }
    return true;
}
