#include "store/shard/subscriptions.h"
#include "store/shard/copy.h"
#include "store/shard/shard.h"

#include <stdatomic.h>
#include <string.h>

/*
 * By default so many bytes of memory are there for each channel.  One takes
 * some 300, so all of them take less than a third.
 */
#define CHANNEL_SHARE 1024u

/* What the server's own users follow in place of the broadcast: it is silent. */
static const push_text_t silence = {"$nobody", 7};

static push_channel_t *channel_of(push_store_t *store, push_ref_t log)
{
    return push_at(&store->heaps[0], log);
}

bool push_subscriptions_have(const push_subscription_list_t *wanted,
                             push_ref_t log)
{
    for (unsigned i = PUSH_SUBSCRIPTION_CHANNELS; i < wanted->count; i++) {
        if (wanted->list[i].log == log) {
            return true;
        }
    }
    return false;
}

void push_subscriptions_count(push_store_t *store,
                              const push_subscription_t *subscriptions,
                              unsigned count, int by)
{
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < count; i++) {
        atomic_fetch_add(&channel_of(store, subscriptions[i].log)->subscribers,
                         (uint32_t)by);
        PUSH_FAILPOINT("places-counted");
    }
}

/* Where the subscriptions begin that are not the same for everybody. */
static unsigned first_of(const push_subscription_list_t *wanted)
{
    return wanted->own ? PUSH_SUBSCRIPTION_BROADCAST
                       : PUSH_SUBSCRIPTION_CHANNELS;
}

void push_subscriptions_arrived(push_store_t *store,
                                const push_subscription_list_t *wanted)
{
    for (unsigned i = first_of(wanted); i < wanted->count; i++) {
        atomic_fetch_sub(&channel_of(store, wanted->list[i].log)->arriving, 1);
        PUSH_FAILPOINT("arrived");
    }
    atomic_fetch_sub(store->checkins, 1);
}

void push_subscriptions_connect(push_store_t *store,
                                const push_subscription_t *subscriptions,
                                unsigned count, int by)
{
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < count; i++) {
        atomic_fetch_add(&channel_of(store, subscriptions[i].log)->connected,
                         (uint32_t)by);
        PUSH_FAILPOINT("connected-counted");
    }
}

/*
 * Channels that there are, in all shards.  Only an estimate while others come
 * and go: nobody has more than one shard locked.
 */
static uint64_t count_channels(const push_store_t *store)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        count += push_table_count(&store->shards[i].channels);
    }
    return count;
}

static bool may_add_channel(const push_store_t *store)
{
    uint64_t most = store->limits.channels
                        ? store->limits.channels
                        : push_slab_size(&store->slab) / CHANNEL_SHARE;

    return count_channels(store) < most;
}

/* The channel, which a subscriber may bring into being; or why it may not. */
static push_status_t find_or_make(push_store_t *store, const push_name_t *name,
                                  const push_subscription_list_t *wanted,
                                  push_channel_t **channel)
{
    *channel = push_store_channel(store, name, false);
    if (*channel) {
        return PUSH_OK;
    }
    if (!wanted->room) {
        return PUSH_NO_MEMORY;
    }
    if (!may_add_channel(store)) {
        return PUSH_TOO_MANY_CHANNELS;
    }
    *channel = push_store_channel(store, name, true);
    return *channel ? PUSH_OK : PUSH_NO_MEMORY;
}

/* In a cluster a channel is brought into being by following it. */
static push_status_t find(push_store_t *store, const push_name_t *name,
                          const push_subscription_list_t *wanted,
                          push_channel_t **channel)
{
    bool own = wanted->own && wanted->count == PUSH_SUBSCRIPTION_BROADCAST;

    if (!store->segment->cluster || own) {
        return find_or_make(store, name, wanted, channel);
    }
    *channel = push_store_channel(store, name, false);
    return *channel && push_copy_live(store, &(*channel)->log)
               ? PUSH_OK
               : PUSH_NOT_FOUND;
}

