#include "broker/library/follow_calls.h"

#include "broker/library/call.h"

/* Parts of an answer that say what Redis has of a log. */
#define FOLLOWED 4u

void push_library_follow(push_command_t *command,
                         const push_follow_call_t *call)
{
    const push_following_t *following = &call->following;

    push_call_begin(command, &call->home, "push_follow",
                    7 + push_call_has_tags(following->log));
    push_call_key(command, &call->home, PUSH_KEY_FOLLOWERS);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_call_key(command, &call->home, PUSH_KEY_RECALLS);
    push_call_lanes(command, &call->home, following->log);
    push_call_tags(command, &call->home, following->log);
    push_command_unsigned(command, call->home.partition);
    push_command_text(command, following->log);
    push_command_unsigned(command, call->owner);
    push_command_unsigned(command, following->connected);
    push_command_unsigned(command, following->subscribers);
    push_command_unsigned(command, following->since);
    push_call_flag(command, following->rest);
    push_call_flag(command, call->counts_only);
}

bool push_follow_reply(const push_reply_t *reply,
                       push_follow_reply_t *followed)
{
    push_parts_t parts = push_parts(reply, 3 + FOLLOWED);
    bool well = push_origin_read(&parts, 0, &followed->origin);

    push_followed_read(&parts, 3, &followed->origin, &followed->followed);
    return well && !parts.wrong;
}

void push_library_unfollow(push_command_t *command,
                           const push_unfollow_call_t *call)
{
    push_call_begin(command, &call->home, "push_unfollow", 1);
    push_call_key(command, &call->home, PUSH_KEY_FOLLOWERS);
    push_command_text(command, call->log);
    push_command_unsigned(command, call->owner);
}

void push_library_resync(push_command_t *command,
                         const push_resync_call_t *call)
{
    push_call_begin(command, &call->home, "push_resync",
                    3 + (PUSH_LANES + 1) * call->count);
    push_call_key(command, &call->home, PUSH_KEY_FOLLOWERS);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_call_key(command, &call->home, PUSH_KEY_RECALLS);
    for (unsigned i = 0; i < call->count; i++) {
        push_call_lanes(command, &call->home, call->logs[i].log);
    }
    for (unsigned i = 0; i < call->count; i++) {
        push_library_key(command, &call->home, PUSH_KEY_TAGS,
                         call->logs[i].log);
    }
    push_command_unsigned(command, call->home.partition);
    push_command_unsigned(command, call->owner);
    for (unsigned i = 0; i < call->count; i++) {
        const push_following_t *following = &call->logs[i];

        push_command_text(command, following->log);
        push_command_unsigned(command, following->connected);
        push_command_unsigned(command, following->subscribers);
        push_command_unsigned(command, following->since);
        push_call_flag(command, following->rest);
    }
    command->failed = command->failed || call->count > PUSH_RESYNC_MAX;
}

bool push_resync_reply(const push_reply_t *reply,
                       push_resync_reply_t *resynced)
{
    push_parts_t parts = push_parts(reply, 3);
    unsigned count = push_reply_count(reply);
    bool well;

    resynced->count = 0;
    if (parts.wrong || (count - 3) % FOLLOWED
        || (count - 3) / FOLLOWED > PUSH_RESYNC_MAX) {
        return false;
    }
    well = push_origin_read(&parts, 0, &resynced->origin);
    resynced->count = (count - 3) / FOLLOWED;
    for (unsigned i = 0; i < resynced->count; i++) {
        push_followed_read(&parts, 3 + FOLLOWED * i, &resynced->origin,
                           &resynced->logs[i]);
    }
    return well && !parts.wrong;
}

void push_library_drain(push_command_t *command, const push_drain_call_t *call)
{
    push_call_begin(command, &call->home, "push_drain", 1);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_command_unsigned(command, call->home.partition);
    push_command_unsigned(command, call->owner);
    push_command_string(command, call->vm);
    push_command_unsigned(command, call->have);
}

bool push_drain_reply(const push_reply_t *reply, push_drain_reply_t *drained)
{
    push_parts_t parts = push_parts(reply, 8);
    uint64_t last;

    drained->lost = push_part_flag(&parts, 3);
    drained->first = push_part_number(&parts, 4, PUSH_SEQUENCE_MAX);
    drained->last = push_part_number(&parts, 5, PUSH_SEQUENCE_MAX);
    drained->entries = push_part_pieces(&parts, 6);
    last = push_part_number(&parts, 7, PUSH_SEQUENCE_MAX);
    drained->more = last > drained->last;
    return push_origin_read(&parts, 0, &drained->origin)
           && drained->first <= drained->last + 1;
}
