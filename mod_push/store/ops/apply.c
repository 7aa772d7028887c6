#include "store/ops/apply.h"

#include <stdatomic.h>
#include <string.h>

#include "core/event.h"
#include "core/tally.h"
#include "store/disk/record.h"
#include "core/fits.h"
#include "store/ops/apply_internal.h"
#include "store/ops/pressure.h"
#include "store/shard/shard.h"

/* ---- names of logs ---- */

bool push_log_name_parse(push_text_t log, push_log_kind_t *kind,
                         push_text_t *name)
{
    char first = log.len ? log.at[0] : '\0';

    *name = log.len ? (push_text_t){log.at + 1, log.len - 1}
                    : (push_text_t){NULL, 0};
    *kind = first == 'u'   ? PUSH_LOG_USER
            : first == 'c' ? PUSH_LOG_CHANNEL
                           : PUSH_LOG_BROADCAST;
    if (first == 'b') {
        return log.len == 1;
    }
    return (first == 'u' || first == 'c') && name->len
           && name->len <= PUSH_NAME_MAX;
}

push_name_t push_log_name_hash(const push_store_t *store, push_text_t log)
{
    push_log_kind_t kind;
    push_text_t name;

    if (!push_log_name_parse(log, &kind, &name)
        || kind == PUSH_LOG_BROADCAST) {
        return (push_name_t){{NULL, 0}, 0, 0};
    }
    return push_store_name(store, name);
}

unsigned push_log_partition(const push_store_t *store, push_text_t log)
{
    push_name_t name = push_log_name_hash(store, log);

    return name.shard << 4 | (unsigned)(name.hash >> 38 & 15);
}

push_log_t *push_log_named(push_store_t *store, push_text_t log,
                           const push_name_t *name, bool make)
{
    push_log_kind_t kind;
    push_text_t text;
    push_user_t *user;
    push_channel_t *channel;

    if (!push_log_name_parse(log, &kind, &text)) {
        return NULL;
    }
    switch (kind) {
    case PUSH_LOG_USER:
        user = push_store_user(store, name, make);
        return user ? &user->log : NULL;
    case PUSH_LOG_CHANNEL:
        channel = push_store_channel(store, name, make);
        return channel ? &channel->log : NULL;
    default:
        return &push_store_broadcast(store)->log;
    }
}

/* ---- one entry: with the lock of its shard ---- */

/* One message on its way into its log. */
typedef struct {
    const push_applying_t *applying;
    push_heap_t *heap;
    push_log_t *log;
    push_message_spec_t spec;
    push_publish_t publish;
} arrival_t;

static bool is_for(const arrival_t *a, const push_device_t *device)
{
    const push_heap_t *heap = a->heap;
    const push_message_spec_t *spec = &a->spec;
    push_text_t id = push_device_label(heap, device, PUSH_LABEL_DEVICE);

    return (spec->ttl || device->traits & PUSH_DEVICE_ONLINE)
           && (!spec->device.len
               || (spec->device.len == id.len
                   && !memcmp(spec->device.at, id.at, id.len)))
           && (!spec->where.len
               || push_device_holds(heap, device, spec->where,
                                    a->publish.receipt.mid));
}

/* No memory: who would have read it is told. */
static void lose(const arrival_t *a)
{
    const push_time_t *now = &a->publish.now;
    push_user_t *user = (push_user_t *)a->log;
    push_ref_t ref;

    push_tally(a->heap, &a->spec, PUSH_TALLY_EVICTED, 1);
    push_count_settled(a->heap, PUSH_BY_OUTCOME_EVICTED, a->spec.urgency, 1);
    if (push_log_kind(a->log) != PUSH_LOG_USER) {
        push_log_lose(a->heap, a->log, a->spec.urgency, 1);
        return;
    }
    ref = user->devices;
    while (ref) {
        push_device_t *device = push_at(a->heap, ref);

        if (is_for(a, device)) {
            device->losses.count[PUSH_GAP_MEMORY][a->spec.urgency]++;
        }
        ref = device->sibling;
    }
    if (a->spec.ttl && !a->spec.device.len) {
        push_user_note_lost(user, a->spec.urgency, now->mono + a->spec.ttl,
                            now);
    }
}

/* Once it stands there, or its loss is noted. */
static void wake(const arrival_t *a)
{
    const push_seats_t *seats = &a->applying->store->seats;
    push_ref_t ref;

    if (push_log_kind(a->log) != PUSH_LOG_USER) {
        push_seat_wake_channel(seats, (push_channel_t *)a->log);
        return;
    }
    ref = ((push_user_t *)a->log)->devices;
    while (ref) {
        push_device_t *device = push_at(a->heap, ref);

        push_seat_wake_device(seats, device);
        ref = device->sibling;
    }
}

