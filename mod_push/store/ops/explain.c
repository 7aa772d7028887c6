#include "store/ops/explain.h"

#include <string.h>

#include "core/device_away.h"
#include "core/fits.h"
#include "core/message_texts.h"
#include "core/where.h"
#include "store/ops/life.h"
#include "store/shard/owned.h"
#include "store/shard/shard.h"

/*
 * First the message, with the lock of its shard, then the devices with that of
 * their user.  What happens in between may show in one and not in the other:
 * rather that than a lock that others wait for.
 */

typedef struct {
    push_store_t *store;
    const push_question_t *question;
    push_name_t name;         /* of the user */
    push_facts_t *facts;      /* those at hand; the first are the pattern */
    uint16_t gone_name;       /* of a message that is gone */
    push_ref_t log;           /* of a message that is here */
    push_position_t position; /* in the log; of no subscription yet */
    push_fate_t fate;         /* of the whole message */
    uint32_t where_len;       /* of its predicate; 0: it has none */
    char where[PUSH_WHERE_MAX];
} inquiry_t;

#define COPY_TEXT(to, text) push_text_copy(to, sizeof(to), text)

static bool same(push_text_t a, push_text_t b)
{
    return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

/* ---- the message: with the lock of its shard ---- */

/* Between the clock of a master, by which a mid is given, and that of a node. */
#define SKEW_MS 60000

/* What other nodes know is none of this one's. */
static push_known_t known_by_clock(const inquiry_t *q)
{
    return push_mid_ms(q->question->mid) > q->question->now.wall + SKEW_MS
               ? PUSH_KNOWN_NEVER
               : PUSH_KNOWN_NOT;
}

static push_known_t known_by_mid(const push_store_t *store, uint64_t mid)
{
    const push_segment_t *segment = store->segment;

    if (mid >> 12 > atomic_load(&segment->clock)) {
        return PUSH_KNOWN_NEVER;
    }
    return mid % PUSH_SHARDS != segment->node
                   || push_mid_ms(mid) < segment->made
               ? PUSH_KNOWN_BEFORE
               : PUSH_KNOWN_NOT;
}

static void keep_where(inquiry_t *q, push_text_t where)
{
    char text[PUSH_WHERE_TEXT_MAX];
    push_text_t written = {text, (uint32_t)push_where_write(where, text)};

    q->where_len = where.len;
    memcpy(q->where, where.at, where.len);
    COPY_TEXT(q->facts->message.where, written);
}

static void look_at_message(inquiry_t *q, const push_found_t *found)
{
    push_message_facts_t *m = &q->facts->message;
    const push_message_t *message = found->entry.message;
    push_message_view_t view;

    push_life_read(q->store, found, &q->question->now, &view);
    m->known = PUSH_KNOWN_HERE;
    m->kind = view.kind;
    COPY_TEXT(m->name, view.name);
    COPY_TEXT(m->device, view.device);
    m->urgency = view.urgency;
    m->now_only = message->traits & PUSH_TRAIT_NOW;
    keep_where(q, push_message_where(message));
    m->fate = view.fate;
    m->ends = view.ends;
    m->successor = push_message_successor(message);
    q->log = push_ref_of(&q->store->heaps[0], found->log);
    q->position = (push_position_t){0, (uint16_t)found->entry.lane,
                                    found->entry.at};
    q->fate = view.fate;
}

static void look_at_note(inquiry_t *q, const push_gone_t *gone)
{
    push_message_facts_t *m = &q->facts->message;

    m->known = PUSH_KNOWN_GONE;
    m->gone = (push_gone_why_t)gone->why;
    m->gone_at = push_mid_ms(gone->mid) + gone->after;
    m->kind = (push_log_kind_t)gone->kind;
    q->gone_name = gone->name;
}

/* A message of which more is known than its mid was for this audience. */
static bool is_of_audience(const inquiry_t *q)
{
    const push_audience_t *audience = q->question->audience;
    const push_message_facts_t *m = &q->facts->message;
    push_text_t name = {m->name, (uint32_t)strlen(m->name)};

    if (!audience
        || (m->known != PUSH_KNOWN_HERE && m->known != PUSH_KNOWN_GONE)) {
        return true;
    }
    if (m->kind != audience->kind) {
        return false;
    }
    if (m->kind == PUSH_LOG_BROADCAST) {
        return true;
    }
    return m->known == PUSH_KNOWN_HERE
               ? same(name, audience->name)
               : q->gone_name
                     == (uint16_t)push_store_name(q->store, audience->name)
                            .hash;
}

static push_status_t ask_message(inquiry_t *q)
{
    push_store_t *store = q->store;
    uint64_t mid = q->question->mid;
    unsigned shard = push_mid_shard(mid);
    const push_gone_t *gone;
    push_found_t found;

    q->facts->message.mid = mid;
    q->facts->message.known = store->segment->cluster
                                  ? known_by_clock(q)
                                  : known_by_mid(store, mid);
    if (!push_shard_enter(store, shard)) {
        return PUSH_BUSY;
    }
    gone = push_gone_find(store->heaps[shard].gone, mid);
    if (push_life_find(store, mid, &found)) {
        look_at_message(q, &found);
    }
    else if (gone) {
        look_at_note(q, gone);
    }
    push_shard_leave(store, shard);
    return is_of_audience(q) ? PUSH_OK : PUSH_NOT_FOUND;
}

/* ---- a device: with the lock of its user's shard ---- */

/* The mids of a log say its shard, and a note also its name. */
static bool may_be_of(const inquiry_t *q, const push_name_t *name,
                      push_log_kind_t kind)
{
    const push_message_facts_t *m = &q->facts->message;

    if (push_mid_shard(m->mid) != name->shard) {
        return false;
    }
    return m->known != PUSH_KNOWN_GONE
           || (m->kind == kind && q->gone_name == (uint16_t)name->hash);
}

/* Of a message that is not here: whether it can have been for this device. */
static bool is_foreign(const inquiry_t *q, const push_device_t *device,
                       push_message_facts_t *m)
{
    const push_heap_t *heap = &q->store->heaps[0];
    unsigned count = device ? push_device_subscriptions_count(device) : 0;

    if (m->known == PUSH_KNOWN_BEFORE || !push_mid_shard(m->mid)
        || may_be_of(q, &q->name, PUSH_LOG_USER)) {
        return m->known == PUSH_KNOWN_GONE && m->kind == PUSH_LOG_USER
               && !may_be_of(q, &q->name, PUSH_LOG_USER);
    }
    for (unsigned i = PUSH_SUBSCRIPTION_CHANNELS; i < count; i++) {
        const push_subscription_t *s = &push_device_subscriptions(heap,
                                                                  device)[i];
        push_text_t text = push_channel_name(push_at(heap, s->log));
        push_name_t name = push_store_name(q->store, text);

        if (may_be_of(q, &name, PUSH_LOG_CHANNEL)) {
            COPY_TEXT(m->name, text);
            return false;
        }
    }
    return device || (m->known == PUSH_KNOWN_GONE && m->kind == PUSH_LOG_USER);
}

static int64_t wall_of(const inquiry_t *q, int64_t mono)
{
    const push_time_t *now = &q->question->now;

    return mono ? now->wall - (now->mono - mono) : 0;
}

static uint32_t count_losses(const push_device_t *device)
{
    uint32_t count = 0;

    for (int i = 0; i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            count += device->losses.count[i][j] + device->gaps.count[i][j];
        }
    }
    return count;
}

