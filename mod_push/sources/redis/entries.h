#ifndef PUSH_SOURCES_REDIS_ENTRIES_H
#define PUSH_SOURCES_REDIS_ENTRIES_H

#include <stdbool.h>

#include "redis/command.h"
#include "redis/reply.h"
#include "sources/source.h"

/* The entries of one stream, as XREADGROUP answers them. */

typedef struct push_entry_t {
    push_text_t id;   /* borrowed from the answer */
    push_text_t line; /* of its field line; empty if it has none */
    bool gone;        /* it was deleted from the stream */
} push_entry_t;

typedef struct push_entries_t {
    push_entry_t *entries;
    push_source_item_t *items; /* of those that are not gone, in order */
    unsigned count, items_count;
} push_entries_t;

/* In the pool; the answer is borrowed as long as the entries are used.  An
 * answer of another form has no entries. */
push_entries_t push_entries_read(apr_pool_t *pool, const push_reply_t *reply,
                                 const char *stream);

/* True if some of them can be forgotten: then the words of XACK are in it. */
bool push_entries_forget(const push_entries_t *entries, const char *stream,
                         const char *group, push_command_t *command);

#endif
