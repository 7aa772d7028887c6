#include "store/shard/shape.h"

#include <string.h>

#include "core/message_texts.h"
#include "store/shard/assigned.h"
#include "store/shard/copied.h"
#include "store/shard/later.h"
#include "store/shard/owned.h"

static bool user_shape(const push_inventory_t *inventory,
                       const push_item_t *item, const push_user_t *user)
{
    size_t size = sizeof(*user);

    if (item->size < size) {
        return false;
    }
    size += user->name_len;
    return item->size
           >= size + push_copy_room(inventory->store->segment, size);
}

static bool channel_shape(const push_inventory_t *inventory,
                          const push_item_t *item,
                          const push_channel_t *channel)
{
    size_t name_at = sizeof(*channel)
                     + inventory->store->seats.count * sizeof(uint32_t);

    return item->size >= name_at && channel->name_at == name_at
           && channel->name_len <= PUSH_NAME_MAX
           && item->size >= name_at + channel->name_len
                                + push_copy_room(inventory->store->segment,
                                                 name_at + channel->name_len);
}

static bool device_node_shape(const push_inventory_t *inventory,
                              const push_item_t *item,
                              const push_device_t *device)
{
    const push_item_t *user;

    if (item->size < push_owned_size(inventory->store)
        || device->shard != inventory->shard || device->lowest >= PUSH_LANES
        || memcmp(&device->node.hash, device->id, sizeof(device->node.hash))) {
        return false;
    }
    user = push_inventory_find(inventory, device->user, PUSH_NODE,
                               sizeof(push_user_t));
    return user
           && push_node_kind(push_at(inventory->heap, user->ref))
                  == PUSH_NODE_USER;
}

static bool later_shape(const push_inventory_t *inventory,
                        const push_item_t *item, const push_later_t *later)
{
    const push_item_t *body;

    if (item->size < sizeof(*later)) {
        return false;
    }
    body = push_inventory_find(inventory, later->body, PUSH_PART,
                               sizeof(push_later_body_t));
    return push_later_shape(inventory->store, inventory->shard, later,
                            body ? body->size : 0);
}

static bool assigned_shape(const push_inventory_t *inventory,
                           const push_item_t *item,
                           const push_assigned_t *assigned)
{
    const push_assigned_list_t *list;
    const push_item_t *part;
    push_name_t user;

    if (item->size < sizeof(*assigned)
        || memcmp(&assigned->node.hash, assigned->id,
                  sizeof(assigned->node.hash))) {
        return false;
    }
    part = push_inventory_find(inventory, assigned->list, PUSH_PART,
                               sizeof(*list));
    list = part ? push_at(inventory->heap, part->ref) : NULL;
    if (!list || !push_assigned_whole(list, part->size)) {
        return false;
    }
    user = push_store_name(inventory->store, push_assigned_user(list));
    return user.shard == inventory->shard
           && (uint32_t)user.hash == assigned->node.hash;
}

bool push_shape_node(const push_inventory_t *inventory,
                     const push_item_t *item)
{
    const void *node = push_at(inventory->heap, item->ref);

    switch (push_node_kind(node)) {
    case PUSH_NODE_USER:
        return user_shape(inventory, item, node);
    case PUSH_NODE_CHANNEL:
    case PUSH_NODE_BROADCAST:
        return channel_shape(inventory, item, node);
    case PUSH_NODE_DEVICE:
        return device_node_shape(inventory, item, node);
    case PUSH_NODE_KEY:
        return item->size >= sizeof(push_key_t);
    case PUSH_NODE_LATER:
        return later_shape(inventory, item, node);
    case PUSH_NODE_ASSIGNED:
        return assigned_shape(inventory, item, node);
    default:
        return false;
    }
}

static bool labels_shape(const push_inventory_t *inventory,
                         const push_device_t *device)
{
    const push_item_t *item = push_inventory_find(
        inventory, device->labels, PUSH_PART, sizeof(push_labels_t));
    const push_labels_t *labels;
    size_t size = sizeof(*labels);

    if (!item) {
        return false;
    }
    labels = push_at(inventory->heap, item->ref);
    for (int i = 0; i < PUSH_LABELS; i++) {
        size += labels->len[i];
    }
    return size <= item->size;
}

