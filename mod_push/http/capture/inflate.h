#ifndef PUSH_INFLATE_H
#define PUSH_INFLATE_H

#include <apr_tables.h>

#include "core/types.h"

/* Bodies that an application compressed: gzip and deflate (RFC 9110, 8.4.1). */

typedef enum push_inflate_t {
    PUSH_INFLATE_OK,
    PUSH_INFLATE_LARGE, /* plain, it is larger than it may be */
    PUSH_INFLATE_BAD    /* it is damaged, or coded in another way */
} push_inflate_t;

/* True if the value of Content-Encoding says that nothing is to be done. */
bool push_inflate_none(const char *encoding);

/* Replaces the body by what it says, of at most max bytes, in the pool. */
push_inflate_t push_inflate(apr_pool_t *pool, const char *encoding,
                            apr_size_t max, push_text_t *body);

#endif
