#include "server/kept.h"

#include <errno.h>
#include <http_config.h>
#include <http_main.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/shm/prefix.h"
#include "stream/transport/migration.h"

#define KEY "mod_push kept"

/* ---- the version that knew of no other ---- */

#define KEY_OF_3 "push"

/*
 * The form that layout 3 kept.  The guard's size is unknown: it stays mapped.
 */
typedef struct {
    void *base;
    uint64_t size;
    uint32_t seats;
    const int *unused[3];
    void *guard;
    push_state_kept_t state;
    int events[PUSH_KEPT_SEATS];
    int receive[PUSH_KEPT_SEATS];
    int send[PUSH_KEPT_SEATS];
} kept_3_t;

static push_kept_t *find_3(void)
{
    const kept_3_t *old = ap_retained_data_get(KEY_OF_3);
    push_kept_t *kept;

    if (!old) {
        return NULL;
    }
    kept = push_kept_create();
    kept->format = 0;
    kept->seats = old->seats;
    kept->base = old->base;
    kept->size = old->size;
    memcpy(kept->events, old->events, sizeof(kept->events));
    memcpy(kept->receive, old->receive, sizeof(kept->receive));
    memcpy(kept->send, old->send, sizeof(kept->send));
    kept->state = old->state;
    /* Should that version come back, it begins anew. */
    apr_pool_userdata_set(NULL, KEY_OF_3, NULL, ap_pglobal);
    return kept;
}

/* ---- any version ---- */

push_kept_t *push_kept_find(void)
{
    push_kept_t *kept = ap_retained_data_get(KEY);

    return kept ? kept : find_3();
}

push_kept_t *push_kept_create(void)
{
    push_kept_t *kept = ap_retained_data_create(KEY, sizeof(*kept));

    kept->format = PUSH_KEPT_FORMAT;
    kept->state.lock = -1;
    return kept;
}

bool push_kept_add_seat(push_kept_t *kept)
{
    uint32_t i = kept->seats;
    int pair[2];

    kept->events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (kept->events[i] < 0 || !push_migration_open(pair)) {
        return false;
    }
    kept->receive[i] = pair[0];
    kept->send[i] = pair[1];
    kept->seats++;
    return true;
}

/* Wakes the reactor, which then looks around. */
static void ring(int event)
{
    static const uint64_t one = 1;

    while (write(event, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void push_kept_supersede(push_kept_t *kept)
{
    push_segment_supersede(kept->base);
    for (uint32_t i = 0; i < kept->seats; i++) {
        ring(kept->events[i]);
        close(kept->events[i]);
        close(kept->receive[i]);
        close(kept->send[i]);
    }
    munmap(kept->base, kept->size);
    if (kept->guard_size) {
        munmap(kept->guard, kept->guard_size);
    }
    if (kept->state.dir[0] && kept->state.lock >= 0) {
        close(kept->state.lock);
    }
    kept->state.lock = -1;
}
