/*
 * records.h - the message ids that a session has seen, a bounded set.
 *
 * When there are more than `limit`, records that nobody refers to go: the
 * oldest first, and those that the cursor has passed before the others.
 */
#ifndef PUSHC_RECORDS_H
#define PUSHC_RECORDS_H

#include "list.h"
#include "mem.h"

#define PUSHC_MID_MAX 32 /* of a message id, with its NUL; longer: none */

/* A message id that was seen. */
struct pushc_record {
    char mid[PUSHC_MID_MAX]; /* "": of an id without one, not in the table */
    struct pushc_record *chain; /* in its bucket */
    struct pushc_link link;     /* in order of arrival */
    unsigned refs;              /* by entries and by its message */
    int done;                   /* the message's handler finished */
    int passed;                 /* the cursor went over it */
};

struct pushc_records {
    const struct pushc_mem *mem; /* borrowed */
    unsigned limit;
    struct pushc_record **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;        /* of those in buckets */
    struct pushc_list all;
};

/* PUSHC_OK or PUSHC_ERR_MEMORY. */
int pushc_records_init(struct pushc_records *rs, const struct pushc_mem *mem,
                       unsigned limit);
void pushc_records_cleanup(struct pushc_records *rs);

/* The record of a mid that is not "", or NULL. */
struct pushc_record *pushc_record_find(const struct pushc_records *rs,
                                       const char *mid);

/* A new record, without references; NULL without memory. */
struct pushc_record *pushc_record_create(struct pushc_records *rs,
                                         const char *mid);

/* Drop one reference. A record without a mid, or of a message that is not
 * done, goes with its last one. */
void pushc_record_release(struct pushc_records *rs, struct pushc_record *r);

#endif
