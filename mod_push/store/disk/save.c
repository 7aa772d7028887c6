#include "store/disk/save.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/disk/assigned_record.h"
#include "store/disk/disk.h"
#include "store/disk/forgot.h"
#include "store/disk/later_record.h"
#include "store/disk/report_record.h"
#include "store/disk/journal.h"
#include "store/disk/revocation.h"
#include "core/message_texts.h"
#include "store/shard/assigned.h"
#include "store/shard/later.h"
#include "store/shard/shard.h"
#include "store/shm/clock.h"

/*
 * A message that ends before its time leaves a record without its payload
 * until that time is over: a record of it that another child has queued still
 * would bring it back otherwise, and a channel's reader who is away counts a
 * gap by it.
 */

static int64_t wall_of(int64_t mono, const push_time_t *now)
{
    return now->wall + mono - now->mono;
}

/* ---- messages ---- */

static push_text_t name_of(const push_log_t *log)
{
    if (push_log_kind(log) == PUSH_LOG_USER) {
        const push_user_t *user = (const push_user_t *)log;

        return (push_text_t){user->name, user->name_len};
    }
    return push_channel_name((const push_channel_t *)log);
}

static push_stored_t stored_of(const push_message_t *message)
{
    return (push_stored_t){
        .mid = message->mid,
        .topic = push_message_topic(message),
        .device = push_message_device(message),
        .where = push_message_where(message),
        .content = {.event = push_message_event(message),
                    .type = push_message_type(message),
                    .trace = push_message_trace(message),
                    .data = push_message_payload(message),
                    .ack_now = (message->traits & PUSH_TRAIT_RECEIPT) != 0},
        .urgency = push_message_urgency(message)};
}

push_record_t *push_save_message(const push_store_t *store,
                                 const push_message_t *message,
                                 push_fate_t fate, const push_time_t *now)
{
    const push_log_t *log = push_at(&store->heaps[0], message->log);
    push_message_record_t record = {
        .kind = push_log_kind(log),
        .fate = fate,
        .name = name_of(log),
        .stored = stored_of(message),
        .expires = wall_of(push_message_until(message), now)};

    if (message->traits & PUSH_TRAIT_NOW || fate == PUSH_EXPIRED
        || record.expires <= now->wall) {
        return NULL;
    }
    if (fate != PUSH_LIVE) {
        record.stored = (push_stored_t){.mid = message->mid,
                                        .urgency = record.stored.urgency};
    }
    return push_message_make(&record);
}

/* ---- devices ---- */

void push_save_if_changed(push_store_t *store, push_device_t *device,
                          unsigned *written)
{
    push_record_t *record;

    if (!store->hand_over
        || !(device->traits & (PUSH_DEVICE_CHANGED | PUSH_DEVICE_ADVANCED))
        || (!(device->traits & PUSH_DEVICE_CHANGED)
            && *written >= PUSH_SAVE_ADVANCED)) {
        return;
    }
    record = push_device_refresh(device->id, device->shard);
    if (record) {
        device->traits &= (uint16_t) ~(PUSH_DEVICE_CHANGED
                                       | PUSH_DEVICE_ADVANCED);
        (*written)++;
        push_shard_note(store, device->shard, record);
    }
}

/* ---- keys ---- */

push_record_t *push_save_key(const push_key_t *key, const push_time_t *now)
{
    push_key_record_t record = {.request = key->request,
                                .receipt = key->receipt,
                                .expires = wall_of(key->until, now)};

    memcpy(record.id, key->id, sizeof(record.id));
    return push_key_make(&record);
}

push_record_t *push_save_claim(const push_store_t *store,
                               const push_claim_t *claim,
                               const push_receipt_t *receipt,
                               const push_time_t *now)
{
    push_key_t key;

    push_key_init(&key, claim->id, claim->request,
                  now->mono + store->limits.idempotency);
    key.receipt = *receipt;
    return push_save_key(&key, now);
}

/* ---- what is kept for later ---- */

push_record_t *push_save_later(const push_store_t *store, unsigned shard,
                               const push_later_t *later)
{
    bool kept = push_later_state(later) == PUSH_LATER_KEPT;
    const push_later_body_t *body =
        kept ? push_later_body(&store->heaps[shard], later) : NULL;

    return push_later_record_make(later, body);
}

/* ---- what was forgotten ---- */

