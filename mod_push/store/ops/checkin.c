#include "store/ops/checkin.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/device_away.h"
#include "core/trace.h"
#include "store/shard/context.h"
#include "store/ops/assign.h"
#include "store/ops/forget.h"
#include "store/disk/journal.h"
#include "store/shard/subscriptions.h"
#include "store/ops/pressure.h"
#include "store/ops/quota.h"
#include "store/shard/copy.h"
#include "store/shard/owned.h"
#include "store/shard/shard.h"

#define LONG_WAIT_MS 1000 /* of a request, before it came to be handled */

/* In how many of them the server may change what it subscribes the user to. */
#define ATTEMPTS 4

/* ---- with the lock of the user's shard ---- */

static push_device_t *new_device(push_store_t *store, push_user_t *user,
                                 unsigned shard, const unsigned char *id,
                                 const push_time_t *now)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = heap->alloc(heap, push_owned_size(store), PUSH_NODE);
    push_device_t *device;
    push_ref_t subscriptions;

    if (!ref) {
        return NULL;
    }
    device = push_at(heap, ref);
    memset(device, 0, push_owned_size(store));
    subscriptions = heap->alloc(
        heap, PUSH_SUBSCRIPTION_CHANNELS * sizeof(push_subscription_t),
        PUSH_PART);
    if (!subscriptions) {
        heap->release(heap, ref);
        return NULL;
    }
    push_device_set_subscriptions(device, subscriptions,
                                  PUSH_SUBSCRIPTION_CHANNELS);
    memcpy(device->id, id, PUSH_CONTEXT_BYTES);
    memcpy(&device->node.hash, id, sizeof(device->node.hash));
    device->shard = (uint8_t)shard;
    device->first_seen = now->wall;
    memset(push_device_subscriptions(heap, device), 0,
           PUSH_SUBSCRIPTION_CHANNELS * sizeof(push_subscription_t));
    push_user_adopt(heap, user, device, now);
    return device;
}

/* Keeps the subscription to a log that the device goes on following. */
static void keep_subscription(const push_heap_t *heap,
                              const push_device_t *device,
                              push_subscription_t *subscription)
{
    const push_subscription_t *old = push_device_subscriptions(heap, device);

    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        if (old[i].log == subscription->log && old[i].joined != PUSH_LEFT) {
            *subscription = old[i];
        }
    }
}

/* The set of channels given now replaces the one before. */
static push_ref_t new_subscriptions(push_store_t *store,
                                    const push_device_t *device,
                                    const push_subscription_list_t *wanted)
{
    push_heap_t *heap = &store->heaps[device->shard];
    push_ref_t ref = heap->alloc(
        heap, wanted->count * sizeof(push_subscription_t), PUSH_PART);
    push_subscription_t *subscriptions;

    if (!ref) {
        return PUSH_NONE;
    }
    subscriptions = push_at(heap, ref);
    memcpy(subscriptions, wanted->list,
           wanted->count * sizeof(push_subscription_t));
    return ref;
}

static void use_subscriptions(push_store_t *store, push_device_t *device,
                              push_ref_t ref,
                              const push_subscription_list_t *wanted)
{
    push_heap_t *heap = &store->heaps[device->shard];
    push_subscription_t *old = push_device_subscriptions(heap, device);
    push_ref_t before = push_device_subscriptions_ref(device);
    unsigned before_count = push_device_subscriptions_count(device);
    unsigned count = wanted->count;
    push_subscription_t *subscriptions = push_at(heap, ref);

    subscriptions[PUSH_SUBSCRIPTION_USER] = old[PUSH_SUBSCRIPTION_USER];
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < count; i++) {
        keep_subscription(heap, device, &subscriptions[i]);
    }
    push_subscriptions_count(store, subscriptions, count, 1);
    push_device_set_assigned(device, ref, count, wanted->assigned);
    PUSH_FAILPOINT("subscriptions-swapped");
    if (old[PUSH_SUBSCRIPTION_BROADCAST].log) {
        push_subscriptions_count(store, old, before_count, -1);
    }
    heap->release(heap, before);
}

