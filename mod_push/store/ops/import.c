#include "store/ops/import.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/device_away.h"
#include "store/ops/own.h"
#include "store/ops/quota.h"
#include "store/ops/rebuild.h"
#include "store/ops/checkin.h"
#include "store/ops/session_block.h"
#include "store/shard/context.h"
#include "store/shard/shard.h"
#include "store/shard/subscriptions.h"

/*
 * The idea: first each channel is looked up under its own lock, and kept from
 * going away (arriving), as at a check-in; there cursors and positions are
 * found.  Then the user's shard is locked, all parts are made, and only when
 * nothing can fail any more the context is born, or becomes another one.
 *
 * What is in flight keeps its number.  A message that is gone gets a position
 * of the user's log before its tail: acknowledged it means nothing, and
 * returned it sets a cursor back to where outcomes say what is over.
 */

#define NOWHERE 0xffffu

/* A context on its way. */
typedef struct {
    push_store_t *store;
    const push_import_t *import;
    const push_time_t *now;
    push_name_t name; /* of the user */
    push_device_record_t record;
    push_session_block_t block; /* count is 0 where there is none */
    bool exact;
    push_subscription_list_t wanted;
    /* Which of them each of the record's is, by 1 + its index there. */
    uint16_t index[PUSH_SUBSCRIPTION_CHANNELS + PUSH_CHANNELS_MAX];
    push_position_t *positions; /* of what is in flight; NOWHERE: gone */
    uint32_t gone[PUSH_LANES];  /* how many of them are */
    push_losses_t lost;         /* found on the way */
} coming_t;

/* ---- the record ---- */

static bool same(push_text_t a, push_text_t b)
{
    return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

static push_status_t read_import(coming_t *c)
{
    const push_import_t *import = c->import;

    if (!push_import_read(import->record, import->id, &c->record)
        || !same(c->record.user, import->user)) {
        return PUSH_STALE;
    }
    c->exact = import->session.len
               && push_session_block_read(import->session, &c->block);
    if (!c->exact) {
        c->block = (push_session_block_t){0};
    }
    if (c->block.count) {
        c->positions = malloc(c->block.count * sizeof(*c->positions));
    }
    return c->block.count && !c->positions ? PUSH_NO_MEMORY : PUSH_OK;
}

/* ---- channels, one by one ---- */

static push_status_t take_channels(coming_t *c)
{
    c->index[PUSH_SUBSCRIPTION_USER] = PUSH_SUBSCRIPTION_USER;
    c->index[PUSH_SUBSCRIPTION_BROADCAST] = PUSH_SUBSCRIPTION_BROADCAST;
    if (!push_copy_live(c->store, &push_store_broadcast(c->store)->log)) {
        return PUSH_NOT_FOUND;
    }
    for (unsigned i = 1; i < c->record.subscriptions_count; i++) {
        unsigned before = c->wanted.count;
        push_status_t status = push_subscriptions_add(
            c->store, &c->wanted, c->record.subscriptions[i].name, false);

        if (status != PUSH_OK && status != PUSH_NOT_FOUND) {
            return status;
        }
        c->index[1 + i] = c->wanted.count > before ? (uint16_t)before
                                                   : NOWHERE;
    }
    return PUSH_OK;
}

/* The position of a message; false: it is gone. */
static bool find(const push_heap_t *heap, const push_log_t *log,
                 const push_flying_t *flying, uint32_t *at)
{
    push_ref_t ref = PUSH_NONE;

    if (!flying->mid) {
        return false;
    }
    *at = push_log_seek(heap, log, flying->lane, flying->mid);
    return push_log_read(heap, log, flying->lane, *at, &ref)
               == PUSH_SLOT_MESSAGE
           && ((const push_message_t *)push_at(heap, ref))->mid == flying->mid;
}

/* With the lock of the log's shard: where what is in flight stands in it. */
static void place_flying(coming_t *c, const push_log_t *log, unsigned which,
                         push_subscription_t *subscription)
{
    const push_heap_t *heap = &c->store->heaps[0];

    for (unsigned i = 0; i < c->block.count; i++) {
        push_flying_t flying = push_session_block_flying(c->import->session,
                                                         i);
        uint32_t at;

        if (flying.subscription != which) {
            continue;
        }
        c->positions[i] = (push_position_t){NOWHERE, flying.lane, 0};
        if (c->index[which] != NOWHERE && find(heap, log, &flying, &at)) {
            c->positions[i] = (push_position_t){c->index[which], flying.lane,
                                                at};
            subscription->cursor[flying.lane] = at + 1;
            subscription->reported[flying.lane] = at + 1;
            continue;
        }
        c->gone[flying.lane]++;
        c->lost.count[PUSH_GAP_MEMORY][flying.lane] += flying.lost;
    }
}

/*
 * What was dropped of a lane before the oldest that is there, and behind the
 * place of the device: how much nobody knows but where nothing was dropped
 * here, so it is told as one.
 */
static void count_dropped(coming_t *c, const push_log_t *log,
                          const push_subscription_record_t *saved)
{
    const push_log_copy_t *copy = push_log_copy(c->store, log);
    const push_heap_t *heap = &c->store->heaps[0];

    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &log->lanes[lane];
        push_ref_t ref = PUSH_NONE;
        uint32_t tail = push_lane_tail(l), dropped = l->evicted;

        if (!dropped || dropped != tail
            || push_log_read(heap, log, lane, tail, &ref) != PUSH_SLOT_MESSAGE
            || saved->next[lane]
                   >= ((const push_message_t *)push_at(heap, ref))->mid) {
            continue;
        }
        c->lost.count[PUSH_GAP_MEMORY][lane] += dropped == copy->marked[lane]
                                                    ? dropped
                                                    : 1;
    }
}