/* What is behind this mid is for it, and nothing else. */
static void begin_behind(const push_heap_t *heap, const push_log_t *log,
                         push_subscription_t *subscription, uint64_t behind)
{
    subscription->joined = behind;
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        subscription->cursor[lane] = push_log_seek(heap, log, lane,
                                                   behind + 1);
        subscription->reported[lane] = subscription->cursor[lane];
    }
}

/* behind: NULL, or behind which mid it begins. */
static push_status_t add(push_store_t *store, push_subscription_list_t *wanted,
                         push_text_t text, bool oldest, const uint64_t *behind)
{
    push_name_t name = push_store_name(store, text);
    push_heap_t *heap = &store->heaps[name.shard];
    push_channel_t *channel;
    push_status_t status;

    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    status = find(store, &name, wanted, &channel);
    if (status == PUSH_OK
        && !push_subscriptions_have(wanted, push_ref_of(heap, channel))) {
        push_subscription_init(
            heap, &wanted->list[wanted->count++], push_ref_of(heap, channel),
            oldest ? 0 : push_copy_now(store, &channel->log));
        if (behind) {
            begin_behind(heap, &channel->log, &wanted->list[wanted->count - 1],
                         *behind);
        }
        atomic_fetch_add(&channel->arriving, 1);
        PUSH_FAILPOINT("place-taken");
    }
    push_shard_leave(store, name.shard);
    return status;
}

push_status_t push_subscriptions_add(push_store_t *store,
                                     push_subscription_list_t *wanted,
                                     push_text_t text, bool oldest)
{
    return add(store, wanted, text, oldest, NULL);
}

push_status_t push_subscriptions_join(push_store_t *store,
                                      push_subscription_list_t *wanted,
                                      push_text_t text, uint64_t behind)
{
    return add(store, wanted, text, false, &behind);
}

void push_subscriptions_begin(push_store_t *store,
                              push_subscription_list_t *wanted)
{
    const push_log_t *broadcast = &push_store_broadcast(store)->log;

    memset(&wanted->list[PUSH_SUBSCRIPTION_USER], 0,
           sizeof(push_subscription_t));
    push_subscription_init(&store->heaps[0],
                           &wanted->list[PUSH_SUBSCRIPTION_BROADCAST],
                           store->segment->broadcast,
                           push_copy_now(store, broadcast));
    wanted->count = first_of(wanted);
    wanted->assigned = 0;
    atomic_fetch_add(store->checkins, 1);
}

push_status_t push_subscriptions_take(push_store_t *store,
                                      push_subscription_list_t *wanted,
                                      const push_text_t *channels,
                                      unsigned count, bool from_oldest)
{
    uint32_t now = (uint32_t)(push_clock_now().wall / 1000);
    push_status_t status = PUSH_OK;

    push_subscriptions_begin(store, wanted);
    if (wanted->own) {
        status = push_subscriptions_add(store, wanted, silence, false);
    }
    else if (!push_copy_live(store, &push_store_broadcast(store)->log)) {
        status = PUSH_NOT_FOUND;
    }
    for (unsigned i = 0; i < count && status == PUSH_OK; i++) {
        status = push_subscriptions_add(store, wanted, channels[i],
                                        from_oldest);
    }
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < wanted->count; i++) {
        wanted->list[i].since = now;
    }
    return status;
}

uint64_t push_subscriptions_now(push_store_t *store,
                                const push_device_t *device)
{
    const push_heap_t *heap = &store->heaps[0];
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);
    uint64_t now = push_copy_now(store, push_at(heap, device->user));

    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         store->segment->cluster
         && i < push_device_subscriptions_count(device);
         i++) {
        uint64_t here = push_copy_now(
            store, push_subscription_log(heap, &subscriptions[i]));

        now = here < now ? here : now;
    }
    return now;
}
