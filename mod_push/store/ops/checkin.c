#include "store/ops/checkin.h"

#include <stdatomic.h>
#include <string.h>

#include "store/shard/context.h"
#include "store/ops/forget.h"
#include "store/disk/journal.h"
#include "store/shard/places.h"
#include "store/ops/pressure.h"
#include "store/shard/shard.h"

/* ---- with the lock of the user's shard ---- */

static unsigned online_streams(const push_heap_t *heap,
                               const push_user_t *user,
                               const push_device_t *but)
{
    push_ref_t ref = user->devices;
    unsigned count = 0;

    while (ref) {
        const push_device_t *device = push_at(heap, ref);

        count += device != but && device->traits & PUSH_DEVICE_ONLINE;
        ref = device->sibling;
    }
    return count;
}

/* A user's context that can be spared for a new one: the longest away. */
static push_device_t *longest_away(const push_heap_t *heap,
                                   const push_user_t *user)
{
    push_device_t *found = NULL;
    push_ref_t ref = user->devices;

    while (ref) {
        push_device_t *device = push_at(heap, ref);

        if (!(device->traits & PUSH_DEVICE_ONLINE)
            && !atomic_load(&device->wake)
            && (!found || device->left < found->left)) {
            found = device;
        }
        ref = device->sibling;
    }
    return found;
}

/* False if one more would be too many, and none can be spared for it. */
static bool spare_one(push_store_t *store, push_user_t *user, uint32_t most)
{
    while (user->devices_count >= most) {
        push_device_t *spare = longest_away(&store->heaps[0], user);

        if (!spare) {
            return false;
        }
        user->spared = 1;
        push_store_drop_device(store, spare);
    }
    return true;
}

static push_device_t *new_device(push_store_t *store, push_user_t *user,
                                 unsigned shard, const unsigned char *id,
                                 const push_time_t *now)
{
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = heap->alloc(heap, sizeof(push_device_t), PUSH_NODE);
    push_device_t *device;
    push_ref_t subs;

    if (!ref) {
        return NULL;
    }
    device = push_at(heap, ref);
    memset(device, 0, sizeof(*device));
    subs = heap->alloc(heap, PUSH_SUB_CHANNELS * sizeof(push_sub_t),
                       PUSH_PART);
    if (!subs) {
        heap->release(heap, ref);
        return NULL;
    }
    push_device_set_subs(device, subs, PUSH_SUB_CHANNELS);
    memcpy(device->id, id, PUSH_CONTEXT_BYTES);
    memcpy(&device->node.hash, id, sizeof(device->node.hash));
    device->shard = (uint8_t)shard;
    device->first_seen = now->wall;
    memset(push_device_subs(heap, device), 0,
           PUSH_SUB_CHANNELS * sizeof(push_sub_t));
    push_user_adopt(heap, user, device, now);
    return device;
}

/* Keeps the place it had in a log that it goes on following. */
static void keep_place(const push_heap_t *heap, const push_device_t *device,
                       push_sub_t *sub)
{
    const push_sub_t *old = push_device_subs(heap, device);

    for (unsigned i = PUSH_SUB_BROADCAST; i < push_device_subs_count(device);
         i++) {
        if (old[i].log == sub->log) {
            *sub = old[i];
        }
    }
}

/* The set of channels given now replaces the one before. */
static push_ref_t new_places(push_store_t *store, const push_device_t *device,
                             const push_places_t *places)
{
    push_heap_t *heap = &store->heaps[device->shard];
    push_ref_t ref = heap->alloc(heap, places->count * sizeof(push_sub_t),
                                 PUSH_PART);
    push_sub_t *subs;

    if (!ref) {
        return PUSH_NONE;
    }
    subs = push_at(heap, ref);
    memcpy(subs, places->subs, places->count * sizeof(push_sub_t));
    return ref;
}