/* A channel that some device subscribes to stays, in whatever shard it is. */
static bool is_channel(const push_inventory_t *inventory, push_ref_t ref)
{
    push_object_t object;
    push_node_kind_t kind;

    if (!push_slab_find(&inventory->store->slab, ref, &object)
        || PUSH_TAG_KIND(object.tag) != PUSH_NODE
        || object.size < sizeof(push_channel_t)) {
        return false;
    }
    kind = push_node_kind(push_at(inventory->heap, ref));
    return kind == PUSH_NODE_CHANNEL || kind == PUSH_NODE_BROADCAST;
}

static bool subscriptions_shape(const push_inventory_t *inventory,
                                const push_device_t *device)
{
    unsigned count = push_device_subscriptions_count(device);
    const push_subscription_t *subscriptions;

    if (count < PUSH_SUBSCRIPTION_CHANNELS
        || count > PUSH_SUBSCRIPTION_CHANNELS + PUSH_CHANNELS_MAX
        || push_device_assigned_count(device)
               > count - PUSH_SUBSCRIPTION_CHANNELS
        || !push_inventory_find(inventory,
                                push_device_subscriptions_ref(device),
                                PUSH_PART, count * sizeof(*subscriptions))) {
        return false;
    }
    subscriptions = push_device_subscriptions(inventory->heap, device);
    if (subscriptions[PUSH_SUBSCRIPTION_USER].log != device->user) {
        return false;
    }
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < count; i++) {
        if (!is_channel(inventory, subscriptions[i].log)) {
            return false;
        }
    }
    return true;
}

bool push_shape_device(const push_inventory_t *inventory,
                       const push_device_t *device)
{
    return labels_shape(inventory, device)
           && subscriptions_shape(inventory, device);
}

bool push_shape_window(const push_inventory_t *inventory,
                       const push_device_t *device, uint64_t *in_flight)
{
    push_ref_t ref = device->window.runs;
    const push_item_t *item = push_inventory_find(inventory, ref, PUSH_PART,
                                                  sizeof(push_runs_t));
    const push_runs_t *ring;

    *in_flight = 0;
    if (!item) {
        return ref == PUSH_NONE;
    }
    ring = push_at(inventory->heap, ref);
    if (!ring->room || ring->room > PUSH_RUNS_MAX
        || item->size < sizeof(*ring) + ring->room * sizeof(push_run_t)
        || ring->span >> 16 >= ring->room
        || (ring->span & 0xffffu) > ring->room) {
        return false;
    }
    for (uint32_t i = 0; i < (ring->span & 0xffffu); i++) {
        const push_run_t *run = push_window_run(inventory->heap,
                                                &device->window, i);

        if (run->first.subscription >= push_device_subscriptions_count(device)
            || run->first.lane >= PUSH_LANES) {
            return false;
        }
        *in_flight += run->count;
    }
    return true;
}

bool push_shape_lane(const push_inventory_t *inventory,
                     const push_lane_t *lane)
{
    push_ref_t ref = lane->ring;
    const push_item_t *item = push_inventory_find(inventory, ref, PUSH_PART,
                                                  sizeof(push_ring_t));
    const push_ring_t *ring;
    uint32_t length = lane->head - lane->tail;

    if (!item) {
        return ref == PUSH_NONE && !length;
    }
    ring = push_at(inventory->heap, ref);
    return !(ring->mask & (ring->mask + 1)) && length <= ring->mask + 1
           && item->size >= sizeof(*ring)
                                + (ring->mask + (size_t)1) * sizeof(uint32_t);
}

/* The predicate says its own length: not before that is known to be there. */
static bool holds_texts(const push_message_t *message, size_t size)
{
    push_text_t where = push_message_trace(message);

    return PUSH_MESSAGE_HEADER + (size_t)(where.at - message->bytes)
                   + where.len
               < size
           && PUSH_MESSAGE_HEADER + (size_t)push_message_size(message) <= size;
}

bool push_shape_message(const push_inventory_t *inventory, push_ref_t ref,
                        const push_log_t *log)
{
    const push_item_t *item = push_inventory_find(inventory, ref, PUSH_MESSAGE,
                                                  PUSH_MESSAGE_HEADER);
    const push_message_t *message;

    if (!item) {
        return false;
    }
    message = push_at(inventory->heap, ref);
    return holds_texts(message, item->size)
           && push_message_fate(message) < PUSH_FATES
           && push_mid_shard(message->mid) == inventory->shard
           && (!log || message->log == push_ref_of(inventory->heap, log));
}
