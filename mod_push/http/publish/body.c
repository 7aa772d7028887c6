#include "http/publish/body.h"

#include <apr_buckets.h>
#include <http_protocol.h>
#include <util_filter.h>

static const push_problem_t *too_large(request_rec *r, apr_size_t most)
{
    return push_problem(r->pool, 413, "too-large",
                        "payload: at most %" APR_SIZE_T_FMT
                        " bytes (PushMaxMessageSize)",
                        most);
}

static void append_bytes(apr_array_header_t *bytes, const char *data,
                         apr_size_t len)
{
    apr_array_header_t more = {.pool = bytes->pool,
                               .elt_size = 1,
                               .nelts = (int)len,
                               .nalloc = (int)len,
                               .elts = (char *)(uintptr_t)data};

    apr_array_cat(bytes, &more);
}

/*
 * The problem that kept the body from being read; SDKs try again after 408
 * only.
 */
static const push_problem_t *bad_body(request_rec *r, apr_status_t status)
{
    return APR_STATUS_IS_TIMEUP(status)
               ? push_problem(r->pool, HTTP_REQUEST_TIME_OUT, "slow-body",
                              "payload: the body came too slowly")
               : push_problem(r->pool, HTTP_BAD_REQUEST, "bad-body",
                              "payload: the body ended early or is "
                              "malformed");
}

const push_problem_t *push_body_read(request_rec *r, apr_size_t max,
                                     push_text_t *body)
{
    apr_bucket_brigade *brigade = apr_brigade_create(
        r->pool, r->connection->bucket_alloc);
    apr_array_header_t *bytes = apr_array_make(r->pool, 1024, 1);
    bool more = true;

    while (more) {
        apr_bucket *bucket;
        apr_status_t status = ap_get_brigade(r->input_filters, brigade,
                                             AP_MODE_READBYTES, APR_BLOCK_READ,
                                             HUGE_STRING_LEN);

        if (status != APR_SUCCESS) {
            return bad_body(r, status);
        }
        for (bucket = APR_BRIGADE_FIRST(brigade);
             bucket != APR_BRIGADE_SENTINEL(brigade);
             bucket = APR_BUCKET_NEXT(bucket)) {
            const char *data;
            apr_size_t len;

            if (APR_BUCKET_IS_EOS(bucket)) {
                more = false;
                break;
            }
            if (APR_BUCKET_IS_METADATA(bucket)) {
                continue;
            }
            status = apr_bucket_read(bucket, &data, &len, APR_BLOCK_READ);
            if (status != APR_SUCCESS) {
                return bad_body(r, status);
            }
            if ((apr_size_t)bytes->nelts + len > max) {
                return too_large(r, max);
            }
            append_bytes(bytes, data, len);
        }
        apr_brigade_cleanup(brigade);
    }
    *body = (push_text_t){bytes->elts, (uint32_t)bytes->nelts};
    return NULL;
}
