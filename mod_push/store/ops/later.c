#include "store/ops/later.h"

#include <stdatomic.h>
#include <string.h>

#include "store/disk/disk.h"
#include "store/disk/journal.h"
#include "store/disk/save.h"
#include "store/ops/pressure.h"
#include "store/ops/publish.h"
#include "store/shard/later.h"
#include "store/shard/shard.h"

/*
 * What is kept stands in the shard of its audience.  So one visit, with one
 * lock, publishes it and ends it, and both get to the disk as one lot.  Its
 * message has a mid of its own, since the mids of a lane rise; the node notes
 * it before it is used.  A process that dies in between leaves a node that is
 * kept and names a message: who looks next finds that in the log, or publishes.
 */

/* One visit ends with so many, or so many bytes. */
#define VISIT_COUNT 64u
#define VISIT_BYTES (256u * 1024)

/* Where there was no memory, it is tried again, ms. */
#define AGAIN_MS 1000

/* What is over is remembered for so long at least, ms: until no record that
 * says that it is kept waits for the disk any more. */
#define REMEMBER_MS 10000

static int64_t remembered_until(const push_store_t *store,
                                const push_time_t *now)
{
    int64_t window = store->limits.idempotency;

    return now->wall + (window > REMEMBER_MS ? window : REMEMBER_MS);
}

/* ---- with the lock of the shard ---- */

static void note(push_store_t *store, unsigned shard, push_record_t *record)
{
    if (record) {
        push_shard_note(store, shard, record);
    }
    else {
        push_disk_missing(store, 0);
    }
}

static void save(push_store_t *store, unsigned shard,
                 const push_later_t *later)
{
    if (store->journal) {
        note(store, shard, push_save_later(store, shard, later));
    }
}

static void end(push_store_t *store, unsigned shard, push_later_t *later,
                push_later_state_t state, const push_time_t *now)
{
    push_later_over(store, shard, later, state, remembered_until(store, now));
    save(store, shard, later);
}

/* ---- to keep ---- */

static bool has_room(const push_store_t *store,
                     const push_publication_t *publication)
{
    return push_later_bytes(store) + push_later_size(publication)
           <= push_slab_size(&store->slab) / PUSH_LATER_PART;
}

/* The older one ends only when the new one stands. */
static push_status_t keep(push_store_t *store, unsigned shard,
                          const push_publication_t *publication,
                          const push_answer_t *answer)
{
    push_later_t *older = push_later_topic(store, shard, publication);
    push_later_t *later = push_later_keep(store, shard, publication,
                                          answer->receipt.mid);

    if (!later) {
        return PUSH_NO_MEMORY;
    }
    save(store, shard, later);
    if (older) {
        end(store, shard, older, PUSH_LATER_REPLACED, &publication->now);
    }
    if (answer->keyed && store->journal) {
        note(store, shard,
             push_save_claim(store, &answer->claim, &answer->receipt,
                             &publication->now));
    }
    return PUSH_OK;
}

/* Who sleeps for longer than that is woken. */
static void tell(push_store_t *store, int64_t at)
{
    push_later_words_t *words = &store->segment->later;

    if (at < atomic_load(&words->at)) {
        push_bell_ring(&words->bell);
    }
}

static push_status_t keep_once(push_store_t *store,
                               const push_publication_t *publication,
                               push_commit_t *commit, push_answer_t *answer)
{
    const push_audience_t *audience = &publication->audience;
    unsigned shard = push_store_place(store, audience).shard;
    push_status_t status;

    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    answer->receipt.mid = audience->mid
                              ? audience->mid
                              : push_store_next_mid(store, audience,
                                                    &publication->now);
    status = keep(store, shard, publication, answer);
    push_shard_leave_for(store, shard, commit);
    return status;
}