static push_status_t place_channel(coming_t *c, unsigned which)
{
    const push_subscription_record_t *saved =
        &c->record.subscriptions[which - PUSH_SUBSCRIPTION_BROADCAST];
    unsigned shard = saved->name.len
                         ? push_store_name(c->store, saved->name).shard
                         : 0;
    const push_heap_t *heap = &c->store->heaps[shard];
    push_subscription_t *subscription;
    const push_log_t *log;

    if (c->index[which] == NOWHERE) {
        place_flying(c, NULL, which, NULL);
        return PUSH_OK;
    }
    subscription = &c->wanted.list[c->index[which]];
    log = push_at(heap, subscription->log);
    if (!push_shard_enter(c->store, shard)) {
        return PUSH_BUSY;
    }
    push_rebuild_subscription(heap, log, saved, subscription);
    count_dropped(c, log, saved);
    place_flying(c, log, which, subscription);
    push_shard_leave(c->store, shard);
    return PUSH_OK;
}

static push_status_t place_channels(coming_t *c)
{
    push_status_t status = take_channels(c);

    for (unsigned i = 0;
         i < c->record.subscriptions_count && status == PUSH_OK; i++) {
        status = place_channel(c, PUSH_SUBSCRIPTION_BROADCAST + i);
    }
    return status;
}

/* ---- the context: with the lock of the user's shard ---- */

/* All that could fail to be made. */
typedef struct {
    push_user_t *user;
    push_device_t parts;   /* its labels, subscriptions and window */
    push_device_t *device; /* as it was, or what is to be born */
    bool is_new;
} made_t;

/* The positions of what is gone end at the tail of the user's log. */
static bool make_window(coming_t *c, push_heap_t *heap, made_t *made)
{
    uint32_t left[PUSH_LANES];

    memcpy(left, c->gone, sizeof(left));
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        push_log_pass(&made->user->log, lane, left[lane]);
    }
    for (unsigned i = 0; i < c->block.count; i++) {
        push_position_t position = c->positions[i];
        unsigned lane = position.lane;

        if (position.subscription == NOWHERE) {
            position.subscription = PUSH_SUBSCRIPTION_USER;
            position.at = push_lane_tail(&made->user->log.lanes[lane])
                          - left[lane]--;
        }
        if (push_window_append(heap, &made->parts.window, position)
            != PUSH_OK) {
            return false;
        }
    }
    if (c->block.count) {
        push_slide_t *slide = push_window_slide(heap, &made->parts.window);

        slide->assumed = c->block.assumed;
        slide->gaps = c->block.assumed_gaps;
    }
    return true;
}

static bool make_subscriptions(coming_t *c, push_heap_t *heap, made_t *made)
{
    unsigned count = c->wanted.count;
    push_subscription_t *own = &c->wanted.list[PUSH_SUBSCRIPTION_USER];
    push_ref_t ref = heap->alloc(heap, count * sizeof(*own), PUSH_PART);

    if (!ref) {
        return false;
    }
    push_subscription_init(heap, own, push_ref_of(heap, made->user), 0);
    place_flying(c, &made->user->log, PUSH_SUBSCRIPTION_USER, own);
    memcpy(push_at(heap, ref), c->wanted.list, count * sizeof(*own));
    push_device_set_subscriptions(&made->parts, ref, count);
    return true;
}

