#include "broker/library/peer_calls.h"

#include <string.h>

#include "broker/library/call.h"

#define HEAD        27u /* of a device's record, see lua/device.lua */
#define FLAG_ONLINE 1u
#define FLAG_EXACT  2u
#define MEMBER      13u /* of a message, see lua/log.lua */
#define MARK        14u /* issued u56, until u56 */

static void add_request(push_command_t *command, uint64_t request,
                        unsigned from, push_text_t body)
{
    push_call_request(command, request);
    push_command_unsigned(command, from);
    push_command_text(command, body);
}

void push_library_send(push_command_t *command, const push_send_call_t *call)
{
    static const unsigned char nothing[PUSH_CONTEXT_BYTES];

    push_call_begin(command, &call->home, "push_send", 3);
    push_library_key(command, &call->home, PUSH_KEY_DEVICES, call->log);
    push_call_key(command, &call->home, PUSH_KEY_FOLLOWERS);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_command_unsigned(command, call->home.partition);
    push_command_text(command, call->log);
    push_call_bytes(command, call->context ? call->context : nothing,
                    PUSH_CONTEXT_BYTES);
    push_call_bytes(command, &call->kind, 1);
    push_command_unsigned(command, call->to);
    add_request(command, call->request, call->from, call->body);
}

bool push_send_reply(const push_reply_t *reply, push_send_reply_t *sent)
{
    push_parts_t parts = push_parts(reply, 4);

    sent->found = push_part_flag(&parts, 0);
    sent->owner = (unsigned)push_part_number(&parts, 1, UINT16_MAX);
    sent->heard = (uint32_t)push_part_number(&parts, 2, UINT32_MAX);
    sent->alive = push_part_flag(&parts, 3);
    return !parts.wrong;
}

static bool read_count(const push_reply_t *reply, uint32_t *count)
{
    int64_t number = push_reply_integer(reply);

    *count = 0;
    if (push_reply_kind(reply) != PUSH_REPLY_INTEGER || number < 0
        || number > UINT32_MAX) {
        return false;
    }
    *count = (uint32_t)number;
    return true;
}

static void begin_answer(push_command_t *command,
                         const push_answer_call_t *call, const char *name)
{
    push_call_begin(command, &call->home, name, 1);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_command_unsigned(command, call->home.partition);
    push_command_unsigned(command, call->to);
}

void push_library_answer(push_command_t *command,
                         const push_answer_call_t *call)
{
    begin_answer(command, call, "push_answer");
    add_request(command, call->request, call->from, call->body);
}

static void add_owners(push_command_t *command, const push_tell_call_t *call)
{
    for (unsigned i = 0; i < call->count; i++) {
        push_command_unsigned(command, call->owners[i]);
    }
}

void push_library_tell_all(push_command_t *command,
                           const push_tell_call_t *call)
{
    push_call_begin(command, &call->home, "push_tell_all", 1);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_command_unsigned(command, call->home.partition);
    push_command_text(command, call->log);
    add_request(command, call->request, call->from, call->body);
    add_owners(command, call);
}

bool push_tell_reply(const push_reply_t *reply, uint32_t *reached)
{
    return read_count(reply, reached);
}

void push_library_ask(push_command_t *command, const push_tell_call_t *call)
{
    push_call_begin(command, &call->home, "push_ask", 1);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_command_unsigned(command, call->home.partition);
    add_request(command, call->request, call->from, call->body);
    add_owners(command, call);
}

bool push_ask_reply(const push_reply_t *reply, unsigned count, bool *heard)
{
    push_parts_t parts = push_parts(reply, count);

    for (unsigned i = 0; i < count; i++) {
        heard[i] = push_part_number(&parts, i, UINT32_MAX) > 0;
    }
    return !parts.wrong;
}

void push_library_leave(push_command_t *command,
                        const push_answer_call_t *call)
{
    begin_answer(command, call, "push_leave");
    add_request(command, call->request, call->from, call->body);
}

void push_library_collect(push_command_t *command,
                          const push_answer_call_t *call)
{
    begin_answer(command, call, "push_collect");
    push_call_request(command, call->request);
    push_command_unsigned(command, call->from);
}

