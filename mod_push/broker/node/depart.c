#include "broker/node/depart.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/library/cluster_calls.h"
#include "broker/node/patience.h"
#include "broker/node/yield.h"
#include "redis/courier.h"
#include "store/shm/clock.h"

#define DEPART_MS 5000 /* httpd kills a child that has not ended in 9 s */
#define AGAIN_MS  50   /* until what failed is tried again */

/* ---- devices ---- */

static void wait_for_yields(push_cluster_t *cluster, int64_t until)
{
    int64_t left = until - push_clock_now().mono;
    uint32_t seen = push_bell_read(&cluster->settled);

    while (atomic_load(&cluster->yielding) && left > 0) {
        push_bell_wait(&cluster->settled, seen, left);
        left = until - push_clock_now().mono;
        seen = push_bell_read(&cluster->settled);
    }
}

/* All that is here, once; returns how many there were. */
static unsigned give_up(push_cluster_t *cluster, int64_t until)
{
    push_owned_walk_t walk = {.before = INT64_MAX};
    unsigned found = 0;

    while (!walk.done && push_clock_now().mono < until) {
        found += push_yield_some(cluster, &walk, true);
    }
    wait_for_yields(cluster, until);
    return found;
}

static unsigned count_left(const push_cluster_t *cluster)
{
    push_owned_walk_t walk = {.before = INT64_MAX};
    unsigned left = atomic_load(&cluster->yielding);
    push_owned_ref_t refs[64];

    while (!walk.done) {
        left += push_owned_walk(cluster->store, &walk, refs, 64);
    }
    return left;
}

static void report(const push_cluster_t *cluster, unsigned given,
                   unsigned left, int64_t ms)
{
    const push_cluster_options_t *options = &cluster->options;
    char text[80];

    snprintf(text, sizeof(text), "%u in %lld ms, %u left", given,
             (long long)ms, left);
    options->report(options->data,
                    left ? PUSH_CLUSTER_LEFT_SOME : PUSH_CLUSTER_LEFT, text);
}

static void pause_for(push_cluster_t *cluster, int64_t ms)
{
    push_bell_wait(&cluster->settled, push_bell_read(&cluster->settled), ms);
}

/* What is refused is ours again: Redis may take it in a moment, as where a
 * replica has just taken over, or its log be loaded then. */
static void depart(push_cluster_t *cluster)
{
    int64_t begun = push_clock_now().mono, until = begun + DEPART_MS;
    unsigned already = atomic_load(&cluster->yielded);
    unsigned found, before;

    do {
        before = atomic_load(&cluster->yielded);
        found = give_up(cluster, until);
        if (found > atomic_load(&cluster->yielded) - before) {
            pause_for(cluster, AGAIN_MS);
        }
    } while (found && push_clock_now().mono < until);
    report(cluster, atomic_load(&cluster->yielded) - already,
           found ? count_left(cluster) : 0, push_clock_now().mono - begun);
}

/* Of processes that end at once each may see no other; one does it, unless it
 * was killed. */
static bool is_first(push_cluster_words_t *words)
{
    uint32_t other = 0, own = (uint32_t)getpid();

    return atomic_compare_exchange_strong(&words->departs, &other, own)
           || (kill((pid_t)other, 0) && errno == ESRCH
               && atomic_compare_exchange_strong(&words->departs, &other,
                                                 own));
}

bool push_depart(push_cluster_t *cluster)
{
    bool first = is_first(cluster->words);

    if (first && push_patience_is_well(cluster)) {
        depart(cluster);
    }
    return first;
}

/* ---- the number ---- */

static void resign_at(push_cluster_t *cluster, unsigned partition,
                      unsigned owner)
{
    push_home_t home = push_cluster_home(cluster, partition);
    push_request_t request;

    push_request_init(&request, partition);
    push_library_resign(&request.command, &home, owner);
    push_courier_call(cluster->courier, &request);
    push_request_cleanup(&request);
}

/* Partition 0, which has the roster, is the first. */
void push_depart_resign(push_cluster_t *cluster)
{
    push_cluster_words_t *words = cluster->words;
    unsigned owner = atomic_exchange(&words->owner, PUSH_OWNER_NOBODY);
    int64_t until = push_clock_now().mono + PUSH_REQUEST_MS;
    uint64_t done[4] = {0};

    for (unsigned i = 0;
         owner != PUSH_OWNER_NOBODY && i < PUSH_CLUSTER_PARTITIONS
         && push_clock_now().mono < until;
         i++) {
        unsigned home = words->home[i];
        uint64_t bit = UINT64_C(1) << home % 64;

        if (home && !(done[home / 64] & bit)) {
            done[home / 64] |= bit;
            resign_at(cluster, i, owner);
        }
    }
    atomic_store(&words->departs, 0); /* should another child come after all */
}
