#include "library_model_part.h"

#include <stdlib.h>
#include <string.h>

#include "core/later.h"

#define TAKEN  1000
#define MARGIN 60000 /* for which keys outlive what is in them */

static bool is_kept(const struct model_later *later)
{
    return later->id != 0 && later->state == PUSH_LATER_KEPT;
}

bool model_has_laters(const struct model *m)
{
    for (int i = 0; i < MODEL_LATERS; i++) {
        if (m->laters[i].id != 0) {
            return true;
        }
    }
    return false;
}

static void keep_until(struct model *m, int64_t at)
{
    if (at > m->laters_expire) {
        m->laters_expire = at;
    }
}

static void conclude(struct model *m, struct model_later *later,
                     unsigned state, uint64_t message)
{
    later->state = state;
    later->message = message;
    later->look = m->now + later->window;
    later->taker = 0;
}

static struct model_later *free_later(struct model *m)
{
    for (int i = 0; i < MODEL_LATERS; i++) {
        if (m->laters[i].id == 0) {
            return &m->laters[i];
        }
    }
    return NULL;
}

struct model_later *model_find_later(struct model *m, uint64_t id)
{
    for (int i = 0; i < MODEL_LATERS; i++) {
        if (m->laters[i].id == id && id != 0) {
            return &m->laters[i];
        }
    }
    return NULL;
}

static void replace(struct model *m, const struct model_schedule *call)
{
    for (int i = 0; i < MODEL_LATERS; i++) {
        struct model_later *later = &m->laters[i];

        if (call->topic != 0 && is_kept(later) && later->log == call->log
            && later->topic == call->topic) {
            conclude(m, later, PUSH_LATER_REPLACED, 0);
        }
    }
}

struct model_published model_schedule(struct model *m,
                                      const struct model_schedule *call)
{
    struct model_key *key = call->key ? &m->keys[call->key - 1] : NULL;
    struct model_published out = {0, 0, 0, 0, 0, 0, false};
    struct model_later *later = free_later(m);

    if (key != NULL && key->request != 0) {
        out.outcome = key->request != call->request ? 2 : 1;
        if (out.outcome == 1) {
            out.tick = key->tick;
            out.recipients = key->recipients;
            out.connected = key->connected;
            out.later = key->later;
        }
        return out;
    }
    out.tick = model_tick(m);
    out.later = true;
    replace(m, call);
    if (!model_has_laters(m)) {
        m->laters_expire = 0;
    }
    *later = (struct model_later){.id = out.tick,
                                  .state = PUSH_LATER_KEPT,
                                  .at = m->now + call->after,
                                  .ttl = call->ttl,
                                  .window = call->window,
                                  .look = m->now + call->after,
                                  .log = call->log,
                                  .topic = call->topic,
                                  .record = call->record};
    keep_until(m,
               push_later_end(later->at, later->ttl) + later->window + MARGIN);
    if (key != NULL) {
        *key = (struct model_key){call->request,         out.tick, 0, 0,
                                  m->now + call->window, true};
    }
    return out;
}

static int by_time(const void *one, const void *other)
{
    const struct model_later *a = *(struct model_later *const *)one;
    const struct model_later *b = *(struct model_later *const *)other;

    if (a->look != b->look) {
        return a->look < b->look ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

void model_due(struct model *m, unsigned owner, struct model_due *due)
{
    struct model_later *all[MODEL_LATERS];

    *due = (struct model_due){0, 0, {NULL}};
    for (int i = 0; i < MODEL_LATERS; i++) {
        if (m->laters[i].id != 0 && m->laters[i].look <= m->now) {
            all[due->looked++] = &m->laters[i];
        }
    }
    qsort(all, due->looked, sizeof(*all), by_time);
    for (unsigned i = 0; i < due->looked; i++) {
        struct model_later *later = all[i];

        if (!is_kept(later)) {
            later->id = 0;
        }
        else if (push_later_end(later->at, later->ttl) <= m->now) {
            conclude(m, later, PUSH_LATER_EXPIRED, 0);
            keep_until(m, later->look + MARGIN);
        }
        else if (later->taker == 0 || later->taker == owner
                 || m->now - later->taken >= TAKEN) {
            later->taker = owner;
            later->taken = m->now;
            due->list[due->count++] = later;
        }
    }
}

struct model_published model_release(struct model *m, uint64_t id,
                                     const struct model_publish *call)
{
    struct model_published out = {5, 0, 0, 0, 0, 0, false};
    struct model_later *later = model_find_later(m, id);
    struct model_publish publish = *call;

    if (later == NULL || !is_kept(later) || later->at > m->now
        || push_later_end(later->at, later->ttl) <= m->now) {
        return out;
    }
    if (later->ttl > 0) {
        publish.ttl = later->at + later->ttl - m->now;
    }
    else {
        publish.ttl = 0;
    }
    out = model_publish(m, &publish);
    conclude(m, later, PUSH_LATER_PUBLISHED, out.tick);
    return out;
}

unsigned model_unschedule(struct model *m, uint64_t id)
{
    struct model_later *later = model_find_later(m, id);

    if (later == NULL) {
        return 1;
    }
    if (!is_kept(later)) {
        return 2;
    }
    conclude(m, later, PUSH_LATER_RECALLED, 0);
    return 0;
}