static push_status_t publish(arrival_t *a)
{
    const push_store_t *store = a->applying->store;

    if (a->spec.urgency > a->applying->lowest) {
        return PUSH_NO_MEMORY;
    }
    if (push_log_kind(a->log) == PUSH_LOG_USER) {
        a->publish.limit = store->limits.max_pending;
        return push_user_publish(a->heap, (push_user_t *)a->log, &a->publish);
    }
    a->publish.limit = store->limits.history;
    return push_channel_publish(a->heap, (push_channel_t *)a->log,
                                &a->publish);
}

static push_apply_t apply_message(arrival_t *a)
{
    push_status_t status = publish(a);
    uint32_t refused = a->publish.receipt.refused;

    if (status == PUSH_NO_MEMORY && !a->applying->lose
        && a->spec.urgency <= a->applying->lowest) {
        return PUSH_APPLY_BUSY;
    }
    if (status == PUSH_NO_MEMORY) {
        lose(a);
    }
    else if (refused) {
        push_tally(a->heap, &a->spec, PUSH_TALLY_REFUSED, refused);
        push_count_settled(a->heap, PUSH_BY_OUTCOME_REFUSED, a->spec.urgency,
                           refused);
    }
    wake(a);
    return status == PUSH_NO_MEMORY ? PUSH_APPLY_LOST : PUSH_APPLIED;
}

static void recall(push_heap_t *heap, push_log_t *log, uint64_t mid,
                   const push_time_t *now)
{
    push_entry_t entry;

    if (push_log_find(heap, log, mid, &entry)
        && push_message_alive(entry.message, now->mono)) {
        push_log_end(heap, log, entry.message, PUSH_RECALLED, now);
    }
}

static uint64_t mid_of(const push_store_t *store, const push_log_t *log,
                       const push_heap_t *heap, uint64_t tick)
{
    return tick << 12 | (uint64_t)heap->owner << 6
           | push_log_copy(store, log)->part;
}

/* The record's key is its mid in big-endian order. */
static bool read_record(push_text_t value, uint64_t mid,
                        push_message_record_t *record)
{
    char key[9] = {PUSH_RECORD_MESSAGE};

    for (int i = 0; i < 8; i++) {
        key[1 + i] = (char)(mid >> (56 - 8 * i));
    }
    return push_message_read((push_text_t){key, sizeof(key)}, value, record)
           && record->fate == PUSH_LIVE;
}

/* A message that is stored, as one that is published. */
static push_message_spec_t spec_of(const push_stored_t *stored, int64_t until,
                                   const push_time_t *now)
{
    int64_t left = until > now->mono ? until - now->mono : 1;

    return (push_message_spec_t){.content = stored->content,
                                 .topic = stored->topic,
                                 .device = stored->device,
                                 .where = stored->where,
                                 .urgency = stored->urgency,
                                 .ttl = until ? left : 0};
}

push_apply_t push_apply_to(const push_applying_t *applying, push_log_t *log,
                           const push_applied_t *entry, const push_time_t *now)
{
    push_heap_t *heap = &applying->store->heaps[applying->shard];
    arrival_t a = {.applying = applying, .heap = heap, .log = log};
    push_message_record_t record;
    uint64_t mid;

    if (entry->recall) {
        recall(heap, log, entry->recall, now);
        return PUSH_APPLIED;
    }
    mid = mid_of(applying->store, log, heap, entry->tick);
    if (!read_record(entry->record, mid, &record)
        || record.kind != push_log_kind(log)) {
        return PUSH_APPLY_UNREADABLE;
    }
    if (push_log_reaches(heap, log, record.stored.urgency, mid)) {
        return PUSH_APPLY_REPEATED;
    }
    a.spec = spec_of(&record.stored, entry->until, now);
    a.publish = (push_publish_t){
        .spec = &a.spec, .stored = true, .now = *now, .receipt.mid = mid};
    return apply_message(&a);
}

/* ---- many ---- */

bool push_apply_attended(const push_store_t *store,
                         const push_log_copy_t *copy)
{
    return copy->loader == store->tag
           || push_seat_held(&store->seats, copy->loader);
}

push_urgency_t push_apply_lowest(push_store_t *store, const push_time_t *now)
{
    unsigned urgency = PUSH_VERY_LOW;

    while (urgency > PUSH_HIGH
           && !push_pressure_admit(store, (push_urgency_t)urgency, now)) {
        urgency--;
    }
    return (push_urgency_t)urgency;
}