/*
 * All that is published from now on may reach the device by these
 * subscriptions.
 */
static bool follows_the_same(const push_heap_t *heap,
                             const push_device_t *device,
                             const push_subscription_list_t *wanted)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);

    if (push_device_subscriptions_count(device) != wanted->count) {
        return false;
    }
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST; i < wanted->count; i++) {
        if (!push_subscriptions_have(wanted, subscriptions[i].log)
            && subscriptions[i].log
                   != wanted->list[PUSH_SUBSCRIPTION_BROADCAST].log) {
            return false;
        }
    }
    return true;
}

static void note_device(push_store_t *store, const push_device_t *device)
{
    if (store->hand_over) {
        push_shard_note(store, device->shard,
                        push_device_refresh(device->id, device->shard));
    }
}

/* One check-in on its way, with the lock of the user's shard. */
typedef struct {
    const push_checkin_t *checkin;
    push_subscription_list_t *wanted;
    push_assigned_copy_t *assigned; /* what the server adds to these */
    push_name_t name;
    uint32_t address;
    const push_time_t *now;
} arrival_t;

/* The trace of a device begins and ends where its user's does. */
static void trace_arrival(push_heap_t *heap, push_device_t *device,
                          const arrival_t *arrival)
{
    const push_checkin_t *c = arrival->checkin;
    const push_trace_entry_t came = push_trace_event(
        PUSH_TRACE_CAME, 0, c->cursor ? c->cursor->seq : 0);
    const push_trace_entry_t settings = push_trace_event(
        PUSH_TRACE_SETTINGS, 0,
        (uint64_t)c->max_in_flight << 16 | (uint64_t)c->explicit_acks << 8
            | (uint64_t)c->lowest);

    if (c->traced) {
        push_trace_begin(heap, device, arrival->now);
        push_trace_note(heap, device, &came, arrival->now);
        push_trace_note(heap, device, &settings, arrival->now);
    }
    else {
        push_trace_end(heap, device);
    }
}

static void open_stream(push_store_t *store, push_device_t *device,
                        const arrival_t *arrival)
{
    const push_checkin_t *checkin = arrival->checkin;

    push_store_count_stream(store, device, 1);
    device->address = arrival->address;
    device->lowest = (uint8_t)checkin->lowest;
    device->max_in_flight = checkin->max_in_flight;
    device->gen = push_store_next_gen(store);
    PUSH_FAILPOINT("stream-numbered");
    device->owner = push_seat_tag(&store->seats.seats[checkin->seat],
                                  checkin->seat);
    device->handoff_owner = store->tag == PUSH_SEAT_NOBODY ? device->owner
                                                           : store->tag;
    device->since = push_subscriptions_now(store, device);
    device->last_seen = arrival->now->wall;
    PUSH_FAILPOINT("stream-seated");
    device->traits =
        (uint16_t)((device->traits
                    & (PUSH_DEVICE_STATE_LOST | PUSH_DEVICE_PRESENT))
                   | PUSH_DEVICE_ONLINE | PUSH_DEVICE_CHANGED
                   | (checkin->explicit_acks ? PUSH_DEVICE_EXPLICIT : 0)
                   | (checkin->made_up ? PUSH_DEVICE_MADE_UP : 0)
                   | checkin->transport << PUSH_DEVICE_TRANSPORT);
    PUSH_FAILPOINT("stream-online");
    device->left = 0; /* only now: without a stream it would have gone then */
}

/* How it came: with the place of the stream before, or of an unknown one. */
static unsigned opened_as(const push_device_t *device,
                          const push_cursor_t *cursor, bool online)
{
    return online                         ? PUSH_BY_OPENED_TAKEOVER
           : !cursor || !cursor->seq      ? PUSH_BY_OPENED_NEW
           : device->acked == cursor->seq ? PUSH_BY_OPENED_RESUMED
                                          : PUSH_BY_OPENED_STALE;
}

