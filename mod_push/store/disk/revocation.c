#include "store/disk/revocation.h"

#include <stdatomic.h>
#include <string.h>

#include "store/disk/disk.h"
#include "store/disk/journal.h"
#include "store/shm/clock.h"

#define SETS_A_PART (PUSH_MARK_SETS / PUSH_SHARDS)

/*
 * A record that could not be noted now is written when losses are made good.
 */
static void note(push_store_t *store, push_text_t user, push_commit_t *commit)
{
    push_records_t records = {0};
    push_record_t *record;
    uint64_t id[2];

    push_guard_id(store->guard, user, id);
    record = push_revoked_refresh(id);
    if (record) {
        push_records_append(&records, record);
        push_journal_hand_over(store, &records, commit);
    }
    else {
        push_disk_missing(store, push_mid_now(&store->segment->clock));
    }
}

push_status_t push_revocation_add(push_store_t *store, push_text_t user,
                                  const push_time_t *now, int64_t until,
                                  push_commit_t *commit)
{
    push_status_t status = push_guard_revoke(store->guard, user, now->wall,
                                             until);

    if (status == PUSH_OK && store->journal) {
        note(store, user, commit);
    }
    return status;
}

push_status_t push_revocation_wait(push_store_t *store, push_commit_t *commit)
{
    push_status_t status = push_journal_wait_written(store, commit);

    return push_journal_durability(store) == PUSH_DURABILITY_COMMIT ? status
                                                                    : PUSH_OK;
}

static push_record_t *record_of(const push_mark_t *mark)
{
    push_time_t now = push_clock_now();
    push_revoked_record_t record = {
        .issued = mark->value, .expires = now.wall + mark->until - now.mono};

    memcpy(record.id, mark->id, sizeof(record.id));
    return push_revoked_make(&record);
}

static bool save_set(push_store_t *store, unsigned set,
                     push_records_t *records)
{
    push_mark_t marks[PUSH_MARK_WAYS];
    unsigned count;

    if (!push_guard_set(store->guard, set, marks, &count)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        push_record_t *record = record_of(&marks[i]);

        if (!record) {
            return false;
        }
        push_records_append(records, record);
    }
    return true;
}

bool push_revocation_save(push_store_t *store, unsigned part,
                          push_records_t *records)
{
    if (!store->guard || !atomic_load(&store->guard->revocations)) {
        return true;
    }
    for (unsigned i = 0; i < SETS_A_PART; i++) {
        if (!save_set(store, part * SETS_A_PART + i, records)) {
            return false;
        }
    }
    return true;
}

bool push_revocation_refresh(push_store_t *store, const push_record_t *record,
                             push_record_t **found)
{
    push_mark_t mark;
    uint64_t id[2];

    *found = NULL;
    memcpy(id, record->key + 1, sizeof(id));
    if (!push_guard_find(store->guard, id, &mark)) {
        return false;
    }
    if (mark.until) {
        *found = record_of(&mark);
    }
    return !mark.until || *found;
}

bool push_revocation_restore(push_store_t *store,
                             const push_revoked_record_t *record,
                             int64_t until)
{
    push_mark_t mark = {.until = until, .value = record->issued};

    memcpy(mark.id, record->id, sizeof(mark.id));
    return push_guard_restore(store->guard, &mark) == PUSH_OK;
}
