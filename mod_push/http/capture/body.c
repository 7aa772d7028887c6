#include "http/capture/body.h"

#include <stdint.h>

void push_captured_body_add(push_captured_body_t *body, const char *data,
                            apr_size_t len)
{
    if (!push_captured_body_over(body, len)) {
        apr_array_header_t more = {.pool = body->bytes->pool,
                                   .elt_size = 1,
                                   .nelts = (int)len,
                                   .nalloc = (int)len,
                                   .elts = (char *)(uintptr_t)data};

        apr_array_cat(body->bytes, &more);
    }
    body->seen += (apr_off_t)len;
}
