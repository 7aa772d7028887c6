#include "redis/decoder.h"

#include <hiredis/hiredis.h>

push_decoder_t *push_decoder_create(void)
{
    return redisReaderCreate();
}

void push_decoder_destroy(push_decoder_t *decoder)
{
    if (decoder) {
        redisReaderFree(decoder);
    }
}

bool push_decoder_feed(push_decoder_t *decoder, const char *bytes, size_t len)
{
    return redisReaderFeed(decoder, bytes, len) == REDIS_OK;
}

push_decoded_t push_decoder_next(push_decoder_t *decoder, push_reply_t **reply)
{
    void *made = NULL;

    *reply = NULL;
    if (redisReaderGetReply(decoder, &made) != REDIS_OK) {
        return PUSH_DECODED_BROKEN;
    }
    *reply = made;
    return made ? PUSH_DECODED_REPLY : PUSH_DECODED_NONE;
}
