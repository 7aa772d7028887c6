#include "store/ops/choose.h"

#include <stdlib.h>
#include <string.h>

#include "store/disk/journal.h"
#include "store/ops/assign.h"
#include "store/ops/checkin.h"
#include "store/ops/pressure.h"
#include "store/ops/quota.h"
#include "store/shard/context.h"
#include "store/shard/shard.h"

/*
 * The idea: the list is made anew, as at a check-in, and what is in flight is
 * told where its subscriptions stand now.  A channel that is left while
 * something of it is in flight goes behind all others, marked as left, where
 * the sweep takes it out once that is acknowledged (push_assigned_tidy()).
 */

#define PLACES  (PUSH_SUBSCRIPTION_CHANNELS + PUSH_CHANNELS_MAX)
#define NOWHERE PLACES

/* In how many of them the server may change what it subscribes the user to. */
#define ATTEMPTS 4

typedef struct {
    push_store_t *store;
    push_heap_t *heap; /* of the user's shard */
    push_name_t name;
    unsigned char id[PUSH_CONTEXT_BYTES];
    const push_checkin_t *checkin;
    push_subscription_list_t *wanted;
    push_assigned_copy_t assigned; /* what the server adds to these */
} choice_t;

/* The places of a device's subscriptions, before and behind the change. */
typedef struct {
    unsigned before;
    unsigned count;
    uint16_t to[PLACES]; /* of each that there was, or NOWHERE */
} move_t;

/* ---- with the lock of the user's shard ---- */

static push_device_t *device_of(const choice_t *c)
{
    return push_store_device(c->store, c->name.shard, c->id);
}

static push_channel_t *channel_of(const choice_t *c,
                                  const push_subscription_t *subscription)
{
    return push_at(c->heap, subscription->log);
}

static void find_in_flight(const choice_t *c, const push_device_t *device,
                           bool *in_flight)
{
    uint32_t runs = push_window_runs(c->heap, &device->window);

    memset(in_flight, 0, PLACES * sizeof(*in_flight));
    for (uint32_t i = 0; i < runs; i++) {
        in_flight[push_window_run(c->heap, &device->window, i)
                      ->first.subscription
                  % PLACES] = true;
    }
}

/* Where it is among those that are wanted, or NOWHERE. */
static unsigned place_of(const push_subscription_list_t *wanted,
                         push_ref_t log)
{
    unsigned i = PUSH_SUBSCRIPTION_BROADCAST;

    while (i < wanted->count && wanted->list[i].log != log) {
        i++;
    }
    return i < wanted->count ? i : NOWHERE;
}

/* False: there would be more than a device can have. */
static bool plan(const choice_t *c, const push_device_t *device, move_t *move)
{
    const push_subscription_t *old = push_device_subscriptions(c->heap,
                                                               device);
    bool in_flight[PLACES];

    find_in_flight(c, device, in_flight);
    move->before = push_device_subscriptions_count(device);
    move->count = c->wanted->count;
    move->to[PUSH_SUBSCRIPTION_USER] = PUSH_SUBSCRIPTION_USER;
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < move->before; i++) {
        unsigned place = place_of(c->wanted, old[i].log);

        if (place == NOWHERE && in_flight[i]) {
            place = move->count++;
        }
        if (move->count > PLACES) {
            return false;
        }
        move->to[i] = (uint16_t)place;
    }
    return true;
}

/* One that was left is followed from now on, or from where it was left. */
static void take_place(const push_subscription_t *old, bool from_oldest,
                       push_subscription_t *place)
{
    if (old->joined != PUSH_LEFT) {
        *place = *old;
    }
    else if (from_oldest) {
        memcpy(place->cursor, old->cursor, sizeof(place->cursor));
        memcpy(place->reported, old->reported, sizeof(place->reported));
    }
}

static void fill(const choice_t *c, const push_device_t *device,
                 const move_t *move, push_subscription_t *list)
{
    const push_subscription_t *old = push_device_subscriptions(c->heap,
                                                               device);
    unsigned wanted = c->wanted->count;

    memcpy(list, c->wanted->list, wanted * sizeof(*list));
    list[PUSH_SUBSCRIPTION_USER] = old[PUSH_SUBSCRIPTION_USER];
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < move->before; i++) {
        if (move->to[i] < wanted) {
            take_place(&old[i], c->checkin->from_oldest, &list[move->to[i]]);
        }
        else if (move->to[i] != NOWHERE) {
            list[move->to[i]] = old[i];
            list[move->to[i]].joined = PUSH_LEFT;
        }
    }
}

static bool is_new(const move_t *move, unsigned place)
{
    unsigned i = 0;

    while (i < move->before && move->to[i] != place) {
        i++;
    }
    return i == move->before;
}

/* Up before the device says so, and down after. */
static void count_new(const choice_t *c, const push_device_t *device,
                      const move_t *move, const push_subscription_t *list)
{
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < move->count; i++) {
        if (is_new(move, i)) {
            push_store_count_follower(channel_of(c, &list[i]), device, 1);
        }
    }
}

