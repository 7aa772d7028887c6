#include "broker/library/tag_calls.h"

#define HEAD 8u /* since u56, length u8; see lua/tags.lua */

void push_library_tick(push_command_t *command, const push_home_t *home)
{
    push_call_begin(command, home, "push_tick", 1);
    push_call_key(command, home, PUSH_KEY_HEADER);
    push_command_unsigned(command, home->partition);
}

uint64_t push_tick_reply(const push_reply_t *reply)
{
    int64_t tick = push_reply_integer(reply);

    return push_reply_kind(reply) == PUSH_REPLY_INTEGER && tick > 0
                   && (uint64_t)tick <= PUSH_TICK_MAX
               ? (uint64_t)tick
               : 0;
}

void push_library_tag(push_command_t *command, const push_tag_call_t *call)
{
    push_call_begin(command, &call->home,
                    call->subscribe ? "push_tag" : "push_untag", 3);
    push_library_key(command, &call->home, PUSH_KEY_TAGS, call->log);
    push_call_key(command, &call->home, PUSH_KEY_FOLLOWERS);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_command_unsigned(command, call->home.partition);
    push_command_text(command, call->log);
    push_command_text(command, call->channel);
    push_call_flag(command, call->subscribe);
    push_command_unsigned(command, call->since);
    push_command_unsigned(command, call->most);
}

bool push_tag_reply(const push_reply_t *reply, push_tagged_t *tagged)
{
    int64_t outcome = push_reply_integer(reply);

    *tagged = (push_tagged_t)outcome;
    return push_reply_kind(reply) == PUSH_REPLY_INTEGER && outcome >= 0
           && outcome <= PUSH_TAGGED_MANY;
}

void push_library_tags(push_command_t *command, const push_home_t *home,
                       push_text_t log)
{
    push_call_begin(command, home, "push_tags", 1);
    push_library_key(command, home, PUSH_KEY_TAGS, log);
}

bool push_tags_reply(const push_reply_t *reply, push_text_t *tags)
{
    *tags = push_reply_text(reply);
    return push_reply_kind(reply) == PUSH_REPLY_TEXT;
}

bool push_tag_next(push_text_t *tags, push_tag_t *tag)
{
    uint32_t len;

    if (tags->len < HEAD) {
        return false;
    }
    len = (unsigned char)tags->at[HEAD - 1];
    if (!len || tags->len - HEAD < len) {
        return false;
    }
    *tag = (push_tag_t){{tags->at + HEAD, len}, push_big(tags->at, HEAD - 1)};
    *tags = (push_text_t){tags->at + HEAD + len, tags->len - HEAD - len};
    return true;
}
