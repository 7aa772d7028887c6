#include "broker/library/publish_calls.h"

#include "broker/library/call.h"

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

void push_library_publish(push_command_t *command,
                          const push_publish_call_t *call)
{
    bool is_user = call->log.len && call->log.at[0] == 'u';
    unsigned keys = 3 + is_user + (call->rate != 0) + 5 * (call->topic.len > 0)
                    + (call->key != NULL) + call->lists_count;

    push_call_begin(command, &call->home, "push_publish", keys);
    add_keys(command, call, is_user);
    push_command_unsigned(command, call->home.partition);
    push_command_text(command, call->log);
    push_command_unsigned(command, call->lane);
    push_command_number(command, call->ttl);
    push_command_unsigned(command, call->cap);
    push_command_text(command, call->record);
    push_command_text(command, call->topic);
    push_command_text(command, call->device);
    push_command_unsigned(
        command, call->device.len ? push_library_device_crc(call->device) : 0);
    if (call->key) {
        push_call_request(command, call->request);
        push_command_number(command, call->window);
    }
    else {
        push_command_string(command, "");
        push_command_unsigned(command, 0);
    }
    push_command_unsigned(command, call->rate);
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

bool push_publish_reply(const push_reply_t *reply,
                        push_publish_reply_t *published)
{
    push_parts_t parts = push_parts(reply, 7);

    published->outcome = (push_published_t)push_part_number(
        &parts, 0, PUSH_PUBLISHED_RATE);
    published->tick = push_part_number(&parts, 1, PUSH_TICK_MAX);
    published->recipients = (uint32_t)push_part_number(&parts, 2, UINT32_MAX);
    published->connected = (uint32_t)push_part_number(&parts, 3, UINT32_MAX);
    published->now = (int64_t)push_part_number(&parts, 4, PUSH_MS_MAX);
    read_rate(&parts, 5, &published->rate);
    published->fell = push_reply_count(reply) > 7
                          ? (uint32_t)push_part_number(&parts, 7, UINT32_MAX)
                          : 0;
    return !parts.wrong;
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
}

bool push_once_reply(const push_reply_t *reply, bool *first)
{
    *first = push_reply_integer(reply) == 1;
    return push_reply_kind(reply) == PUSH_REPLY_INTEGER;
}
