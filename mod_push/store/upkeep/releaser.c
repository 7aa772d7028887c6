#include "store/upkeep/releaser.h"

#include <pthread.h>
#include <stdlib.h>

#include "store/ops/later.h"
#include "store/shard/later.h"
#include "store/shm/clock.h"
#include "store/shm/thread.h"

/*
 * Why no publication is missed: a thread tells until when it will sleep, and
 * only then looks a last time.  Who keeps one either is seen there, or sees
 * what was told, and rings.
 */

/* At most, ms: a wall clock that was set is noticed then, and the end. */
#define SLEEP_MS 1000

/* Where a lock was busy it is tried again, ms. */
#define BUSY_MS 100

struct push_releaser_t {
    push_store_t *store;
    pthread_t thread;
    _Atomic bool stop;
};

/* Until the next is due; at_least: ms, for what could not be done. */
static void sleep_until_due(push_releaser_t *releaser, int64_t at_least)
{
    push_later_words_t *words = &releaser->store->segment->later;
    uint32_t seen = push_bell_read(&words->bell);
    int64_t now = push_clock_now().wall;
    int64_t first = push_later_first(releaser->store);
    int64_t next = first - now < at_least ? now + at_least : first;

    if (atomic_load(&releaser->stop)) {
        return;
    }
    atomic_store(&words->at, next);
    if (push_later_first(releaser->store) >= first) {
        push_bell_wait(&words->bell, seen,
                       next - now < SLEEP_MS ? next - now : SLEEP_MS);
    }
}

static void *run(void *data)
{
    push_releaser_t *releaser = data;

    while (!atomic_load(&releaser->stop)
           && !push_segment_superseded(releaser->store->segment)) {
        push_time_t now = push_clock_now();

        sleep_until_due(
            releaser, push_store_release(releaser->store, &now) ? 0 : BUSY_MS);
    }
    return NULL;
}

push_releaser_t *push_releaser_start(push_store_t *store)
{
    push_releaser_t *releaser = calloc(1, sizeof(*releaser));

    if (!releaser) {
        return NULL;
    }
    releaser->store = store;
    if (!push_thread_start(&releaser->thread, run, releaser)) {
        free(releaser);
        return NULL;
    }
    return releaser;
}

void push_releaser_stop(push_releaser_t *releaser)
{
    atomic_store(&releaser->stop, true);
    push_bell_ring(&releaser->store->segment->later.bell);
    pthread_join(releaser->thread, NULL);
    free(releaser);
}
