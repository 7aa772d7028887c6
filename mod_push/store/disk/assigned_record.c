#include "store/disk/assigned_record.h"

#include <stdlib.h>
#include <string.h>

/* 'U', id. */
#define KEY_LEN (1u + PUSH_ASSIGNED_ID)

_Static_assert(KEY_LEN <= PUSH_RECORD_KEY_MAX, "a key has room for the id");

static push_record_t *make(const unsigned char *id, size_t len)
{
    push_record_t *record = malloc(sizeof(*record) + len);

    if (record) {
        memset(record, 0, sizeof(*record));
        record->key[0] = PUSH_RECORD_ASSIGNED;
        memcpy(record->key + 1, id, PUSH_ASSIGNED_ID);
        record->key_len = KEY_LEN;
        record->len = (uint32_t)len;
    }
    return record;
}

push_record_t *push_assigned_record_make(const unsigned char *id,
                                         const push_assigned_list_t *list)
{
    push_record_t *record = make(id, list->size);

    if (record) {
        record->how = PUSH_RECORD_PUT;
        memcpy(record->value, list, list->size);
    }
    return record;
}

push_record_t *push_assigned_refresh(const unsigned char *id, unsigned shard)
{
    push_record_t *record = make(id, 0);

    if (record) {
        record->how = PUSH_RECORD_REFRESH;
        record->shard = (uint8_t)shard;
    }
    return record;
}

push_assigned_list_t *push_assigned_record_read(push_text_t key,
                                                push_text_t value)
{
    push_assigned_list_t *list;

    if (key.len != KEY_LEN || key.at[0] != PUSH_RECORD_ASSIGNED
        || value.len < sizeof(*list)) {
        return NULL;
    }
    list = malloc(value.len);
    if (list) {
        memcpy(list, value.at, value.len);
    }
    if (list && !push_assigned_whole(list, value.len)) {
        free(list);
        return NULL;
    }
    return list;
}
