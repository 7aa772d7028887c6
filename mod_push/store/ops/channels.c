#include "store/ops/channels.h"

#include <string.h>

#include "store/ops/view.h"
#include "store/ops/walk.h"

typedef push_channel_entry_t entry_t;

typedef struct {
    const push_list_t *list;
    push_time_t now;
    push_top_t top;
} channels_t;

/* ---- orders ---- */

static int by_name(const void *one, const void *other)
{
    const entry_t *a = one, *b = other;
    int order = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* The larger first. */
static int by_number(uint32_t one, uint32_t other)
{
    return one > other ? -1 : one < other;
}

static int by_messages(const void *one, const void *other)
{
    const entry_t *a = one, *b = other;

    return by_number(a->messages, b->messages) ?: by_name(one, other);
}

static int by_subscribers(const void *one, const void *other)
{
    const entry_t *a = one, *b = other;

    return by_number(a->subscribers, b->subscribers) ?: by_name(one, other);
}

static int by_connected(const void *one, const void *other)
{
    const entry_t *a = one, *b = other;

    return by_number(a->connected, b->connected) ?: by_name(one, other);
}

static bool same(const void *one, const void *other)
{
    return !by_name(one, other);
}

void push_channels_order(push_order_t order, push_top_t *top)
{
    top->compare = order == PUSH_ORDER_MESSAGES      ? by_messages
                   : order == PUSH_ORDER_SUBSCRIBERS ? by_subscribers
                   : order == PUSH_ORDER_CONNECTED   ? by_connected
                                                     : by_name;
    top->same = same;
}

/* ---- the walk ---- */

static bool begins_with(const entry_t *entry, push_text_t prefix)
{
    return entry->len >= prefix.len
           && (!prefix.len || !memcmp(entry->name, prefix.at, prefix.len));
}

static void take(void *data, const push_heap_t *heap, const void *node)
{
    channels_t *channels = data;
    const push_channel_t *channel = node;
    push_text_t name = push_channel_name(channel);
    entry_t entry = {.subscribers = channel->subscribers,
                     .connected = channel->connected,
                     .len = name.len};
    bool by_content = channels->list->order == PUSH_ORDER_MESSAGES;

    memcpy(entry.name, name.at, name.len);
    if (!begins_with(&entry, channels->list->prefix)) {
        return;
    }
    /* To count them is a walk of its own: where it has to be. */
    if (by_content) {
        entry.messages = push_view_messages(heap, &channel->log,
                                            &channels->now);
    }
    if (!push_top_wants(&channels->top, &entry)) {
        return;
    }
    if (!by_content) {
        entry.messages = push_view_messages(heap, &channel->log,
                                            &channels->now);
    }
    push_top_put(&channels->top, &entry);
}

push_status_t push_channels_list(push_store_t *store, const push_view_t *what,
                                 const push_visitor_t *visitor)
{
    channels_t channels = {.list = &what->list,
                           .now = what->now,
                           .top = {.size = sizeof(entry_t),
                                   .limit = what->list.limit}};

    push_channels_order(what->list.order, &channels.top);
    if (!push_top_init(&channels.top)) {
        return PUSH_NO_MEMORY;
    }
    push_walk(store, offsetof(push_shard_t, channels), take, &channels);
    for (uint32_t i = 0; i < channels.top.count; i++) {
        const entry_t *entry = push_top_at(&channels.top, i);
        const push_channel_view_t view = {{entry->name, entry->len},
                                          entry->messages,
                                          entry->subscribers,
                                          entry->connected};

        visitor->channel(visitor->data, &view);
    }
    *what->list.more = channels.top.more;
    push_top_cleanup(&channels.top);
    return PUSH_OK;
}
