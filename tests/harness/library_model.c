#include "library_model_part.h"

#include "broker/library/entries.h"

#include <stdlib.h>
#include <string.h>

#include "keep.h"

#define SILENT  15000
#define RECALLS 600000
#define MASTER  1000000 /* µs in which a bucket fills */

/* ---- time ---- */

struct model *model_create(int64_t now)
{
    struct model *m = calloc(1, sizeof(*m));

    m->now = m->began = now;
    return keep(m, free);
}

static void expire_log(struct model_log *log, int64_t now)
{
    for (int i = 0; i < 4; i++) {
        if (log->lanes[i].count > 0 && log->lanes[i].expires <= now) {
            memset(&log->lanes[i], 0, sizeof(log->lanes[i]));
        }
    }
    if (log->topics_expire <= now) {
        memset(log->topics, 0, sizeof(log->topics));
        log->topics_expire = 0;
    }
    if (log->devices_expire <= now) {
        memset(log->devices, 0, sizeof(log->devices));
        log->devices_expire = 0;
    }
}

void model_clock(struct model *m, int64_t now)
{
    m->now = now;
    for (int i = 0; i < MODEL_LOGS; i++) {
        expire_log(&m->logs[i], now);
    }
    for (int i = 0; i < MODEL_KEYS; i++) {
        if (m->keys[i].expires <= now) {
            m->keys[i].request = 0;
        }
    }
    if (m->recalls_expire <= now) {
        m->recalls_count = 0;
        m->recalls_expire = 0;
    }
    if (m->laters_expire <= now) {
        memset(m->laters, 0, sizeof(m->laters));
        m->laters_expire = 0;
    }
}

void model_load(struct model *m)
{
    m->began = m->now;
    m->last = 0;
    for (int i = 0; i < MODEL_LATERS; i++) {
        m->laters[i].taker = 0;
    }
    memset(m->inboxes, 0, sizeof(m->inboxes));
}

uint64_t model_tick(struct model *m)
{
    uint64_t tick = (uint64_t)m->now * 1024;

    if (m->last == 0) {
        m->last = m->ceiling = m->ceiling_key;
    }
    if (tick <= m->last) {
        tick = m->last + 1;
    }
    m->last = tick;
    if (tick >= m->ceiling) {
        m->ceiling = m->ceiling_key = tick + 1024000;
        m->has_epoch = true;
    }
    return tick;
}

/* ---- inboxes ---- */

static struct model_inbox *inbox_of(struct model *m, unsigned owner)
{
    struct model_inbox *inbox = &m->inboxes[owner - 1];

    if (!inbox->exists) {
        *inbox = (struct model_inbox){
            .exists = true, .seen = m->now, .first = 1};
    }
    return inbox;
}

static void lose(struct model_inbox *inbox)
{
    inbox->first += inbox->queue.count + 1;
    inbox->queue.count = 0;
    inbox->lost = true;
}

static struct model_inbox *heard_of(struct model *m, unsigned owner)
{
    struct model_inbox *inbox = inbox_of(m, owner);

    if (m->now - inbox->seen >= SILENT) {
        lose(inbox);
    }
    inbox->seen = m->now;
    return inbox;
}

bool model_is_alive(const struct model *m, unsigned owner)
{
    const struct model_inbox *inbox = &m->inboxes[owner - 1];

    return m->now - (inbox->exists ? inbox->seen : m->began) < SILENT;
}

bool model_post(struct model *m, unsigned owner,
                const struct model_entry *entry)
{
    struct model_inbox *inbox = inbox_of(m, owner);

    if (m->now - inbox->seen >= SILENT) {
        if (inbox->queue.count > 0) {
            lose(inbox);
        }
        return false;
    }
    if (inbox->queue.count == MODEL_QUEUE) {
        lose(inbox);
    }
    inbox->queue.list[inbox->queue.count++] = *entry;
    return true;
}

void model_drain(struct model *m, unsigned owner, uint64_t have,
                 struct model_drained *drained)
{
    struct model_inbox *inbox = heard_of(m, owner);

    while (inbox->first <= have && inbox->queue.count > 0) {
        inbox->first++;
        inbox->queue.count--;
        memmove(inbox->queue.list, inbox->queue.list + 1,
                inbox->queue.count * sizeof(*inbox->queue.list));
    }
    drained->lost = inbox->lost;
    drained->first = inbox->first;
    drained->last = inbox->first + inbox->queue.count - 1;
    drained->entries = inbox->queue;
    inbox->lost = false;
}