push_status_t push_store_schedule(push_store_t *store,
                                  const push_publication_t *publication,
                                  push_commit_t *commit, push_answer_t *answer)
{
    push_urgency_t urgency = publication->spec.urgency;
    push_status_t status = PUSH_NO_MEMORY;

    answer->receipt = (push_receipt_t){0};
    answer->scheduled = true;
    if (!has_room(store, publication)
        || !push_pressure_admit(store, urgency, &publication->now)) {
        return PUSH_NO_MEMORY;
    }
    if (store->journal) {
        push_journal_throttle(store);
    }
    status = keep_once(store, publication, commit, answer);
    if (status == PUSH_NO_MEMORY
        && push_pressure_relieve(store, urgency, &publication->now)) {
        status = keep_once(store, publication, commit, answer);
    }
    if (status == PUSH_OK) {
        tell(store, publication->at);
    }
    return status;
}

/* ---- to publish ---- */

static push_log_t *log_of(push_store_t *store, const push_audience_t *audience)
{
    push_name_t name = push_store_place(store, audience);
    push_channel_t *channel;
    push_user_t *user;

    switch (audience->kind) {
    case PUSH_LOG_USER:
        user = push_store_user(store, &name, false);
        return user ? &user->log : NULL;
    case PUSH_LOG_CHANNEL:
        channel = push_store_channel(store, &name, false);
        return channel ? &channel->log : NULL;
    default:
        return &push_store_broadcast(store)->log;
    }
}

/* A process that died had published it; the record of the message may be lost
 * with it. */
static bool was_published(push_store_t *store, unsigned shard,
                          const push_later_t *later,
                          const push_publication_t *publication,
                          const push_time_t *now)
{
    const push_log_t *log = later->message
                                ? log_of(store, &publication->audience)
                                : NULL;
    push_entry_t entry;

    if (!log
        || !push_log_find(&store->heaps[shard], log, later->message, &entry)) {
        return false;
    }
    if (store->journal) {
        push_shard_note(store, shard,
                        push_save_message(store, entry.message,
                                          push_message_fate(entry.message),
                                          now));
    }
    return true;
}

/* Its TTL has run since its time. */
static push_status_t publish(push_store_t *store, push_later_t *later,
                             push_publication_t *publication,
                             const push_time_t *now)
{
    push_publish_t made = {
        .spec = &publication->spec, .kept = true, .now = *now};
    int64_t left = push_later_end(later->at, publication->spec.ttl)
                   - now->wall;

    if (publication->spec.ttl > left) {
        publication->spec.ttl = left;
    }
    publication->now = *now;
    made.receipt.mid = push_store_next_mid(store, &publication->audience, now);
    later->message = made.receipt.mid;
    PUSH_FAILPOINT("later-named");
    return push_store_publish_locked(store, publication, &made);
}

static void release(push_store_t *store, unsigned shard, push_later_t *later,
                    const push_time_t *now)
{
    push_publication_t publication;
    push_status_t status = PUSH_OK;

    push_later_kept(store, shard, later, &publication);
    if (!was_published(store, shard, later, &publication, now)) {
        if (push_later_end(later->at, publication.spec.ttl) <= now->wall) {
            end(store, shard, later, PUSH_LATER_EXPIRED, now);
            return;
        }
        status = publish(store, later, &publication, now);
    }
    switch (status) {
    case PUSH_OK:
        end(store, shard, later, PUSH_LATER_PUBLISHED, now);
        break;
    case PUSH_MAILBOX_FULL:
        later->message = 0;
        end(store, shard, later, PUSH_LATER_REFUSED, now);
        break;
    default:
        later->message = 0;
        push_later_move(store, shard, later, now->wall + AGAIN_MS);
        break;
    }
}

/* False: nothing is due in the shard any more, or it is busy. */
static bool visit(push_store_t *store, unsigned shard, const push_time_t *now,
                  bool *busy)
{
    push_later_t *later;
    unsigned count = 0;
    uint64_t bytes = 0;

    if (!push_shard_enter(store, shard)) {
        *busy = true;
        return false;
    }
    later = push_later_due(store, shard, now);
    while (later && count < VISIT_COUNT && bytes < VISIT_BYTES) {
        count++;
        if (push_later_state(later) == PUSH_LATER_KEPT) {
            bytes += push_later_body(&store->heaps[shard], later)->size;
            release(store, shard, later, now);
        }
        else {
            push_later_forget(store, shard, later);
        }
        later = push_later_due(store, shard, now);
    }
    push_shard_leave(store, shard);
    return later != NULL;
}

