#include "store/ops/assign.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/disk/assigned_record.h"
#include "store/disk/record.h"
#include "store/ops/pressure.h"
#include "store/shard/assigned.h"
#include "store/shard/copy.h"
#include "store/shard/shard.h"

/*
 * The idea: what the server subscribes a device to stands behind what the
 * device asks for, so a device's own channels stay its own.  A channel is
 * appended, by one store for the whole list, so what is in flight keeps its
 * place.  To take one out moves those behind it: where something in flight
 * stands there, the subscription stays, marked as left, reads nothing any
 * more, and goes when that is acknowledged.
 */

typedef struct {
    push_store_t *store;
    push_heap_t *heap; /* of the user's shard */
    push_name_t user;
    push_assignment_t asked;
    const push_subscription_t *subscription; /* of who is to follow */
    const push_time_t *now;
} change_t;

static push_channel_t *channel_at(const push_heap_t *heap,
                                  const push_subscription_t *subscription)
{
    return push_at(heap, subscription->log);
}

/* ---- one device ---- */

/* Where the device follows the channel of this name, from first on; or count. */
static unsigned place_of(const push_heap_t *heap, const push_device_t *device,
                         unsigned first, push_text_t name)
{
    const push_subscription_t *list = push_device_subscriptions(heap, device);
    unsigned count = push_device_subscriptions_count(device);
    unsigned i = first;

    for (; i < count; i++) {
        push_text_t at = push_channel_name(channel_at(heap, &list[i]));

        if (at.len == name.len && !memcmp(at.at, name.at, name.len)) {
            break;
        }
    }
    return i;
}

static unsigned first_assigned(const push_device_t *device)
{
    return push_device_subscriptions_count(device)
           - push_device_assigned_count(device);
}

void push_store_reroute(push_store_t *store, push_device_t *device)
{
    if (store->hand_over) {
        push_shard_note(store, device->shard,
                        push_device_refresh(device->id, device->shard));
    }
    if (device->traits & PUSH_DEVICE_ONLINE) {
        device->traits |= PUSH_DEVICE_REROUTED;
        push_seat_wake_device(&store->seats, device);
    }
}

void push_store_count_follower(push_channel_t *channel,
                               const push_device_t *device, int by)
{
    bool online = device->traits & PUSH_DEVICE_ONLINE;

    atomic_fetch_add(&channel->subscribers, (uint32_t)by);
    PUSH_FAILPOINT("assigned-counted");
    atomic_fetch_add(&channel->connected, online ? (uint32_t)by : 0);
}

/* Room for one subscription more; PUSH_NONE: no memory. */
static push_ref_t room_for(push_heap_t *heap, const push_device_t *device)
{
    size_t count = push_device_subscriptions_count(device) + 1u;

    return heap->alloc(heap, count * sizeof(push_subscription_t), PUSH_PART);
}

static void append(const change_t *c, push_device_t *device, push_ref_t room)
{
    push_ref_t before = push_device_subscriptions_ref(device);
    unsigned count = push_device_subscriptions_count(device);
    unsigned assigned = push_device_assigned_count(device);
    push_subscription_t *list = push_at(c->heap, room);

    memcpy(list, push_at(c->heap, before), count * sizeof(*list));
    list[count] = *c->subscription;
    push_store_count_follower(channel_at(c->heap, c->subscription), device, 1);
    PUSH_FAILPOINT("assigned-prepared");
    push_device_set_assigned(device, room, count + 1, assigned + 1);
    PUSH_FAILPOINT("assigned-appended");
    c->heap->release(c->heap, before);
}

/* The device has it; one that was left is read again, from now on. */
static void return_to(const change_t *c, push_subscription_t *subscription)
{
    if (subscription->joined == PUSH_LEFT) {
        for (unsigned i = 0; i < PUSH_LANES; i++) {
            subscription->cursor[i] = c->subscription->cursor[i];
            subscription->reported[i] = c->subscription->reported[i];
        }
        subscription->since = c->subscription->since;
        PUSH_FAILPOINT("assigned-returns");
        subscription->joined = c->subscription->joined;
    }
}

/* Nothing in flight stands at this place or behind it. */
static bool is_free(const push_heap_t *heap, const push_device_t *device,
                    unsigned place)
{
    uint32_t runs = push_window_runs(heap, &device->window);

    for (uint32_t i = 0; i < runs; i++) {
        if (push_window_run(heap, &device->window, i)->first.subscription
            >= place) {
            return false;
        }
    }
    return true;
}

