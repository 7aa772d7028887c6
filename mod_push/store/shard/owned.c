#include "store/shard/owned.h"

push_owned_t *push_owned(const push_store_t *store,
                         const push_device_t *device)
{
    if (!store->segment->cluster) {
        return NULL;
    }
    return push_at(&store->heaps[0],
                   push_ref_of(&store->heaps[0], device)
                       + (push_ref_t)(sizeof(*device) / PUSH_REF_UNIT));
}

size_t push_owned_size(const push_store_t *store)
{
    return sizeof(push_device_t)
           + (store->segment->cluster ? sizeof(push_owned_t) : 0);
}

uint64_t push_owned_session(const push_store_t *store,
                            const push_device_t *device)
{
    const push_owned_t *owned = push_owned(store, device);

    return owned && owned->session && owned->gen == device->gen
               ? owned->session
               : push_store_session(store, device->gen);
}
