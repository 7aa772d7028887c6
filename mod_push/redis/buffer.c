#include "redis/buffer.h"

#include <stdlib.h>
#include <string.h>

#define SMALLEST 4096u
#define KEPT     65536u

bool push_buffer_reserve(push_buffer_t *buffer, size_t len)
{
    size_t used = push_buffer_len(buffer);
    size_t size = buffer->size ? buffer->size : SMALLEST;
    char *bytes;

    if (buffer->size - buffer->to >= len) {
        return true;
    }
    while (size - used < len) {
        size *= 2;
    }
    if (size == buffer->size) {
        memmove(buffer->bytes, buffer->bytes + buffer->from, used);
    }
    else {
        bytes = malloc(size);
        if (!bytes) {
            return false;
        }
        if (used) {
            memcpy(bytes, buffer->bytes + buffer->from, used);
        }
        free(buffer->bytes);
        buffer->bytes = bytes;
        buffer->size = size;
    }
    buffer->from = 0;
    buffer->to = used;
    return true;
}

void push_buffer_take(push_buffer_t *buffer, size_t len)
{
    buffer->from += len;
    if (buffer->from < buffer->to) {
        return;
    }
    if (buffer->size > KEPT) {
        push_buffer_cleanup(buffer);
        return;
    }
    buffer->from = 0;
    buffer->to = 0;
}

void push_buffer_cleanup(push_buffer_t *buffer)
{
    free(buffer->bytes);
    *buffer = (push_buffer_t){0};
}
