#include "broker/node/steward.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "broker/node/ends.h"
#include "broker/node/load.h"
#include "broker/node/masters.h"
#include "broker/node/patience.h"
#include "broker/node/resync.h"
#include "broker/node/tagged.h"
#include "redis/request.h"
#include "store/shm/thread.h"

/* How often the segment is looked through although nobody woke us, ms. */
#define POLL_MS 250

struct push_steward_t {
    push_cluster_t *cluster;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    push_patience_t patience; /* the thread's, as the next three */
    push_resync_t resync;
    bool caught_up;     /* the broadcast and the marks are here */
    int64_t not_before; /* push_redis_now(); of trying that */
    /* ---- with the lock ---- */
    push_errand_t *first, *last;
    bool woken;
    bool stop;
};

/* ---- steward thread only ---- */

static struct timespec soon(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += POLL_MS * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/* Waits for an errand, a wake or the next poll; false: the end. */
static bool await(push_steward_t *steward, push_errand_t **errand)
{
    struct timespec until = soon();
    bool stop;

    pthread_mutex_lock(&steward->lock);
    while (!steward->stop && !steward->woken && !steward->first
           && !pthread_cond_clockwait(&steward->changed, &steward->lock,
                                      CLOCK_MONOTONIC, &until)) {
    }
    steward->woken = false;
    *errand = steward->first;
    if (*errand) {
        steward->first = (*errand)->next;
    }
    stop = steward->stop;
    pthread_mutex_unlock(&steward->lock);
    return !stop;
}

static void drop(push_errand_t *errand)
{
    if (errand->drop) {
        errand->drop(errand);
    }
    else {
        free(errand);
    }
}

/* Every node follows the broadcast, and knows who is revoked. */
static bool catch_up(push_cluster_t *cluster)
{
    static const push_text_t broadcast = {"b", 1};

    return push_load_whole(cluster, broadcast) == PUSH_OK
           && push_ends_recover(cluster) == PUSH_OK;
}

/*
 * Where partition 0 was suspect, as it is at first, entries of it may have
 * been missed: those that say who is revoked are asked for by their marks.
 */
static void see_to_segment(push_steward_t *steward)
{
    push_cluster_t *cluster = steward->cluster;

    if (!push_cluster_leads(cluster)
        || push_cluster_owner(cluster) == PUSH_OWNER_NOBODY) {
        steward->caught_up = false; /* nor can a log be followed by nobody */
        return;
    }
    if (push_partition_suspect(cluster->words, 0)) {
        steward->caught_up = false;
    }
    if (push_resync_some(cluster, &steward->resync)) {
        push_steward_wake(steward);
    }
    push_tagged_settle(cluster);
    if (!steward->caught_up && push_redis_now() >= steward->not_before) {
        steward->caught_up = catch_up(cluster);
        steward->not_before = push_redis_now() + POLL_MS;
    }
}

static void *run(void *data)
{
    push_steward_t *steward = data;
    push_cluster_t *cluster = steward->cluster;
    push_errand_t *errand;

    while (await(steward, &errand)) {
        if (errand) {
            errand->run(cluster, errand);
        }
        see_to_segment(steward);
        push_patience_see(cluster, &steward->patience);
    }
    if (errand) {
        drop(errand);
    }
    return NULL;
}

/* ---- any thread ---- */

push_steward_t *push_steward_start(push_cluster_t *cluster)
{
    push_steward_t *steward = calloc(1, sizeof(*steward));

    if (!steward) {
        return NULL;
    }
    steward->cluster = cluster;
    steward->patience.known = atomic_load(&cluster->words->partings);
    pthread_mutex_init(&steward->lock, NULL);
    pthread_cond_init(&steward->changed, NULL);
    if (!push_thread_start(&steward->thread, run, steward)) {
        free(steward);
        return NULL;
    }
    return steward;
}

void push_steward_stop(push_steward_t *steward)
{
    pthread_mutex_lock(&steward->lock);
    steward->stop = true;
    pthread_cond_signal(&steward->changed);
    pthread_mutex_unlock(&steward->lock);
    pthread_join(steward->thread, NULL);
}

void push_steward_free(push_steward_t *steward)
{
    push_errand_t *errand = steward->first;

    while (errand) {
        push_errand_t *next = errand->next;

        drop(errand);
        errand = next;
    }
    pthread_cond_destroy(&steward->changed);
    pthread_mutex_destroy(&steward->lock);
    free(steward);
}

void push_steward_add(push_steward_t *steward, push_errand_t *errand)
{
    errand->next = NULL;
    pthread_mutex_lock(&steward->lock);
    if (steward->first) {
        steward->last->next = errand;
    }
    else {
        steward->first = errand;
    }
    steward->last = errand;
    pthread_cond_signal(&steward->changed);
    pthread_mutex_unlock(&steward->lock);
}

void push_steward_wake(push_steward_t *steward)
{
    pthread_mutex_lock(&steward->lock);
    steward->woken = true;
    pthread_cond_signal(&steward->changed);
    pthread_mutex_unlock(&steward->lock);
}
