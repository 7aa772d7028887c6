#include "redis/decoder.h"

#include <hiredis/hiredis.h>

/*
 * hiredis makes room for an array as soon as it is announced, whatever is.  So
 * one that is larger than any answer is refused; all else is hiredis' own,
 * which each task has as its private data.
 */
#define ELEMENTS_MAX (1 << 20)

static const redisReplyObjectFunctions *usual(const redisReadTask *task)
{
    return task->privdata;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t len)
{
    return usual(task)->createString(task, bytes, len);
}

static void *create_array(const redisReadTask *task, int elements)
{
    return elements <= ELEMENTS_MAX ? usual(task)->createArray(task, elements)
                                    : NULL;
}

static void *create_integer(const redisReadTask *task, long long number)
{
    return usual(task)->createInteger(task, number);
}

static void *create_nil(const redisReadTask *task)
{
    return usual(task)->createNil(task);
}

push_decoder_t *push_decoder_create(void)
{
    static redisReplyObjectFunctions functions = {create_string, create_array,
                                                  create_integer, create_nil,
                                                  freeReplyObject};
    push_decoder_t *decoder = redisReaderCreate();

    if (decoder) {
        decoder->privdata = decoder->fn;
        decoder->fn = &functions;
    }
    return decoder;
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
