#include "broker/library/device_calls.h"

#include "broker/library/call.h"
#include "broker/library/publish_calls.h"

/* A VM may have heard of nobody yet. */
#define YOUNG 5000

static void add_context(push_command_t *command,
                        const push_device_call_t *device)
{
    push_call_bytes(command, device->context, PUSH_CONTEXT_BYTES);
}

static void add_claim_keys(push_command_t *command,
                           const push_device_call_t *device)
{
    const push_home_t *home = &device->home;

    push_library_key(command, home, PUSH_KEY_DEVICES, device->log);
    push_call_key(command, home, PUSH_KEY_FOLLOWERS);
    push_call_key(command, home, PUSH_KEY_HEADER);
    push_call_key(command, home, PUSH_KEY_RECALLS);
    push_call_lanes(command, home, device->log);
    push_call_tags(command, home, device->log);
}

void push_library_claim(push_command_t *command, const push_claim_call_t *call)
{
    const push_device_call_t *device = &call->device;

    push_call_begin(command, &device->home,
                    call->known ? "push_reclaim" : "push_claim",
                    8 + push_call_has_tags(device->log));
    add_claim_keys(command, device);
    push_command_unsigned(command, device->home.partition);
    push_command_text(command, device->log);
    add_context(command, device);
    push_command_unsigned(command, device->owner);
    push_command_number(command, device->keep);
    push_command_string(command, call->force   ? "force"
                                 : call->quiet ? "see"
                                               : "ask");
    push_call_flag(command, call->known);
    push_command_unsigned(command, push_library_device_crc(call->id));
    push_command_unsigned(command, call->max_devices);
    push_command_unsigned(command, call->max_streams);
    push_command_unsigned(command, call->following.connected);
    push_command_unsigned(command, call->following.subscribers);
    push_command_unsigned(command, call->following.since);
    push_call_flag(command, call->counts_only);
}

/* With a refusal there is no epoch: nothing was asked for. */
bool push_claim_reply(const push_reply_t *reply, push_claim_reply_t *claimed)
{
    push_parts_t parts = push_parts(reply, 15);
    bool well;

    claimed->outcome = (push_claimed_t)push_part_number(&parts, 0,
                                                        PUSH_CLAIMED_STREAMS);
    well = push_origin_read(&parts, 1, &claimed->origin);
    push_followed_read(&parts, 4, &claimed->origin, &claimed->followed);
    claimed->fence = (uint32_t)push_part_number(&parts, 8, UINT32_MAX);
    claimed->exact = push_part_flag(&parts, 9);
    claimed->record = push_part_text(&parts, 10);
    claimed->session = push_part_text(&parts, 11);
    claimed->owner = (unsigned)push_part_number(&parts, 12, UINT16_MAX);
    claimed->heard = (uint32_t)push_part_number(&parts, 13, UINT32_MAX);
    claimed->young = push_part_number(&parts, 14, PUSH_MS_MAX) < YOUNG;
    return well && !parts.wrong;
}

void push_library_yield(push_command_t *command, const push_yield_call_t *call)
{
    const push_device_call_t *device = &call->device;

    push_call_begin(command, &device->home, "push_yield", 3);
    push_library_key(command, &device->home, PUSH_KEY_DEVICES, device->log);
    push_call_key(command, &device->home, PUSH_KEY_FOLLOWERS);
    push_call_key(command, &device->home, PUSH_KEY_HEADER);
    push_command_unsigned(command, device->home.partition);
    push_command_text(command, device->log);
    add_context(command, device);
    push_command_unsigned(command, device->owner);
    push_command_unsigned(command, device->fence);
    push_command_number(command, device->keep);
    push_command_unsigned(command, call->to);
    push_call_flag(command, call->absent);
    push_call_flag(command, call->exact);
    push_command_text(command, call->record);
    push_command_text(command, call->session);
    push_call_flag(command, call->unfollow);
}

void push_library_save(push_command_t *command, const push_save_call_t *call)
{
    const push_device_call_t *device = &call->device;

    push_call_begin(command, &device->home, "push_save", 1);
    push_library_key(command, &device->home, PUSH_KEY_DEVICES, device->log);
    add_context(command, device);
    push_command_unsigned(command, device->owner);
    push_command_unsigned(command, device->fence);
    push_command_number(command, device->keep);
    push_call_flag(command, call->online);
    push_command_text(command, call->record);
}

bool push_save_reply(const push_reply_t *reply, push_save_reply_t *saved)
{
    push_parts_t parts = push_parts(reply, 3);

    saved->outcome = (push_saved_t)push_part_number(&parts, 0,
                                                    PUSH_SAVED_GONE);
    saved->owner = (unsigned)push_part_number(&parts, 1, UINT16_MAX);
    saved->fence = (uint32_t)push_part_number(&parts, 2, UINT32_MAX);
    return !parts.wrong;
}
