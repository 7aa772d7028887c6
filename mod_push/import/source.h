#ifndef PUSH_IMPORT_SOURCE_H
#define PUSH_IMPORT_SOURCE_H

#include "store/recovery/intake.h"

/* The state of a server that has ended, as lists of records. */

typedef struct push_record_list_t {
    push_record_t **at; /* owned */
    size_t count, room;
} push_record_list_t;

typedef struct push_source_t {
    push_store_t store; /* a private segment, by whose key names hash */
    push_recovery_t recovery;
    push_record_list_t messages; /* those that are alive */
    push_record_list_t devices, keys, revoked;
    void *base; /* the segment */
    uint64_t size;
    int lock; /* no server starts with the state before push_source_close() */
} push_source_t;

/* False, with a sentence behind the directory's name in why. */
bool push_source_open(push_source_t *source, const char *dir,
                      push_sentence_t *why);

/* Also of one that was not opened. */
void push_source_close(push_source_t *source);

/* Whether not all of the state could be read. */
static inline bool push_source_is_damaged(const push_source_t *source)
{
    const push_recovery_t *recovery = &source->recovery;

    return recovery->cut || recovery->damaged || recovery->logs
           || recovery->restored.invalid;
}

#endif
