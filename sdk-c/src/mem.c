/* mem.c - memory by the application's allocator. */
#include "mem.h"

#include <stdlib.h>
#include <string.h>

static void *libc_realloc(void *ctx, void *p, size_t n)
{
    (void)ctx;
    if (n == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, n);
}

struct pushc_mem pushc_mem_make(pushc_realloc_fn fn, void *ctx)
{
    struct pushc_mem mem = {fn ? fn : libc_realloc, ctx};

    return mem;
}

void *pushc_mem_zalloc(const struct pushc_mem *mem, size_t n)
{
    void *p = mem->fn(mem->ctx, NULL, n ? n : 1);

    if (p) {
        memset(p, 0, n);
    }
    return p;
}

void *pushc_mem_realloc(const struct pushc_mem *mem, void *p, size_t n)
{
    return mem->fn(mem->ctx, p, n ? n : 1);
}

void pushc_mem_free(const struct pushc_mem *mem, void *p)
{
    if (p) {
        mem->fn(mem->ctx, p, 0);
    }
}

char *pushc_mem_strdup(const struct pushc_mem *mem, const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = mem->fn(mem->ctx, NULL, n);

    if (copy) {
        memcpy(copy, s, n);
    }
    return copy;
}

int pushc_is_line(const char *s)
{
    for (; s && *s; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f) {
            return 0;
        }
    }
    return 1;
}

void pushc_buf_init(struct pushc_buf *b, const struct pushc_mem *mem)
{
    memset(b, 0, sizeof(*b));
    b->mem = mem;
}

void pushc_buf_cleanup(struct pushc_buf *b)
{
    pushc_mem_free(b->mem, b->bytes);
    pushc_buf_init(b, b->mem);
}

static int grow(struct pushc_buf *b, size_t n)
{
    size_t room = b->room ? b->room : 64;
    char *bytes;

    if (b->failed || n > (size_t)-1 / 2 - b->length) {
        b->failed = 1;
        return PUSHC_ERR_MEMORY;
    }
    while (room < b->length + n + 1) {
        room *= 2;
    }
    if (room == b->room) {
        return PUSHC_OK;
    }
    bytes = pushc_mem_realloc(b->mem, b->bytes, room);
    if (!bytes) {
        b->failed = 1;
        return PUSHC_ERR_MEMORY;
    }
    b->bytes = bytes;
    b->room = room;
    return PUSHC_OK;
}

int pushc_buf_add(struct pushc_buf *b, const char *bytes, size_t n)
{
    int status = grow(b, n);

    if (status != PUSHC_OK) {
        return status;
    }
    if (n > 0) {
        memcpy(b->bytes + b->length, bytes, n);
    }
    b->length += n;
    b->bytes[b->length] = '\0';
    return PUSHC_OK;
}

int pushc_buf_str(struct pushc_buf *b, const char *s)
{
    return pushc_buf_add(b, s ? s : "", s ? strlen(s) : 0);
}

/* RFC 3986, section 2.3: what needs no encoding. */
static int is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

int pushc_buf_query_text(struct pushc_buf *b, const char *text)
{
    if (text && text[0] != '\0') {
        pushc_buf_str(b, b->bytes && strchr(b->bytes, '?') ? "&" : "?");
        pushc_buf_str(b, text);
    }
    return b->failed ? PUSHC_ERR_MEMORY : PUSHC_OK;
}

int pushc_buf_query(struct pushc_buf *b, const char *name, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    const unsigned char *p = (const unsigned char *)value;

    if (!value) {
        return b->failed ? PUSHC_ERR_MEMORY : PUSHC_OK;
    }
    pushc_buf_query_text(b, name);
    pushc_buf_str(b, "=");
    for (; *p; p++) {
        char coded[3] = {'%', hex[*p >> 4], hex[*p & 15]};

        if (is_unreserved(*p)) {
            pushc_buf_add(b, (const char *)p, 1);
        }
        else {
            pushc_buf_add(b, coded, 3);
        }
    }
    return b->failed ? PUSHC_ERR_MEMORY : PUSHC_OK;
}
