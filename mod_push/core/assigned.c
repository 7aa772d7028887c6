#include "core/assigned.h"

#include <string.h>

#define NAME_MAX_BYTES 255u

static bool equal(push_text_t one, push_text_t other)
{
    return one.len == other.len && !memcmp(one.at, other.at, one.len);
}

static const char *end_of(const push_assigned_list_t *list)
{
    return (const char *)list + list->size;
}

bool push_assigned_next(const push_assigned_list_t *list, push_text_t *channel)
{
    const char *at = channel->at ? channel->at + channel->len
                                 : list->bytes + list->name_len;

    if (at >= end_of(list)) {
        return false;
    }
    *channel = (push_text_t){at + 1, (unsigned char)*at};
    return true;
}

bool push_assigned_whole(const push_assigned_list_t *list, size_t size)
{
    push_text_t channel = {NULL, 0};
    unsigned count = 0;

    if (size < sizeof(*list) || list->size > size
        || list->size < sizeof(*list) + list->name_len || !list->name_len
        || list->name_len > NAME_MAX_BYTES) {
        return false;
    }
    while (push_assigned_next(list, &channel)) {
        if (!channel.len || channel.at + channel.len > end_of(list)) {
            return false;
        }
        count++;
    }
    return count == list->count && count <= PUSH_ASSIGNED_MAX;
}

bool push_assigned_has(const push_assigned_list_t *list, push_text_t channel)
{
    push_text_t at = {NULL, 0};

    while (push_assigned_next(list, &at)) {
        if (equal(at, channel)) {
            return true;
        }
    }
    return false;
}

size_t push_assigned_size(const push_assigned_change_t *change)
{
    size_t one = 1u + change->channel.len;

    if (!change->before) {
        return sizeof(push_assigned_list_t) + change->user.len + one;
    }
    return change->add ? change->before->size + one
                       : change->before->size - one;
}

static char *put(char *at, push_text_t channel)
{
    *at = (char)channel.len;
    memcpy(at + 1, channel.at, channel.len);
    return at + 1 + channel.len;
}

void push_assigned_write(const push_assigned_change_t *change,
                         push_assigned_list_t *list)
{
    char *at = list->bytes + change->user.len;
    push_text_t channel = {NULL, 0};

    list->size = (uint32_t)push_assigned_size(change);
    list->name_len = (uint16_t)change->user.len;
    list->count = 0;
    memcpy(list->bytes, change->user.at, change->user.len);
    while (change->before && push_assigned_next(change->before, &channel)) {
        if (change->add || !equal(channel, change->channel)) {
            at = put(at, channel);
            list->count++;
        }
    }
    if (change->add) {
        put(at, change->channel);
        list->count++;
    }
}
