#include "broker/node/lease.h"

#include <stdio.h>
#include <string.h>

#include "broker/node/masters.h"
#include "broker/node/peers.h"

void push_lease_fill(push_cluster_t *cluster, push_command_t *command)
{
    const push_segment_t *segment = cluster->store->segment;
    char room[PUSH_PEER_INFO];
    push_lease_call_t call = {
        .meta = {.home = push_cluster_home(cluster, 0),
                 .hash_key = {segment->hash_key[0], segment->hash_key[1]}},
        .owner = push_cluster_owner(cluster),
        .url = {cluster->options.url, (uint32_t)strlen(cluster->options.url)},
        .info = push_peers_info(cluster, room)};

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
        push_peers_keep(cluster, lease);
    }
    else if (lease->outcome == PUSH_LEASE_FULL) {
        report(cluster, PUSH_CLUSTER_CROWDED, "");
    }
    if (owner == before) {
        return false;
    }
    /* Who dies in between drains the old one again, and asks for its logs. */
    push_masters_other_inboxes(words);
    atomic_store(&words->owner, owner);
    if (owner != PUSH_OWNER_NOBODY) {
        push_masters_suspect_all(words);
        snprintf(text, sizeof(text), "%u", push_owner_node(owner));
        report(cluster, PUSH_CLUSTER_LEASED, text);
    }
    return true;
}
