#include "store/recovery/restore.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "store/recovery/restore_internal.h"
#include "store/recovery/restore_times.h"
#include "store/disk/assigned_record.h"
#include "store/disk/later_record.h"
#include "store/disk/revocation.h"
#include "store/disk/record_old.h"
#include "store/disk/report_record.h"

push_restore_t *push_restore_create(const push_time_t *now)
{
    push_restore_t *restore = calloc(1, sizeof(*restore));

    if (restore) {
        restore->now = *now;
    }
    return restore;
}

static void list_cleanup(push_raws_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->at[i].bytes);
    }
    free(list->at);
    memset(list, 0, sizeof(*list));
}

void push_restore_forget(push_restore_t *restore)
{
    list_cleanup(&restore->messages);
    list_cleanup(&restore->laters);
    list_cleanup(&restore->assigned);
    list_cleanup(&restore->devices);
    list_cleanup(&restore->keys);
    list_cleanup(&restore->revocations);
    list_cleanup(&restore->forgot);
    list_cleanup(&restore->reports);
}

void push_restore_destroy(push_restore_t *restore)
{
    if (restore) {
        push_restore_forget(restore);
        free(restore->lost.at);
        free(restore);
    }
}

/* ---- collecting ---- */

static bool add_raw(push_raws_t *list, push_text_t key, push_text_t value,
                    int64_t expires)
{
    push_raw_t raw = {.expires = expires};

    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 256;
        push_raw_t *at = realloc(list->at, room * sizeof(*at));

        if (!at) {
            return false;
        }
        list->at = at;
        list->room = room;
    }
    raw.bytes = malloc((size_t)key.len + value.len + 1);
    if (!raw.bytes) {
        return false;
    }
    memcpy(raw.bytes, key.at, key.len);
    if (value.len) {
        memcpy(raw.bytes + key.len, value.at, value.len);
    }
    raw.key = (push_text_t){raw.bytes, key.len};
    raw.value = (push_text_t){raw.bytes + key.len, value.len};
    if (raw.bytes[0] == PUSH_RECORD_MESSAGE) {
        raw.value.len = push_message_upgrade(raw.bytes + key.len, value.len);
    }
    list->at[list->count++] = raw;
    return true;
}

static push_raws_t *list_for(push_restore_t *restore, char type)
{
    switch (type) {
    case PUSH_RECORD_MESSAGE:
        return &restore->messages;
    case PUSH_RECORD_LATER:
        return &restore->laters;
    case PUSH_RECORD_ASSIGNED:
        return &restore->assigned;
    case PUSH_RECORD_DEVICE:
        return &restore->devices;
    case PUSH_RECORD_KEY:
        return &restore->keys;
    case PUSH_RECORD_REVOKED:
        return &restore->revocations;
    case PUSH_RECORD_FORGOT:
        return &restore->forgot;
    case PUSH_RECORD_REPORT:
        return &restore->reports;
    default:
        return NULL;
    }
}

bool push_restore_add(push_restore_t *restore, push_text_t key,
                      push_text_t value, int64_t expires)
{
    push_raws_t *list = key.len ? list_for(restore, key.at[0]) : NULL;

    if (key.len == 1
        && (key.at[0] == PUSH_RECORD_META || key.at[0] == PUSH_RECORD_META_2)
        && !restore->has_meta) {
        restore->has_meta = push_meta_read(value, &restore->meta);
    }
    return !list || add_raw(list, key, value, expires);
}

void push_restore_torn(push_restore_t *restore)
{
    restore->torn = true;
}

const push_meta_record_t *push_restore_meta(const push_restore_t *restore)
{
    return restore->has_meta ? &restore->meta : NULL;
}

/*
 * By key, so messages by mid.  The state and the logs may both have a record:
 * of a message, and of what is for later, the shorter one is final.
 */
static int by_key(const void *a, const void *b)
{
    const push_raw_t *x = a;
    const push_raw_t *y = b;
    uint32_t both = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = memcmp(x->key.at, y->key.at, both);

    if (order) {
        return order;
    }
    if (x->key.len != y->key.len) {
        return x->key.len < y->key.len ? -1 : 1;
    }
    return x->value.len < y->value.len   ? -1
           : x->value.len > y->value.len ? 1
                                         : 0;
}