static void use_places(push_store_t *store, push_device_t *device,
                       push_ref_t ref, unsigned count)
{
    push_heap_t *heap = &store->heaps[device->shard];
    push_sub_t *old = push_device_subs(heap, device);
    push_ref_t before = push_device_subs_ref(device);
    unsigned before_count = push_device_subs_count(device);
    push_sub_t *subs = push_at(heap, ref);

    subs[PUSH_SUB_USER] = old[PUSH_SUB_USER];
    for (unsigned i = PUSH_SUB_BROADCAST; i < count; i++) {
        keep_place(heap, device, &subs[i]);
    }
    push_places_count(store, subs, count, 1);
    push_device_set_subs(device, ref, count);
    PUSH_FAILPOINT("places-swapped");
    if (old[PUSH_SUB_BROADCAST].log) {
        push_places_count(store, old, before_count, -1);
    }
    heap->release(heap, before);
}

/* What is published from now on it may be owed, by way of these places. */
static bool follows_the_same(const push_heap_t *heap,
                             const push_device_t *device,
                             const push_places_t *places)
{
    const push_sub_t *subs = push_device_subs(heap, device);

    if (push_device_subs_count(device) != places->count) {
        return false;
    }
    for (unsigned i = PUSH_SUB_BROADCAST; i < places->count; i++) {
        if (!push_places_have(places, subs[i].log)
            && subs[i].log != places->subs[PUSH_SUB_BROADCAST].log) {
            return false;
        }
    }
    return true;
}

static void note_device(push_store_t *store, const push_device_t *device)
{
    if (store->journal) {
        push_shard_note(store, device->shard,
                        push_device_look(device->id, device->shard));
    }
}

/* The stream that is open now learns that a newer one takes over. */
static void end_older_stream(push_store_t *store, push_device_t *device)
{
    if (device->traits & PUSH_DEVICE_ONLINE) {
        push_seat_end_device(&store->seats, device);
        device->traits &= (uint8_t)~PUSH_DEVICE_ONLINE;
        PUSH_FAILPOINT("older-stream-ended");
        push_guard_leave(store->guard, device->address);
        push_store_count_stream(store, device, -1);
    }
}

/* One check-in on its way, with the lock of the user's shard. */
typedef struct {
    const push_checkin_t *checkin;
    const push_places_t *places;
    push_name_t name;
    uint32_t address;
    const push_time_t *now;
} arrival_t;

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
    device->child = push_seat_tag(&store->seats.seats[checkin->seat],
                                  checkin->seat);
    device->bringer = store->tag == PUSH_SEAT_NOBODY ? device->child
                                                     : store->tag;
    device->since = push_mid_now(&store->segment->clock);
    device->last_seen = arrival->now->wall;
    PUSH_FAILPOINT("stream-seated");
    device->traits = (uint8_t)((device->traits & PUSH_DEVICE_STATE_LOST)
                               | PUSH_DEVICE_ONLINE | PUSH_DEVICE_CHANGED
                               | (checkin->explicit_acks ? PUSH_DEVICE_EXPLICIT
                                                         : 0)
                               | (checkin->made_up ? PUSH_DEVICE_MADE_UP : 0));
}

static push_status_t checkin_device(push_store_t *store,
                                    const arrival_t *arrival,
                                    push_device_t *device)
{
    const push_checkin_t *checkin = arrival->checkin;
    push_heap_t *heap = &store->heaps[device->shard];
    bool online = device->traits & PUSH_DEVICE_ONLINE;
    push_ref_t subs = new_places(store, device, arrival->places);

    if (!subs) {
        return PUSH_NO_MEMORY;
    }
    if (push_device_set_labels(heap, device, checkin->labels) != PUSH_OK) {
        heap->release(heap, subs);
        return PUSH_NO_MEMORY;
    }
    if (!follows_the_same(heap, device, arrival->places)) {
        note_device(store, device);
    }
    push_session_open(store, device);
    push_session_resume(heap, device, checkin->cursor, arrival->now);
    end_older_stream(store, device);
    use_places(store, device, subs, arrival->places->count);
    open_stream(store, device, arrival);
    push_session_close(store, device);
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
    push_device_cleanup(heap, device);
    heap->release(heap, push_ref_of(heap, device));
}

