#include <stdlib.h>

#include "store/disk/assigned_record.h"
#include "store/recovery/restore_internal.h"
#include "store/shard/assigned.h"

/* What the server subscribes users to. */

static void restore_one(push_restore_t *restore, push_store_t *store,
                        const push_raw_t *raw)
{
    push_assigned_list_t *list = push_assigned_record_read(raw->key,
                                                           raw->value);
    push_name_t user;

    if (!list) {
        restore->restored.invalid++;
        return;
    }
    user = push_store_name(store, push_assigned_user(list));
    if (list->count && !push_assigned_find(store, &user)) {
        bool done = push_assigned_restore(store, &user, list);

        restore->restored.assigned += done;
        restore->restored.unassigned += !done;
    }
    free(list);
}

void push_restore_assigned(push_restore_t *restore, push_store_t *store)
{
    for (size_t i = 0; i < restore->assigned.count; i++) {
        restore_one(restore, store, &restore->assigned.at[i]);
    }
}
