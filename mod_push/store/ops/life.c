#include "store/ops/life.h"

#include <stdatomic.h>
#include <string.h>

#include "store/disk/journal.h"
#include "store/ops/view.h"
#include "core/fits.h"
#include "core/message_texts.h"
#include "store/shard/later.h"
#include "core/where.h"
#include "store/shard/owned.h"
#include "store/shard/shard.h"

/* The life of one message: found by its mid, seen, recalled. */

typedef struct {
    push_store_t *store;
    const push_heap_t *heap;
    push_log_t *log;
    push_entry_t entry;
    uint64_t mid;
    const push_time_t *now;
} search_t;

static bool find_in(search_t *search, push_log_t *log)
{
    search->log = log;
    return push_log_find(search->heap, log, search->mid, &search->entry);
}

/* With the lock of the shard. */
static bool search_shard(search_t *search, unsigned shard)
{
    const push_shard_t *s = &search->store->shards[shard];
    push_ref_t ref = PUSH_NONE;

    search->heap = &search->store->heaps[shard];
    while (push_table_walk(search->heap, &s->users, &ref)) {
        if (find_in(search, push_at(search->heap, ref))) {
            return true;
        }
    }
    while (push_table_walk(search->heap, &s->channels, &ref)) {
        if (find_in(search, push_at(search->heap, ref))) {
            return true;
        }
    }
    return shard == 0
           && find_in(search, &push_store_broadcast(search->store)->log);
}

/* The log that the request names, if messages with this mid can be in it. */
static push_log_t *log_named(push_store_t *store,
                             const push_audience_t *audience, unsigned shard)
{
    push_name_t name;

    if (audience->kind == PUSH_LOG_BROADCAST) {
        return shard == 0 ? &push_store_broadcast(store)->log : NULL;
    }
    name = push_store_name(store, audience->name);
    if (name.shard != shard) {
        return NULL;
    }
    if (audience->kind == PUSH_LOG_USER) {
        push_user_t *user = push_store_user(store, &name, false);

        return user ? &user->log : NULL;
    }
    else {
        push_channel_t *channel = push_store_channel(store, &name, false);

        return channel ? &channel->log : NULL;
    }
}

static bool is_for_device(const push_message_t *message, push_text_t device)
{
    push_text_t own = push_message_device(message);

    return !device.len
           || (own.len == device.len && !memcmp(own.at, device.at, own.len));
}

/* With the lock of the shard. */
static bool seek(search_t *search, const push_sought_t *sought)
{
    unsigned shard = push_mid_shard(sought->mid);
    push_log_t *log;

    if (!sought->addressed) {
        return search_shard(search, shard);
    }
    search->heap = &search->store->heaps[shard];
    log = log_named(search->store, &sought->audience, shard);
    return log && find_in(search, log)
           && is_for_device(search->entry.message, sought->device);
}

static int64_t ends_at(const push_message_t *message, const push_time_t *now)
{
    if (push_message_fate(message) != PUSH_LIVE) {
        return push_mid_ms(message->mid) + message->ended_after;
    }
    return now->wall + push_message_until(message) - now->mono;
}

static push_text_t name_of(const push_log_t *log)
{
    if (push_log_kind(log) == PUSH_LOG_USER) {
        const push_user_t *user = (const push_user_t *)log;

        return (push_text_t){user->name, user->name_len};
    }
    return push_channel_name((const push_channel_t *)log);
}

static void view_message(const search_t *search, push_message_view_t *view)
{
    const push_message_t *message = search->entry.message;
    push_fate_t fate = push_message_fate(message);

    if (fate == PUSH_LIVE && !push_message_alive(message, search->now->mono)) {
        fate = PUSH_EXPIRED;
    }
    *view = (push_message_view_t){.mid = message->mid,
                                  .kind = push_log_kind(search->log),
                                  .name = name_of(search->log),
                                  .device = push_message_device(message),
                                  .topic = push_message_topic(message),
                                  .event = push_message_event(message),
                                  .trace = push_message_trace(message),
                                  .urgency = push_message_urgency(message),
                                  .fate = fate,
                                  .created = push_mid_ms(message->mid),
                                  .ends = ends_at(message, search->now),
                                  .size = push_message_payload(message).len};
}

bool push_life_find(push_store_t *store, uint64_t mid, push_found_t *found)
{
    search_t search = {.store = store, .mid = mid};

    if (!search_shard(&search, push_mid_shard(mid))) {
        return false;
    }
    *found = (push_found_t){search.log, search.entry};
    return true;
}

