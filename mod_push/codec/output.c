#include "codec/output.h"

#include <string.h>

void push_output_begin(push_output_t *out, size_t skip)
{
    out->count = 0;
    out->bytes = 0;
    out->skip = skip;
    out->used = 0;
    out->cut = false;
}

/* Joins what lies behind the last piece to that. */
static void add(push_output_t *out, const char *bytes, size_t len)
{
    struct iovec *last = &out->pieces[out->count - (out->count != 0)];

    if (out->count && (const char *)last->iov_base + last->iov_len == bytes) {
        last->iov_len += len;
    }
    else if (out->count == PUSH_OUTPUT_PIECES) {
        out->cut = true;
        return;
    }
    else {
        out->pieces[out->count++] = (struct iovec){(char *)(uintptr_t)bytes,
                                                   len};
    }
    out->bytes += len;
}

void push_output_pass(push_output_t *out, size_t len)
{
    out->skip -= len < out->skip ? len : out->skip;
}

char *push_output_room(push_output_t *out, size_t len)
{
    if (len > push_output_left(out)) {
        out->cut = true;
        return NULL;
    }
    return out->scratch + out->used;
}

/* Bytes that are skipped at the front leave a hole in the scratch. */
void push_output_fill(push_output_t *out, const char *end)
{
    const char *from = out->scratch + out->used;
    size_t len = (size_t)(end - from);
    size_t skip = len < out->skip ? len : out->skip;

    out->skip -= skip;
    if (len > skip) {
        out->used += len;
        add(out, from + skip, len - skip);
    }
}

void push_output_copy(push_output_t *out, const char *bytes, size_t len)
{
    char *at = push_output_room(out, len);

    if (at && len) {
        memcpy(at, bytes, len);
        push_output_fill(out, at + len);
    }
}

void push_output_lend(push_output_t *out, const char *bytes, size_t len)
{
    size_t skip = len < out->skip ? len : out->skip;

    out->skip -= skip;
    bytes += skip;
    len -= skip;
    if (!out->cut && len) {
        add(out, bytes, len);
    }
}
