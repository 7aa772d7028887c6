#include "broker/library/call.h"

#include <string.h>

void push_call_begin(push_command_t *command, const push_home_t *home,
                     const char *name, unsigned keys)
{
    push_command_begin(command, home->partition);
    push_command_string(command, "FCALL");
    push_command_string(command, name);
    push_command_unsigned(command, keys);
}

void push_call_key(push_command_t *command, const push_home_t *home, char kind)
{
    push_library_key(command, home, kind, (push_text_t){NULL, 0});
}

void push_call_lanes(push_command_t *command, const push_home_t *home,
                     push_text_t log)
{
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        push_library_key(command, home, (char)(PUSH_KEY_LANE + lane), log);
    }
}

void push_call_tags(push_command_t *command, const push_home_t *home,
                    push_text_t log)
{
    if (push_call_has_tags(log)) {
        push_library_key(command, home, PUSH_KEY_TAGS, log);
    }
}

void push_call_bytes(push_command_t *command, const void *bytes, size_t len)
{
    push_command_text(command, (push_text_t){bytes, (uint32_t)len});
}

void push_call_flag(push_command_t *command, bool flag)
{
    push_command_string(command, flag ? "1" : "0");
}

unsigned char *push_call_big(unsigned char *at, uint64_t number,
                             unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(number >> 8 * (bytes - 1 - i));
    }
    return at + bytes;
}

void push_call_request(push_command_t *command, uint64_t request)
{
    unsigned char bytes[8];

    push_call_big(bytes, request, sizeof(bytes));
    push_call_bytes(command, bytes, sizeof(bytes));
}

push_parts_t push_parts(const push_reply_t *reply, unsigned count)
{
    return (push_parts_t){reply, push_reply_kind(reply) != PUSH_REPLY_ARRAY
                                     || push_reply_count(reply) < count};
}

uint64_t push_part_number(push_parts_t *parts, unsigned index, uint64_t most)
{
    const push_reply_t *part = push_reply_at(parts->reply, index);
    int64_t number = push_reply_integer(part);

    if (push_reply_kind(part) != PUSH_REPLY_INTEGER || number < 0
        || (uint64_t)number > most) {
        parts->wrong = true;
        return 0;
    }
    return (uint64_t)number;
}

bool push_part_flag(push_parts_t *parts, unsigned index)
{
    return push_part_number(parts, index, 1) == 1;
}

push_text_t push_part_text(push_parts_t *parts, unsigned index)
{
    const push_reply_t *part = push_reply_at(parts->reply, index);

    if (push_reply_kind(part) != PUSH_REPLY_TEXT) {
        parts->wrong = true;
        return (push_text_t){NULL, 0};
    }
    return push_reply_text(part);
}

push_pieces_t push_part_pieces(push_parts_t *parts, unsigned index)
{
    const push_reply_t *part = push_reply_at(parts->reply, index);

    if (push_reply_kind(part) == PUSH_REPLY_ARRAY) {
        return (push_pieces_t){{NULL, 0}, part};
    }
    return (push_pieces_t){push_part_text(parts, index), NULL};
}

void push_part_bytes(push_parts_t *parts, unsigned index, void *bytes,
                     size_t len)
{
    push_text_t text = push_part_text(parts, index);

    if (text.len != len) {
        parts->wrong = true;
        memset(bytes, 0, len);
        return;
    }
    memcpy(bytes, text.at, len);
}

uint64_t push_big(const void *bytes, unsigned count)
{
    const unsigned char *at = bytes;
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++) {
        number = number << 8 | at[i];
    }
    return number;
}
