#ifndef PUSH_REDIS_BUFFER_H
#define PUSH_REDIS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that are added at the end and taken from the front; grows. */
typedef struct push_buffer_t {
    char *bytes;
    size_t from, to; /* what is in it */
    size_t size;
} push_buffer_t;

static inline size_t push_buffer_len(const push_buffer_t *buffer)
{
    return buffer->to - buffer->from;
}

/* Room for so many bytes more at bytes + to; false: no memory. */
bool push_buffer_reserve(push_buffer_t *buffer, size_t len);

/* Takes from the front; an empty one gives large memory back. */
void push_buffer_take(push_buffer_t *buffer, size_t len);
void push_buffer_cleanup(push_buffer_t *buffer);

#endif
