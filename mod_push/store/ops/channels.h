#ifndef PUSH_CHANNELS_H
#define PUSH_CHANNELS_H

#include "core/view.h"
#include "store/ops/top.h"
#include "store/shard/store.h"

/*
 * The first channels in the order that is asked for, in memory for those few.
 * PUSH_NO_MEMORY.
 */
push_status_t push_channels_list(push_store_t *store, const push_view_t *what,
                                 const push_visitor_t *visitor);

/* A channel with its name, and how a list of them is in order. */
typedef struct push_channel_entry_t {
    uint32_t messages, subscribers, connected;
    uint32_t len;
    char name[PUSH_NAME_MAX];
} push_channel_entry_t;

void push_channels_order(push_order_t order, push_top_t *top);

#endif