/* When the oldest in flight was published (wall ms), or 0. */
static int64_t oldest_sent(const push_heap_t *heap,
                           const push_device_t *device)
{
    push_ref_t ref = PUSH_NONE;
    push_position_t first;
    const push_subscription_t *subscription;

    if (!push_window_runs(heap, &device->window)) {
        return 0;
    }
    first = push_window_get(heap, &device->window, 0);
    subscription = &push_device_subscriptions(heap,
                                              device)[first.subscription];
    if (push_log_read(heap, push_subscription_log(heap, subscription),
                      first.lane, first.at, &ref)
        != PUSH_SLOT_MESSAGE) {
        return 0;
    }
    return push_mid_ms(((const push_message_t *)push_at(heap, ref))->mid);
}

/* The newest mid that a lane still has, or 0. */
static uint64_t newest_in(const push_heap_t *heap, const push_log_t *log,
                          unsigned lane)
{
    uint32_t tail = push_lane_tail(&log->lanes[lane]);
    push_ref_t ref = PUSH_NONE;

    for (uint32_t at = push_lane_head(&log->lanes[lane]); at != tail; at--) {
        if (push_log_read(heap, log, lane, at - 1, &ref)
            == PUSH_SLOT_MESSAGE) {
            return ((const push_message_t *)push_at(heap, ref))->mid;
        }
    }
    return 0;
}