static push_status_t checkin_device(push_store_t *store,
                                    const arrival_t *arrival,
                                    push_device_t *device)
{
    const push_checkin_t *checkin = arrival->checkin;
    push_heap_t *heap = &store->heaps[device->shard];
    bool online = device->traits & PUSH_DEVICE_ONLINE;
    bool foreign;
    push_ref_t subscriptions = new_subscriptions(store, device,
                                                 arrival->wanted);

    if (!subscriptions) {
        return PUSH_NO_MEMORY;
    }
    if (push_device_set_labels(heap, device, checkin->labels) != PUSH_OK) {
        heap->release(heap, subscriptions);
        return PUSH_NO_MEMORY;
    }
    if (!follows_the_same(heap, device, arrival->wanted)) {
        note_device(store, device);
    }
    push_session_open(store, device);
    foreign = push_session_resume(heap, device, checkin->cursor, arrival->now);
    push_store_supersede(store, device, arrival->now);
    use_subscriptions(store, device, subscriptions, arrival->wanted);
    if (foreign) {
        push_session_received(heap, device, checkin->cursor->mid,
                              arrival->now);
    }
    open_stream(store, device, arrival);
    push_session_close(store, device);
    push_count(heap->counts,
               push_cell(PUSH_COUNT_OPENED, checkin->transport,
                         opened_as(device, checkin->cursor, online),
                         PUSH_BY_OPENED_VALUES),
               1);
    trace_arrival(heap, device, arrival);
    if (!online) {
        push_event_of_device(heap, PUSH_EVENT_CAME, device, arrival->now);
    }
    return PUSH_OK;
}

/* A context that could not be completed never existed. */
static void discard(push_store_t *store, push_user_t *user,
                    push_device_t *device)
{
    push_heap_t *heap = &store->heaps[device->shard];

    push_user_drop(heap, user, device);
    push_trace_end(heap, device);
    push_device_cleanup(heap, device);
    heap->release(heap, push_ref_of(heap, device));
}

/*
 * A device that its client has named may have been here before all was lost,
 * or its context went for that of a newer device of the user (spared).
 * Whether there was anything for it nobody knows.  In a cluster its record
 * would be there.
 */
static void tell_of_loss(const push_store_t *store, const arrival_t *arrival,
                         push_device_t *device, bool spared)
{
    const push_checkin_t *checkin = arrival->checkin;
    bool lost = spared
                || push_segment_forgotten(store->segment) > arrival->now->mono
                || push_forget_may_know(store, device->shard, arrival->now);

    if (lost && !store->segment->cluster
        && (!checkin->made_up || checkin->cursor)) {
        device->losses.count[PUSH_GAP_MEMORY][PUSH_NORMAL]++;
        device->traits |= PUSH_DEVICE_STATE_LOST;
    }
}

/* In a cluster: by the fence that a claim gave. */
static void own(const push_store_t *store, const push_device_t *device,
                const arrival_t *arrival)
{
    const push_checkin_t *checkin = arrival->checkin;
    push_owned_t *owned = push_owned(store, device);

    if (!owned) {
        return;
    }
    owned->unsure = checkin->unsure ? device->gen : 0;
    owned->unsure_since = (uint32_t)arrival->now->mono;
    if (checkin->fence) {
        owned->fence = checkin->fence;
        PUSH_FAILPOINT("cluster-own-fence");
        owned->state = PUSH_OWNED;
    }
}