static bool make_node(coming_t *c, push_heap_t *heap, made_t *made)
{
    size_t size = push_owned_size(c->store);
    push_ref_t ref;

    made->is_new = !made->device;
    if (made->device) {
        return true;
    }
    if (!push_quota_spare(c->store, made->user, PUSH_DEVICES_MAX)) {
        return false;
    }
    ref = heap->alloc(heap, size, PUSH_NODE);
    if (ref) {
        made->device = push_at(heap, ref);
        memset(made->device, 0, size);
    }
    return ref != PUSH_NONE;
}

static bool make_parts(coming_t *c, push_heap_t *heap, made_t *made)
{
    if (push_device_set_labels(heap, &made->parts, c->record.labels) == PUSH_OK
        && make_subscriptions(c, heap, made) && make_window(c, heap, made)
        && make_node(c, heap, made)) {
        return true;
    }
    push_device_cleanup(heap, &made->parts);
    return false;
}

/* What the user's log lost, as far as the device had not come past it. */
static void count_lost_of_user(coming_t *c, const push_user_t *user)
{
    for (unsigned i = 0; i < c->import->marks_count; i++) {
        const push_dropped_t *mark = &c->import->marks[i];
        unsigned lane = mark->lane % PUSH_LANES;

        if (PUSH_TICK_OF(push_rebuild_settled_up_to(&c->record, lane))
            < mark->tick) {
            c->lost.count[PUSH_GAP_MAILBOX][lane] += mark->count;
        }
    }
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &user->log.lanes[lane];
        push_ref_t ref = PUSH_NONE;
        uint64_t up_to = push_rebuild_settled_up_to(&c->record, lane);

        if (!c->import->marks_count && user->lost[lane]
            && user->lost_until > c->now->mono
            && push_log_read(&c->store->heaps[0], &user->log, lane,
                             push_lane_tail(l), &ref)
                   == PUSH_SLOT_MESSAGE
            && up_to < ((const push_message_t *)push_at(&c->store->heaps[0],
                                                        ref))
                           ->mid) {
            c->lost.count[PUSH_GAP_MAILBOX][lane] += user->lost[lane];
        }
    }
}

/* The record has the sum: what is to be told, what was, what is about to be. */
static void set_losses(coming_t *c, push_device_t *device)
{
    push_losses_t *losses = &device->losses;

    device->gaps = c->block.gaps;
    device->gap_seq = c->block.gap_seq;
    for (int i = 0; i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            losses->count[i][j] = c->record.losses.count[i][j]
                                  - device->gaps.count[i][j]
                                  + c->lost.count[i][j];
        }
    }
}

/* Its stream, if it still has one here, ends first. */
static void clear(coming_t *c, push_heap_t *heap, push_device_t *device)
{
    push_own_t own = {c->store, c->name, device, push_owned(c->store, device)};

    own.owned->state = PUSH_OWNED_NOT;
    PUSH_FAILPOINT("cluster-import-cleared");
    if (device->traits & PUSH_DEVICE_ONLINE) {
        push_own_end_stream(&own, c->now);
    }
    push_window_cleanup(heap, &device->window);
    device->acked = device->sent;
}

/* The parts change hands; what they replace goes. */
static void take_parts(coming_t *c, push_heap_t *heap, made_t *made)
{
    push_device_t *device = made->device, *parts = &made->parts;
    unsigned before = push_device_subscriptions_count(device);
    push_subscription_t *old = before ? push_device_subscriptions(heap, device)
                                      : NULL;
    push_ref_t old_ref = push_device_subscriptions_ref(device);
    push_ref_t labels = device->labels;
    push_subscription_t *own = push_device_subscriptions(heap, parts);

    own[PUSH_SUBSCRIPTION_USER].since = old ? old->since : 0;
    push_subscriptions_count(c->store, own,
                             push_device_subscriptions_count(parts), 1);
    device->labels = parts->labels;
    push_device_set_subscriptions(device, push_device_subscriptions_ref(parts),
                                  push_device_subscriptions_count(parts));
    PUSH_FAILPOINT("cluster-import-parts");
    if (old) {
        push_subscriptions_count(c->store, old, before, -1);
        heap->release(heap, old_ref);
        heap->release(heap, labels);
    }
    device->window = parts->window;
    PUSH_FAILPOINT("cluster-import-window");
    device->acked = c->block.acked;
    device->sent = c->block.sent;
    device->stale = c->block.stale;
}