/* False: something is in flight, or there is no memory. */
static bool take_out(push_store_t *store, push_device_t *device,
                     unsigned place)
{
    push_heap_t *heap = &store->heaps[device->shard];
    push_ref_t before = push_device_subscriptions_ref(device);
    unsigned count = push_device_subscriptions_count(device) - 1;
    unsigned assigned = push_device_assigned_count(device) - 1;
    push_subscription_t *old = push_at(heap, before);
    push_channel_t *channel = channel_at(heap, &old[place]);
    push_ref_t ref = PUSH_NONE;
    push_subscription_t *list;

    if (is_free(heap, device, place)) {
        ref = heap->alloc(heap, count * sizeof(*list), PUSH_PART);
    }
    if (!ref) {
        return false;
    }
    list = push_at(heap, ref);
    memcpy(list, old, place * sizeof(*list));
    memcpy(list + place, old + place + 1, (count - place) * sizeof(*list));
    push_device_set_assigned(device, ref, count, assigned);
    PUSH_FAILPOINT("assigned-taken-out");
    push_store_count_follower(channel, device, -1);
    heap->release(heap, before);
    return true;
}

void push_assigned_tidy(push_store_t *store, push_device_t *device)
{
    const push_heap_t *heap = &store->heaps[device->shard];
    unsigned i = first_assigned(device);
    bool changed = false;

    while (i < push_device_subscriptions_count(device)) {
        if (push_device_subscriptions(heap, device)[i].joined == PUSH_LEFT
            && take_out(store, device, i)) {
            changed = true;
        }
        else {
            i++;
        }
    }
    if (changed) {
        push_store_reroute(store, device);
    }
}

/* ---- all devices of the user ---- */

static push_ref_t devices_of(const change_t *c)
{
    const push_user_t *user = push_store_user(c->store, &c->user, false);

    return user ? user->devices : PUSH_NONE;
}

static void give_back(push_heap_t *heap, const push_ref_t *rooms,
                      unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (rooms[i]) {
            heap->release(heap, rooms[i]);
        }
    }
}

static bool follows(const change_t *c, const push_device_t *device)
{
    return place_of(c->heap, device, PUSH_SUBSCRIPTION_CHANNELS,
                    c->asked.channel)
           < push_device_subscriptions_count(device);
}

/* Room for each device that does not follow it; false: there is not enough. */
static bool find_room(const change_t *c, push_ref_t *rooms, unsigned *count)
{
    push_ref_t ref = devices_of(c);

    for (*count = 0; ref && *count < PUSH_DEVICES_MAX; (*count)++) {
        const push_device_t *device = push_at(c->heap, ref);
        bool needed = !follows(c, device);

        rooms[*count] = needed ? room_for(c->heap, device) : PUSH_NONE;
        if (needed && !rooms[*count]) {
            return false;
        }
        ref = device->sibling;
    }
    return true;
}

static void join_all(const change_t *c, const push_ref_t *rooms,
                     unsigned count)
{
    push_ref_t ref = devices_of(c);

    for (unsigned i = 0; i < count; i++) {
        push_device_t *device = push_at(c->heap, ref);

        if (rooms[i]) {
            append(c, device, rooms[i]);
        }
        else {
            unsigned place = place_of(
                c->heap, device, PUSH_SUBSCRIPTION_CHANNELS, c->asked.channel);

            return_to(c, &push_device_subscriptions(c->heap, device)[place]);
        }
        push_store_reroute(c->store, device);
        ref = device->sibling;
    }
}

static void leave_all(const change_t *c)
{
    push_ref_t ref = devices_of(c);

    while (ref) {
        push_device_t *device = push_at(c->heap, ref);
        unsigned place = place_of(c->heap, device, first_assigned(device),
                                  c->asked.channel);

        if (place < push_device_subscriptions_count(device)) {
            if (!take_out(c->store, device, place)) {
                push_device_subscriptions(c->heap, device)[place].joined =
                    PUSH_LEFT;
            }
            PUSH_FAILPOINT("assigned-left");
            push_store_reroute(c->store, device);
        }
        ref = device->sibling;
    }
}

/* ---- the user ---- */

static const push_assigned_list_t *list_of(const change_t *c)
{
    const push_assigned_t *assigned = push_assigned_find(c->store, &c->user);

    return assigned ? push_assigned_list(c->heap, assigned) : NULL;
}

static push_status_t change_list(const change_t *c, bool add)
{
    push_assigned_change_t change = {
        .user = c->user.text, .channel = c->asked.channel, .add = add};
    unsigned char id[PUSH_ASSIGNED_ID];
    push_status_t status = push_assigned_change(c->store, &c->user, &change,
                                                id);

    if (status == PUSH_OK && c->store->hand_over) {
        push_shard_note(c->store, c->user.shard,
                        push_assigned_refresh(id, c->user.shard));
    }
    return status;
}