static bool same_key(const push_raw_t *a, const push_raw_t *b)
{
    return a->key.len == b->key.len
           && !memcmp(a->key.at, b->key.at, a->key.len);
}

static void sort_and_unite(push_raws_t *list)
{
    size_t kept = 0;

    if (!list->count) {
        return;
    }
    qsort(list->at, list->count, sizeof(*list->at), by_key);
    for (size_t i = 1; i < list->count; i++) {
        if (same_key(&list->at[kept], &list->at[i])) {
            free(list->at[i].bytes);
        }
        else {
            list->at[++kept] = list->at[i];
        }
    }
    list->count = kept + 1;
}

/* ---- what is too much ---- */

/* The most urgent first, and of these the newest. */
static int by_worth(const void *a, const void *b)
{
    const push_message_record_t *x = &(*(push_raw_t *const *)a)->message;
    const push_message_record_t *y = &(*(push_raw_t *const *)b)->message;

    if (x->stored.urgency != y->stored.urgency) {
        return x->stored.urgency < y->stored.urgency ? -1 : 1;
    }
    return x->stored.mid > y->stored.mid   ? -1
           : x->stored.mid < y->stored.mid ? 1
                                           : 0;
}

static uint64_t cost_of(const push_message_record_t *message)
{
    size_t size = push_message_stored_size(&message->stored);

    return push_slab_size_of(size) + 8 + message->name.len;
}

static uint64_t cost_of_all(const push_restore_t *restore)
{
    uint64_t cost = 0;

    for (size_t i = 0; i < restore->messages.count; i++) {
        const push_raw_t *raw = &restore->messages.at[i];

        cost += raw->kept ? cost_of(&raw->message) : 0;
    }
    return cost;
}

/* Devices and keys come first; what they take is about what they are. */
static uint64_t room_for_messages(const push_restore_t *restore,
                                  const push_store_t *store)
{
    uint64_t room = push_slab_size(&store->slab) / 100 * PUSH_RESTORE_PERCENT;
    uint64_t taken = store->segment->slab.used;

    for (size_t i = 0; i < restore->devices.count; i++) {
        taken += PUSH_DEVICE_OVERHEAD + restore->devices.at[i].value.len;
    }
    taken += restore->keys.count * sizeof(push_key_t);
    return taken < room ? room - taken : 0;
}

static void drop_from(push_raw_t **by, size_t count, uint64_t room)
{
    uint64_t cost = 0;

    for (size_t i = 0; i < count; i++) {
        cost += cost_of(&by[i]->message);
        by[i]->kept = cost <= room;
    }
}

/*
 * Messages that have no room are dropped, the least urgent and oldest of all.
 */
static void choose(push_restore_t *restore, const push_store_t *store)
{
    uint64_t room = room_for_messages(restore, store);
    push_raw_t **by;
    size_t count = 0;

    if (cost_of_all(restore) <= room) {
        return;
    }
    by = malloc(restore->messages.count * sizeof(*by));
    if (!by) {
        return;
    }
    for (size_t i = 0; i < restore->messages.count; i++) {
        if (restore->messages.at[i].kept) {
            by[count++] = &restore->messages.at[i];
        }
    }
    qsort(by, count, sizeof(*by), by_worth);
    drop_from(by, count, room);
    free(by);
}

/* ---- messages ---- */

static void note_lost(push_restore_t *restore, const push_lost_t *lost)
{
    push_losts_t *list = &restore->lost;

    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 256;
        push_lost_t *at = realloc(list->at, room * sizeof(*at));

        if (!at) {
            return;
        }
        list->at = at;
        list->room = room;
    }
    list->at[list->count++] = *lost;
}

static push_log_t *log_of(push_store_t *store,
                          const push_message_record_t *message,
                          unsigned *shard)
{
    push_name_t name = {.shard = 0};

    if (message->kind == PUSH_LOG_BROADCAST) {
        *shard = 0;
        return &push_store_broadcast(store)->log;
    }
    name = push_store_name(store, message->name);
    *shard = name.shard;
    if (message->kind == PUSH_LOG_USER) {
        push_user_t *user = push_store_user(store, &name, true);

        return user ? &user->log : NULL;
    }
    else {
        push_channel_t *channel = push_store_channel(store, &name, true);

        return channel ? &channel->log : NULL;
    }
}

