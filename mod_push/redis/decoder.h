#ifndef PUSH_REDIS_DECODER_H
#define PUSH_REDIS_DECODER_H

#include <stddef.h>

#include "redis/reply.h"

/* Makes replies of the bytes of one connection, however they are cut. */

typedef struct redisReader push_decoder_t;

push_decoder_t *push_decoder_create(void);
void push_decoder_destroy(push_decoder_t *decoder);

/* Copies the bytes; false: no memory, or broken before. */
bool push_decoder_feed(push_decoder_t *decoder, const char *bytes, size_t len);

typedef enum push_decoded_t {
    PUSH_DECODED_REPLY, /* the caller frees it */
    PUSH_DECODED_NONE,  /* more bytes are needed */
    PUSH_DECODED_BROKEN /* what came is no RESP2, or no memory */
} push_decoded_t;

push_decoded_t push_decoder_next(push_decoder_t *decoder,
                                 push_reply_t **reply);

#endif
