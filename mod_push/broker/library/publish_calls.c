#include "broker/library/publish_calls.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/call.h"
#include "core/hash.h"

/* Bytes of a publish's fixed argument, of what a key adds, and of its answer:
   as lua/publish.lua has them. */
#define FIXED     21u
#define FIXED_KEY 14u
#define FIXED_ID  7u
#define ANSWER    34u
#define QUEUE     4u /* added to the lane of one */
#define DONE      8u /* bytes of a message */

/* CRC-32 (ISO 3309), four bits at a time. */
uint32_t push_library_device_crc(push_text_t device)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;

    for (uint32_t i = 0; i < device.len; i++) {
        crc ^= (unsigned char)device.at[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static void add_keys(push_command_t *command, const push_publish_call_t *call,
                     bool is_user)
{
    const push_home_t *home = &call->home;

    push_call_key(command, home, PUSH_KEY_FOLLOWERS);
    push_call_key(command, home, PUSH_KEY_HEADER);
    push_library_key(command, home, (char)(PUSH_KEY_LANE + call->lane),
                     call->log);
    if (is_user) {
        push_library_key(command, home, PUSH_KEY_DEVICES, call->log);
    }
    if (call->rate) {
        push_library_key(command, home, PUSH_KEY_RATE, call->log);
    }
    if (call->topic.len) {
        push_library_key(command, home, PUSH_KEY_TOPICS, call->log);
        push_call_lanes(command, home, call->log);
    }
    if (call->key) {
        push_library_key(command, home, PUSH_KEY_ANSWER,
                         (push_text_t){(const char *)call->key,
                                       PUSH_KEY_BYTES});
    }
    for (unsigned i = 0; i < call->lists_count; i++) {
        push_library_key(command, home, PUSH_KEY_RELAY, call->lists[i].region);
    }
    if (call->kept) {
        push_call_key(command, home, PUSH_KEY_LATER);
        push_call_key(command, home, PUSH_KEY_LATER_OF);
    }
}

static void add_relay(push_command_t *command, const push_publish_call_t *call)
{
    push_command_text(command, call->relay);
    push_command_unsigned(command, call->lists_count);
    for (unsigned i = 0; i < call->lists_count; i++) {
        const push_relay_list_t *list = &call->lists[i];

        push_command_text(command, list->region);
        push_command_number(command, list->keep);
        push_command_unsigned(command, list->entries);
        push_command_unsigned(command, list->bytes);
    }
}

/* Numbers in one word: Redis makes a text of each word for Lua. */
static void add_fixed(push_command_t *command, const push_publish_call_t *call)
{
    unsigned char bytes[FIXED + FIXED_KEY];
    unsigned char *at = push_call_big(bytes, call->home.partition, 2);

    at = push_call_big(at, call->lane + (call->queue ? QUEUE : 0), 1);
    at = push_call_big(at, (uint64_t)call->ttl, 6);
    at = push_call_big(at, call->cap, 4);
    at = push_call_big(
        at, call->device.len ? push_library_device_crc(call->device) : 0, 4);
    at = push_call_big(at, call->rate, 4);
    if (call->key) {
        at = push_call_big(at, (uint64_t)call->window, 6);
        at = push_call_big(at, call->request, 8);
    }
    if (call->kept) {
        at = push_call_big(at, call->kept, FIXED_ID);
    }
    push_call_bytes(command, bytes, (size_t)(at - bytes));
}

/* No Topic has a space. */
push_text_t push_library_topic(push_text_t topic, push_text_t where,
                               char *room)
{
    static const uint64_t key[2] = {0, 0};
    uint64_t hash;

    if (!topic.len || !where.len) {
        return topic;
    }
    hash = push_hash(key, where.at, where.len);
    memcpy(room, topic.at, topic.len);
    room[topic.len] = ' ';
    memcpy(room + topic.len + 1, &hash, sizeof(hash));
    return (push_text_t){room, topic.len + 1 + (uint32_t)sizeof(hash)};
}

void push_library_publish(push_command_t *command,
                          const push_publish_call_t *call)
{
    bool is_user = call->log.len && call->log.at[0] == 'u';
    unsigned keys = 3 + is_user + (call->rate != 0) + 5 * (call->topic.len > 0)
                    + (call->key != NULL) + call->lists_count
                    + 2 * (call->kept != 0);

    push_call_begin(command, &call->home,
                    call->kept ? "push_release" : "push_publish", keys);
    add_keys(command, call, is_user);
    add_fixed(command, call);
    push_command_text(command, call->log);
    push_command_text(command, call->record);
    if (call->topic.len || call->device.len || call->lists_count) {
        push_command_text(command, call->topic);
        push_command_text(command, call->device);
    }
    if (call->lists_count) {
        add_relay(command, call);
    }
}

static void read_rate(push_parts_t *parts, unsigned index, push_rate_t *rate)
{
    rate->limit = 0;
    rate->remaining = (uint32_t)push_part_number(parts, index, PUSH_RATE_MAX);
    rate->wait = (int64_t)push_part_number(parts, index + 1, 1000000) * 1000;
}

static uint64_t next(push_text_t *text, unsigned bytes)
{
    uint64_t number = push_big(text->at, bytes);

    text->at += bytes;
    text->len -= bytes;
    return number;
}

bool push_publish_reply(const push_reply_t *reply,
                        push_publish_reply_t *published)
{
    push_text_t text = push_reply_text(reply);
    uint64_t outcome, left, wait;

    *published = (push_publish_reply_t){.tick = 0};
    if (push_reply_kind(reply) != PUSH_REPLY_TEXT || text.len < ANSWER) {
        return false;
    }
    outcome = next(&text, 1);
    published->tick = next(&text, 7);
    published->recipients = (uint32_t)next(&text, 4);
    published->connected = (uint32_t)next(&text, 4);
    published->now = (int64_t)next(&text, 6);
    left = next(&text, 4);
    wait = next(&text, 4);
    published->rate.remaining = (uint32_t)left;
    published->rate.wait = (int64_t)wait * 1000;
    published->fell = (uint32_t)next(&text, 4);
    published->later = text.len && next(&text, 1) == 1;
    published->outcome = (push_published_t)outcome;
    return outcome <= PUSH_PUBLISHED_NO_ROOM
           && published->tick <= PUSH_TICK_MAX && left <= PUSH_RATE_MAX
           && wait <= 1000000;
}

void push_library_done(push_command_t *command, const push_done_call_t *call)
{
    unsigned char *bytes = malloc(call->count * DONE);
    unsigned char *at = bytes;

    push_call_begin(command, &call->home, "push_done", PUSH_LANES);
    push_call_lanes(command, &call->home, call->log);
    for (unsigned i = 0; bytes && i < call->count; i++) {
        at = push_call_big(at, call->lanes[i], 1);
        at = push_call_big(at, push_tick_of_mid(call->mids[i]), 7);
    }
    push_call_bytes(command, bytes, (size_t)(at - bytes));
    free(bytes);
}

void push_library_recall(push_command_t *command,
                         const push_recall_call_t *call)
{
    push_call_begin(command, &call->home, "push_recall", 7);
    push_call_key(command, &call->home, PUSH_KEY_FOLLOWERS);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_call_key(command, &call->home, PUSH_KEY_RECALLS);
    push_call_lanes(command, &call->home, call->log);
    push_command_unsigned(command, call->home.partition);
    push_command_text(command, call->log);
    push_command_unsigned(command, push_tick_of_mid(call->mid));
    push_call_request(command, call->mid);
}

bool push_recall_reply(const push_reply_t *reply,
                       push_recall_reply_t *recalled)
{
    push_parts_t parts = push_parts(reply, 3);

    recalled->found = push_part_flag(&parts, 0);
    recalled->tick = push_part_number(&parts, 1, PUSH_TICK_MAX);
    recalled->connected = (uint32_t)push_part_number(&parts, 2, UINT32_MAX);
    return !parts.wrong;
}

void push_library_take(push_command_t *command, const push_take_call_t *call)
{
    push_call_begin(command, &call->home, "push_take", 1);
    push_library_key(command, &call->home, PUSH_KEY_RATE, call->name);
    push_command_unsigned(command, call->limit);
    push_command_unsigned(command, call->want);
}

bool push_take_reply(const push_reply_t *reply, push_take_reply_t *taken)
{
    push_parts_t parts = push_parts(reply, 3);

    taken->taken = (uint32_t)push_part_number(&parts, 0, PUSH_RATE_MAX);
    read_rate(&parts, 1, &taken->rate);
    return !parts.wrong;
}

void push_library_once(push_command_t *command, const push_once_call_t *call)
{
    push_call_begin(command, &call->home, "push_once", 1);
    push_library_key(command, &call->home, PUSH_KEY_TICKET, call->nonce);
    push_command_number(command, call->ms);
    if (call->valued) {
        push_command_number(command, call->value);
    }
}

bool push_once_reply(const push_reply_t *reply, bool *first)
{
    *first = push_reply_integer(reply) == 1;
    return push_reply_kind(reply) == PUSH_REPLY_INTEGER;
}