static push_status_t join(const change_t *c)
{
    const push_assigned_list_t *list = list_of(c);
    push_ref_t rooms[PUSH_DEVICES_MAX];
    push_status_t status = PUSH_NO_MEMORY;
    unsigned count;

    if (list && push_assigned_has(list, c->asked.channel)) {
        return PUSH_OK;
    }
    if ((list ? list->count : 0u) >= PUSH_ASSIGNED_MAX
        || (list ? list->count : 0u) >= c->asked.most) {
        return PUSH_TOO_MANY_SUBSCRIPTIONS;
    }
    if (find_room(c, rooms, &count)) {
        status = change_list(c, true);
    }
    if (status == PUSH_OK) {
        join_all(c, rooms, count);
    }
    else {
        give_back(c->heap, rooms, count);
    }
    return status;
}

static push_status_t leave(const change_t *c)
{
    const push_assigned_list_t *list = list_of(c);
    push_status_t status = PUSH_NOT_FOUND;

    if (list && push_assigned_has(list, c->asked.channel)) {
        status = change_list(c, false);
    }
    if (status == PUSH_OK) {
        leave_all(c);
    }
    return status;
}

static push_status_t in_shard(const change_t *c, push_commit_t *commit)
{
    push_status_t status;

    if (!push_shard_enter(c->store, c->user.shard)) {
        return PUSH_BUSY;
    }
    status = c->asked.subscribe ? join(c) : leave(c);
    push_shard_leave_for(c->store, c->user.shard, commit);
    return status;
}

/* The channel is there, or comes into being, before the user is locked. */
static push_status_t with_channel(change_t *c, push_commit_t *commit)
{
    push_subscription_list_t wanted = {
        .room = push_pressure_admit(c->store, PUSH_LOW, c->now)};
    push_status_t status;

    push_subscriptions_begin(c->store, &wanted);
    status = push_subscriptions_add(c->store, &wanted, c->asked.channel,
                                    false);
    if (status == PUSH_OK) {
        push_subscription_t *last = &wanted.list[PUSH_SUBSCRIPTION_CHANNELS];

        last->since = (uint32_t)(c->now->wall / 1000);
        c->subscription = last;
        status = in_shard(c, commit);
    }
    push_subscriptions_arrived(c->store, &wanted);
    return status;
}

void push_store_assign(push_store_t *store, push_assignment_t *assignment,
                       const push_time_t *now, push_commit_t *commit)
{
    change_t c = {.store = store,
                  .user = push_store_name(store, assignment->user),
                  .asked = *assignment,
                  .now = now};

    c.heap = &store->heaps[c.user.shard];
    if (push_segment_superseded(store->segment)) {
        assignment->status = PUSH_BUSY;
        return;
    }
    assignment->status = assignment->subscribe ? with_channel(&c, commit)
                                               : in_shard(&c, commit);
}

push_status_t push_view_assigned(push_store_t *store, push_text_t user,
                                 const push_visitor_t *visitor)
{
    push_name_t name = push_store_name(store, user);
    const push_heap_t *heap = &store->heaps[name.shard];
    const push_assigned_t *assigned;
    push_channel_view_t view = {.name = {NULL, 0}};

    if (!push_shard_enter(store, name.shard)) {
        return PUSH_BUSY;
    }
    assigned = push_assigned_find(store, &name);
    while (assigned
           && push_assigned_next(push_assigned_list(heap, assigned),
                                 &view.name)) {
        visitor->channel(visitor->data, &view);
    }
    push_shard_leave(store, name.shard);
    return PUSH_OK;
}

/* ---- for a check-in ---- */

bool push_assigned_copy(push_store_t *store, const push_name_t *user,
                        push_assigned_copy_t *copy)
{
    const push_assigned_t *assigned = push_assigned_find(store, user);
    const push_assigned_list_t *list;
    size_t room;

    *copy = (push_assigned_copy_t){.known = copy->known};
    if (!assigned) {
        return true;
    }
    list = push_assigned_list(&store->heaps[user->shard], assigned);
    copy->version = assigned->version;
    room = push_assigned_room(store, list);
    copy->list = malloc(room);
    if (copy->list) {
        memcpy(copy->list, list, room);
    }
    return copy->list != NULL;
}

bool push_assigned_current(push_store_t *store, const push_name_t *user,
                           const push_assigned_copy_t *copy)
{
    const push_assigned_t *assigned = push_assigned_find(store, user);

    return copy->version == (assigned ? assigned->version : 0);
}

