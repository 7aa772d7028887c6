#include "store/ops/tags.h"

#include <stdlib.h>
#include <string.h>

#include "store/shard/assigned.h"
#include "store/shard/copy.h"
#include "store/shard/shard.h"

/* ---- from what Redis says to a list ---- */

static size_t size_of(const push_user_tags_t *tags)
{
    size_t size = sizeof(push_assigned_list_t) + tags->user.len;

    for (unsigned i = 0; i < tags->count; i++) {
        size += 1 + tags->list[i].channel.len;
    }
    return size;
}

/* The caller frees it; NULL: no memory. */
static push_assigned_list_t *make_list(const push_user_tags_t *tags)
{
    size_t size = size_of(tags);
    push_assigned_list_t *list = calloc(1,
                                        size + 8 + sizeof(push_assigned_tail_t)
                                            + tags->count * sizeof(uint64_t));
    push_assigned_tail_t *tail;
    char *at;

    if (!list) {
        return NULL;
    }
    list->size = (uint32_t)size;
    list->count = (uint16_t)tags->count;
    list->name_len = (uint16_t)tags->user.len;
    at = list->bytes;
    memcpy(at, tags->user.at, tags->user.len);
    at += tags->user.len;
    tail = push_assigned_tail(list);
    tail->tick = tags->tick;
    for (unsigned i = 0; i < tags->count; i++) {
        const push_text_t *channel = &tags->list[i].channel;

        *at++ = (char)channel->len;
        memcpy(at, channel->at, channel->len);
        at += channel->len;
        tail->since[i] = tags->list[i].since;
    }
    return list;
}

/* But for the tick. */
static bool is_same(push_assigned_list_t *one, push_assigned_list_t *other)
{
    return one->size == other->size && !memcmp(one, other, one->size)
           && !memcmp(push_assigned_tail(one)->since,
                      push_assigned_tail(other)->since,
                      one->count * sizeof(uint64_t));
}

/* Nobody in the shard has any; read without its lock, as a first look. */
static bool is_empty(const push_store_t *store, unsigned shard)
{
    return !push_table_count(&store->shards[shard].assigned);
}

static bool is_followed(push_store_t *store, const push_name_t *name)
{
    const push_user_t *user = push_store_user(store, name, false);

    return user && push_copy_followed(store, &user->log);
}

/* With the lock of the shard. */
static push_status_t put(push_store_t *store, const push_name_t *name,
                         push_assigned_list_t *list, bool *due)
{
    push_assigned_t *assigned = push_assigned_find(store, name);
    push_assigned_list_t *before = assigned ? push_assigned_list(
                                       &store->heaps[name->shard], assigned)
                                            : NULL;
    push_assigned_tail_t *tail = before ? push_assigned_tail(before) : NULL;

    if (!is_followed(store, name)
        || (tail && tail->tick >= push_assigned_tail(list)->tick)) {
        return PUSH_OK;
    }
    if (before && is_same(before, list)) {
        tail->tick = push_assigned_tail(list)->tick;
        return PUSH_OK;
    }
    if (!push_assigned_put(store, name, list)) {
        return PUSH_NO_MEMORY;
    }
    *due = true;
    return PUSH_OK;
}

push_status_t push_tags_store(push_store_t *store,
                              const push_user_tags_t *tags, bool *due)
{
    push_name_t name = push_store_name(store, tags->user);
    push_assigned_list_t *list;
    push_status_t status = PUSH_OK;

    *due = false;
    if (!tags->count && !tags->changed && is_empty(store, name.shard)) {
        return PUSH_OK;
    }
    list = make_list(tags);
    if (!list) {
        return PUSH_NO_MEMORY;
    }
    if (!push_shard_enter(store, name.shard)) {
        free(list);
        return PUSH_BUSY;
    }
    /* Who has none, and had none, takes no memory.  That all have ended is
     * kept: an older answer may be on its way that knows of some. */
    if (tags->count || tags->changed || push_assigned_find(store, &name)) {
        status = put(store, &name, list, due);
    }
    push_shard_leave(store, name.shard);
    free(list);
    return status;
}

/* ---- what is here ---- */

push_status_t push_tags_copy(push_store_t *store, push_text_t user,
                             push_assigned_copy_t *copy)
{
    push_name_t name = push_store_name(store, user);
    push_status_t status = PUSH_OK;

    *copy = (push_assigned_copy_t){.list = NULL};
    if (is_empty(store, name.shard)) {
        return PUSH_OK;
    }
    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    if (!push_assigned_copy(store, &name, copy)) {
        status = PUSH_NO_MEMORY;
    }
    push_shard_leave(store, name.shard);
    return status;
}

/* With the lock: who has no device here needs nothing. */
static bool is_due(push_store_t *store, push_assigned_t *assigned,
                   push_name_t *name)
{
    const push_heap_t *heap = &store->heaps[name->shard];
    const push_user_t *user;

    if (assigned->settled == assigned->version) {
        return false;
    }
    *name = push_store_name(
        store, push_assigned_user(push_assigned_list(heap, assigned)));
    user = push_store_user(store, name, false);
    if (!user || !user->devices) {
        assigned->settled = assigned->version;
        return false;
    }
    return true;
}

unsigned push_tags_due(push_store_t *store, unsigned shard,
                       push_assigned_copy_t *copies, unsigned room)
{
    const push_table_t *table = &store->shards[shard].assigned;
    push_heap_t *heap = &store->heaps[shard];
    push_name_t name = {.shard = shard};
    push_ref_t ref = PUSH_NONE;
    unsigned count = 0;

    if (is_empty(store, shard) || !push_shard_enter(store, shard)) {
        return 0;
    }
    while (count < room && push_table_walk(heap, table, &ref)) {
        copies[count] = (push_assigned_copy_t){.list = NULL};
        if (is_due(store, push_at(heap, ref), &name)
            && push_assigned_copy(store, &name, &copies[count])) {
            count++;
        }
    }
    push_shard_leave(store, shard);
    return count;
}

/* ---- devices follow it ---- */

static push_status_t settle(push_store_t *store, const push_name_t *name,
                            const push_assigned_copy_t *copy,
                            const push_subscription_list_t *wanted)
{
    push_status_t status = PUSH_OK;

    if (!push_shard_enter(store, name->shard)) {
        return PUSH_BUSY;
    }
    if (push_assigned_current(store, name, copy)) {
        status = push_assigned_settle(store, name, copy->list, wanted);
        if (status == PUSH_OK) {
            push_assigned_find(store, name)->settled = copy->version;
        }
    }
    push_shard_leave(store, name->shard);
    return status;
}

push_status_t push_tags_settle(push_store_t *store, push_assigned_copy_t *copy)
{
    push_name_t name = push_store_name(store, push_assigned_user(copy->list));
    push_subscription_list_t *wanted = calloc(1, sizeof(*wanted));
    push_status_t status;

    if (!wanted) {
        return PUSH_NO_MEMORY;
    }
    push_subscriptions_begin(store, wanted);
    status = push_assigned_join(store, wanted, copy->list);
    if (status == PUSH_OK) {
        status = settle(store, &name, copy, wanted);
    }
    push_subscriptions_arrived(store, wanted);
    free(wanted);
    return status;
}
