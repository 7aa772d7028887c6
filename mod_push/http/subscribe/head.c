#include "http/subscribe/head.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "http/runtime.h"

uint32_t push_head_jitter(const request_rec *r, int64_t ms)
{
    uint64_t spread = (uint64_t)r->request_time * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)((uint64_t)ms / 2
                      + ((spread >> 32) * ((uint64_t)ms + 1) >> 32));
}

void push_head_set(request_rec *r)
{
    apr_table_t *out = r->headers_out;

    apr_table_setn(out, "Cache-Control", "no-store, private, no-transform");
    apr_table_setn(out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(out, "X-Accel-Buffering", "no");
}

void push_head_limits(request_rec *r)
{
    apr_table_setn(r->headers_out, "Push-Window",
                   apr_psprintf(r->pool, "%" APR_INT64_T_FMT,
                                push_settings(r)->max_in_flight));
    apr_table_setn(r->headers_out, "Push-Max-Message",
                   apr_psprintf(r->pool, "%" APR_INT64_T_FMT,
                                push_runtime()->largest));
}

void push_head_stream(request_rec *r, const push_stream_ref_t *stream_ref,
                      uint64_t number)
{
    char *device = apr_pcalloc(r->pool, PUSH_CONTEXT_CHARS + 1);
    char *session = apr_pcalloc(r->pool, PUSH_MID_CHARS + 1);

    push_context_write(stream_ref->id, device);
    push_mid_write(number, session);
    apr_table_setn(r->headers_out, "Push-Device", device);
    apr_table_setn(r->headers_out, "Push-Session", session);
}

const char *push_head_retry(request_rec *r)
{
    return apr_psprintf(r->pool, "retry: %u\n\n",
                        push_head_jitter(r, push_settings(r)->retry));
}
