/*
 * mem.h - memory by the application's allocator.
 *
 * Any thread. The allocator is that of one handle; nothing is global.
 */
#ifndef PUSHC_MEM_H
#define PUSHC_MEM_H

#include <stddef.h>

#include "pushc.h"

struct pushc_mem {
    pushc_realloc_fn fn; /* never NULL */
    void *ctx;
};

/* The C library's allocator where fn is NULL. */
struct pushc_mem pushc_mem_make(pushc_realloc_fn fn, void *ctx);

/* n bytes, zeroed; NULL without memory. Owned by the caller. */
void *pushc_mem_zalloc(const struct pushc_mem *mem, size_t n);

/* p with n bytes; NULL without memory, and p stays. */
void *pushc_mem_realloc(const struct pushc_mem *mem, void *p, size_t n);

/* Free p; NULL does nothing. */
void pushc_mem_free(const struct pushc_mem *mem, void *p);

/* A copy of s; NULL without memory. */
char *pushc_mem_strdup(const struct pushc_mem *mem, const char *s);

/* Whether s holds nothing that could end a line of a head: no control
 * character. NULL does not. */
int pushc_is_line(const char *s);

/* ---- a growing string of bytes ---- */

struct pushc_buf {
    const struct pushc_mem *mem; /* borrowed */
    char *bytes;                 /* NUL-terminated after an append */
    size_t length;
    size_t room;
    int failed; /* an append found no memory; all later ones do nothing */
};

void pushc_buf_init(struct pushc_buf *b, const struct pushc_mem *mem);
void pushc_buf_cleanup(struct pushc_buf *b);

/* Append n bytes; 0, or PUSHC_ERR_MEMORY. */
int pushc_buf_add(struct pushc_buf *b, const char *bytes, size_t n);

/* Append a string; NULL is "". */
int pushc_buf_str(struct pushc_buf *b, const char *s);

/* Append name=value to a query, percent-encoded, with ? or & before it as
 * the text so far wants; a NULL value appends nothing. */
int pushc_buf_query(struct pushc_buf *b, const char *name, const char *value);

/* Append a part of a query that is encoded already; "" appends nothing. */
int pushc_buf_query_text(struct pushc_buf *b, const char *text);

#endif
