#ifndef PUSH_RECORDS_H
#define PUSH_RECORDS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Records, each under a key of its own, and lists of them.  They say how
 * things stand, not what happened, so the order in which different processes
 * write them does not matter.  What they say: store/disk/record.h.
 */

#define PUSH_RECORD_KEY_MAX 17 /* bytes */

typedef enum push_record_how_t {
    PUSH_RECORD_PUT,    /* replaces what is there */
    PUSH_RECORD_ADD,    /* what is there stands */
    PUSH_RECORD_REFRESH /* written as it is when its turn comes */
} push_record_how_t;

/* One record on its way to the disk; from malloc(), owned by who holds it. */
typedef struct push_record_t {
    struct push_record_t *next;
    int64_t expires; /* wall ms; 0: never */
    uint64_t mid;    /* of the message that it came with, or 0 */
    uint32_t len;    /* of its value */
    uint8_t how;     /* push_record_how_t */
    uint8_t shard;   /* of PUSH_RECORD_REFRESH */
    uint8_t key_len;
    unsigned char key[PUSH_RECORD_KEY_MAX];
    unsigned char value[];
} push_record_t;

/* Records in order. */
typedef struct push_records_t {
    push_record_t *first;
    push_record_t *last;
    size_t bytes; /* what they take in memory */
} push_records_t;

void push_records_append(push_records_t *records, push_record_t *record);
void push_records_join(push_records_t *records, push_records_t *more);
push_record_t *push_records_take(push_records_t *records);
void push_records_cleanup(push_records_t *records);

#endif
