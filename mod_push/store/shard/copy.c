#include "store/shard/copy.h"

static size_t size_of(const push_log_t *log)
{
    if (push_log_kind(log) == PUSH_LOG_USER) {
        return sizeof(push_user_t) + ((const push_user_t *)log)->name_len;
    }
    return (size_t)((const push_channel_t *)log)->name_at
           + ((const push_channel_t *)log)->name_len;
}

push_log_copy_t *push_log_copy(const push_store_t *store,
                               const push_log_t *log)
{
    if (!store->segment->cluster) {
        return NULL;
    }
    return push_at(
        &store->heaps[0],
        push_ref_of(&store->heaps[0], log)
            + (push_ref_t)(push_copy_at(size_of(log)) / PUSH_REF_UNIT));
}

uint64_t push_copy_now(push_store_t *store, const push_log_t *log)
{
    const push_log_copy_t *copy = push_log_copy(store, log);

    return copy ? PUSH_MID_LAST(atomic_load(&copy->version))
                : push_mid_now(&store->segment->clock);
}