/* The losses of users without a device are not kept one by one. */
static int64_t lost_until(const push_heap_t *heap, const push_shard_t *shard)
{
    int64_t until = shard->strangers_until;
    push_ref_t ref = PUSH_NONE;

    while (push_table_walk(heap, &shard->users, &ref)) {
        const push_user_t *user = push_at(heap, ref);

        if (!user->devices && user->lost_until > until) {
            until = user->lost_until;
        }
    }
    return until;
}

push_record_t *push_save_forgot(push_store_t *store, unsigned shard,
                                const push_time_t *now)
{
    const push_shard_t *s = &store->shards[shard];
    int64_t strangers = lost_until(&store->heaps[shard], s);
    push_forgot_record_t record = {
        .shard = (uint8_t)shard,
        .strangers_until = strangers > now->mono ? wall_of(strangers, now) : 0,
        .away_until = s->away_until > now->mono ? wall_of(s->away_until, now)
                                                : 0};

    return record.strangers_until || record.away_until
               ? push_forgot_make(&record)
               : NULL;
}

/* ---- a whole shard ---- */

typedef struct {
    push_store_t *store;
    const push_heap_t *heap;
    push_records_t *records;
    uint64_t from;
    push_time_t now;
    bool complete;
} collection_t;

static void take(collection_t *c, push_record_t *record)
{
    if (record) {
        push_records_append(c->records, record);
    }
    else {
        c->complete = false;
    }
}

static void collect_message(collection_t *c, const push_message_t *message)
{
    push_fate_t fate = push_message_fate(message);
    push_record_t *record;

    if ((fate == PUSH_LIVE && message->mid < c->from)
        || fate == PUSH_EXPIRED) {
        return;
    }
    record = push_save_message(c->store, message, fate, &c->now);
    if (record) {
        push_records_append(c->records, record);
    }
}

static void collect_log(collection_t *c, const push_log_t *log)
{
    for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
        const push_lane_t *l = &log->lanes[lane];
        push_ref_t ref = PUSH_NONE;

        for (uint32_t at = l->tail; at != l->head; at++) {
            if (push_log_read(c->heap, log, lane, at, &ref)
                == PUSH_SLOT_MESSAGE) {
                collect_message(c, push_at(c->heap, ref));
            }
        }
    }
}

static void collect_key(collection_t *c, const push_key_t *key)
{
    if (key->done && key->until > c->now.mono) {
        take(c, push_save_key(key, &c->now));
    }
}

/*
 * What was published of them is written again too: their own records alone
 * would say that it was.
 */
static void collect_laters(collection_t *c, unsigned index)
{
    const push_table_t *laters = &c->store->shards[index].later.nodes;
    uint64_t from = c->from;
    push_ref_t ref = PUSH_NONE;

    while (push_table_walk(c->heap, laters, &ref)) {
        const push_later_t *later = push_at(c->heap, ref);

        if (push_later_state(later) == PUSH_LATER_PUBLISHED
            && later->message < c->from) {
            c->from = later->message;
        }
        if (push_later_state(later) != PUSH_LATER_KEPT || later->id >= from) {
            take(c, push_save_later(c->store, index, later));
        }
    }
}

static void collect_assigned(collection_t *c, unsigned index)
{
    const push_table_t *table = &c->store->shards[index].assigned;
    push_ref_t ref = PUSH_NONE;

    while (push_table_walk(c->heap, table, &ref)) {
        const push_assigned_t *assigned = push_at(c->heap, ref);
        const push_assigned_list_t *list = push_assigned_list(c->heap,
                                                              assigned);

        take(c, push_assigned_record_make(assigned->id, list));
    }
}

static void collect_shard(collection_t *c, unsigned index)
{
    const push_shard_t *shard = &c->store->shards[index];
    push_record_t *forgot = push_save_forgot(c->store, index, &c->now);
    push_ref_t ref = PUSH_NONE;

    if (forgot) {
        push_records_append(c->records, forgot);
    }
    collect_laters(c, index);
    collect_assigned(c, index);
    while (push_table_walk(c->heap, &shard->users, &ref)) {
        collect_log(c, push_at(c->heap, ref));
    }
    while (push_table_walk(c->heap, &shard->channels, &ref)) {
        collect_log(c, push_at(c->heap, ref));
    }
    if (index == 0) {
        collect_log(c, &push_store_broadcast(c->store)->log);
    }
    while (push_table_walk(c->heap, &shard->contexts, &ref)) {
        const push_device_t *device = push_at(c->heap, ref);

        take(c, push_device_refresh(device->id, index));
    }
    while (push_table_walk(c->heap, &shard->keys, &ref)) {
        collect_key(c, push_at(c->heap, ref));
    }
}

