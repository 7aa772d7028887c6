/* rules.c - the nine rules of README.md, a function each. */
#include <stdlib.h>
#include <string.h>

#include "checker.h"

static const char *text(const struct line *line, const char *name)
{
    return json_string_value(json_object_get(line->json, name));
}

static double number_of(const struct line *line, const char *name)
{
    return json_number_value(json_object_get(line->json, name));
}

static int is_end(enum what what)
{
    return what == WHAT_DELIVERED || what == WHAT_EXPIRED
           || what == WHAT_REPLACED || what == WHAT_RECALLED
           || what == WHAT_EVICTED || what == WHAT_REFUSED;
}

int is_for(const struct line *accepted, const struct line *device)
{
    const char *only, *channel;
    const json_t *channels;
    size_t i;

    if (accepted->user
        && (!device->user || strcmp(device->user, accepted->user) != 0)) {
        return 0;
    }
    only = text(accepted, "device");
    if (only && strcmp(only, device->device) != 0) {
        return 0;
    }
    if (accepted->user) {
        return 1;
    }
    channel = text(accepted, "channel");
    channels = json_object_get(device->json, "channels");
    for (i = 0; channel && i < json_array_size(channels); i++) {
        const char *name = json_string_value(json_array_get(channels, i));

        if (name && strcmp(name, channel) == 0) {
            return 1;
        }
    }
    return json_is_true(json_object_get(accepted->json, "broadcast"));
}

/* ---- 1: lost ---- */

static int ran_out(const struct checker *c, const struct line *accepted)
{
    const json_t *ttl = json_object_get(accepted->json, "ttl");
    double end = c->lines[c->count - 1].t;

    return json_is_number(ttl)
           && accepted->t + 1000 * json_number_value(ttl) <= end;
}

/* The lines that describe the devices that exist, in order. */
struct roll {
    const struct line **devices;
    size_t count;
};

static void roll_take(struct roll *r, const struct line *line)
{
    size_t i = 0;

    while (i < r->count && strcmp(r->devices[i]->device, line->device) != 0) {
        i++;
    }
    if (line->what == WHAT_GONE) {
        if (i < r->count) {
            r->devices[i] = r->devices[--r->count];
        }
        return;
    }
    r->devices[i] = line;
    r->count += i == r->count;
}

static int is_gone(const struct checker *c, const struct line *device)
{
    const struct line *line;

    for (line = device; line < c->lines + c->count; line++) {
        if (line->what == WHAT_GONE
            && strcmp(line->device, device->device) == 0) {
            return 1;
        }
    }
    return 0;
}

static void check_lost(struct checker *c, const struct index *ends,
                       const struct line *accepted, const struct roll *r)
{
    size_t i;

    for (i = 0; i < r->count; i++) {
        const struct line *device = r->devices[i];

        if (is_for(accepted, device)
            && !index_get(c, ends, device->device, accepted->mid)
            && !ran_out(c, accepted) && !is_gone(c, device)) {
            const struct line *witness[WITNESS_MAX] = {device, accepted};

            checker_violation(c, "lost", witness,
                              "%s was accepted for %s and never delivered",
                              accepted->mid, device->device);
        }
    }
}

void rule_lost(struct checker *c)
{
    struct roll r = {calloc(c->count + 1, sizeof(*r.devices)), 0};
    struct index ends;
    size_t i;

    if (!r.devices) {
        abort();
    }
    index_init(&ends);
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];

        if (is_end(line->what)) {
            index_put(c, &ends, line->device, line->mid, line);
        }
    }
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];

        if (line->what == WHAT_DEVICE || line->what == WHAT_GONE) {
            roll_take(&r, line);
        }
        else if (line->what == WHAT_ACCEPTED) {
            check_lost(c, &ends, line, &r);
        }
    }
    index_cleanup(&ends);
    free(r.devices);
}

/* ---- 2: foreign ---- */

/* The answer to a publish may be noted after its delivery: all of them count,
 * whenever they came. The audience is judged by any description of the
 * device, since what was published before it subscribed is not for it, but
 * what it subscribed to before is. */
