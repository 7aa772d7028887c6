#include "broker/node/reach.h"

#include "broker/node/load.h"
#include "store/ops/follow_walk.h"
#include "store/ops/import_record.h"

/* How long a claim waits for one log, and looks again without being told. */
#define REACH_MS 3000
#define POLL_MS  20

typedef struct {
    push_cluster_t *cluster;
    push_text_t log;
    uint64_t tick;
    bool asked;
} reach_t;

/* Whether it is here up to there, or as far as may be. */
static bool is_reached(reach_t *reach, push_follow_view_t *view)
{
    if (push_follow_read(reach->cluster->store, reach->log, view) != PUSH_OK
        || view->state != PUSH_FOLLOW_LIVE) {
        return true; /* one that was left is left out */
    }
    /* What Redis has no more is not waited for. */
    return view->version >= reach->tick || (reach->asked && !view->behind);
}

/* Asks for it, unless another thread is at that. */
static push_status_t ask(reach_t *reach, const push_follow_view_t *view)
{
    push_status_t status = PUSH_OK;

    if (!view->behind) {
        status = push_follow_drop(reach->cluster->store, reach->log,
                                  view->version + 1);
    }
    reach->asked = true;
    return status == PUSH_OK ? push_load_whole(reach->cluster, reach->log)
                             : status;
}

static push_status_t reach_log(reach_t *reach)
{
    push_bell_t *bell = push_load_bell(reach->cluster, reach->log);
    int64_t until = push_clock_now().mono + REACH_MS;
    push_follow_view_t view;
    push_status_t status;

    do {
        uint32_t seen = push_bell_read(bell);

        if (is_reached(reach, &view)) {
            return PUSH_OK;
        }
        status = ask(reach, &view);
        if (!is_reached(reach, &view)) {
            push_bell_wait(bell, seen, POLL_MS);
        }
    } while (status != PUSH_NO_MEMORY && status != PUSH_NO_STATE
             && push_clock_now().mono < until);
    /* Rather something twice than a device that is refused. */
    return status == PUSH_NO_MEMORY || status == PUSH_NO_STATE ? status
                                                               : PUSH_OK;
}

static push_log_name_t name_of(const push_import_t *import, unsigned which,
                               const push_text_t *channels)
{
    static const push_text_t nothing = {"", 0};

    switch (which) {
    case PUSH_SUBSCRIPTION_USER:
        return push_log_name('u', import->user);
    case PUSH_SUBSCRIPTION_BROADCAST:
        return push_log_name('b', nothing);
    default:
        return push_log_name('c',
                             channels[which - PUSH_SUBSCRIPTION_CHANNELS]);
    }
}

push_status_t push_reach(push_cluster_t *cluster, const push_import_t *import)
{
    uint64_t ticks[PUSH_IMPORT_LOGS];
    push_text_t channels[PUSH_CHANNELS_MAX];
    unsigned count = push_import_ticks(import->record, import->id,
                                       import->session, ticks);
    unsigned named = 0;
    push_status_t status = PUSH_OK;

    push_import_channels(import->record, import->id, channels, &named);
    for (unsigned i = 0; i < count && status == PUSH_OK; i++) {
        push_log_name_t name = name_of(import, i, channels);
        reach_t reach = {
            .cluster = cluster, .log = push_log_text(&name), .tick = ticks[i]};

        status = reach_log(&reach);
    }
    return status;
}