static int64_t time_left(const push_restore_t *restore, const push_raw_t *raw)
{
    return push_restore_until(&restore->now, raw->expires) - restore->now.mono;
}

static bool append(push_restore_t *restore, push_store_t *store,
                   const push_raw_t *raw, push_log_t *log)
{
    push_heap_t *heap = &store->heaps[push_mid_shard(raw->message.stored.mid)];
    int64_t left = time_left(restore, raw);
    push_ref_t ref;

    if (push_log_reserve(heap, log, raw->message.stored.urgency) != PUSH_OK) {
        return false;
    }
    ref = push_message_restore(heap, &raw->message.stored,
                               restore->now.mono + left);
    if (ref) {
        push_log_append(heap, log, ref);
    }
    return ref != PUSH_NONE;
}

/* Devices that appear before its time ends would have got it. */
static void tell_the_user(push_restore_t *restore, push_user_t *user,
                          const push_raw_t *raw)
{
    int64_t until = restore->now.mono + time_left(restore, raw);

    if (!raw->message.stored.device.len) {
        push_user_note_lost(user, raw->message.stored.urgency, until,
                            &restore->now);
    }
}

/* There is no memory even for the user. */
static void tell_strangers(const push_restore_t *restore, push_store_t *store,
                           const push_raw_t *raw)
{
    push_shard_t *shard =
        &store->shards[push_mid_shard(raw->message.stored.mid)];
    int64_t until = restore->now.mono + time_left(restore, raw);

    if (raw->message.kind == PUSH_LOG_USER && shard->strangers_until < until) {
        shard->strangers_until = until;
    }
}

/* The reason of a loss: the restart, or what had been dropped before it. */
static push_gap_t why_lost(const push_raw_t *raw, const push_log_t *log)
{
    if (raw->message.fate == PUSH_LIVE) {
        return PUSH_GAP_STATE_LOST;
    }
    return push_log_kind(log) == PUSH_LOG_USER ? PUSH_GAP_MAILBOX
                                               : PUSH_GAP_MEMORY;
}

static void lose(push_restore_t *restore, push_store_t *store,
                 const push_raw_t *raw, push_log_t *log)
{
    restore->restored.dropped += raw->message.fate == PUSH_LIVE;
    if (!log) {
        tell_strangers(restore, store, raw);
        return;
    }
    if (push_log_kind(log) == PUSH_LOG_USER) {
        tell_the_user(restore, (push_user_t *)log, raw);
    }
    note_lost(restore, &(push_lost_t){push_ref_of(&store->heaps[0], log),
                                      (uint8_t)raw->message.stored.urgency,
                                      (uint8_t)why_lost(raw, log),
                                      raw->message.stored.mid,
                                      raw->message.stored.device});
}

static void restore_message(push_restore_t *restore, push_store_t *store,
                            const push_raw_t *raw)
{
    unsigned shard = 0;
    push_log_t *log = log_of(store, &raw->message, &shard);

    if (shard != push_mid_shard(raw->message.stored.mid)) {
        restore->restored.invalid++;
        return;
    }
    if (raw->kept && log && append(restore, store, raw, log)) {
        restore->restored.messages++;
        return;
    }
    lose(restore, store, raw, log);
}

/* A message of the log that ended is of no interest, but for a channel's that
 * had to go: its readers count it. */
static bool matters(const push_raw_t *raw)
{
    return raw->message.fate == PUSH_LIVE
           || (raw->message.fate == PUSH_EVICTED
               && raw->message.kind != PUSH_LOG_USER);
}

static void parse_messages(push_restore_t *restore, push_store_t *store)
{
    for (size_t i = 0; i < restore->messages.count; i++) {
        push_raw_t *raw = &restore->messages.at[i];

        if (!push_message_read(raw->key, raw->value, &raw->message)) {
            restore->restored.invalid++;
            continue;
        }
        push_restore_clock(store, raw->message.stored.mid);
        if (raw->expires <= restore->now.wall) {
            restore->restored.expired += raw->message.fate == PUSH_LIVE;
            continue;
        }
        raw->matters = matters(raw);
        raw->gone = raw->message.fate == PUSH_EVICTED
                    && raw->message.kind == PUSH_LOG_USER;
        raw->kept = raw->message.fate == PUSH_LIVE;
    }
}

