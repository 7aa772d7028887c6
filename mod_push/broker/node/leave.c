#include "broker/node/leave.h"

#include <stdlib.h>

#include "broker/library/follow_calls.h"
#include "broker/node/load.h"
#include "broker/node/post.h"
#include "broker/node/steward.h"
#include "store/ops/unfollow.h"

typedef struct {
    push_errand_t errand;
    push_log_name_t log;
    uint32_t number;
    bool left;
} leaving_t;

/* Others may wait to follow it again. */
static void end(push_cluster_t *cluster, push_text_t log, uint32_t errand,
                bool left)
{
    push_follow_left(cluster->store, log, errand, left);
    push_bell_ring(push_load_bell(cluster, log));
}

static void settle(push_cluster_t *cluster, push_errand_t *errand)
{
    leaving_t *leaving = (leaving_t *)errand;

    end(cluster, push_log_text(&leaving->log), leaving->number, leaving->left);
    free(leaving);
}

/* The courier's thread.  Without memory, others find the log LEAVING. */
static void unfollowed(push_post_t *post)
{
    leaving_t *leaving = calloc(1, sizeof(*leaving));

    if (leaving) {
        leaving->errand.run = settle;
        leaving->log = push_log_name((char)post->id[0], post->user);
        leaving->number = post->fence;
        leaving->left = post->request.failure == PUSH_FAILURE_NONE;
        push_steward_add(post->cluster->steward, &leaving->errand);
    }
}

static void send_unfollow(push_cluster_t *cluster, push_text_t log,
                          uint32_t errand)
{
    unsigned partition = push_log_partition(cluster->store, log);
    const unsigned char kind[PUSH_CONTEXT_BYTES] = {(unsigned char)log.at[0]};
    const push_unfollow_call_t call = {.home = push_cluster_home(cluster,
                                                                 partition),
                                       .owner = push_cluster_owner(cluster),
                                       .log = log};
    push_post_t *post = push_post_begin(cluster, partition);

    if (!post) {
        end(cluster, log, errand, false);
        return;
    }
    push_library_unfollow(&post->request.command, &call);
    push_post_about(post, (push_text_t){log.at + 1, log.len - 1}, kind,
                    errand);
    post->over = unfollowed;
    push_post_send(post);
}

void push_leave(push_cluster_t *cluster, push_text_t log)
{
    push_follow_t follow;

    if (push_follow_leave(cluster->store, log, &follow) == PUSH_OK
        && follow.mine) {
        send_unfollow(cluster, log, follow.errand);
    }
}
