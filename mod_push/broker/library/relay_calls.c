#include "broker/library/relay_calls.h"

#include <stdlib.h>

#include "broker/library/call.h"

#define ENTRY_HEAD 20u /* tick 7, expires 6, sum 7 */
#define MARK_BYTES 13u /* partition 2, count 4, tick 7 */
#define TICK_BYTES 7u

bool push_relay_entry_read(push_text_t text, push_relay_entry_t *entry)
{
    if (text.len < ENTRY_HEAD) {
        return false;
    }
    entry->tick = push_big(text.at, TICK_BYTES);
    entry->expires = (int64_t)push_big(text.at + TICK_BYTES, 6);
    entry->body = (push_text_t){text.at + ENTRY_HEAD, text.len - ENTRY_HEAD};
    return entry->tick <= PUSH_TICK_MAX;
}

static void begin(push_command_t *command, const char *name,
                  const push_home_t *home, push_text_t region)
{
    push_call_begin(command, home, name, 2);
    push_library_key(command, home, PUSH_KEY_RELAY, region);
    push_library_key(command, home, PUSH_KEY_LEASE, region);
    push_command_unsigned(command, home->partition);
    push_command_text(command, region);
}

void push_library_relay_take(push_command_t *command,
                             const push_relay_take_call_t *call)
{
    begin(command, "push_relay_take", &call->home, call->region);
    push_command_text(command, call->holder);
    push_command_number(command, call->lease);
    push_command_unsigned(command, call->entries);
    push_command_unsigned(command, call->bytes);
}

#define TAKEN_PARTS 3u /* before the entries */

bool push_relay_take_reply(const push_reply_t *reply,
                           push_relay_taken_t *taken)
{
    push_parts_t parts = push_parts(reply, TAKEN_PARTS);

    taken->held = push_part_flag(&parts, 0);
    taken->now = (int64_t)push_part_number(&parts, 1, PUSH_MS_MAX);
    taken->waiting = (uint32_t)push_part_number(&parts, 2, UINT32_MAX);
    taken->count = parts.wrong ? 0 : push_reply_count(reply) - TAKEN_PARTS;
    return !parts.wrong;
}

push_text_t push_relay_taken_at(const push_reply_t *reply, unsigned index)
{
    return push_reply_text(push_reply_at(reply, TAKEN_PARTS + index));
}

void push_library_relay_done(push_command_t *command,
                             const push_relay_done_call_t *call)
{
    size_t len = (size_t)call->count * TICK_BYTES;
    unsigned char *ticks = malloc(len ? len : 1);

    begin(command, "push_relay_done", &call->home, call->region);
    push_command_text(command, call->holder);
    push_command_unsigned(command, call->taken);
    if (!ticks) {
        command->failed = true;
        return;
    }
    for (unsigned i = 0; i < call->count; i++) {
        for (unsigned byte = 0; byte < TICK_BYTES; byte++) {
            ticks[i * TICK_BYTES + byte] = (unsigned char)(call->ticks[i]
                                                           >> (48 - 8 * byte));
        }
    }
    push_call_bytes(command, ticks, len);
    free(ticks);
}

bool push_relay_done_reply(const push_reply_t *reply, uint32_t *waiting)
{
    push_parts_t parts = push_parts(reply, 2);

    *waiting = (uint32_t)push_part_number(&parts, 1, UINT32_MAX);
    return !parts.wrong;
}

void push_library_relay_count(push_command_t *command, const push_home_t *home,
                              push_text_t region)
{
    push_call_begin(command, home, "push_relay_count", 1);
    push_library_key(command, home, PUSH_KEY_RELAY, region);
    push_command_unsigned(command, home->partition);
    push_command_text(command, region);
}

bool push_relay_count_reply(const push_reply_t *reply, uint32_t *waiting)
{
    int64_t count = push_reply_integer(reply);

    *waiting = (uint32_t)count;
    return push_reply_kind(reply) == PUSH_REPLY_INTEGER && count >= 0
           && count <= UINT32_MAX;
}

void push_library_relay_waiting(push_command_t *command,
                                const push_home_t *home,
                                const push_relay_list_t *regions,
                                unsigned count)
{
    push_call_begin(command, home, "push_relay_waiting", 1);
    push_call_key(command, home, PUSH_KEY_HEADER);
    push_command_unsigned(command, home->partition);
    for (unsigned i = 0; i < count; i++) {
        push_command_text(command, regions[i].region);
    }
}

#define WAITING_PARTS 2u /* before the regions */

bool push_relay_waiting_reply(const push_reply_t *reply,
                              push_relay_waiting_t *waiting)
{
    push_parts_t parts = push_parts(reply, WAITING_PARTS);

    waiting->now = (int64_t)push_part_number(&parts, 1, PUSH_MS_MAX);
    waiting->regions = parts.wrong ? 0
                                   : push_reply_count(reply) - WAITING_PARTS;
    return push_vm_read(push_part_text(&parts, 0), &waiting->vm)
           && !parts.wrong;
}

bool push_relay_waiting_next(const push_reply_t *reply, unsigned region,
                             uint32_t *at, push_relay_mark_t *mark)
{
    push_text_t text = push_reply_text(
        push_reply_at(reply, WAITING_PARTS + region));

    if (text.len < MARK_BYTES || *at > text.len - MARK_BYTES) {
        return false;
    }
    mark->partition = (unsigned)push_big(text.at + *at, 2);
    mark->waiting = (uint32_t)push_big(text.at + *at + 2, 4);
    mark->oldest = push_big(text.at + *at + 6, TICK_BYTES);
    *at += MARK_BYTES;
    return mark->partition < PUSH_PARTITIONS;
}