static push_status_t checkin_new(push_store_t *store, const arrival_t *arrival,
                                 push_user_t *user,
                                 push_stream_ref_t *stream_ref)
{
    unsigned shard = arrival->name.shard;
    bool spared = user->spared;
    push_device_t *device;
    push_status_t status;

    if (!push_quota_spare(store, user, arrival->checkin->max_devices)) {
        return PUSH_TOO_MANY_DEVICES;
    }
    device = new_device(store, user, shard, stream_ref->id, arrival->now);
    if (!device) {
        return PUSH_NO_MEMORY;
    }
    tell_of_loss(store, arrival, device, spared);
    status = checkin_device(store, arrival, device);
    if (status != PUSH_OK) {
        discard(store, user, device);
        return status;
    }
    stream_ref->device = push_ref_of(&store->heaps[shard], device);
    stream_ref->gen = device->gen;
    own(store, device, arrival);
    PUSH_FAILPOINT("device-made");
    push_node_be(device, PUSH_NODE_DEVICE);
    PUSH_FAILPOINT("device-born");
    push_table_add(&store->heaps[shard], &store->shards[shard].contexts,
                   stream_ref->device);
    return PUSH_OK;
}

/*
 * In a cluster: the user's log is here, and the context is ours, or a claim
 * found none.
 */
static bool is_at_home(push_store_t *store, const arrival_t *arrival,
                       const push_device_t *device)
{
    const push_user_t *user;

    if (!store->segment->cluster) {
        return true;
    }
    user = push_store_user(store, &arrival->name, false);
    return user && push_copy_live(store, &user->log)
           && (arrival->checkin->fence
               || (device && push_is_owned(store, device)));
}

/* Its limits before any channel is made for it.  A user who is not known has
 * nothing yet. */
static push_status_t check_before(push_store_t *store,
                                  const arrival_t *arrival,
                                  const unsigned char *id)
{
    push_status_t status = PUSH_OK;
    const push_user_t *user;

    if (!push_shard_enter(store, arrival->name.shard)) {
        return PUSH_BUSY;
    }
    user = push_store_user(store, &arrival->name, false);
    if (!is_at_home(store, arrival,
                    push_store_device(store, arrival->name.shard, id))) {
        status = PUSH_NOT_FOUND;
    }
    else if (user) {
        status = push_quota_check(store, arrival->checkin, user,
                                  push_store_device(store, arrival->name.shard,
                                                    id));
    }
    else if (arrival->checkin->channels_count
             > arrival->checkin->max_subscriptions) {
        status = PUSH_TOO_MANY_SUBSCRIPTIONS;
    }
    arrival->assigned->known = store->segment->cluster
                               && push_store_device(store, arrival->name.shard,
                                                    id);
    if (status == PUSH_OK
        && !push_assigned_copy(store, &arrival->name, arrival->assigned)) {
        status = PUSH_NO_MEMORY;
    }
    push_shard_leave(store, arrival->name.shard);
    return status;
}

/*
 * Counts the stream at its address, unless there are too many.  The one that
 * it takes over from, if that is of the same address, makes room.
 */
static bool enter_address(push_store_t *store, const arrival_t *arrival,
                          const push_device_t *device)
{
    uint32_t limit = arrival->checkin->max_streams_address;
    bool takes_over = device && device->traits & PUSH_DEVICE_ONLINE
                      && device->address == arrival->address;

    uint32_t streams = push_guard_enter(store->guard, arrival->address)
                       - takes_over + arrival->checkin->elsewhere;

    if (streams <= limit || !limit) {
        return true;
    }
    push_guard_leave(store->guard, arrival->address);
    return false;
}

/*
 * Another one has it, and this one would not take it over; or its client has
 * opened a newer stream while the request waited.  Such a wait is no race of
 * two requests: the process stood still.
 */
static bool comes_too_late(const arrival_t *arrival,
                           const push_device_t *device)
{
    uint32_t waited = arrival->checkin->waited;

    return device && device->traits & PUSH_DEVICE_ONLINE
           && (arrival->checkin->if_away
               || (waited >= LONG_WAIT_MS
                   && device->last_seen > arrival->now->wall - waited));
}