/* Of what the logs still have, something is of the device's time. */
static bool anything_published(const push_heap_t *heap,
                               const push_device_t *device)
{
    const push_subscription_t *s = push_device_subscriptions(heap, device);

    for (unsigned i = 0; i < push_device_subscriptions_count(device); i++) {
        for (unsigned lane = 0; lane < PUSH_LANES; lane++) {
            uint64_t newest = newest_in(
                heap, push_subscription_log(heap, &s[i]), lane);

            if (newest && newest >= s[i].joined) {
                return true;
            }
        }
    }
    return false;
}

static void look_at_device(const inquiry_t *q, const push_device_t *device,
                           push_facts_t *facts)
{
    const push_heap_t *heap = &q->store->heaps[0];
    const push_time_t *now = &q->question->now;
    push_device_facts_t *d = &facts->device;

    d->known = true;
    memcpy(d->id, device->id, sizeof(d->id));
    COPY_TEXT(d->label, push_device_label(heap, device, PUSH_LABEL_DEVICE));
    COPY_TEXT(d->app, push_device_label(heap, device, PUSH_LABEL_APP));
    d->traits = device->traits;
    d->went = push_device_went(device);
    d->lowest = (push_urgency_t)device->lowest;
    d->first_seen = device->first_seen;
    d->last_seen = device->last_seen;
    d->last_ack = device->last_ack;
    d->blocked = wall_of(q, push_device_blocked_since(device));
    d->acked = device->acked;
    d->sent = device->sent;
    d->max_in_flight = device->max_in_flight;
    d->oldest_sent = oldest_sent(heap, device);
    d->pending = push_mailbox_pending(heap, device, now,
                                      PUSH_SUBSCRIPTION_USER,
                                      push_device_subscriptions_count(device));
    d->filtered = push_mailbox_filtered(heap, device, now);
    d->lost = count_losses(device);
    d->published = anything_published(heap, device);
    push_trace_copy(heap, device, &facts->trace);
}

/* ---- a message at a device ---- */

static void look_in_window(const push_heap_t *heap,
                           const push_device_t *device,
                           push_position_t position, push_device_facts_t *d)
{
    uint32_t index;

    d->held = push_window_find(heap, &device->window, position, &index);
    d->seq = d->held ? device->acked + 1 + index : 0;
}

/* The user's own log, where outcomes are kept. */
static void look_at_own(const inquiry_t *q, const push_user_t *user,
                        const push_device_t *device, push_facts_t *facts)
{
    const push_heap_t *heap = &q->store->heaps[0];
    push_device_facts_t *d = &facts->device;
    const push_outcome_t *outcome;
    push_position_t position;
    push_entry_t entry;

    if (!push_log_find(heap, &user->log, q->question->mid, &entry)) {
        facts->message.known = PUSH_KNOWN_NOT;
        return;
    }
    position = (push_position_t){PUSH_SUBSCRIPTION_USER, (uint16_t)entry.lane,
                                 entry.at};
    outcome = push_message_outcome(heap, entry.message,
                                   push_ref_of(heap, device));
    d->wants = push_device_named(heap, device, entry.message);
    d->follows = true;
    d->fate = push_user_fate(heap, device, entry.message, position,
                             &q->question->now);
    d->fate_at = outcome ? push_mid_ms(entry.message->mid) + outcome->after
                         : 0;
    look_in_window(heap, device, position, d);
}

/*
 * A channel keeps no outcomes.  What a cursor has passed was sent and
 * acknowledged, or was over when its turn came: of what has ended, the latter
 * is said where the device was not there before the end, or has acknowledged
 * nothing since.
 */
static push_fate_t fate_of_passed(const inquiry_t *q,
                                  const push_device_t *device)
{
    const push_message_facts_t *m = &q->facts->message;
    bool acks = device->traits & PUSH_DEVICE_EXPLICIT;

    if (m->now_only && q->question->mid < device->since) {
        return PUSH_EXPIRED;
    }
    if (q->fate == PUSH_LIVE) {
        return PUSH_ACKED;
    }
    return device->last_seen >= m->ends
                   || (acks && device->last_ack < push_mid_ms(m->mid))
               ? q->fate
               : PUSH_ACKED;
}

/* As the device is now: a channel keeps no outcomes. */
static bool is_filtered(const inquiry_t *q, const push_device_t *device)
{
    return q->where_len
           && !push_device_holds(&q->store->heaps[0], device,
                                 (push_text_t){q->where, q->where_len},
                                 q->question->mid);
}

