#include "store/ops/quota.h"

#include <stdatomic.h>

#include "store/shard/context.h"

static unsigned online_streams(const push_heap_t *heap,
                               const push_user_t *user,
                               const push_device_t *but)
{
    push_ref_t ref = user->devices;
    unsigned count = 0;

    while (ref) {
        const push_device_t *device = push_at(heap, ref);

        count += device != but && device->traits & PUSH_DEVICE_ONLINE;
        ref = device->sibling;
    }
    return count;
}

/* A user's context that can be spared for a new one: the longest away. */
static push_device_t *longest_away(const push_heap_t *heap,
                                   const push_user_t *user)
{
    push_device_t *found = NULL;
    push_ref_t ref = user->devices;

    while (ref) {
        push_device_t *device = push_at(heap, ref);

        if (!(device->traits & PUSH_DEVICE_ONLINE)
            && !atomic_load(&device->wake)
            && (!found || device->left < found->left)) {
            found = device;
        }
        ref = device->sibling;
    }
    return found;
}

bool push_quota_spare(push_store_t *store, push_user_t *user, uint32_t most)
{
    while (user->devices_count >= most) {
        push_device_t *spare = longest_away(&store->heaps[0], user);

        if (!spare) {
            return false;
        }
        user->spared = 1;
        push_store_drop_device(store, spare);
    }
    return true;
}

/* Counts the channels that the user's other devices ask for. */
static unsigned other_subscriptions(const push_heap_t *heap,
                                    const push_user_t *user,
                                    const push_device_t *but)
{
    push_ref_t ref = user->devices;
    unsigned count = 0;

    while (ref) {
        const push_device_t *device = push_at(heap, ref);

        count += device != but ? push_device_subscriptions_count(device)
                                     - PUSH_SUBSCRIPTION_CHANNELS
                                     - push_device_assigned_count(device)
                               : 0;
        ref = device->sibling;
    }
    return count;
}

push_status_t push_quota_check(const push_store_t *store,
                               const push_checkin_t *checkin,
                               const push_user_t *user,
                               const push_device_t *device)
{
    const push_heap_t *heap = &store->heaps[0];

    if (online_streams(heap, user, device) >= checkin->max_streams) {
        return PUSH_TOO_MANY;
    }
    if (checkin->channels_count
        && other_subscriptions(heap, user, device) + checkin->channels_count
               > checkin->max_subscriptions) {
        return PUSH_TOO_MANY_SUBSCRIPTIONS;
    }
    return PUSH_OK;
}