static bool is_due(const push_store_t *store, unsigned shard,
                   const push_time_t *now)
{
    int64_t first = atomic_load(&store->shards[shard].later.first);

    return first && first <= now->wall;
}

bool push_store_release(push_store_t *store, const push_time_t *now)
{
    bool busy = false;

    for (unsigned i = 0; i < PUSH_SHARDS; i++) {
        bool more = is_due(store, i, now);

        while (more && !push_segment_superseded(store->segment)) {
            push_pressure_admit(store, PUSH_NORMAL, now);
            if (store->journal) {
                push_journal_throttle(store);
            }
            more = visit(store, i, now, &busy);
        }
    }
    return !busy;
}

/* ---- what is kept ---- */

static bool is_same(push_text_t one, push_text_t other)
{
    return one.len == other.len
           && (!one.len || !memcmp(one.at, other.at, one.len));
}

static bool is_for(const push_publication_t *publication,
                   const push_sought_t *sought)
{
    return !sought->addressed
           || (publication->audience.kind == sought->audience.kind
               && is_same(publication->audience.name, sought->audience.name)
               && (!sought->device.len
                   || is_same(publication->spec.device, sought->device)));
}

static void look(const push_store_t *store, unsigned shard,
                 const push_later_t *later, push_later_view_t *view)
{
    *view = (push_later_view_t){
        .id = later->id, .state = push_later_state(later), .at = later->at};

    if (view->state == PUSH_LATER_KEPT) {
        push_later_kept(store, shard, later, &view->publication);
        view->size = view->publication.spec.content.data.len;
    }
    if (view->state == PUSH_LATER_PUBLISHED) {
        view->message = later->message;
    }
}

/* With its view; NULL, also where it is kept for others. */
static push_later_t *seek(push_store_t *store, const push_sought_t *sought,
                          push_later_view_t *view)
{
    unsigned shard = push_mid_shard(sought->mid);
    push_later_t *later = push_later_find(store, shard, sought->mid);

    if (!later) {
        return NULL;
    }
    look(store, shard, later, view);
    return view->state != PUSH_LATER_KEPT || is_for(&view->publication, sought)
               ? later
               : NULL;
}

bool push_store_is_later(push_store_t *store, uint64_t id)
{
    unsigned shard = push_mid_shard(id);
    bool found;

    if (!push_table_count(&store->shards[shard].later.nodes)
        || !push_shard_enter(store, shard)) {
        return false;
    }
    found = push_later_find(store, shard, id) != NULL;
    push_shard_leave(store, shard);
    return found;
}

push_status_t push_store_unschedule(push_store_t *store,
                                    const push_sought_t *sought,
                                    const push_time_t *now)
{
    unsigned shard = push_mid_shard(sought->mid);
    push_status_t status = PUSH_NOT_FOUND;
    push_commit_t commit = {0};
    push_later_view_t view;
    push_later_t *later;

    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    later = seek(store, sought, &view);
    if (later) {
        status = PUSH_OVER;
        if (view.state == PUSH_LATER_KEPT && !later->message) {
            end(store, shard, later, PUSH_LATER_RECALLED, now);
            status = PUSH_OK;
        }
    }
    push_shard_leave_for(store, shard, &commit);
    return status == PUSH_OK ? push_journal_wait(store, &commit) : status;
}

push_status_t push_view_later(push_store_t *store, const push_sought_t *sought,
                              const push_visitor_t *visitor)
{
    unsigned shard = push_mid_shard(sought->mid);
    push_later_view_t view;
    bool found;

    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    found = seek(store, sought, &view) != NULL;
    if (found) {
        visitor->later(visitor->data, &view);
    }
    push_shard_leave(store, shard);
    return found ? PUSH_OK : PUSH_NOT_FOUND;
}
