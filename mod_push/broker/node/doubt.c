#include "broker/node/doubt.h"

#include "broker/node/masters.h"
#include "broker/node/load.h"
#include "broker/node/saver.h"
#include "store/ops/apply.h"
#include "store/ops/disown.h"

#define DOUBT_MS 2500 /* since the last drain; there is one each second */

/* Its inbox says who was forced out; nobody has read that for a while. */
static bool is_doubtful(const push_cluster_t *cluster, push_text_t user,
                        const push_time_t *now)
{
    push_cluster_words_t *words = cluster->words;
    push_log_name_t log = push_log_name('u', user);
    unsigned partition = push_log_partition(cluster->store,
                                            push_log_text(&log));
    unsigned home = words->home[partition];

    return push_partition_suspect(words, partition) || !home
           || atomic_load(&words->masters[home - 1].drained) + DOUBT_MS
                  < now->mono;
}

/*
 * To write it says whose it is.  If Redis does not say (true), it is trusted:
 * devices of this node come back though Redis is away.
 */
static bool prove(push_cluster_t *cluster, push_text_t user,
                  const unsigned char *id, const push_time_t *now)
{
    push_owned_view_t view;
    push_status_t status = PUSH_OK;

    if (push_store_owned(cluster->store, user, id, &view) == PUSH_OK
        && view.state == PUSH_OWNED) {
        status = push_saver_write(cluster, user, id);
    }
    if (status == PUSH_STALE) {
        push_store_disown(cluster->store, user, id,
                          &(push_taken_t){view.fence + 1, true}, now);
    }
    return status != PUSH_OK && status != PUSH_STALE;
}

bool push_doubt_see(push_cluster_t *cluster, push_text_t user,
                    const unsigned char *id, const push_time_t *now)
{
    return is_doubtful(cluster, user, now) && prove(cluster, user, id, now);
}