/*
 * Its client has named it, so it may have been here before all was lost, or
 * its context went for that of a newer device of the user (spared).  Whether
 * there was anything for it nobody knows.
 */
static void tell_of_loss(const push_store_t *store, const arrival_t *arrival,
                         push_device_t *device, bool spared)
{
    const push_checkin_t *checkin = arrival->checkin;
    bool lost = spared
                || push_segment_forgotten(store->segment) > arrival->now->mono
                || push_forget_may_know(store, device->shard, arrival->now);

    if (lost && (!checkin->made_up || checkin->cursor)) {
        device->losses.count[PUSH_GAP_MEMORY][PUSH_NORMAL]++;
        device->traits |= PUSH_DEVICE_STATE_LOST;
    }
}

static push_status_t checkin_new(push_store_t *store, const arrival_t *arrival,
                                 push_user_t *user, push_ticket_t *ticket)
{
    unsigned shard = arrival->name.shard;
    bool spared = user->spared;
    push_device_t *device;
    push_status_t status;

    if (!spare_one(store, user, arrival->checkin->max_devices)) {
        return PUSH_TOO_MANY_DEVICES;
    }
    device = new_device(store, user, shard, ticket->id, arrival->now);
    if (!device) {
        return PUSH_NO_MEMORY;
    }
    tell_of_loss(store, arrival, device, spared);
    status = checkin_device(store, arrival, device);
    if (status != PUSH_OK) {
        discard(store, user, device);
        return status;
    }
    ticket->device = push_ref_of(&store->heaps[shard], device);
    ticket->gen = device->gen;
    PUSH_FAILPOINT("device-made");
    push_node_be(device, PUSH_NODE_DEVICE);
    PUSH_FAILPOINT("device-born");
    push_table_add(&store->heaps[shard], &store->shards[shard].contexts,
                   ticket->device);
    return PUSH_OK;
}

/* Places in channels that the user's other devices have. */
static unsigned other_places(const push_heap_t *heap, const push_user_t *user,
                             const push_device_t *but)
{
    push_ref_t ref = user->devices;
    unsigned count = 0;

    while (ref) {
        const push_device_t *device = push_at(heap, ref);

        count += device != but
                     ? push_device_subs_count(device) - PUSH_SUB_CHANNELS
                     : 0;
        ref = device->sibling;
    }
    return count;
}

/* Whether the user may have one more stream, with so many channels. */
static push_status_t check_user(const push_store_t *store,
                                const arrival_t *arrival,
                                const push_user_t *user,
                                const push_device_t *device)
{
    const push_heap_t *heap = &store->heaps[arrival->name.shard];
    const push_checkin_t *checkin = arrival->checkin;

    if (online_streams(heap, user, device) >= checkin->max_streams) {
        return PUSH_TOO_MANY;
    }
    if (checkin->channels_count
        && other_places(heap, user, device) + checkin->channels_count
               > checkin->max_places) {
        return PUSH_TOO_MANY_PLACES;
    }
    return PUSH_OK;
}