static push_status_t checkin_user(push_store_t *store,
                                  const arrival_t *arrival,
                                  push_stream_ref_t *stream_ref)
{
    unsigned shard = arrival->name.shard;
    push_heap_t *heap = &store->heaps[shard];
    push_device_t *device = push_store_device(store, shard, stream_ref->id);
    bool make = device || arrival->wanted->room;
    push_user_t *user;
    push_status_t status;

    if (!is_at_home(store, arrival, device)) {
        return PUSH_NOT_FOUND;
    }
    if (comes_too_late(arrival, device)) {
        return PUSH_BUSY;
    }
    user = make ? push_store_user(store, &arrival->name, true) : NULL;
    if (!user) {
        return PUSH_NO_MEMORY;
    }
    status = push_quota_check(store, arrival->checkin, user, device);
    if (status != PUSH_OK) {
        return status;
    }
    if (!enter_address(store, arrival, device)) {
        return PUSH_CROWDED;
    }
    status = device ? checkin_device(store, arrival, device)
                    : checkin_new(store, arrival, user, stream_ref);
    if (status != PUSH_OK) {
        push_guard_leave(store->guard, arrival->address);
    }
    else if (device) {
        own(store, device, arrival);
        stream_ref->device = push_ref_of(heap, device);
        stream_ref->gen = device->gen;
    }
    return status;
}

/* With the subscriptions; *again: meanwhile the server has others for it. */
static push_status_t checkin_with(push_store_t *store,
                                  const arrival_t *arrival,
                                  push_stream_ref_t *stream_ref, bool *again)
{
    unsigned shard = arrival->name.shard;
    push_commit_t commit = {0};
    push_status_t status = PUSH_BUSY;

    if (!push_shard_enter(store, shard)) {
        return status;
    }
    *again = !push_assigned_current(store, &arrival->name, arrival->assigned);
    if (!*again) {
        status = checkin_user(store, arrival, stream_ref);
    }
    push_shard_leave_for(store, shard, &commit);
    if (status == PUSH_OK) {
        /* A disk that fails must not keep devices away. */
        push_journal_wait_state(store, &commit);
    }
    return status;
}

static push_status_t attempt(push_store_t *store, const arrival_t *arrival,
                             push_stream_ref_t *stream_ref, bool *again)
{
    const push_checkin_t *checkin = arrival->checkin;
    push_assigned_copy_t assigned = {.list = NULL};
    arrival_t now = *arrival;
    push_status_t status;

    now.assigned = &assigned;
    *again = false;
    status = check_before(store, &now, stream_ref->id);
    if (status == PUSH_OK) {
        status = push_subscriptions_take(store, now.wanted, checkin->channels,
                                         checkin->channels_count,
                                         checkin->from_oldest);
        if (status == PUSH_OK) {
            status = push_assigned_follow(store, now.wanted, &assigned,
                                          checkin->from_oldest);
        }
        if (status == PUSH_OK) {
            status = checkin_with(store, &now, stream_ref, again);
        }
        push_subscriptions_arrived(store, now.wanted);
    }
    free(assigned.list);
    return status;
}

push_status_t push_store_checkin(push_store_t *store,
                                 const push_checkin_t *checkin,
                                 const push_time_t *now,
                                 push_stream_ref_t *stream_ref)
{
    push_subscription_list_t wanted;
    const arrival_t arrival = {
        .checkin = checkin,
        .wanted = &wanted,
        .name = push_store_name(store, checkin->user),
        .address = push_guard_address(store->guard,
                                      checkin->labels[PUSH_LABEL_ADDRESS]),
        .now = now};
    push_status_t status = PUSH_BUSY;
    bool again = true;

    push_store_context_id(checkin->user, checkin->labels[PUSH_LABEL_DEVICE],
                          checkin->labels[PUSH_LABEL_APP], stream_ref->id);
    wanted.own = checkin->user.len && checkin->user.at[0] == '$';
    /* Who empties a queue makes room. */
    wanted.room = push_pressure_admit(store, wanted.own ? PUSH_HIGH : PUSH_LOW,
                                      now);
    for (int i = 0; i < ATTEMPTS && again; i++) {
        status = attempt(store, &arrival, stream_ref, &again);
    }
    return status;
}