/* Which stream's numbers it has; none has this one. */
static void take_session(coming_t *c, push_device_t *device)
{
    push_owned_t *owned = push_owned(c->store, device);

    owned->gen = push_store_next_gen(c->store);
    owned->session = c->exact ? c->block.session : 0;
    PUSH_FAILPOINT("cluster-import-session");
    device->gen = owned->gen;
}

static void own(coming_t *c, push_device_t *device)
{
    push_owned_t *owned = push_owned(c->store, device);

    owned->fence = c->import->fence;
    PUSH_FAILPOINT("cluster-import-fence");
    owned->state = PUSH_OWNED;
}

static void fill(coming_t *c, push_heap_t *heap, made_t *made)
{
    push_device_t *device = made->device;
    uint16_t kept = made->is_new ? 0 : device->traits & PUSH_DEVICE_PRESENT;

    if (c->exact && c->block.present) {
        kept = PUSH_DEVICE_PRESENT;
    }

    push_rebuild_fields(device, c->name.shard, &c->record, c->now);
    device->traits |= kept;
    device->left = c->now->mono;
    push_device_set_went(device, PUSH_WENT_UNKNOWN);
    take_session(c, device);
    take_parts(c, heap, made);
    set_losses(c, device);
}

static void bear(coming_t *c, push_heap_t *heap, made_t *made)
{
    push_device_t *device = made->device;
    push_ref_t ref = push_ref_of(heap, device);

    device->user = push_ref_of(heap, made->user);
    fill(c, heap, made);
    device->sibling = made->user->devices;
    PUSH_FAILPOINT("cluster-import-sibling");
    made->user->devices = ref;
    made->user->devices_count++;
    push_rebuild_settled(heap, device, &c->record, c->now);
    own(c, device);
    PUSH_FAILPOINT("cluster-import-made");
    push_node_be(device, PUSH_NODE_DEVICE);
    PUSH_FAILPOINT("cluster-import-born");
    push_table_add(heap, &c->store->shards[c->name.shard].contexts, ref);
}

static void become(coming_t *c, push_heap_t *heap, made_t *made)
{
    push_device_t *device = made->device;

    push_session_open(c->store, device);
    clear(c, heap, device);
    fill(c, heap, made);
    push_rebuild_settled(heap, device, &c->record, c->now);
    own(c, device);
    push_session_close(c->store, device);
}

/* Nobody can have had it meanwhile: what is here is newer than any record. */
static bool is_ours_still(const coming_t *c, const push_device_t *device)
{
    const push_owned_t *owned = push_owned(c->store, device);

    return owned->state != PUSH_OWNED_NOT
           && owned->fence + 1 == c->import->fence;
}

static push_status_t settle(coming_t *c)
{
    push_heap_t *heap = &c->store->heaps[c->name.shard];
    made_t made = {.user = push_store_user(c->store, &c->name, false)};

    if (!made.user || !push_copy_live(c->store, &made.user->log)) {
        return PUSH_NOT_FOUND;
    }
    made.device = push_store_device(c->store, c->name.shard, c->import->id);
    if (made.device && is_ours_still(c, made.device)) {
        own(c, made.device);
        return PUSH_OK;
    }
    if (!make_parts(c, heap, &made)) {
        return PUSH_NO_MEMORY;
    }
    count_lost_of_user(c, made.user);
    if (made.is_new) {
        bear(c, heap, &made);
    }
    else {
        become(c, heap, &made);
    }
    return PUSH_OK;
}

static push_status_t arrive(coming_t *c)
{
    push_status_t status = place_channels(c);

    if (status == PUSH_OK && !push_shard_enter(c->store, c->name.shard)) {
        return PUSH_BUSY;
    }
    if (status == PUSH_OK) {
        status = settle(c);
        push_shard_leave(c->store, c->name.shard);
    }
    return status;
}

push_status_t push_store_import(push_store_t *store,
                                const push_import_t *import,
                                const push_time_t *now)
{
    coming_t c = {.store = store,
                  .import = import,
                  .now = now,
                  .name = push_store_name(store, import->user)};
    push_status_t status = read_import(&c);

    if (status == PUSH_OK) {
        push_subscriptions_begin(store, &c.wanted);
        status = arrive(&c);
        push_subscriptions_arrived(store, &c.wanted);
    }
    free(c.positions);
    return status;
}