void push_life_read(const push_store_t *store, const push_found_t *found,
                    const push_time_t *now, push_message_view_t *view)
{
    const search_t search = {.heap = &store->heaps[0],
                             .log = found->log,
                             .entry = found->entry,
                             .now = now};

    view_message(&search, view);
}

/* ---- a user's message: with the lock of its shard ---- */

static int64_t when(const search_t *search, const push_device_t *device,
                    push_fate_t fate)
{
    const push_message_t *message = search->entry.message;
    const push_outcome_t *outcome = push_message_outcome(
        search->heap, message, push_ref_of(search->heap, device));
    int64_t created = push_mid_ms(message->mid);

    if (outcome) {
        return created + outcome->after;
    }
    if (fate == PUSH_PENDING) {
        return created;
    }
    return fate == PUSH_IN_FLIGHT || fate == PUSH_ACKED
                   || fate == PUSH_FILTERED
               ? 0
               : ends_at(message, search->now);
}

static push_fate_t fate_of(const search_t *search, const push_device_t *device)
{
    push_position_t position = {PUSH_SUBSCRIPTION_USER,
                                (uint16_t)search->entry.lane,
                                search->entry.at};

    return push_user_fate(search->heap, device, search->entry.message,
                          position, search->now);
}

static void each_device_of_user(const search_t *search,
                                const push_visitor_t *visitor)
{
    const push_user_t *user = (const push_user_t *)search->log;
    push_ref_t ref = user->devices;

    while (ref) {
        const push_device_t *device = push_at(search->heap, ref);

        if (!push_is_left_over(search->store, device)
            && push_device_named(search->heap, device,
                                 search->entry.message)) {
            push_fate_t fate = fate_of(search, device);
            push_life_view_t view = {.id = device->id,
                                     .count = 1,
                                     .fate = fate,
                                     .at = when(search, device, fate)};

            visitor->life(visitor->data, &view);
        }
        ref = device->sibling;
    }
}

/* ---- a channel's message: its readers may be in any shard ---- */

typedef struct {
    uint64_t mid;
    push_log_kind_t kind;
    push_ref_t log;
    unsigned lane;
    uint32_t at;
    push_fate_t fate;
    int64_t ends;
    uint32_t where_len; /* of its predicate, which may go with it */
    char where[PUSH_WHERE_MAX];
} channel_message_t;

/*
 * A message in flight when it ends counts as ended, unless it is acknowledged.
 */
static push_fate_t fate_in_channel(const push_heap_t *heap,
                                   const push_device_t *device,
                                   push_position_t position,
                                   const channel_message_t *message)
{
    const push_subscription_t *subscription = &push_device_subscriptions(
        heap, device)[position.subscription];
    push_fate_t fate = message->fate;

    if (push_window_holds(heap, &device->window, position)) {
        return fate == PUSH_LIVE ? PUSH_IN_FLIGHT : fate;
    }
    if (message->where_len
        && !push_device_holds(
            heap, device, (push_text_t){message->where, message->where_len},
            message->mid)) {
        return PUSH_FILTERED;
    }
    if (push_before(position.at, subscription->cursor[position.lane])) {
        return PUSH_ACKED;
    }
    return fate == PUSH_LIVE ? PUSH_PENDING : fate;
}

static void life_in_channel(const push_heap_t *heap,
                            const push_device_t *device,
                            const channel_message_t *message,
                            const push_visitor_t *visitor)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        heap, device);
    push_life_view_t view = {.id = device->id, .count = 1};

    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        push_position_t position = {(uint16_t)i, (uint16_t)message->lane,
                                    message->at};

        if (subscriptions[i].log != message->log
            || message->mid < subscriptions[i].joined) {
            continue;
        }
        view.fate = fate_in_channel(heap, device, position, message);
        view.at = view.fate == message->fate ? message->ends : 0;
        visitor->life(visitor->data, &view);
    }
}

static void each_reader(push_store_t *store, const channel_message_t *message,
                        const push_visitor_t *visitor)
{
    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        const push_table_t *table = &store->shards[i].contexts;
        const push_heap_t *heap = &store->heaps[i];
        push_ref_t ref = PUSH_NONE;

        if (!push_shard_enter(store, i)) {
            continue;
        }
        while (push_table_walk(heap, table, &ref)) {
            const push_device_t *device = push_at(heap, ref);

            if (!push_is_left_over(store, device)) {
                life_in_channel(heap, device, message, visitor);
            }
        }
        push_shard_leave(store, i);
    }
}