/* The same before any channel is made for it.  A user who is not known has
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
    if (user) {
        status = check_user(store, arrival, user,
                            push_store_device(store, arrival->name.shard, id));
    }
    else if (arrival->checkin->channels_count > arrival->checkin->max_places) {
        status = PUSH_TOO_MANY_PLACES;
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

    if (push_guard_enter(store->guard, arrival->address) - takes_over <= limit
        || !limit) {
        return true;
    }
    push_guard_leave(store->guard, arrival->address);
    return false;
}

static push_status_t checkin_user(push_store_t *store,
                                  const arrival_t *arrival,
                                  push_ticket_t *ticket)
{
    unsigned shard = arrival->name.shard;
    push_heap_t *heap = &store->heaps[shard];
    push_device_t *device = push_store_device(store, shard, ticket->id);
    bool make = device || arrival->places->room;
    push_user_t *user = make ? push_store_user(store, &arrival->name, true)
                             : NULL;
    push_status_t status;

    if (!user) {
        return PUSH_NO_MEMORY;
    }
    status = check_user(store, arrival, user, device);
    if (status != PUSH_OK) {
        return status;
    }
    if (!enter_address(store, arrival, device)) {
        return PUSH_CROWDED;
    }
    status = device ? checkin_device(store, arrival, device)
                    : checkin_new(store, arrival, user, ticket);
    if (status != PUSH_OK) {
        push_guard_leave(store->guard, arrival->address);
    }
    else if (device) {
        ticket->device = push_ref_of(heap, device);
        ticket->gen = device->gen;
    }
    return status;
}

push_status_t push_store_checkin(push_store_t *store,
                                 const push_checkin_t *checkin,
                                 const push_time_t *now, push_ticket_t *ticket)
{
    push_places_t places;
    const arrival_t arrival = {
        .checkin = checkin,
        .places = &places,
        .name = push_store_name(store, checkin->user),
        .address = push_guard_address(store->guard,
                                      checkin->labels[PUSH_LABEL_ADDRESS]),
        .now = now};
    push_commit_t commit = {0};
    push_status_t status;

    push_store_context_id(checkin->user, checkin->labels[PUSH_LABEL_DEVICE],
                          checkin->labels[PUSH_LABEL_APP], ticket->id);
    places.room = push_pressure_admit(store, PUSH_LOW, now);
    status = check_before(store, &arrival, ticket->id);
    if (status != PUSH_OK) {
        return status;
    }
    status = push_places_take(store, &places, checkin->channels,
                              checkin->channels_count, checkin->from_oldest);
    if (status == PUSH_OK) {
        status = PUSH_BUSY;
        if (push_shard_enter(store, arrival.name.shard)) {
            status = checkin_user(store, &arrival, ticket);
            push_shard_leave_for(store, arrival.name.shard, &commit);
        }
    }
    push_places_arrived(store, &places);
    if (status == PUSH_OK) {
        /* A disk that fails must not keep devices away. */
        push_journal_wait_state(store, &commit);
    }
    return status;
}

bool push_store_move(push_store_t *store, const push_ticket_t *ticket,
                     unsigned seat)
{
    push_device_t *device = push_store_device_at(store, ticket->device);
    unsigned shard = device->shard % PUSH_SHARDS;
    bool ours;

    if (!push_shard_enter(store, shard)) {
        return false;
    }
    ours = device->gen == ticket->gen;
    if (ours) {
        device->bringer = store->tag == PUSH_SEAT_NOBODY ? device->child
                                                         : store->tag;
        PUSH_FAILPOINT("move-guarded");
        device->child = push_seat_tag(&store->seats.seats[seat], seat);
        if (!(device->traits & PUSH_DEVICE_ONLINE)) {
            push_guard_enter(store->guard, device->address);
            push_store_count_stream(store, device, 1);
            device->traits |= PUSH_DEVICE_ONLINE;
            push_event_of_device(&store->heaps[shard], PUSH_EVENT_CAME, device,
                                 NULL);
        }
    }
    push_shard_leave(store, shard);
    return ours;
}

void push_store_wake(push_store_t *store, push_device_t *device)
{
    unsigned shard = device->shard % PUSH_SHARDS;

    if (push_shard_enter(store, shard)) {
        push_seat_wake_device(&store->seats, device);
        push_shard_leave(store, shard);
    }
}

void push_store_checkout(push_store_t *store, const push_ticket_t *ticket,
                         const push_time_t *now)
{
    push_device_t *device = push_store_device_at(store, ticket->device);
    unsigned shard = device->shard % PUSH_SHARDS;

    if (!push_shard_enter(store, shard)) {
        return;
    }
    if (device->gen == ticket->gen && device->traits & PUSH_DEVICE_ONLINE) {
        push_store_mark_offline(store, device, now);
    }
    push_shard_leave(store, shard);
}