static int is_for_any(const struct list *devices, const struct line *accepted,
                      const struct line *line)
{
    int described = 0;
    size_t i;

    for (i = 0; i < devices->count; i++) {
        if (strcmp(devices->lines[i]->device, line->device) == 0) {
            described = 1;
            if (is_for(accepted, devices->lines[i])) {
                return 1;
            }
        }
    }
    return !described;
}

void rule_foreign(struct checker *c)
{
    struct list devices = list_of(c, WHAT_DEVICE);
    struct index accepted, tried, judged;
    size_t i;

    index_init(&accepted);
    index_init(&tried);
    index_init(&judged);
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];

        if (line->what == WHAT_ACCEPTED) {
            index_put(c, &accepted, line->mid, NULL, line);
        }
        else if (line->what == WHAT_TRIED) {
            index_put(c, &tried, line->key, NULL, line);
        }
    }
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];
        const struct line *witness[WITNESS_MAX] = {line};
        const struct line *source;

        if ((line->what != WHAT_DELIVERED && line->what != WHAT_RECEIVED)
            || index_get(c, &judged, line->device, line->mid)) {
            continue;
        }
        source = index_get(c, &accepted, line->mid, NULL);
        if (!source && !(line->key && index_get(c, &tried, line->key, NULL))
            && line->what == WHAT_DELIVERED) {
            checker_violation(c, "foreign", witness,
                              "nobody published what %s got", line->device);
        }
        else if (source && !is_for_any(&devices, source, line)) {
            witness[1] = source;
            checker_violation(c, "foreign", witness,
                              "%s got what was not for it", line->device);
        }
        if (source) {
            index_put(c, &judged, line->device, line->mid, line);
        }
    }
    index_cleanup(&accepted);
    index_cleanup(&tried);
    index_cleanup(&judged);
    list_cleanup(&devices);
}

/* ---- 3: order ---- */

static const char *number(long long n, char *out, size_t size)
{
    snprintf(out, size, "%lld", n);
    return out;
}

/* Note which messages an acknowledgement up to a seq covers. */
static void ack_stream(const struct checker *c, struct index *acked,
                       const struct line *ack)
{
    const struct line *line;

    for (line = c->lines; line < ack; line++) {
        if (line->what == WHAT_RECEIVED && line->conn == ack->conn
            && line->seq <= ack->seq
            && strcmp(line->device, ack->device) == 0) {
            index_put(c, acked, line->device, line->mid, ack);
        }
    }
}

/* A crash since then may have taken the acknowledgement with it. */
static int is_forgotten(const struct list *crashes, const struct line *ack,
                        const struct line *again)
{
    size_t i;

    for (i = 0; i < crashes->count && crashes->lines[i] < again; i++) {
        const struct line *line = crashes->lines[i];

        if (ack->t >= line->t - number_of(line, "within")) {
            return 1;
        }
    }
    return 0;
}

/* What came last on each stream, and what was acknowledged. */
struct order {
    struct index last, acked;
    struct list crashes;
};

static void check_order(struct checker *c, struct order *o,
                        const struct line *line)
{
    char conn[24];
    const struct line *before = index_get(c, &o->last, line->device,
                                          number(line->conn, conn, 24));
    const struct line *ack = index_get(c, &o->acked, line->device, line->mid);

    if (before && before->seq >= line->seq) {
        const struct line *witness[WITNESS_MAX] = {before, line};

        checker_violation(c, "order", witness,
                          "seq %lld follows %lld on one stream of %s",
                          line->seq, before->seq, line->device);
    }
    if (ack && !is_forgotten(&o->crashes, ack, line)) {
        const struct line *witness[WITNESS_MAX] = {ack, line};

        checker_violation(c, "order", witness,
                          "%s came to %s after it was acknowledged", line->mid,
                          line->device);
    }
    index_put(c, &o->last, line->device, conn, line);
}

