#ifndef PUSH_NODE_POST_H
#define PUSH_NODE_POST_H

#include "broker/node/node.h"
#include "redis/request.h"

/*
 * A command that nobody waits for.  Its memory is its own; when it is over,
 * over() is told, by the courier's thread, and must be brief.
 */
typedef struct push_post_t push_post_t;

struct push_post_t {
    push_request_t request;
    push_cluster_t *cluster;
    /* NULL: what came of it is nobody's concern */
    void (*over)(push_post_t *post);
    push_text_t user; /* whose context it is about; copied */
    unsigned char id[PUSH_CONTEXT_BYTES];
    uint32_t fence;
    char name[PUSH_NAME_MAX]; /* the user's */
};

/* For a partition; NULL: no memory. */
push_post_t *push_post_begin(push_cluster_t *cluster, unsigned partition);

/* That it is about this context. */
void push_post_about(push_post_t *post, push_text_t user,
                     const unsigned char *id, uint32_t fence);

/* Sends it, and frees it when it is over. */
void push_post_send(push_post_t *post);

/* Frees one that is not sent; NULL: nothing. */
void push_post_drop(push_post_t *post);

#endif