static void restore_messages(push_restore_t *restore, push_store_t *store)
{
    for (size_t i = 0; i < restore->messages.count; i++) {
        const push_raw_t *raw = &restore->messages.at[i];

        if (raw->matters) {
            restore_message(restore, store, raw);
        }
    }
}

/* ---- keys ---- */

static bool restore_key(push_store_t *store, const push_key_record_t *record,
                        int64_t until)
{
    unsigned shard = record->id[PUSH_KEY_BYTES - 1] % PUSH_SHARDS;
    push_heap_t *heap = &store->heaps[shard];
    push_ref_t ref = heap->alloc(heap, sizeof(push_key_t), PUSH_NODE);
    push_key_t *key;

    if (!ref) {
        return false;
    }
    key = push_at(heap, ref);
    push_key_init(key, record->id, record->request, until);
    key->receipt = record->receipt;
    key->done = 1;
    push_node_be(key, PUSH_NODE_KEY);
    push_table_add(heap, &store->shards[shard].keys, ref);
    if (store->segment->keys_restored < until) {
        store->segment->keys_restored = until;
    }
    return true;
}

static void restore_keys(push_restore_t *restore, push_store_t *store)
{
    for (size_t i = 0; i < restore->keys.count; i++) {
        const push_raw_t *raw = &restore->keys.at[i];
        int64_t left = time_left(restore, raw);
        push_key_record_t record;

        if (!push_key_read(raw->key, raw->value, &record)) {
            restore->restored.invalid++;
            continue;
        }
        push_restore_clock(store, record.receipt.mid);
        if (left <= 0) {
            restore->restored.expired++;
        }
        else if (restore_key(store, &record, restore->now.mono + left)) {
            restore->restored.keys++;
        }
    }
}

/* ---- revocations ---- */

static void restore_revocation(push_restore_t *restore, push_store_t *store,
                               const push_raw_t *raw)
{
    int64_t left = time_left(restore, raw);
    push_revoked_record_t record;

    if (!push_revoked_read(raw->key, raw->value, &record)) {
        restore->restored.invalid++;
    }
    else if (left <= 0) {
        restore->restored.expired++;
    }
    else if (push_revocation_restore(store, &record,
                                     restore->now.mono + left)) {
        restore->restored.revocations++;
    }
}

/* The ids of marks follow from the key of the segment, as all names do. */
static void restore_revocations(push_restore_t *restore, push_store_t *store)
{
    if (!store->guard) {
        return;
    }
    push_guard_rekey(store->guard, store->segment->hash_key);
    for (size_t i = 0; i < restore->revocations.count; i++) {
        restore_revocation(restore, store, &restore->revocations.at[i]);
    }
}

/* ---- all ---- */

/* Where names live follows from the key, so it has to stay the same. */
static void restore_meta(const push_restore_t *restore, push_store_t *store)
{
    if (restore->has_meta) {
        store->segment->node = restore->meta.node % 64;
        memcpy(store->segment->hash_key, restore->meta.hash_key,
               sizeof(store->segment->hash_key));
    }
}

static int by_place(const void *a, const void *b)
{
    const push_lost_t *x = a;
    const push_lost_t *y = b;

    if (x->log != y->log) {
        return x->log < y->log ? -1 : 1;
    }
    return x->mid < y->mid ? -1 : x->mid > y->mid ? 1 : 0;
}

void push_restore_apply(push_restore_t *restore, push_store_t *store,
                        push_restored_t *restored)
{
    restore_meta(restore, store);
    push_restore_forgot(restore, store);
    sort_and_unite(&restore->messages);
    sort_and_unite(&restore->keys);
    sort_and_unite(&restore->laters);
    push_restore_assigned(restore, store);
    push_restore_laters(restore, store);
    parse_messages(restore, store);
    choose(restore, store);
    restore_messages(restore, store);
    if (restore->lost.count) {
        qsort(restore->lost.at, restore->lost.count, sizeof(*restore->lost.at),
              by_place);
    }
    push_restore_devices(restore, store);
    push_restore_losses(restore, store);
    restore_keys(restore, store);
    restore_revocations(restore, store);
    push_restore_reports(restore, store);
    push_epoch_advance(&store->epoch);
    *restored = restore->restored;
}
