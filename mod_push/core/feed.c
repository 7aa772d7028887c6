#include "core/feed.h"

#include <string.h>

static const char *const channels[PUSH_FEEDS] = {
    [PUSH_FEED_RECEIPTS] = "$receipts",
    [PUSH_FEED_DEADLETTERS] = "$deadletters",
    [PUSH_FEED_PRESENCE] = "$presence",
    [PUSH_FEED_STATS] = "$stats"};

push_text_t push_feed_channel(push_feed_t feed)
{
    return (push_text_t){channels[feed], (uint32_t)strlen(channels[feed])};
}

uint32_t push_feed_bit(push_text_t channel)
{
    if (!channel.len || *channel.at != '$') {
        return 0;
    }
    for (unsigned i = 0; i < PUSH_FEEDS; i++) {
        push_text_t known = push_feed_channel((push_feed_t)i);

        if (known.len == channel.len
            && !memcmp(known.at, channel.at, known.len)) {
            return PUSH_FEED_BIT(i);
        }
    }
    return 0;
}