void rule_order(struct checker *c)
{
    struct order o = {.crashes = list_of(c, WHAT_CRASH)};
    size_t i;

    index_init(&o.last);
    index_init(&o.acked);
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];

        if (line->what == WHAT_RECEIVED) {
            check_order(c, &o, line);
        }
        else if (line->what == WHAT_ACKED && line->mid) {
            index_put(c, &o.acked, line->device, line->mid, line);
        }
        else if (line->what == WHAT_ACKED) {
            ack_stream(c, &o.acked, line);
        }
    }
    index_cleanup(&o.last);
    index_cleanup(&o.acked);
    list_cleanup(&o.crashes);
}

/* ---- 4: duplicate ---- */

/* A repeat on the wire is legal once a stream was cut after the message came
 * and before it was acknowledged: then it was in flight at a cut. */
static const struct line *cut_between(const struct checker *c,
                                      const struct line *first,
                                      const struct line *again)
{
    const struct line *line;

    if (first->conn != again->conn) {
        return first;
    }
    for (line = first; line < again; line++) {
        if (line->what == WHAT_CUT && line->conn == first->conn
            && strcmp(line->device, first->device) == 0) {
            return line;
        }
    }
    (void)c;
    return NULL;
}

void rule_duplicate(struct checker *c)
{
    struct index delivered, received;
    size_t i;

    index_init(&delivered);
    index_init(&received);
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];
        struct index *seen = line->what == WHAT_DELIVERED  ? &delivered
                             : line->what == WHAT_RECEIVED ? &received
                                                           : NULL;
        const struct line *before =
            seen ? index_get(c, seen, line->device, line->mid) : NULL;
        const struct line *witness[WITNESS_MAX] = {before, line};

        if (before && seen == &delivered) {
            checker_violation(c, "duplicate", witness,
                              "%s was delivered to %s twice", line->mid,
                              line->device);
        }
        else if (before && !cut_between(c, before, line)) {
            checker_violation(c, "duplicate", witness,
                              "%s came to %s twice without a cut", line->mid,
                              line->device);
        }
        if (seen) {
            index_put(c, seen, line->device, line->mid, line);
        }
    }
    index_cleanup(&delivered);
    index_cleanup(&received);
}

/* ---- 5: early-ack ---- */

static void check_ack(struct checker *c, const struct index *delivered,
                      const char *mid, const struct line *cause,
                      const struct line *ack)
{
    const struct line *done = index_get(c, delivered, ack->device, mid);

    if (!done || done > ack) {
        const struct line *witness[WITNESS_MAX] = {cause, ack, done};

        checker_violation(c, "early-ack", witness,
                          "%s of %s was acknowledged before it was delivered",
                          mid, ack->device);
    }
}

void rule_early_ack(struct checker *c)
{
    struct index delivered;
    size_t i;

    index_init(&delivered);
    for (i = c->count; i > 0; i--) {
        if (c->lines[i - 1].what == WHAT_DELIVERED) {
            const struct line *line = &c->lines[i - 1];

            index_put(c, &delivered, line->device, line->mid, line);
        }
    }
    for (i = 0; i < c->count; i++) {
        const struct line *ack = &c->lines[i];
        const struct line *line;

        if (ack->what != WHAT_ACKED) {
            continue;
        }
        if (ack->mid) {
            check_ack(c, &delivered, ack->mid, NULL, ack);
            continue;
        }
        for (line = c->lines; line < ack; line++) {
            if (line->what == WHAT_RECEIVED && line->conn == ack->conn
                && line->seq <= ack->seq
                && strcmp(line->device, ack->device) == 0) {
                check_ack(c, &delivered, line->mid, line, ack);
            }
        }
    }
    index_cleanup(&delivered);
}

/* ---- 6: silent-gap ---- */

static long long dropped(const struct checker *c, const char *device,
                         enum what what, const struct line **last)
{
    const struct line *line;
    long long sum = 0;

    for (line = c->lines; line < c->lines + c->count; line++) {
        if (line->what == what && strcmp(line->device, device) == 0) {
            sum += what == WHAT_EVICTED
                       ? 1
                       : json_integer_value(
                           json_object_get(line->json, "dropped"));
            *last = line;
        }
    }
    return sum;
}

