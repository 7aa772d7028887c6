#include "broker/library/cluster_calls.h"

#include "broker/library/call.h"

/* Parts of an answer that say of the cluster, and of one node. */
#define META 4u
#define PEER 4u

static void add_meta(push_command_t *command, const push_meta_call_t *meta)
{
    unsigned char key[16];

    for (unsigned i = 0; i < sizeof(key); i++) {
        key[i] = (unsigned char)(meta->hash_key[i / 8] >> (56 - i % 8 * 8));
    }
    push_call_bytes(command, key, sizeof(key));
    push_call_bytes(command, meta->check, sizeof(meta->check));
}

static bool read_meta(push_parts_t *parts, unsigned index,
                      push_meta_reply_t *meta)
{
    unsigned char key[16];

    push_part_bytes(parts, index + 1, key, sizeof(key));
    meta->hash_key[0] = push_big(key, 8);
    meta->hash_key[1] = push_big(key + 8, 8);
    push_part_bytes(parts, index + 2, meta->check, sizeof(meta->check));
    push_part_bytes(parts, index + 3, meta->epoch, sizeof(meta->epoch));
    return push_vm_read(push_part_text(parts, index), &meta->vm)
           && !parts->wrong;
}

void push_library_meta(push_command_t *command, const push_meta_call_t *call)
{
    push_call_begin(command, &call->home, "push_meta", 1);
    push_call_key(command, &call->home, PUSH_KEY_META);
    add_meta(command, call);
}

bool push_meta_reply(const push_reply_t *reply, push_meta_reply_t *meta)
{
    push_parts_t parts = push_parts(reply, META);

    return read_meta(&parts, 0, meta);
}

void push_library_lease(push_command_t *command, const push_lease_call_t *call)
{
    const push_home_t *home = &call->meta.home;

    push_call_begin(command, home, "push_lease", 2);
    push_call_key(command, home, PUSH_KEY_META);
    push_call_key(command, home, PUSH_KEY_NODES);
    add_meta(command, &call->meta);
    push_command_unsigned(command, call->owner);
    push_command_text(command, call->url);
    push_command_text(command, call->info);
}

bool push_lease_reply(const push_reply_t *reply, push_lease_reply_t *lease)
{
    push_parts_t parts = push_parts(reply, 2 + META);
    unsigned count = push_reply_count(reply);

    lease->count = 0;
    if (parts.wrong || (count - 2 - META) % PEER
        || (count - 2 - META) / PEER > PUSH_CLUSTER_NODES) {
        return false;
    }
    lease->outcome = (push_leased_t)push_part_number(&parts, 0,
                                                     PUSH_LEASE_FULL);
    lease->owner = (unsigned)push_part_number(&parts, 1, UINT16_MAX);
    lease->count = (count - 2 - META) / PEER;
    for (unsigned i = 0; i < lease->count; i++) {
        unsigned at = 2 + META + PEER * i;
        push_peer_t *peer = &lease->peers[i];

        peer->owner = (unsigned)push_part_number(&parts, at, UINT16_MAX);
        peer->age = (int64_t)push_part_number(&parts, at + 1, PUSH_MS_MAX);
        peer->url = push_part_text(&parts, at + 2);
        peer->info = push_part_text(&parts, at + 3);
    }
    return read_meta(&parts, 2, &lease->meta);
}

void push_library_hold(push_command_t *command, const push_hold_call_t *call)
{
    push_call_begin(command, &call->home, "push_hold", 1);
    push_library_key(command, &call->home, PUSH_KEY_LEASE, call->name);
    push_command_unsigned(command, call->owner);
    push_command_number(command, call->ms);
}

bool push_hold_reply(const push_reply_t *reply, bool *held)
{
    *held = push_reply_integer(reply) == 1;
    return push_reply_kind(reply) == PUSH_REPLY_INTEGER;
}

void push_library_resign(push_command_t *command, const push_home_t *home,
                         unsigned owner)
{
    push_call_begin(command, home, "push_resign", home->partition ? 1 : 2);
    push_call_key(command, home, PUSH_KEY_HEADER);
    if (!home->partition) {
        push_call_key(command, home, PUSH_KEY_NODES);
    }
    push_command_unsigned(command, home->partition);
    push_command_unsigned(command, owner);
}
