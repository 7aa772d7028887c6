#include "stream/loop/followers.h"

#include <stdlib.h>

#define ROOM_MIN 64u

bool push_followers_init(push_followers_t *followers)
{
    followers->entries = NULL;
    followers->room = 0;
    followers->used = 0;
    followers->free = 0;
    return push_map_init(&followers->first);
}

void push_followers_cleanup(push_followers_t *followers)
{
    push_map_cleanup(&followers->first);
    free(followers->entries);
    followers->entries = NULL;
}

static bool grow(push_followers_t *followers)
{
    uint32_t room = followers->room ? followers->room * 2 : ROOM_MIN;
    push_follower_t *entries = realloc(followers->entries,
                                       room * sizeof(*entries));

    if (!entries) {
        return false;
    }
    followers->entries = entries;
    followers->room = room;
    return true;
}

/* Index + 1 of a free entry, or 0. */
static uint32_t take_entry(push_followers_t *followers)
{
    uint32_t entry = followers->free;

    if (entry) {
        followers->free = followers->entries[entry - 1].next_of_stream;
        return entry;
    }
    if (followers->used == followers->room && !grow(followers)) {
        return 0;
    }
    return ++followers->used;
}

static void give_entry(push_followers_t *followers, uint32_t entry)
{
    followers->entries[entry - 1].next_of_stream = followers->free;
    followers->free = entry;
}

bool push_followers_add(push_followers_t *followers, uint32_t channel,
                        uint32_t stream, uint32_t *list)
{
    uint32_t first = push_map_get(&followers->first, channel, 0);
    uint32_t entry = take_entry(followers);

    if (!entry) {
        return false;
    }
    if (!push_map_put(&followers->first, channel, entry)) {
        give_entry(followers, entry);
        return false;
    }
    followers->entries[entry - 1] = (push_follower_t){.channel = channel,
                                                      .stream = stream,
                                                      .next = first,
                                                      .next_of_stream = *list};
    if (first) {
        followers->entries[first - 1].prev = entry;
    }
    *list = entry;
    return true;
}

bool push_followers_drop(push_followers_t *followers, uint32_t *list,
                         uint32_t *channel)
{
    uint32_t entry = *list;
    push_follower_t *follower = &followers->entries[entry - 1];
    bool last = !follower->next && !follower->prev;

    *channel = follower->channel;
    *list = follower->next_of_stream;
    if (follower->next) {
        followers->entries[follower->next - 1].prev = follower->prev;
    }
    if (follower->prev) {
        followers->entries[follower->prev - 1].next = follower->next;
    }
    else if (last) {
        push_map_remove(&followers->first, follower->channel);
    }
    else {
        push_map_put(&followers->first, follower->channel, follower->next);
    }
    give_entry(followers, entry);
    return last;
}

const push_follower_t *push_followers_of(const push_followers_t *followers,
                                         uint32_t channel)
{
    uint32_t first = push_map_get(&followers->first, channel, 0);

    return first ? &followers->entries[first - 1] : NULL;
}

const push_follower_t *push_followers_next(const push_followers_t *followers,
                                           const push_follower_t *follower)
{
    return follower->next ? &followers->entries[follower->next - 1] : NULL;
}