void rule_silent_gap(struct checker *c)
{
    struct index judged;
    size_t i;

    index_init(&judged);
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];
        const struct line *witness[WITNESS_MAX] = {NULL, NULL};
        long long evicted, told;

        if (line->what != WHAT_EVICTED
            || index_get(c, &judged, line->device, NULL)) {
            continue;
        }
        index_put(c, &judged, line->device, NULL, line);
        evicted = dropped(c, line->device, WHAT_EVICTED, &witness[0]);
        told = dropped(c, line->device, WHAT_GAP, &witness[1]);
        if (evicted > told) {
            checker_violation(c, "silent-gap", witness,
                              "%lld were evicted for %s, %lld announced",
                              evicted, line->device, told);
        }
    }
    index_cleanup(&judged);
}

/* ---- 7: twice ---- */

void rule_twice(struct checker *c)
{
    struct index seen;
    size_t i;

    index_init(&seen);
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];
        const struct line *before;

        if (line->what != WHAT_DELIVERED || !line->key) {
            continue;
        }
        before = index_get(c, &seen, line->device, line->key);
        if (before && strcmp(before->mid, line->mid) != 0) {
            const struct line *witness[WITNESS_MAX] = {before, line};

            checker_violation(c, "twice", witness,
                              "%s got the publish %s twice", line->device,
                              line->key);
        }
        index_put(c, &seen, line->device, line->key, line);
    }
    index_cleanup(&seen);
}

/* ---- 8: overtaken ---- */

static int rank(const struct line *accepted)
{
    static const char *const names[] = {"high", "normal", "low", "very-low"};
    const char *urgency = text(accepted, "urgency");
    int i = 0;

    while (urgency && i < 3 && strcmp(names[i], urgency) != 0) {
        i++;
    }
    return urgency ? i : 1;
}

void rule_overtaken(struct checker *c)
{
    struct index accepted, flushes;
    size_t i;

    index_init(&accepted);
    index_init(&flushes);
    for (i = 0; i < c->count; i++) {
        if (c->lines[i].what == WHAT_ACCEPTED) {
            index_put(c, &accepted, c->lines[i].mid, NULL, &c->lines[i]);
        }
    }
    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];
        const struct line *mine, *before, *its;
        char flush[24];

        if (line->what != WHAT_RECEIVED || line->flush < 0) {
            continue;
        }
        number(line->flush, flush, sizeof(flush));
        before = index_get(c, &flushes, line->device, flush);
        mine = index_get(c, &accepted, line->mid, NULL);
        its = before ? index_get(c, &accepted, before->mid, NULL) : NULL;
        if (mine && its && rank(mine) < rank(its) && mine->t < before->t) {
            const struct line *witness[WITNESS_MAX] = {its, mine, before,
                                                       line};

            checker_violation(c, "overtaken", witness,
                              "%s came to %s before the more urgent %s",
                              before->mid, line->device, line->mid);
        }
        if (mine && (!its || rank(mine) > rank(its))) {
            index_put(c, &flushes, line->device, flush, line);
        }
    }
    index_cleanup(&accepted);
    index_cleanup(&flushes);
}

/* ---- 9: silent ---- */

/* Whether something stood still while this stream was silent. */
static int is_excused(const struct list *stalls, const struct line *cut)
{
    double since = cut->t - number_of(cut, "silent");
    size_t i;

    for (i = 0; i < stalls->count; i++) {
        const struct line *line = stalls->lines[i];

        if (line->t >= since
            && line->t - number_of(line, "within") <= cut->t) {
            return 1;
        }
    }
    return 0;
}

void rule_silent(struct checker *c)
{
    struct list stalls = list_of(c, WHAT_STALL);
    size_t i;

    for (i = 0; i < c->count; i++) {
        const struct line *line = &c->lines[i];
        const struct line *witness[WITNESS_MAX] = {line};

        if (line->what == WHAT_CUT && number_of(line, "silent") > 0
            && !is_excused(&stalls, line)) {
            checker_violation(c, "silent", witness,
                              "a stream of %s was silent for %.0f ms",
                              line->device, number_of(line, "silent"));
        }
    }
    list_cleanup(&stalls);
}