/* A device that is new begins now, as one that subscribes by itself. */
static push_status_t follow_one(push_store_t *store,
                                push_subscription_list_t *wanted,
                                push_text_t channel, bool from_oldest)
{
    unsigned before = wanted->count;
    push_status_t status = push_subscriptions_add(store, wanted, channel,
                                                  from_oldest);

    wanted->list[before].since = (uint32_t)(push_clock_now().wall / 1000);
    wanted->assigned += wanted->count - before;
    return status;
}

push_status_t push_assigned_join(push_store_t *store,
                                 push_subscription_list_t *wanted,
                                 push_assigned_list_t *list)
{
    const push_assigned_tail_t *tail = push_assigned_tail(list);
    uint32_t since = (uint32_t)(push_clock_now().wall / 1000);
    push_text_t channel = {NULL, 0};
    push_status_t status = PUSH_OK;

    for (unsigned i = 0;
         status == PUSH_OK && push_assigned_next(list, &channel); i++) {
        unsigned before = wanted->count;

        status = push_subscriptions_join(store, wanted, channel,
                                         PUSH_MID_LAST(tail->since[i]));
        wanted->list[before].since = since;
        wanted->assigned += wanted->count - before;
    }
    return status;
}

push_status_t push_assigned_follow(push_store_t *store,
                                   push_subscription_list_t *wanted,
                                   const push_assigned_copy_t *copy,
                                   bool from_oldest)
{
    push_text_t channel = {NULL, 0};
    push_status_t status = PUSH_OK;

    if (copy->list && copy->known) {
        return push_assigned_join(store, wanted, copy->list);
    }
    while (status == PUSH_OK && copy->list
           && push_assigned_next(copy->list, &channel)) {
        status = follow_one(store, wanted, channel, from_oldest);
    }
    return status;
}

/* ---- for the steward of a node ---- */

/* What the list has no more. */
static void leave_others(const change_t *c, push_device_t *device,
                         const push_assigned_list_t *list)
{
    unsigned place = first_assigned(device);
    bool changed = false;

    while (place < push_device_subscriptions_count(device)) {
        push_subscription_t *at = &push_device_subscriptions(c->heap,
                                                             device)[place];
        bool over = at->joined != PUSH_LEFT
                    && !push_assigned_has(
                        list, push_channel_name(channel_at(c->heap, at)));

        changed |= over;
        if (!over || !take_out(c->store, device, place)) {
            push_device_subscriptions(c->heap, device)[place].joined =
                over ? PUSH_LEFT : at->joined;
            place++;
        }
    }
    if (changed) {
        push_store_reroute(c->store, device);
    }
}

static bool all_follow(const change_t *c)
{
    push_ref_t ref = devices_of(c);
    bool well = true;

    while (ref && well) {
        const push_device_t *device = push_at(c->heap, ref);
        unsigned place = place_of(c->heap, device, PUSH_SUBSCRIPTION_CHANNELS,
                                  c->asked.channel);

        well = place < push_device_subscriptions_count(device)
               && push_device_subscriptions(c->heap, device)[place].joined
                      != PUSH_LEFT;
        ref = device->sibling;
    }
    return well;
}

static push_status_t join_one(change_t *c,
                              const push_subscription_t *subscription)
{
    push_ref_t rooms[PUSH_DEVICES_MAX];
    unsigned count;

    c->asked.channel = push_channel_name(channel_at(c->heap, subscription));
    c->subscription = subscription;
    if (all_follow(c)) {
        return PUSH_OK;
    }
    if (!find_room(c, rooms, &count)) {
        give_back(c->heap, rooms, count);
        return PUSH_NO_MEMORY;
    }
    join_all(c, rooms, count);
    return PUSH_OK;
}

push_status_t push_assigned_settle(push_store_t *store,
                                   const push_name_t *user,
                                   const push_assigned_list_t *list,
                                   const push_subscription_list_t *wanted)
{
    change_t c = {
        .store = store, .heap = &store->heaps[user->shard], .user = *user};
    push_status_t status = PUSH_OK;
    push_ref_t ref = devices_of(&c);

    while (ref) {
        push_device_t *device = push_at(c.heap, ref);

        leave_others(&c, device, list);
        ref = device->sibling;
    }
    for (unsigned i = PUSH_SUBSCRIPTION_CHANNELS;
         status == PUSH_OK && i < wanted->count; i++) {
        status = join_one(&c, &wanted->list[i]);
    }
    return status;
}
