#include "library_model_part.h"

#include <string.h>

/* ---- devices ---- */

static void settle_devices(struct model_log *log)
{
    for (int i = 0; i < MODEL_DEVICES; i++) {
        if (log->devices[i].known) {
            return;
        }
    }
    log->devices_expire = 0;
}

static void tell_forced(struct model *m, unsigned log, unsigned device,
                        unsigned to)
{
    const struct model_device *d = &m->logs[log].devices[device];
    struct model_entry entry = {.kind = 'Z',
                                .log = log,
                                .device = device,
                                .fence = d->fence,
                                .owner = to};

    if (d->owner != 0 && d->owner != to) {
        model_post(m, d->owner, &entry);
    }
}

static void forget(struct model *m, unsigned log, unsigned device)
{
    tell_forced(m, log, device, 0);
    m->logs[log].devices[device].known = false;
    settle_devices(&m->logs[log]);
}

static void keep_device(struct model_log *log, struct model_device *d,
                        int64_t until)
{
    d->known = true;
    d->until = until;
    if (until > log->devices_expire) {
        log->devices_expire = until;
    }
}

static bool is_online(const struct model *m, const struct model_device *d)
{
    return d->online && d->until > m->now && model_is_alive(m, d->owner);
}

struct others {
    unsigned known, count, online;
    int spare;
};

static struct others count_others(const struct model *m,
                                  const struct model_claim *call)
{
    const struct model_device *devices = m->logs[call->follow.log].devices;
    struct others o = {0, 0, 0, -1};

    for (int i = 0; i < MODEL_DEVICES; i++) {
        const struct model_device *d = &devices[i];

        if (!d->known || (unsigned)i == call->device) {
            continue;
        }
        o.known++;
        if (d->until <= m->now) {
            continue;
        }
        o.count++;
        if (is_online(m, d)) {
            o.online++;
        }
        else if (o.spare < 0 || d->left < devices[o.spare].left) {
            o.spare = i;
        }
    }
    return o;
}

/* 0, or as push_claimed_t why there is no room.  Whoever has to count forgets
 * what is over. */
static unsigned make_room(struct model *m, const struct model_claim *call,
                          bool exists)
{
    unsigned log = call->follow.log;
    struct model_device *devices = m->logs[log].devices;
    struct others o = count_others(m, call);
    bool own = !exists && devices[call->device].known; /* its time is over */

    if ((call->max_streams == 0 || o.known + own < call->max_streams)
        && (exists || o.known + own < call->max_devices)) {
        return 0;
    }
    for (unsigned i = 0; i < MODEL_DEVICES; i++) {
        if (i != call->device && devices[i].known
            && devices[i].until <= m->now) {
            forget(m, log, i);
        }
    }
    if (call->max_streams > 0 && o.online >= call->max_streams) {
        return 5;
    }
    if (!exists && o.count >= call->max_devices) {
        if (o.spare < 0) {
            return 4;
        }
        devices[o.spare].fence++; /* so that its owner believes it */
        forget(m, log, (unsigned)o.spare);
    }
    return 0;
}

static void grant(struct model *m, const struct model_claim *call,
                  struct model_claimed *out)
{
    struct model_log *log = &m->logs[call->follow.log];
    struct model_device *d = &log->devices[call->device];

    out->exact = d->exact
                 && (d->owner == 0 || d->owner == call->follow.owner
                     || d->left > m->began);
    out->record = d->record;
    out->session = out->exact ? d->session : 0;
    d->fence++;
    tell_forced(m, call->follow.log, call->device, call->follow.owner);
    d->owner = call->follow.owner;
    d->online = true;
    d->exact = false;
    d->session = 0;
    d->left = 0;
    keep_device(log, d, m->now + call->keep);
}

void model_claim(struct model *m, const struct model_claim *call,
                 struct model_claimed *out)
{
    struct model_log *log = &m->logs[call->follow.log];
    struct model_device *d = &log->devices[call->device];
    bool exists = d->known && (d->owner != 0 || d->until > m->now);

    memset(out, 0, sizeof(*out));
    out->outcome = !exists && call->known ? 3 : make_room(m, call, exists);
    if (out->outcome != 0) {
        return;
    }
    if (!exists) {
        memset(d, 0, sizeof(*d));
        out->outcome = 1;
    }
    out->owner = d->owner;
    if (d->owner == 0 || d->owner == call->follow.owner || call->force) {
        grant(m, call, out);
    }
    else {
        struct model_entry entry = {.kind = 'Y',
                                    .log = call->follow.log,
                                    .device = call->device,
                                    .fence = d->fence,
                                    .owner = call->follow.owner};

        out->outcome = 2;
        if (model_is_alive(m, d->owner)) {
            model_post(m, d->owner, &entry);
        }
    }
    out->fence = d->fence;
    model_follow(m, &call->follow, &out->followed);
}

/* The device, or NULL and why not. */
static struct model_device *owned(struct model *m,
                                  const struct model_write *call,
                                  struct model_wrote *out)
{
    struct model_device *d = &m->logs[call->log].devices[call->device];

    if (!d->known) {
        *out = (struct model_wrote){2, 0, 0};
        return NULL;
    }
    *out = (struct model_wrote){1, d->owner, d->fence};
    return call->owner != 0 && d->owner == call->owner
                   && d->fence == call->fence
               ? d
               : NULL;
}

struct model_wrote model_save(struct model *m, const struct model_write *call)
{
    struct model_wrote out;
    struct model_device *d = owned(m, call, &out);

    if (d == NULL) {
        return out;
    }
    d->online = call->online;
    d->exact = false;
    d->record = call->record;
    d->session = 0;
    if (call->online) {
        d->left = 0;
    }
    else if (d->left == 0) {
        d->left = m->now;
    }
    keep_device(&m->logs[call->log], d, m->now + call->keep);
    return (struct model_wrote){0, d->owner, d->fence};
}

struct model_wrote model_yield(struct model *m, const struct model_write *call)
{
    struct model_wrote out;
    struct model_device *d = owned(m, call, &out);
    struct model_entry entry = {.kind = call->absent ? 'N' : 'G',
                                .log = call->log,
                                .device = call->device};

    if (d == NULL) {
        return out;
    }
    if (!call->absent) {
        d->record = call->record;
        d->exact = call->exact;
        d->session = call->exact ? call->session : 0;
    }
    d->fence++;
    d->owner = call->to;
    d->online = call->to != 0;
    d->left = call->to != 0 && !d->exact ? 0 : call->absent ? d->left : m->now;
    keep_device(&m->logs[call->log], d, m->now + call->keep);
    entry.fence = d->fence;
    entry.exact = d->exact;
    if (call->to != 0) {
        model_post(m, call->to, &entry);
    }
    return (struct model_wrote){0, d->owner, d->fence};
}
