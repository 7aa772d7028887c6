#include "store/disk/later_record.h"

#include <stdlib.h>
#include <string.h>

/* 'S', id (big-endian), as a message's. */
#define KEY_LEN 9u

/* What stands before the body. */
typedef struct {
    uint64_t message;
    int64_t at;
    int64_t next;
    uint32_t state;
    uint32_t unused;
} head_t;

static void write_key(push_record_t *record, uint64_t id)
{
    record->key[0] = PUSH_RECORD_LATER;
    for (int i = 0; i < 8; i++) {
        record->key[1 + i] = (unsigned char)(id >> (56 - 8 * i));
    }
    record->key_len = KEY_LEN;
}

static uint64_t id_of(push_text_t key)
{
    uint64_t id = 0;

    for (int i = 0; i < 8; i++) {
        id = id << 8 | (unsigned char)key.at[1 + i];
    }
    return id;
}

push_record_t *push_later_record_make(const push_later_t *later,
                                      const push_later_body_t *body)
{
    head_t head = {.message = later->message,
                   .at = later->at,
                   .next = later->next,
                   .state = push_later_state(later)};
    size_t len = sizeof(head) + (body ? body->size : 0);
    push_record_t *record = malloc(sizeof(*record) + len);

    if (!record) {
        return NULL;
    }
    memset(record, 0, sizeof(*record));
    write_key(record, later->id);
    record->len = (uint32_t)len;
    record->how = body ? PUSH_RECORD_ADD : PUSH_RECORD_PUT;
    record->mid = body ? later->id : 0;
    record->expires = body ? push_later_end(later->at, body->ttl)
                           : later->next;
    memcpy(record->value, &head, sizeof(head));
    if (body) {
        memcpy(record->value + sizeof(head), body, body->size);
    }
    return record;
}

bool push_later_record_read(push_text_t key, push_text_t value,
                            push_later_t *later, push_text_t *body)
{
    head_t head;

    if (key.len != KEY_LEN || key.at[0] != PUSH_RECORD_LATER
        || value.len < sizeof(head)) {
        return false;
    }
    memcpy(&head, value.at, sizeof(head));
    *body = (push_text_t){value.at + sizeof(head),
                          value.len - (uint32_t)sizeof(head)};
    *later = (push_later_t){.id = id_of(key),
                            .message = head.message,
                            .at = head.at,
                            .next = head.next};
    atomic_init(&later->state, head.state);
    return head.state < PUSH_LATER_STATES
           && (head.state == PUSH_LATER_KEPT) == (body->len != 0);
}