void push_apply_reached(push_store_t *store, push_log_copy_t *copy,
                        uint64_t tick)
{
    uint64_t last = atomic_load(&store->segment->clock);

    while (last < tick
           && !atomic_compare_exchange_weak(&store->segment->clock, &last,
                                            tick)) {
    }
    PUSH_FAILPOINT("cluster-applied");
    if (atomic_load(&copy->version) < tick) {
        atomic_store(&copy->version, tick);
    }
    PUSH_FAILPOINT("cluster-reached");
}

static push_apply_t drop(const push_store_t *store, push_log_copy_t *copy,
                         uint64_t tick)
{
    if (copy->dropped < tick) {
        copy->dropped = tick;
    }
    return push_apply_attended(store, copy) ? PUSH_APPLY_LATER
                                            : PUSH_APPLY_BEHIND;
}

static push_apply_t apply_one(const push_applying_t *applying,
                              const push_name_t *name,
                              const push_applied_t *entry,
                              const push_time_t *now)
{
    push_store_t *store = applying->store;
    push_log_t *log = push_log_named(store, entry->log, name, false);
    push_log_copy_t *copy = log ? push_log_copy(store, log) : NULL;
    push_apply_t outcome;

    if (!copy || copy->state == PUSH_FOLLOW_NOT) {
        return PUSH_APPLY_UNKNOWN;
    }
    if (entry->tick <= atomic_load(&copy->version)) {
        return PUSH_APPLY_REPEATED;
    }
    if (entry->suspect || copy->state != PUSH_FOLLOW_LIVE
        || push_copy_behind(copy)) {
        return drop(store, copy, entry->tick);
    }
    outcome = push_apply_to(applying, log, entry, now);
    if (outcome != PUSH_APPLY_BUSY) {
        push_apply_reached(store, copy, entry->tick);
    }
    return outcome;
}

/* Neighbours of one shard, which is locked; returns how many are done. */
static unsigned apply_run(push_applying_t *applying, push_applied_t *entries,
                          unsigned count, const push_time_t *now)
{
    unsigned done = 0;

    applying->starved = false;
    while (done < count) {
        push_name_t name = push_log_name_hash(applying->store,
                                              entries[done].log);

        if (name.shard != applying->shard) {
            break;
        }
        entries[done].outcome = apply_one(applying, &name, &entries[done],
                                          now);
        applying->starved = entries[done].outcome == PUSH_APPLY_BUSY;
        if (applying->starved) {
            break;
        }
        applying->lose = false;
        done++;
    }
    return done;
}

/* So many at a time, then others may have the lock. */
#define RUN_MAX 64u

/*
 * Passes over those of a shard that is stuck; returns how many.  What is behind
 * them there may not be put into a log that lacks them.
 */
static unsigned pass_over(const push_store_t *store, push_applied_t *entries,
                          unsigned count, unsigned shard)
{
    unsigned done = 0;

    for (unsigned i = 0; i < count; i++) {
        if (push_log_name_hash(store, entries[i].log).shard != shard) {
            continue;
        }
        if (i == done) {
            entries[done++].outcome = PUSH_APPLY_BUSY;
        }
        else {
            entries[i].suspect = true;
        }
    }
    return done;
}

/* With a lock of a shard, so that none can apply between this and what follows
 * it: a process that is stopped there keeps the lock. */
static bool is_overtaken(const push_lead_ref_t *lead, push_applied_t *entries,
                         unsigned count)
{
    if (!lead || push_lead_is(lead)) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        entries[i].outcome = PUSH_APPLY_OVERTAKEN;
    }
    return true;
}

unsigned push_store_apply(push_store_t *store, const push_lead_ref_t *lead,
                          push_applied_t *entries, unsigned count,
                          const push_time_t *now)
{
    push_applying_t applying = {.store = store};
    unsigned at = 0, busy = 0;

    while (at < count) {
        unsigned most = count - at < RUN_MAX ? count - at : RUN_MAX;
        unsigned done;

        applying.shard = push_log_name_hash(store, entries[at].log).shard;
        applying.lowest = push_apply_lowest(store, now);
        if (!push_shard_enter(store, applying.shard)) {
            done = pass_over(store, entries + at, count - at, applying.shard);
            busy += done;
            at += done;
            continue;
        }
        done = is_overtaken(lead, entries + at, count - at)
                   ? count - at
                   : apply_run(&applying, entries + at, most, now);
        push_shard_leave(store, applying.shard);
        at += done;
        /* The next one found no memory: once more, and then it is lost. */
        applying.lose = applying.starved;
        if (applying.starved) {
            push_pressure_relieve(store, PUSH_NORMAL, now);
        }
    }
    return busy;
}