/* Those who are silent follow no more. */
uint32_t model_tell(struct model *m, const struct model_entry *entry,
                    uint32_t *subscribers)
{
    struct model_log *log = &m->logs[entry->log];
    struct model_follower kept[MODEL_OWNERS] = {{0, 0, 0}};
    uint32_t connected = 0;
    int count = 0;

    *subscribers = 0;
    for (int i = 0; i < MODEL_OWNERS && log->followers[i].owner; i++) {
        if (model_post(m, log->followers[i].owner, entry)) {
            kept[count++] = log->followers[i];
            connected += log->followers[i].connected;
            *subscribers += log->followers[i].subscribers;
        }
    }
    memcpy(log->followers, kept, sizeof(kept));
    return connected;
}

/* ---- lanes ---- */

static void take_out(struct model_lane *lane, unsigned i)
{
    lane->count--;
    memmove(&lane->members[i], &lane->members[i + 1],
            (lane->count - i) * sizeof(lane->members[0]));
}

static bool remove_tick(struct model_lane *lane, uint64_t tick)
{
    for (unsigned i = 0; i < lane->count; i++) {
        if (lane->members[i].tick == tick) {
            take_out(lane, i);
            return true;
        }
    }
    return false;
}

static void limit(struct model_lane *lane, unsigned cap, int64_t now)
{
    struct model_member mark = {0, 0, 0, 0, 0};
    unsigned marks = lane->count > 0 && lane->members[0].expires == 0;

    if (lane->count - marks <= cap) {
        return;
    }
    for (unsigned i = lane->count; i-- > marks;) {
        if (lane->members[i].expires <= now) {
            take_out(lane, i);
        }
    }
    if (lane->count - marks <= cap) {
        return;
    }
    if (marks && lane->members[0].until > now) {
        mark = lane->members[0];
    }
    if (marks) {
        take_out(lane, 0);
    }
    while (lane->count > cap) {
        mark.tick = lane->members[0].tick;
        mark.dropped++;
        if (lane->members[0].expires > mark.until) {
            mark.until = lane->members[0].expires;
        }
        take_out(lane, 0);
    }
    memmove(&lane->members[1], &lane->members[0], lane->count * sizeof(mark));
    lane->members[0] = mark;
    lane->count++;
}

static void append(struct model *m, const struct model_publish *call,
                   const struct model_member *member)
{
    struct model_lane *lane = &m->logs[call->log].lanes[call->lane];

    if (lane->count == 0 || member->expires > lane->expires) {
        lane->expires = member->expires;
    }
    lane->members[lane->count++] = *member;
    limit(lane, call->cap, m->now);
}

static void replace(struct model *m, const struct model_publish *call,
                    const struct model_member *member)
{
    struct model_log *log = &m->logs[call->log];
    struct model_topic *topic = &log->topics[call->topic - 1];

    if (topic->tick != 0) {
        remove_tick(&log->lanes[topic->lane], topic->tick);
    }
    if (call->ttl == 0) {
        topic->tick = 0;
    }
    else {
        bool first = true;

        for (int i = 0; i < MODEL_TOPICS; i++) {
            first = first && log->topics[i].tick == 0;
        }
        *topic = (struct model_topic){member->tick, call->lane,
                                      member->expires};
        if (first || member->expires > log->topics_expire) {
            log->topics_expire = member->expires;
        }
    }
    for (int i = 0; i < MODEL_TOPICS; i++) {
        if (log->topics[i].tick != 0) {
            return;
        }
    }
    log->topics_expire = 0;
}

/* ---- publish, recall ---- */

static bool take_token(struct model *m, const struct model_publish *call,
                       struct model_published *out)
{
    struct model_log *log = &m->logs[call->log];
    int64_t now = m->now * 1000;
    int64_t each = MASTER / call->rate;
    int64_t missing = log->full_at > now ? log->full_at - now : 0;
    bool taken = missing + each <= MASTER;

    if (taken) {
        missing += each;
        log->full_at = now + missing;
    }
    out->remaining = (uint32_t)((MASTER - missing) / each);
    out->wait_us = out->remaining > 0 ? 0 : missing + each - MASTER;
    return taken;
}

static void count_devices(const struct model_log *log, unsigned device,
                          struct model_published *out)
{
    for (unsigned i = 0; i < MODEL_DEVICES; i++) {
        if (log->devices[i].known && (device == 0 || device == i + 1)) {
            out->recipients++;
            out->connected += device != 0 && log->devices[i].online;
        }
    }
}

