#include "broker/node/tags.h"

#include "broker/library/tag_calls.h"
#include "broker/node/masters.h"
#include "store/ops/apply.h"
#include "store/ops/tags.h"

/* The shard of the user has something for the steward. */
static void mark_due(push_cluster_t *cluster, push_text_t user)
{
    unsigned shard = push_store_name(cluster->store, user).shard;

    atomic_fetch_or(&cluster->words->tags_due, UINT64_C(1) << shard);
}

/* changed: as in push_user_tags_t. */
static push_status_t store(push_cluster_t *cluster, push_text_t log,
                           uint64_t tick, push_text_t body, bool changed)
{
    push_user_tag_t list[PUSH_ASSIGNED_MAX];
    push_user_tags_t tags = {.tick = tick, .changed = changed, .list = list};
    push_log_kind_t kind;
    push_status_t status;
    push_tag_t tag;
    bool due;

    if (!push_log_name_parse(log, &kind, &tags.user)
        || kind != PUSH_LOG_USER) {
        return PUSH_OK;
    }
    while (tags.count < PUSH_ASSIGNED_MAX && push_tag_next(&body, &tag)) {
        list[tags.count++] = (push_user_tag_t){tag.channel, tag.since};
    }
    status = push_tags_store(cluster->store, &tags, &due);
    if (due) {
        mark_due(cluster, tags.user);
    }
    return status;
}

void push_tags_told(push_cluster_t *cluster, const push_inbox_entry_t *entry)
{
    if (store(cluster, entry->log, entry->tick, entry->body, true)
        != PUSH_OK) {
        /* The log is asked for, and with it how it stands. */
        push_partition_suspected(cluster->words, entry->partition);
    }
}

push_status_t push_tags_loaded(push_cluster_t *cluster, push_text_t log,
                               uint64_t tick, push_text_t body)
{
    return store(cluster, log, tick, body, false);
}