bool push_save_shard(push_store_t *store, unsigned shard, uint64_t from,
                     push_records_t *records)
{
    collection_t c = {.store = store,
                      .heap = &store->heaps[shard],
                      .records = records,
                      .from = from,
                      .now = push_clock_now(),
                      .complete = true};

    if (!push_shard_enter(store, shard)) {
        return false;
    }
    collect_shard(&c, shard);
    push_shard_leave(store, shard);
    if (!shard && !push_report_save(store, records)) {
        return false;
    }
    return push_revocation_save(store, shard, records) && c.complete;
}

bool push_save_changed(push_store_t *store, unsigned shard,
                       push_records_t *records)
{
    static const uint8_t lags = PUSH_DEVICE_CHANGED | PUSH_DEVICE_ADVANCED;
    const push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = PUSH_NONE;

    if (!push_shard_enter(store, shard)) {
        return false;
    }
    while (push_table_walk(heap, &store->shards[shard].contexts, &ref)) {
        push_device_t *device = push_at(heap, ref);
        push_record_t *record = device->traits & lags
                                    ? push_device_refresh(device->id, shard)
                                    : NULL;

        if (record) {
            device->traits &= (uint16_t)~lags;
            push_records_append(records, record);
        }
    }
    push_shard_leave(store, shard);
    return true;
}

/*
 * Devices of the server's own users are not: nothing that is kept waits for
 * them.  They are those that do not follow the broadcast.
 */
static bool is_kept(const push_store_t *store, const push_device_t *device)
{
    const push_subscription_t *subscriptions = push_device_subscriptions(
        &store->heaps[device->shard], device);

    return subscriptions[PUSH_SUBSCRIPTION_BROADCAST].log
           == store->segment->broadcast;
}

static bool refresh_device(push_store_t *store, const push_record_t *record,
                           push_record_t **found)
{
    unsigned shard = record->shard % PUSH_SHARDS;
    push_time_t now = push_clock_now();
    const push_device_t *device;

    *found = NULL;
    if (!push_shard_enter(store, shard)) {
        return false;
    }
    device = push_store_device(store, shard, record->key + 1);
    if (device && is_kept(store, device)) {
        *found = push_save_device(store, device, &now);
    }
    push_shard_leave(store, shard);
    return !device || *found;
}

static bool refresh_assigned(push_store_t *store, const push_record_t *record,
                             push_record_t **found)
{
    unsigned shard = record->shard % PUSH_SHARDS;
    const push_assigned_t *assigned;

    *found = NULL;
    if (!push_shard_enter(store, shard)) {
        return false;
    }
    assigned = push_assigned_by_id(store, shard, record->key + 1);
    if (assigned) {
        *found = push_assigned_record_make(
            assigned->id, push_assigned_list(&store->heaps[shard], assigned));
    }
    push_shard_leave(store, shard);
    return !assigned || *found;
}

static bool refresh_forgot(push_store_t *store, const push_record_t *record,
                           push_record_t **found)
{
    unsigned shard = record->shard % PUSH_SHARDS;
    push_time_t now = push_clock_now();

    *found = NULL;
    if (!push_shard_enter(store, shard)) {
        return false;
    }
    *found = push_save_forgot(store, shard, &now);
    push_shard_leave(store, shard);
    return true;
}

static bool refresh(push_store_t *store, const push_record_t *record,
                    push_record_t **found)
{
    switch (record->key[0]) {
    case PUSH_RECORD_LOG:
        *found = NULL;
        return true;
    case PUSH_RECORD_REVOKED:
        return push_revocation_refresh(store, record, found);
    case PUSH_RECORD_FORGOT:
        return refresh_forgot(store, record, found);
    case PUSH_RECORD_ASSIGNED:
        return refresh_assigned(store, record, found);
    case PUSH_RECORD_REPORT:
        return push_report_refresh(store, record, found);
    default:
        return refresh_device(store, record, found);
    }
}

bool push_save_refresh(void *data, const push_record_t *record,
                       push_record_t **found)
{
    push_store_t *store = data;

    if (refresh(store, record, found)) {
        return true;
    }
    push_disk_missing(store, push_mid_now(&store->segment->clock));
    return false;
}