struct model_published model_publish(struct model *m,
                                     const struct model_publish *call)
{
    struct model_key *key = call->key ? &m->keys[call->key - 1] : NULL;
    struct model_published out = {0, 0, 0, 0, 0, 0, false};
    struct model_entry entry = {
        .kind = 'M', .log = call->log, .lane = call->lane};
    uint32_t connected;

    if (key != NULL && key->request != 0) {
        if (key->request != call->request) {
            out.outcome = 2;
            return out;
        }
        return (struct model_published){
            1, key->tick, key->recipients, key->connected, 0, 0, key->later};
    }
    if (call->rate > 0 && !take_token(m, call, &out)) {
        out.outcome = 3;
        return out;
    }
    out.tick = model_tick(m);
    entry.member = (struct model_member){
        out.tick, call->ttl > 0 ? m->now + call->ttl : PUSH_EXPIRES_NOW,
        call->record, 0, 0};
    entry.tick = out.tick;
    if (call->topic > 0) {
        replace(m, call, &entry.member);
    }
    if (call->ttl > 0) {
        append(m, call, &entry.member);
    }
    connected = model_tell(m, &entry, &out.recipients);
    if (call->log < 2) {
        out.recipients = 0;
        count_devices(&m->logs[call->log], call->device, &out);
    }
    if (call->log >= 2 || call->device == 0) {
        out.connected = connected;
    }
    if (key != NULL) {
        *key = (struct model_key){call->request,         out.tick,
                                  out.recipients,        out.connected,
                                  m->now + call->window, false};
    }
    return out;
}

static void forget_recalls(struct model *m)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < m->recalls_count; i++) {
        if (m->recalls[i].tick > (uint64_t)(m->now - RECALLS) * 1024) {
            m->recalls[kept++] = m->recalls[i];
        }
    }
    m->recalls_count = kept;
}

bool model_recall(struct model *m, unsigned log, uint64_t tick)
{
    struct model_entry entry = {.kind = 'X', .log = log, .recalled = tick};
    uint32_t subscribers;
    bool found = false;

    for (int i = 0; i < 4; i++) {
        found = remove_tick(&m->logs[log].lanes[i], tick) || found;
    }
    if (!found) {
        return false;
    }
    entry.tick = model_tick(m);
    forget_recalls(m);
    m->recalls[m->recalls_count++] = (struct model_recall){entry.tick, tick,
                                                           log};
    m->recalls_expire = m->now + RECALLS;
    model_tell(m, &entry, &subscribers);
    return true;
}

/* ---- follow ---- */

static void set_follower(struct model_log *log,
                         const struct model_follow *call)
{
    for (int i = 0; i < MODEL_OWNERS; i++) {
        unsigned owner = log->followers[i].owner;

        if (owner == 0 || owner == call->owner) {
            log->followers[i] = (struct model_follower){
                call->owner, call->connected, call->subscribers};
            return;
        }
    }
}

static int by_tick(const void *one, const void *other)
{
    const struct model_entry *a = one;
    const struct model_entry *b = other;

    return a->tick < b->tick ? -1 : a->tick > b->tick;
}

static void read_lane(const struct model *m, unsigned log, unsigned lane,
                      uint64_t since, struct model_entries *entries)
{
    const struct model_lane *l = &m->logs[log].lanes[lane];

    for (unsigned i = 0; i < l->count; i++) {
        const struct model_member *member = &l->members[i];
        int64_t until = member->expires ? member->expires : member->until;

        if (member->tick > since && until > m->now) {
            entries->list[entries->count++] = (struct model_entry){
                .kind = 'M',
                .log = log,
                .lane = lane,
                .tick = member->tick,
                .member = *member};
        }
    }
}

static void read_log(struct model *m, const struct model_follow *call,
                     struct model_followed *out)
{
    uint64_t since = call->since;

    out->entries.count = 0;
    out->whole = since < (uint64_t)(m->now - RECALLS) * 1024;
    if (out->whole) {
        since = 0;
    }
    for (unsigned lane = 0; lane < 4; lane++) {
        read_lane(m, call->log, lane, since, &out->entries);
    }
    qsort(out->entries.list, out->entries.count, sizeof(*out->entries.list),
          by_tick);
    for (unsigned i = 0; !out->whole && i < m->recalls_count; i++) {
        if (m->recalls[i].log == call->log && m->recalls[i].tick > since) {
            out->entries.list[out->entries.count++] = (struct model_entry){
                .kind = 'X',
                .log = call->log,
                .tick = m->recalls[i].tick,
                .recalled = m->recalls[i].recalled};
        }
    }
    out->version = model_tick(m);
    if (m->logs[call->log].tags_count > 0) {
        out->entries.list[out->entries.count++] = model_tags_entry(
            m, call->log, out->version);
    }
}

void model_follow(struct model *m, const struct model_follow *call,
                  struct model_followed *followed)
{
    heard_of(m, call->owner);
    set_follower(&m->logs[call->log], call);
    m->has_epoch = true;
    read_log(m, call, followed);
}

bool model_unfollow(struct model *m, unsigned log, unsigned owner)
{
    struct model_follower *followers = m->logs[log].followers;

    for (int i = 0; i < MODEL_OWNERS; i++) {
        if (followers[i].owner == owner) {
            memmove(&followers[i], &followers[i + 1],
                    (size_t)(MODEL_OWNERS - 1 - i) * sizeof(*followers));
            followers[MODEL_OWNERS - 1].owner = 0;
            return true;
        }
    }
    return false;
}
