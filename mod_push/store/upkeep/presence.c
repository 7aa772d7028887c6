#include "store/upkeep/presence.h"

#include "store/shard/owned.h"

/*
 * The idea: the device and the channel say themselves what was said of them
 * last.  The sweep, which comes by each second anyway, compares that with what
 * is, and says what has changed and lasts.  So it does not matter in which
 * child a stream was, whether that was killed, or where it came back to; and
 * nobody who connects pays for it.
 *
 * A process that dies between the two stores says it twice; one that dies with
 * what it noted, never.
 */

void push_presence_sweep_device(push_store_t *store, push_device_t *device,
                                const push_time_t *now)
{
    const push_presence_t *presence = store->presence;
    bool online = device->traits & PUSH_DEVICE_ONLINE;
    bool present = device->traits & PUSH_DEVICE_PRESENT;

    if (!presence || online == present || !push_is_owned(store, device)
        || (!online && device->left + PUSH_PRESENCE_PATIENCE > now->mono)) {
        return;
    }
    if (presence->device(presence->data, &store->heaps[device->shard], device,
                         online)) {
        device->traits ^= PUSH_DEVICE_PRESENT;
    }
}

/* When the last of a channel went nobody notes; a sweep finds it empty. */
static bool is_vacated(push_channel_t *channel, const push_time_t *now)
{
    if (!channel->vacant_since) {
        channel->vacant_since = now->mono;
    }
    return channel->vacant_since + PUSH_PRESENCE_PATIENCE <= now->mono;
}

void push_presence_sweep_channel(push_store_t *store, push_channel_t *channel,
                                 const push_time_t *now)
{
    const push_presence_t *presence = store->presence;
    bool connected = atomic_load(&channel->connected) != 0;

    if (!presence) {
        channel->occupied = 0;
        return;
    }
    if (connected) {
        channel->vacant_since = 0;
    }
    if (connected == (channel->occupied != 0)
        || (!connected && !is_vacated(channel, now))) {
        return;
    }
    if (presence->channel(presence->data, channel, connected, now)) {
        channel->occupied = connected;
    }
}