static void count_gone(const choice_t *c, const push_device_t *device,
                       const move_t *move, const push_subscription_t *old)
{
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < move->before; i++) {
        if (move->to[i] == NOWHERE) {
            push_store_count_follower(channel_of(c, &old[i]), device, -1);
        }
    }
}

static void move_in_flight(const choice_t *c, const push_device_t *device,
                           const move_t *move)
{
    uint32_t runs = push_window_runs(c->heap, &device->window);

    for (uint32_t i = 0; i < runs; i++) {
        push_position_t *first =
            &push_window_run(c->heap, &device->window, i)->first;

        first->subscription = move->to[first->subscription % PLACES];
        PUSH_FAILPOINT("chosen-moved");
    }
}

/* Should the process die within, the session begins anew. */
static void swap(const choice_t *c, push_device_t *device, const move_t *move,
                 push_ref_t ref)
{
    push_ref_t before = push_device_subscriptions_ref(device);
    const push_subscription_t *old = push_at(c->heap, before);

    count_new(c, device, move, push_at(c->heap, ref));
    push_session_open(c->store, device);
    push_device_set_assigned(device, ref, move->count,
                             c->wanted->assigned + move->count
                                 - c->wanted->count);
    PUSH_FAILPOINT("chosen-swapped");
    move_in_flight(c, device, move);
    push_session_close(c->store, device);
    count_gone(c, device, move, old);
    c->heap->release(c->heap, before);
    push_store_reroute(c->store, device);
}

static push_status_t change(const choice_t *c)
{
    push_device_t *device = device_of(c);
    move_t move;
    push_ref_t ref;

    if (!device) {
        return PUSH_NOT_FOUND;
    }
    if (!plan(c, device, &move)) {
        return PUSH_BUSY;
    }
    ref = c->heap->alloc(c->heap, move.count * sizeof(push_subscription_t),
                         PUSH_PART);
    if (!ref) {
        return PUSH_NO_MEMORY;
    }
    fill(c, device, &move, push_at(c->heap, ref));
    swap(c, device, &move, ref);
    return PUSH_OK;
}

/* ---- one attempt ---- */

/* Whether it may, before any channel is made for it. */
static push_status_t check_before(choice_t *c)
{
    push_checkin_t asked = *c->checkin;
    const push_device_t *device;
    push_status_t status = PUSH_NOT_FOUND;

    asked.max_streams = UINT32_MAX; /* it opens none */
    if (!push_shard_enter(c->store, c->name.shard)) {
        return PUSH_BUSY;
    }
    device = device_of(c);
    if (device) {
        status = push_quota_check(c->store, &asked,
                                  push_at(c->heap, device->user), device);
    }
    if (status == PUSH_OK
        && !push_assigned_copy(c->store, &c->name, &c->assigned)) {
        status = PUSH_NO_MEMORY;
    }
    push_shard_leave(c->store, c->name.shard);
    return status;
}

/* *again: meanwhile the server subscribes the user to others. */
static push_status_t change_with(choice_t *c, bool *again)
{
    push_commit_t commit = {0};
    push_status_t status = PUSH_BUSY;

    if (!push_shard_enter(c->store, c->name.shard)) {
        return status;
    }
    *again = !push_assigned_current(c->store, &c->name, &c->assigned);
    if (!*again) {
        status = change(c);
    }
    push_shard_leave_for(c->store, c->name.shard, &commit);
    if (status == PUSH_OK) {
        /* As at a check-in, a disk that fails is no reason to refuse. */
        push_journal_wait_state(c->store, &commit);
    }
    return status;
}

static push_status_t attempt(choice_t *c, bool *again)
{
    const push_checkin_t *checkin = c->checkin;
    push_status_t status;

    *again = false;
    c->assigned = (push_assigned_copy_t){.list = NULL};
    status = check_before(c);
    if (status == PUSH_OK) {
        status = push_subscriptions_take(c->store, c->wanted,
                                         checkin->channels,
                                         checkin->channels_count,
                                         checkin->from_oldest);
        if (status == PUSH_OK) {
            status = push_assigned_follow(c->store, c->wanted, &c->assigned,
                                          checkin->from_oldest);
        }
        if (status == PUSH_OK) {
            status = change_with(c, again);
        }
        push_subscriptions_arrived(c->store, c->wanted);
    }
    free(c->assigned.list);
    return status;
}

push_status_t push_store_choose(push_store_t *store,
                                const push_checkin_t *checkin,
                                const push_time_t *now)
{
    push_subscription_list_t wanted = {
        .room = push_pressure_admit(store, PUSH_LOW, now)};
    choice_t c = {.store = store,
                  .name = push_store_name(store, checkin->user),
                  .checkin = checkin,
                  .wanted = &wanted};
    push_status_t status = PUSH_BUSY;
    bool again = !push_segment_superseded(store->segment);

    c.heap = &store->heaps[c.name.shard];
    push_store_context_id(checkin->user, checkin->labels[PUSH_LABEL_DEVICE],
                          checkin->labels[PUSH_LABEL_APP], c.id);
    for (int i = 0; i < ATTEMPTS && again; i++) {
        status = attempt(&c, &again);
    }
    return status;
}
