#include "http/capture/inflate.h"

#include <strings.h>
#include <zlib.h>

#define EITHER 32 /* added to the window's bits: gzip or zlib, as it begins */

bool push_inflate_none(const char *encoding)
{
    return !encoding || !*encoding || !strcasecmp(encoding, "identity");
}

static bool is_known(const char *encoding)
{
    return !strcasecmp(encoding, "gzip") || !strcasecmp(encoding, "x-gzip")
           || !strcasecmp(encoding, "deflate");
}

/* Room for all that may come, but no more than that many times its size, which
 * hardly any body has. */
static apr_size_t first_room(apr_size_t len, apr_size_t max)
{
    return len < max / 8 ? len * 8 + 1 : max + 1;
}

/* One byte more than max of room tells what is too large. */
static push_inflate_t inflate_into(z_stream *z, apr_size_t max,
                                   apr_array_header_t *plain)
{
    int status = Z_OK;

    while (status == Z_OK) {
        if (plain->nelts == plain->nalloc) {
            int kept = plain->nelts;

            /* Grows as arrays do. */
            apr_array_push(plain);
            plain->nelts = kept;
        }
        z->next_out = (Bytef *)plain->elts + plain->nelts;
        z->avail_out = (uInt)(plain->nalloc - plain->nelts);
        status = inflate(z, Z_NO_FLUSH);
        plain->nelts = (int)((char *)z->next_out - plain->elts);
        if ((apr_size_t)plain->nelts > max) {
            return PUSH_INFLATE_LARGE;
        }
    }
    return status == Z_STREAM_END ? PUSH_INFLATE_OK : PUSH_INFLATE_BAD;
}

push_inflate_t push_inflate(apr_pool_t *pool, const char *encoding,
                            apr_size_t max, push_text_t *body)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)body->at,
                  .avail_in = body->len};
    apr_array_header_t *plain;
    push_inflate_t outcome;

    if (!is_known(encoding) || inflateInit2(&z, MAX_WBITS + EITHER) != Z_OK) {
        return PUSH_INFLATE_BAD;
    }
    plain = apr_array_make(pool, (int)first_room(body->len, max), 1);
    outcome = inflate_into(&z, max, plain);
    inflateEnd(&z);
    *body = (push_text_t){plain->elts, (uint32_t)plain->nelts};
    return outcome;
}
