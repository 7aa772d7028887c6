#ifndef PUSH_SOURCES_REDIS_CONSUMER_H
#define PUSH_SOURCES_REDIS_CONSUMER_H

#include "redis/settings.h"
#include "sources/worker.h"

/* What a PushSourceRedis says, beside the worker's options. */
typedef struct push_redis_source_t {
    push_redis_settings_t redis;
    const char *url;
    const char *stream, *group, *consumer;
    const char *dead;            /* the stream of what was refused */
    const char *ca, *cert, *key; /* paths of files; NULL: not set */
    apr_array_header_t *allow;
    int64_t batch; /* entries that are read at once */
    int64_t claim; /* ms; what another consumer has left for so long is ours */
} push_redis_source_t;

/* A worker's run(); its data is the push_redis_source_t. */
void push_redis_source_run(push_worker_t *worker, apr_pool_t *pool);

#endif
