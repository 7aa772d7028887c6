#include "redis/reply.h"

#include <hiredis/hiredis.h>

push_reply_kind_t push_reply_kind(const push_reply_t *reply)
{
    static const push_reply_kind_t kinds[] = {
        [REDIS_REPLY_STRING] = PUSH_REPLY_TEXT,
        [REDIS_REPLY_ARRAY] = PUSH_REPLY_ARRAY,
        [REDIS_REPLY_INTEGER] = PUSH_REPLY_INTEGER,
        [REDIS_REPLY_NIL] = PUSH_REPLY_NIL,
        [REDIS_REPLY_STATUS] = PUSH_REPLY_STATUS,
        [REDIS_REPLY_ERROR] = PUSH_REPLY_ERROR,
    };
    unsigned type = reply ? (unsigned)reply->type : REDIS_REPLY_NIL;

    return type < sizeof(kinds) / sizeof(*kinds) ? kinds[type]
                                                 : PUSH_REPLY_NIL;
}

push_text_t push_reply_text(const push_reply_t *reply)
{
    switch (push_reply_kind(reply)) {
    case PUSH_REPLY_TEXT:
    case PUSH_REPLY_STATUS:
    case PUSH_REPLY_ERROR:
        return (push_text_t){reply->str, (uint32_t)reply->len};
    default:
        return (push_text_t){NULL, 0};
    }
}

/* An optional '-' and up to 18 digits, or 19 that fit; 0 for all else. */
static int64_t parse_number(push_text_t text)
{
    bool negative = text.len && text.at[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t number = 0;

    for (uint32_t i = negative; i < text.len; i++) {
        unsigned digit = (unsigned)(text.at[i] - '0');

        if (digit > 9 || number > (limit - digit) / 10) {
            return 0;
        }
        number = number * 10 + digit;
    }
    return negative ? (int64_t)(0 - number) : (int64_t)number;
}

int64_t push_reply_integer(const push_reply_t *reply)
{
    switch (push_reply_kind(reply)) {
    case PUSH_REPLY_INTEGER:
        return reply->integer;
    case PUSH_REPLY_TEXT:
        return parse_number(push_reply_text(reply));
    default:
        return 0;
    }
}

unsigned push_reply_count(const push_reply_t *reply)
{
    return push_reply_kind(reply) == PUSH_REPLY_ARRAY
               ? (unsigned)reply->elements
               : 0;
}

const push_reply_t *push_reply_at(const push_reply_t *reply, unsigned index)
{
    return index < push_reply_count(reply) ? reply->element[index] : NULL;
}

void push_reply_free(push_reply_t *reply)
{
    if (reply) {
        freeReplyObject(reply);
    }
}
