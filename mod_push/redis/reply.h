#ifndef PUSH_REDIS_REPLY_H
#define PUSH_REDIS_REPLY_H

#include "core/types.h"

/*
 * A reply of Redis (RESP2), as a tree.  Only reply.c and decoder.c know that
 * hiredis made it.  Texts are borrowed until the reply is freed.  What is asked
 * of a reply of another kind, or NULL, gives nothing: 0, an empty text, NULL.
 */

typedef struct redisReply push_reply_t;

typedef enum push_reply_kind_t {
    PUSH_REPLY_NIL, /* and NULL */
    PUSH_REPLY_TEXT,
    PUSH_REPLY_STATUS,
    PUSH_REPLY_ERROR,
    PUSH_REPLY_INTEGER,
    PUSH_REPLY_ARRAY
} push_reply_kind_t;

push_reply_kind_t push_reply_kind(const push_reply_t *reply);
/* Of a text, a status or an error. */
push_text_t push_reply_text(const push_reply_t *reply);
/* Of an integer, or of a text that is a decimal number. */
int64_t push_reply_integer(const push_reply_t *reply);
unsigned push_reply_count(const push_reply_t *reply);
const push_reply_t *push_reply_at(const push_reply_t *reply, unsigned index);
void push_reply_free(push_reply_t *reply);

#endif
