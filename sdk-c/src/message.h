/* message.h - a message as the application sees it, made from a block. */
#ifndef PUSHC_MESSAGE_H
#define PUSHC_MESSAGE_H

#include "list.h"
#include "parser.h"

struct pushc_record;

/* A message that is not done. pub comes first: the application's pointer. */
struct pushc_item {
    pushc_message pub;
    const void *owner;           /* the session that it belongs to */
    struct pushc_record *record; /* NULL where it had no id */
    struct pushc_link link;      /* in the session's queue, or in held */
    size_t bytes;                /* what it counts for against max_bytes */
    uint64_t not_before;         /* ms of the client's clock; after a retry */
    int held;                    /* 1: the application has it, 0: queued */
};

/* Make an item of one allocation, with copies of all strings; base64 is
 * decoded. NULL without memory. Freed with pushc_mem_free(). */
struct pushc_item *pushc_item_create(const struct pushc_mem *mem,
                                     const struct pushc_block *block,
                                     uint64_t seq, const char *mid);

#endif