static void keep_where(const search_t *search, channel_message_t *message)
{
    push_text_t where = push_message_where(search->entry.message);

    message->where_len = where.len;
    memcpy(message->where, where.at, where.len);
}

push_status_t push_view_message(push_store_t *store,
                                const push_sought_t *sought,
                                const push_time_t *now,
                                const push_visitor_t *visitor)
{
    search_t search = {.store = store, .mid = sought->mid, .now = now};
    unsigned shard = push_mid_shard(sought->mid);
    channel_message_t message = {0};

    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    if (seek(&search, sought)) {
        push_message_view_t view;

        view_message(&search, &view);
        visitor->message(visitor->data, &view);
        if (view.kind == PUSH_LOG_USER) {
            each_device_of_user(&search, visitor);
        }
        message = (channel_message_t){sought->mid,
                                      view.kind,
                                      push_ref_of(search.heap, search.log),
                                      search.entry.lane,
                                      search.entry.at,
                                      view.fate,
                                      view.ends,
                                      0,
                                      ""};
        keep_where(&search, &message);
    }
    push_shard_leave(store, shard);
    if (!message.log) {
        return PUSH_NOT_FOUND;
    }
    if (message.kind != PUSH_LOG_USER) {
        each_reader(store, &message, visitor);
    }
    return PUSH_OK;
}

/* ---- for whom a message is ---- */

static void count_recipients(const search_t *search, push_receipt_t *receipt)
{
    const push_user_t *user = (const push_user_t *)search->log;
    push_ref_t ref = user->devices;

    while (ref) {
        const push_device_t *device = push_at(search->heap, ref);
        const push_outcome_t *outcome = push_message_outcome(
            search->heap, search->entry.message, ref);

        if (push_device_wants(search->heap, device, search->entry.message)) {
            if (outcome && outcome->fate == PUSH_REFUSED) {
                receipt->refused++;
            }
            else {
                receipt->recipients++;
                receipt->connected += device->traits & PUSH_DEVICE_ONLINE;
            }
        }
        ref = device->sibling;
    }
}

push_status_t push_store_lookup(push_store_t *store, uint64_t mid,
                                push_receipt_t *receipt)
{
    search_t search = {.store = store, .mid = mid};
    unsigned shard = push_mid_shard(mid);
    push_status_t status = PUSH_NOT_FOUND;

    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    if (search_shard(&search, shard)) {
        status = PUSH_OK;
        *receipt = (push_receipt_t){.mid = mid};
        if (push_log_kind(search.log) == PUSH_LOG_USER) {
            count_recipients(&search, receipt);
        }
        else {
            push_channel_t *channel = (push_channel_t *)search.log;

            receipt->recipients = channel->subscribers;
            receipt->connected = channel->connected;
        }
    }
    else if (push_later_find(store, shard, mid)) {
        status = PUSH_OK;
        *receipt = (push_receipt_t){.mid = mid};
    }
    push_shard_leave(store, shard);
    return status;
}

/* ---- recall ---- */

static uint32_t count_waiting(const search_t *search)
{
    const push_user_t *user = (const push_user_t *)search->log;
    push_ref_t ref = user->devices;
    uint32_t count = 0;

    while (ref) {
        const push_device_t *device = push_at(search->heap, ref);

        if (push_device_wants(search->heap, device, search->entry.message)) {
            push_fate_t fate = fate_of(search, device);

            count += fate == PUSH_PENDING || fate == PUSH_IN_FLIGHT;
        }
        ref = device->sibling;
    }
    return count;
}

push_status_t push_store_recall(push_store_t *store,
                                const push_sought_t *sought,
                                const push_time_t *now, uint32_t *recalled)
{
    search_t search = {.store = store, .mid = sought->mid, .now = now};
    unsigned shard = push_mid_shard(sought->mid);
    push_status_t status = PUSH_NOT_FOUND;
    push_commit_t commit = {0};

    *recalled = 0;
    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    if (seek(&search, sought)) {
        status = PUSH_OVER;
        if (push_message_alive(search.entry.message, now->mono)) {
            if (push_log_kind(search.log) == PUSH_LOG_USER) {
                *recalled = count_waiting(&search);
            }
            push_log_end(&store->heaps[shard], search.log,
                         search.entry.message, PUSH_RECALLED, now);
            status = PUSH_OK;
        }
    }
    push_shard_leave_for(store, shard, &commit);
    return status == PUSH_OK ? push_journal_wait(store, &commit) : status;
}
