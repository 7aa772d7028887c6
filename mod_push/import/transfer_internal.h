#ifndef PUSH_IMPORT_TRANSFER_INTERNAL_H
#define PUSH_IMPORT_TRANSFER_INTERNAL_H

#include "import/moved.h"
#include "import/source.h"
#include "import/target.h"

/*
 * From the state to the cluster, kind by kind in this order, since keys and
 * devices name messages.  All return false, with target->why, where a call
 * failed; then all of it may be done again.  Nobody but main.c and the
 * transfer_*.c includes it.
 */

typedef struct push_transferred_t {
    uint64_t written;
    uint64_t there;   /* by an earlier run, or in use in the cluster */
    uint64_t expired; /* meanwhile */
    uint64_t lost;    /* they cannot be there */
} push_transferred_t;

typedef struct push_transfer_t {
    push_source_t *source;
    push_target_t *target;
    push_moves_t moves;
    push_transferred_t messages, devices, keys, revocations;
} push_transfer_t;

bool push_transfer_messages(push_transfer_t *transfer);
bool push_transfer_keys(push_transfer_t *transfer);
bool push_transfer_devices(push_transfer_t *transfer);
bool push_transfer_revocations(push_transfer_t *transfer);

/* A log as Redis names it. */
typedef struct push_transfer_log_t {
    char bytes[PUSH_NAME_MAX + 1];
    push_text_t text; /* of bytes */
    push_home_t home;
} push_transfer_log_t;

void push_transfer_log(const push_transfer_t *transfer, uint32_t kind,
                       push_text_t name, push_transfer_log_t *log);

static inline push_text_t push_transfer_key(const push_record_t *record)
{
    return (push_text_t){(const char *)record->key, record->key_len};
}

static inline push_text_t push_transfer_value(const push_record_t *record)
{
    return (push_text_t){(const char *)record->value, record->len};
}

#endif