bool push_collect_reply(const push_reply_t *reply, push_text_t *body)
{
    push_parts_t parts = push_parts(reply, 1);

    *body = push_part_text(&parts, 0);
    return !parts.wrong;
}

void push_library_revoke(push_command_t *command, const push_tell_call_t *call,
                         const push_revocation_t *mark)
{
    push_call_begin(command, &call->home, "push_revoke", 2);
    push_call_key(command, &call->home, PUSH_KEY_HEADER);
    push_call_key(command, &call->home, PUSH_KEY_REVOKED);
    push_command_unsigned(command, call->home.partition);
    push_command_text(command, call->log);
    add_request(command, call->request, call->from, call->body);
    push_call_bytes(command, mark->id, sizeof(mark->id));
    push_command_number(command, mark->issued);
    push_command_number(command, mark->until);
    add_owners(command, call);
}

void push_library_marks(push_command_t *command, const push_home_t *home)
{
    push_call_begin(command, home, "push_marks", 1);
    push_call_key(command, home, PUSH_KEY_REVOKED);
}

bool push_marks_next(const push_reply_t *reply, unsigned *at,
                     push_revocation_t *mark)
{
    push_parts_t parts = push_parts(reply, *at + 2);
    unsigned char times[MARK];

    if (parts.wrong) {
        return false;
    }
    push_part_bytes(&parts, *at, mark->id, sizeof(mark->id));
    push_part_bytes(&parts, *at + 1, times, sizeof(times));
    mark->issued = (int64_t)push_big(times, 7);
    mark->until = (int64_t)push_big(times + 7, 7);
    *at += 2;
    return !parts.wrong;
}

void push_library_view(push_command_t *command, const push_home_t *home,
                       push_text_t log)
{
    push_call_begin(command, home, "push_view", 1);
    push_library_key(command, home, PUSH_KEY_DEVICES, log);
}

bool push_view_next(const push_reply_t *reply, unsigned *at,
                    push_viewed_t *viewed)
{
    push_parts_t parts = push_parts(reply, *at + 2);
    push_text_t value = push_part_text(&parts, *at + 1);
    uint64_t flags;

    *viewed = (push_viewed_t){.owner = 0};
    push_part_bytes(&parts, *at, viewed->context, sizeof(viewed->context));
    if (parts.wrong || value.len < HEAD
        || push_big(value.at + HEAD - 4, 4) > value.len - HEAD) {
        return false;
    }
    flags = push_big(value.at + 2, 1);
    viewed->owner = (unsigned)push_big(value.at, 2);
    viewed->fence = (uint32_t)push_big(value.at + 3, 4);
    viewed->online = flags & FLAG_ONLINE;
    viewed->exact = flags & FLAG_EXACT;
    viewed->left = (int64_t)push_big(value.at + 11, 6);
    viewed->record = (push_text_t){value.at + HEAD,
                                   (uint32_t)push_big(value.at + HEAD - 4, 4)};
    *at += 2;
    return true;
}

void push_library_read(push_command_t *command, const push_home_t *home,
                       push_text_t log, uint64_t mid)
{
    push_call_begin(command, home, "push_read", PUSH_LANES);
    push_call_lanes(command, home, log);
    push_command_unsigned(command, push_tick_of_mid(mid));
}

bool push_read_reply(const push_reply_t *reply, push_read_reply_t *read)
{
    push_parts_t parts = push_parts(reply, 1);
    push_text_t member;

    *read = (push_read_reply_t){.found = false};
    push_part_number(&parts, 0, PUSH_MS_MAX);
    if (parts.wrong || push_reply_count(reply) == 1) {
        return !parts.wrong;
    }
    read->lane = (unsigned)push_part_number(&parts, 1, PUSH_LANES - 1);
    member = push_part_text(&parts, 2);
    if (parts.wrong || member.len < MEMBER) {
        return false;
    }
    read->found = true;
    read->expires = (int64_t)push_big(member.at + 7, 6);
    read->record = (push_text_t){member.at + MEMBER, member.len - MEMBER};
    return true;
}
