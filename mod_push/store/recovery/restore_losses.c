#include "store/ops/forget.h"
#include "store/disk/forgot.h"
#include "store/recovery/restore_internal.h"
#include "store/recovery/restore_times.h"

/*
 * Losses from before the restart, for those who appear after it: a user's
 * losses one by one where there is room for the user, else as the shard tells
 * them.  They are counted from the records of the messages that had to go, the
 * newest first, in up to a sixteenth of the memory.
 */

static void extend(int64_t *until, int64_t to)
{
    if (*until < to) {
        *until = to;
    }
}

void push_restore_forgot(push_restore_t *restore, push_store_t *store)
{
    for (size_t i = 0; i < restore->forgot.count; i++) {
        const push_raw_t *raw = &restore->forgot.at[i];
        push_forgot_record_t forgot;
        push_shard_t *shard;

        if (!push_forgot_read(raw->key, raw->value, &forgot)) {
            restore->restored.invalid++;
            continue;
        }
        shard = &store->shards[forgot.shard];
        if (forgot.strangers_until > restore->now.wall) {
            extend(&shard->strangers_until,
                   push_restore_until(&restore->now, forgot.strangers_until));
        }
        if (forgot.away_until > restore->now.wall) {
            extend(&shard->away_until,
                   push_restore_until(&restore->now, forgot.away_until));
        }
    }
}

/* The user, who is made anew as far as all of them take no more than bytes. */
static push_user_t *find_user(push_store_t *store, const push_name_t *name,
                              uint64_t *bytes)
{
    push_user_t *user = push_store_user(store, name, false);
    uint64_t size = push_slab_size_of(sizeof(*user) + name->text.len);

    if (user || size > *bytes) {
        return user;
    }
    *bytes -= size;
    return push_store_user(store, name, true);
}

static void restore_loss(const push_restore_t *restore, push_store_t *store,
                         const push_raw_t *raw, uint64_t *bytes)
{
    push_name_t name = push_store_name(store, raw->message.name);
    push_user_t *user = find_user(store, &name, bytes);
    int64_t until = push_restore_until(&restore->now, raw->expires);

    if (user) {
        push_user_note_lost(user, raw->message.stored.urgency, until,
                            &restore->now);
    }
    else {
        extend(&store->shards[name.shard].strangers_until, until);
    }
}

/* The newest first: the oldest have no room. */
void push_restore_losses(const push_restore_t *restore, push_store_t *store)
{
    uint64_t bytes = push_slab_size(&store->slab) / PUSH_REMNANTS_PART;

    for (size_t i = restore->messages.count; i-- > 0;) {
        if (restore->messages.at[i].gone) {
            restore_loss(restore, store, &restore->messages.at[i], &bytes);
        }
    }
}