static void look_in_channel(const inquiry_t *q, const push_device_t *device,
                            unsigned index, push_device_facts_t *d)
{
    const push_heap_t *heap = &q->store->heaps[0];
    const push_subscription_t *s = &push_device_subscriptions(heap,
                                                              device)[index];
    push_position_t position = q->position;

    position.subscription = (uint16_t)index;
    d->follows = true;
    d->since = (int64_t)s->since * 1000;
    d->joined_late = q->question->mid < s->joined;
    look_in_window(heap, device, position, d);
    if (d->held) {
        d->fate = q->fate == PUSH_LIVE ? PUSH_IN_FLIGHT : q->fate;
    }
    else if (is_filtered(q, device)) {
        d->fate = PUSH_FILTERED;
    }
    else if (push_before(position.at, s->cursor[position.lane])) {
        d->fate = fate_of_passed(q, device);
    }
    else {
        d->fate = q->fate == PUSH_LIVE ? PUSH_PENDING : q->fate;
    }
}

static void look_at_both(const inquiry_t *q, const push_user_t *user,
                         const push_device_t *device, push_facts_t *facts)
{
    const push_subscription_t *s = push_device_subscriptions(
        &q->store->heaps[0], device);

    facts->device.wants = true;
    if (facts->message.kind == PUSH_LOG_USER) {
        if (!strcmp(facts->message.name, facts->user)) {
            look_at_own(q, user, device, facts);
        }
        return;
    }
    for (unsigned i = PUSH_SUBSCRIPTION_BROADCAST;
         i < push_device_subscriptions_count(device); i++) {
        if (s[i].log == q->log) {
            look_in_channel(q, device, i, &facts->device);
        }
    }
}

/* ---- the user: with the lock of the shard ---- */

static bool is_asked_for(const inquiry_t *q, const push_device_t *device)
{
    push_text_t asked = q->question->device;
    unsigned char id[PUSH_CONTEXT_BYTES];

    return !asked.len
           || same(asked, push_device_label(&q->store->heaps[0], device,
                                            PUSH_LABEL_DEVICE))
           || (push_context_parse(asked.at, asked.len, id)
               && !memcmp(id, device->id, sizeof(id)));
}

static void ask_device(const inquiry_t *q, const push_user_t *user,
                       const push_device_t *device, push_facts_t *facts)
{
    push_message_facts_t *m = &facts->message;

    if (device) {
        look_at_device(q, device, facts);
    }
    if (m->mid && m->known != PUSH_KNOWN_HERE) {
        m->foreign = is_foreign(q, device, m);
    }
    else if (m->mid && device) {
        look_at_both(q, user, device, facts);
    }
}

static unsigned ask_devices(inquiry_t *q, const push_user_t *user,
                            unsigned room)
{
    const push_facts_t pattern = *q->facts;
    push_ref_t ref = user ? user->devices : PUSH_NONE;
    push_facts_t *facts = q->facts;
    unsigned count = 0;

    while (ref && count < room) {
        const push_device_t *device = push_store_device_at(q->store, ref);

        if (!push_is_left_over(q->store, device) && is_asked_for(q, device)) {
            facts[count] = pattern;
            ask_device(q, user, device, &facts[count]);
            count++;
        }
        ref = device->sibling;
    }
    if (!count) {
        ask_device(q, user, NULL, facts);
    }
    return count ? count : 1;
}

push_status_t push_store_explain(push_store_t *store,
                                 const push_question_t *question,
                                 push_facts_t *facts, unsigned room,
                                 unsigned *count)
{
    inquiry_t q = {.store = store,
                   .question = question,
                   .name = push_store_name(store, question->user),
                   .facts = facts};
    push_status_t status = PUSH_OK;
    const push_user_t *user;

    memset(facts, 0, sizeof(*facts));
    facts->now = question->now.wall;
    facts->max_pending = store->limits.max_pending;
    facts->history = store->limits.history;
    COPY_TEXT(facts->user, question->user);
    COPY_TEXT(facts->asked, question->device);
    if (question->mid) {
        status = ask_message(&q);
    }
    if (status != PUSH_OK) {
        return status;
    }
    if (!push_shard_enter(store, q.name.shard)) {
        return PUSH_BUSY;
    }
    user = push_store_user(store, &q.name, false);
    facts->devices = user ? user->devices_count : 0;
    *count = ask_devices(&q, user, room);
    push_shard_leave(store, q.name.shard);
    return PUSH_OK;
}
