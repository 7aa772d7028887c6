#ifndef PUSH_SOURCES_REDIS_LINK_H
#define PUSH_SOURCES_REDIS_LINK_H

#include "redis/client.h"
#include "sources/worker.h"

/* Redis for the thread of a worker, which waits for its answers. */

typedef struct push_link_t {
    push_worker_t *worker;
    push_client_t *client;
} push_link_t;

/* Trouble with connections goes to the worker's report.  False: no memory. */
bool push_link_open(push_link_t *link, push_worker_t *worker,
                    const push_redis_settings_t *settings);
void push_link_close(push_link_t *link);

/* An answer is late after so many ms. */
void push_link_begin(push_request_t *request, int64_t ms);

/*
 * Sends both (the first may be NULL) in this order, and waits until they are
 * over.  False: the worker ends, and the link is closed.
 */
bool push_link_call(push_link_t *link, push_request_t *first,
                    push_request_t *second);

/* What came of a request in words, in the pool; NULL: nothing is wrong. */
const char *push_link_wrong(apr_pool_t *pool, const push_request_t *request);

#endif
