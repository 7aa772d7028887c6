#ifndef PUSH_SSE_READER_H
#define PUSH_SSE_READER_H

#include <stddef.h>

#include "core/types.h"

/*
 * Reads a stream as codec/sse.c writes it, of which each payload is one text
 * without line ends: bytes go in as they come, messages come out.
 */

typedef struct push_sse_reader_t {
    char *bytes;
    size_t from, to, room; /* what was not given yet */
} push_sse_reader_t;

/* What a block of lines says; its texts are borrowed until more is read. */
typedef struct push_sse_block_t {
    uint64_t seq, mid; /* 0: it is no message */
    push_text_t event; /* event type; empty for none */
    push_text_t data;
} push_sse_block_t;

/* Where room bytes may be written to; NULL: there is no memory. */
char *push_sse_reader_room(push_sse_reader_t *reader, size_t room);

/* So many were written there. */
void push_sse_reader_fed(push_sse_reader_t *reader, size_t count);

/*
 * The next whole block; false: there is none yet.  Comments and fields that
 * are not known are passed over.
 */
bool push_sse_reader_next(push_sse_reader_t *reader, push_sse_block_t *block);

void push_sse_reader_cleanup(push_sse_reader_t *reader);

#endif
