#include <stdlib.h>
#include <string.h>

#include "broker/library/peer_calls.h"
#include "import/transfer_internal.h"

/*
 * Revocations are kept by a keyed hash of the user's name alone, and the
 * cluster's key is made of its secret.  So they are found by hashing anew the
 * names of all users of whom the state has a device or a message.
 */

typedef struct {
    uint64_t old[2];
    push_text_t user;
} known_t;

typedef struct {
    push_guard_t *before, *after; /* for their keys alone */
    known_t *known;
    size_t count;
} users_t;

static int by_id(const void *a, const void *b)
{
    return memcmp(((const known_t *)a)->old, ((const known_t *)b)->old,
                  sizeof(((const known_t *)a)->old));
}

static void add_user(users_t *users, push_text_t user)
{
    known_t *known = &users->known[users->count++];

    known->user = user;
    push_guard_id(users->before, user, known->old);
}

static void add_users(users_t *users, const push_transfer_t *transfer)
{
    const push_record_list_t *devices = &transfer->source->devices;

    for (size_t i = 0; i < devices->count; i++) {
        push_device_record_t record;

        if (push_device_read(push_transfer_key(devices->at[i]),
                             push_transfer_value(devices->at[i]), &record)) {
            add_user(users, record.user);
        }
    }
    for (size_t i = 0; i < transfer->moves.count; i++) {
        const push_message_record_t *message = &transfer->moves.at[i].message;

        if (message->kind == PUSH_LOG_USER) {
            add_user(users, message->name);
        }
    }
    qsort(users->known, users->count, sizeof(known_t), by_id);
}

static bool open_users(users_t *users, const push_transfer_t *transfer)
{
    size_t most = transfer->source->devices.count + transfer->moves.count;

    *users = (users_t){calloc(1, sizeof(push_guard_t)),
                       calloc(1, sizeof(push_guard_t)),
                       calloc(most + 1, sizeof(known_t)), 0};
    if (!users->before || !users->after || !users->known) {
        return false;
    }
    push_guard_rekey(users->before, transfer->target->hash_key);
    push_guard_rekey(users->after, transfer->target->names);
    add_users(users, transfer);
    return true;
}

static void close_users(users_t *users)
{
    free(users->before);
    free(users->after);
    free(users->known);
}

static bool write_mark(push_transfer_t *transfer,
                       const push_revocation_t *mark)
{
    push_tell_call_t order = {.home = push_target_home(transfer->target, 0),
                              .log = {"u", 1},
                              .from = transfer->target->owner};
    push_request_t request;
    uint32_t reached;
    bool well;

    push_request_init(&request, 0);
    push_library_revoke(&request.command, &order, mark);
    if (!push_target_call(transfer->target, &request)) {
        return false;
    }
    well = push_tell_reply(request.reply, &reached);
    push_request_cleanup(&request);
    return well || push_target_strange(transfer->target);
}

static bool transfer_mark(push_transfer_t *transfer, const users_t *users,
                          const push_revoked_record_t *revoked, int64_t until)
{
    known_t wanted = {.old = {revoked->id[0], revoked->id[1]}};
    const known_t *known = bsearch(&wanted, users->known, users->count,
                                   sizeof(known_t), by_id);
    push_revocation_t mark = {.issued = revoked->issued, .until = until};
    uint64_t id[2];

    if (!known) {
        transfer->revocations.lost++;
        return true;
    }
    push_guard_id(users->after, known->user, id);
    memcpy(mark.id, id, sizeof(mark.id));
    transfer->revocations.written++;
    return write_mark(transfer, &mark);
}

static bool transfer_marks(push_transfer_t *transfer, const users_t *users)
{
    const push_record_list_t *list = &transfer->source->revoked;

    for (size_t i = 0; i < list->count; i++) {
        const push_record_t *record = list->at[i];
        push_revoked_record_t revoked;

        if (record->expires <= push_clock_now().wall
            || !push_revoked_read(push_transfer_key(record),
                                  push_transfer_value(record), &revoked)) {
            transfer->revocations.expired++;
        }
        else if (!transfer_mark(transfer, users, &revoked, record->expires)) {
            return false;
        }
    }
    return true;
}

bool push_transfer_revocations(push_transfer_t *transfer)
{
    users_t users;
    bool well;

    if (!transfer->source->revoked.count) {
        return true;
    }
    well = open_users(&users, transfer);
    if (well) {
        well = transfer_marks(transfer, &users);
    }
    else {
        strcpy(transfer->target->why, "no memory");
    }
    close_users(&users);
    return well;
}
