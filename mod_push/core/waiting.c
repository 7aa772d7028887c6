#include "core/waiting.h"

#include <inttypes.h>

/*
 * What keeps a device from getting more, in the order in which it is looked
 * for: a node that does not answer, no stream, a socket that takes nothing, a full window, an urgency that
 * it does not want; then it can only be on its way.
 */

static bool is_explicit(const push_facts_t *f)
{
    return f->device.traits & PUSH_DEVICE_EXPLICIT;
}

/* Since when it has acknowledged none of what is in flight, at least. */
static int64_t none_since(const push_device_facts_t *d)
{
    int64_t since = d->last_seen > d->last_ack ? d->last_seen : d->last_ack;

    return since > d->oldest_sent ? since : d->oldest_sent;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static bool window_full(const push_facts_t *f)
{
    uint64_t most = f->device.max_in_flight;

    return push_facts_in_flight(f) >= (is_explicit(f) ? most : 2 * most);
}

/* ---- no stream ---- */

static void explain_away(const push_facts_t *f, push_explanation_t *e,
                         const char *waits)
{
    const push_device_facts_t *d = &f->device;
    push_span_t span;

    push_explain_span(f->now - d->last_seen, &span);
    if (d->traits & PUSH_DEVICE_REVOKED) {
        push_explain_end(e, PUSH_CAUSE_REVOKED,
                         "%s%s has no stream for %s: its tokens were revoked "
                         "by an administrator.",
                         waits, d->label, span.text);
    }
    else if (d->traits & PUSH_DEVICE_DISMISSED) {
        push_explain_end(e, PUSH_CAUSE_DISMISSED,
                         "%s%s has no stream for %s: an administrator "
                         "disconnected it, and it has not come again.",
                         waits, d->label, span.text);
    }
    else if (d->went == PUSH_WENT_TOKEN) {
        push_explain_end(e, PUSH_CAUSE_TOKEN_EXPIRED,
                         "%s%s has no stream for %s: its token expired, and "
                         "it has not come again with another.",
                         waits, d->label, span.text);
    }
    else {
        push_explain_end(e, PUSH_CAUSE_AWAY, "%s%s is away for %s.", waits,
                         d->label, span.text);
    }
}

/* ---- a stream that takes nothing ---- */

static void explain_socket(const push_facts_t *f, push_explanation_t *e,
                           const char *waits)
{
    const push_device_facts_t *d = &f->device;
    push_span_t span;

    push_explain_step(e, d->blocked, "socket-full",
                      "The socket of %s takes no more.", d->label);
    push_explain_end(e, PUSH_CAUSE_SOCKET_FULL,
                     "%sthe socket of %s is full for %s: its client, or the "
                     "network to it, reads too slowly or not at all.",
                     waits, d->label,
                     push_explain_span(f->now - d->blocked, &span));
}

static void explain_window(const push_facts_t *f, push_explanation_t *e,
                           const char *waits)
{
    const push_device_facts_t *d = &f->device;
    push_span_t span;

    push_explain_span(f->now - none_since(d), &span);
    push_explain_step(e, none_since(d), "window-full",
                      "Seq %" PRIu64 " to %" PRIu64 " are in flight, and no "
                      "more may be (PushMaxInFlight).",
                      d->acked + 1, d->sent);
    if (is_explicit(f)) {
        push_explain_end(e, PUSH_CAUSE_WINDOW_FULL,
                         "%s%s has %" PRIu64 " message%s in flight and has "
                         "acknowledged none for %s.",
                         waits, d->label, push_facts_in_flight(f),
                         plural(push_facts_in_flight(f)), span.text);
    }
    else {
        push_explain_end(e, PUSH_CAUSE_WINDOW_FULL,
                         "%s%s has %" PRIu64 " message%s in flight, and its "
                         "connection has confirmed none for %s.",
                         waits, d->label, push_facts_in_flight(f),
                         plural(push_facts_in_flight(f)), span.text);
    }
}

/* Of what a node has, only that is known which it has written. */
static void explain_silent_node(const push_facts_t *f, push_explanation_t *e,
                                const char *waits)
{
    push_explain_end(e, PUSH_CAUSE_NODE_SILENT,
                     "%sthe node that has %s does not answer, so it is known "
                     "only as it was last written, some seconds ago.",
                     waits, f->device.label);
}

/* What is in the way of any message; false: nothing is. */
static bool explain_obstacle(const push_facts_t *f, push_explanation_t *e,
                             const char *waits)
{
    if (f->device.stale) {
        explain_silent_node(f, e, *waits ? waits : "It is not known: ");
    }
    else if (!push_facts_online(f)) {
        explain_away(f, e, waits);
    }
    else if (f->device.blocked) {
        explain_socket(f, e, waits);
    }
    else if (window_full(f)) {
        explain_window(f, e, waits);
    }
    else {
        return false;
    }
    return true;
}

/* ---- a message ---- */

static void explain_in_flight(const push_facts_t *f, push_explanation_t *e)
{
    const push_device_facts_t *d = &f->device;
    push_span_t span;

    push_explain_step(e, 0, "in-flight",
                      "It stands in the window of %s as seq %" PRIu64 ".",
                      d->label, d->seq);
    push_explain_span(f->now - none_since(d), &span);
    if (!push_facts_online(f)) {
        explain_away(f, e,
                     "It was written, but not acknowledged, and will be "
                     "again when it is back: ");
    }
    else if (d->blocked && d->seq == d->sent) {
        explain_socket(f, e, "It may be written in part: ");
    }
    else if (is_explicit(f)) {
        push_explain_end(e, PUSH_CAUSE_IN_FLIGHT,
                         "It was written to %s as seq %" PRIu64 ", which has "
                         "not acknowledged it: it has acknowledged nothing "
                         "for %s.",
                         d->label, d->seq, span.text);
    }
    else {
        push_explain_end(e, PUSH_CAUSE_IN_FLIGHT,
                         "It was written to %s as seq %" PRIu64 "; such a "
                         "client does not acknowledge, so more is not known.",
                         d->label, d->seq);
    }
}

void push_explain_waiting(const push_facts_t *f, push_explanation_t *e)
{
    const push_device_facts_t *d = &f->device;

    if (d->fate == PUSH_IN_FLIGHT) {
        e->arrived = push_facts_online(f) && !d->blocked && !is_explicit(f);
        explain_in_flight(f, e);
    }
    else if (!d->stale && push_facts_online(f)
             && f->message.urgency > d->lowest) {
        push_explain_step(e, d->last_seen, "urgency-filter",
                          "Its stream wants no urgency below %s.",
                          push_urgency_name(d->lowest));
        push_explain_end(e, PUSH_CAUSE_FILTERED,
                         "It waits: its urgency is %s, and the stream of %s "
                         "takes nothing below %s.",
                         push_urgency_name(f->message.urgency), d->label,
                         push_urgency_name(d->lowest));
    }
    else if (!explain_obstacle(f, e, "It waits: ")) {
        push_explain_end(e, PUSH_CAUSE_ON_ITS_WAY,
                         "It is on its way: %s has an open stream, and "
                         "nothing is in the way of what waits for it.",
                         d->label);
    }
}

/* ---- no message ---- */

static void explain_idle(const push_facts_t *f, push_explanation_t *e)
{
    const push_device_facts_t *d = &f->device;
    push_span_t span;

    if (push_facts_in_flight(f) && is_explicit(f)) {
        push_explain_end(e, PUSH_CAUSE_IN_FLIGHT,
                         "%s has %" PRIu64 " message%s in flight, from seq "
                         "%" PRIu64 " on, and has acknowledged none for %s; "
                         "nothing else waits for it.",
                         d->label, push_facts_in_flight(f),
                         plural(push_facts_in_flight(f)), d->acked + 1,
                         push_explain_span(f->now - none_since(d), &span));
    }
    else if (d->sent && is_explicit(f)) {
        e->arrived = true;
        push_explain_end(e, PUSH_CAUSE_ALL_ACKED,
                         "%s has acknowledged all that was for it, the last "
                         "%s ago.",
                         d->label,
                         push_explain_span(f->now - d->last_ack, &span));
    }
    else if (d->published) {
        e->arrived = true;
        push_explain_end(e, PUSH_CAUSE_NOTHING_WAITS,
                         "%s has an open stream, and nothing waits for it.",
                         d->label);
    }
    else {
        e->arrived = true;
        push_explain_end(e, PUSH_CAUSE_NOTHING_PUBLISHED,
                         "%s has an open stream, and nothing was published "
                         "lately to its user, its channels or all.",
                         d->label);
    }
}

void push_explain_silence(const push_facts_t *f, push_explanation_t *e)
{
    const push_device_facts_t *d = &f->device;

    if (explain_obstacle(f, e, "")) {
        return;
    }
    if (d->filtered && d->filtered == d->pending) {
        push_explain_end(e, PUSH_CAUSE_FILTERED,
                         "What waits for %s, %u message%s, is of an urgency "
                         "that its stream does not take: it takes nothing "
                         "below %s.",
                         d->label, d->filtered, plural(d->filtered),
                         push_urgency_name(d->lowest));
    }
    else if (d->pending) {
        push_explain_end(e, PUSH_CAUSE_ON_ITS_WAY,
                         "%s has an open stream, and %u message%s on the way "
                         "to it.",
                         d->label, d->pending, plural(d->pending));
    }
    else {
        explain_idle(f, e);
    }
}
