#include "broker/node/post.h"

#include <stdlib.h>
#include <string.h>

#include "redis/courier.h"

static void done(push_request_t *request)
{
    push_post_t *post = request->data;

    if (post->over) {
        post->over(post);
    }
    push_request_cleanup(&post->request);
    free(post);
}

push_post_t *push_post_begin(push_cluster_t *cluster, unsigned partition)
{
    push_post_t *post = calloc(1, sizeof(*post));

    if (post) {
        post->cluster = cluster;
        push_request_init(&post->request, partition);
        post->request.done = done;
        post->request.data = post;
    }
    return post;
}

void push_post_about(push_post_t *post, push_text_t user,
                     const unsigned char *id, uint32_t fence)
{
    uint32_t len = user.len < sizeof(post->name) ? user.len
                                                 : sizeof(post->name);

    if (len) {
        memcpy(post->name, user.at, len);
    }
    memcpy(post->id, id, PUSH_CONTEXT_BYTES);
    post->user = (push_text_t){post->name, len};
    post->fence = fence;
}

void push_post_send(push_post_t *post)
{
    push_courier_send(post->cluster->courier, &post->request);
}

void push_post_drop(push_post_t *post)
{
    if (post) {
        push_request_cleanup(&post->request);
        free(post);
    }
}
