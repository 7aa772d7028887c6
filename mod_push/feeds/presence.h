#ifndef PUSH_FEEDS_PRESENCE_H
#define PUSH_FEEDS_PRESENCE_H

#include "feeds/listener.h"
#include "store/shard/presence.h"

/* Who notes presence for the thread of feeds; the listener is borrowed. */
push_presence_t push_feed_presence(push_feed_listener_t *listener);

#endif
