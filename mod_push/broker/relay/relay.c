#include "broker/relay/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/relay/body.h"
#include "broker/relay/calls.h"
#include "broker/relay/region.h"
#include "broker/relay/sender.h"
#include "store/shm/clock.h"
#include "store/shm/thread.h"

/* ---- who publishes ---- */

static bool is_for(const push_region_t *region, push_urgency_t urgency)
{
    return urgency <= region->urgency;
}

/* What the server itself publishes is about this region, as are the users by
 * whom it tries out whether it is well. */
static bool is_own(const push_audience_t *audience)
{
    return audience->kind != PUSH_LOG_BROADCAST && audience->name.len
           && audience->name.at[0] == '$';
}

bool push_relay_fill(const push_relay_t *relay,
                     const push_publication_t *publication,
                     push_publish_call_t *call, char **body, bool *failed)
{
    unsigned count = 0;
    size_t len;

    *failed = false;
    *body = NULL;
    if (!relay || publication->relayed || is_own(&publication->audience)) {
        return false;
    }
    while (
        count < relay->options.count
        && is_for(&relay->options.regions[count], publication->spec.urgency)) {
        count++;
    }
    if (!count) {
        return false;
    }
    *body = push_relay_body(publication, &len);
    if (!*body) {
        *failed = true;
        return false;
    }
    call->relay = (push_text_t){*body, (uint32_t)len};
    call->lists = relay->lists;
    call->lists_count = count;
    return true;
}

void push_relay_published(push_relay_t *relay, unsigned partition,
                          push_urgency_t urgency, uint32_t fell)
{
    uint64_t bit = UINT64_C(1) << partition % 64;

    for (unsigned i = 0; i < relay->options.count
                         && is_for(&relay->options.regions[i], urgency);
         i++) {
        atomic_fetch_or(&relay->regions[i].woken[partition / 64], bit);
    }
    push_count_shared(relay->options.counts,
                      PUSH_COUNT_RELAYED + PUSH_BY_RELAYED_QUEUED, 1);
    if (fell) {
        push_count_shared(relay->options.counts,
                          PUSH_COUNT_RELAYED + PUSH_BY_RELAYED_FELL, fell);
        atomic_fetch_add(&relay->fell, fell);
    }
    push_relay_wake(relay);
}

void push_relay_view(const push_relay_t *relay, push_cluster_view_t *view)
{
    view->regions_count = relay ? relay->options.count : 0;
    for (unsigned i = 0; i < view->regions_count; i++) {
        push_relay_region_words_t *words = &relay->options.words->regions[i];
        push_region_view_t *region = &view->regions[i];

        snprintf(region->name, sizeof(region->name), "%s",
                 relay->options.regions[i].name);
        region->waiting = atomic_load(&words->waiting);
        region->oldest = atomic_load(&words->oldest);
        region->trouble = atomic_load(&words->trouble);
    }
    view->relay_known = relay ? atomic_load(&relay->options.words->known) : 0;
}

/* ---- the start and the end ---- */

/* A word that no other thread has in leases. */
static void make_holder(push_relay_t *relay)
{
    push_time_t now = push_clock_now();

    snprintf(relay->holder, sizeof(relay->holder), "%08x%08x",
             (unsigned)getpid() ^ (unsigned)(now.us << 12),
             (unsigned)(now.wall ^ (uint64_t)now.us << 8)
                 ^ (unsigned)(uintptr_t)relay);
}

static void free_relay(push_relay_t *relay)
{
    for (unsigned i = 0; relay->regions && i < relay->options.count; i++) {
        push_region_cleanup(&relay->regions[i]);
    }
    free(relay->regions);
    if (relay->multi) {
        curl_multi_cleanup(relay->multi);
        curl_global_cleanup();
    }
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}

static bool make_regions(push_relay_t *relay)
{
    const push_relay_options_t *options = &relay->options;
    bool made = true;

    relay->regions = calloc(options->count, sizeof(*relay->regions));
    for (unsigned i = 0; relay->regions && i < options->count; i++) {
        const char *name = options->regions[i].name;

        relay->lists[i] = (push_relay_list_t){
            .region = {name, (uint32_t)strlen(name)},
            .keep = options->keep,
            .entries = options->entries,
            .bytes = options->bytes};
        made = push_region_init(&relay->regions[i], relay, i) && made;
    }
    return relay->regions && made;
}

push_relay_t *push_relay_start(const push_relay_options_t *options)
{
    push_relay_t *relay = calloc(1, sizeof(*relay));
    int error;

    if (!relay) {
        return NULL;
    }
    relay->options = *options;
    relay->finished_end = &relay->finished;
    pthread_mutex_init(&relay->lock, NULL);
    make_holder(relay);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        relay->multi = curl_multi_init();
    }
    errno = ENOMEM;
    if (relay->multi && make_regions(relay)
        && push_thread_start(&relay->thread, push_relay_run, relay)) {
        return relay;
    }
    error = errno;
    free_relay(relay);
    errno = error;
    return NULL;
}

void push_relay_stop(push_relay_t *relay)
{
    if (!relay) {
        return;
    }
    atomic_store(&relay->stop, true);
    curl_multi_wakeup(relay->multi);
    pthread_join(relay->thread, NULL);
    free_relay(relay);
}
