#include "core/explain.h"

#include <string.h>

#include "core/waiting.h"

/*
 * The idea: the questions that a person would ask, in the order in which they
 * would.  Was there such a message, was it for this user and device, was it
 * over before it could be sent, and if not, what is in its way?  Each answer
 * is a step; the first that settles it is the cause, and has the sentence.
 */

/* How long ago a moment is, in words. */
static const char *ago(const push_facts_t *f, int64_t at, push_span_t *span)
{
    return push_explain_span(f->now - at, span);
}

/* A mid as text, terminated. */
typedef struct {
    char text[PUSH_MID_CHARS + 1];
} mid_text_t;

static const char *mid_of(uint64_t mid, mid_text_t *text)
{
    push_mid_write(mid, text->text);
    text->text[PUSH_MID_CHARS] = '\0';
    return text->text;
}

static int64_t published(const push_facts_t *f)
{
    return push_mid_ms(f->message.mid);
}

/* ---- was there such a message? ---- */

/* Of one that ended before its time, only when. */
static bool is_ttl_known(const push_message_facts_t *m)
{
    return m->now_only || m->fate == PUSH_LIVE || m->fate == PUSH_EXPIRED;
}

/* The moments of publishing and of the end are not of one clock. */
static const char *ttl_of(const push_facts_t *f, push_span_t *span)
{
    return f->message.now_only
               ? "0"
               : push_explain_span(f->message.ends - published(f) + 500, span);
}

static void say_published(const push_facts_t *f, push_explanation_t *e)
{
    static const char *const kinds[] = {[PUSH_LOG_USER] = "the user",
                                        [PUSH_LOG_CHANNEL] = "the channel",
                                        [PUSH_LOG_BROADCAST] = "all devices"};
    const push_message_facts_t *m = &f->message;
    push_span_t span;

    if (m->known != PUSH_KNOWN_HERE) {
        push_explain_step(e, published(f), "published", "It was published.");
        return;
    }
    push_explain_step(e, published(f), "published",
                      "It was published to %s%s%s%s%s%s%s, with urgency "
                      "%s%s%s.",
                      kinds[m->kind], *m->name ? " " : "", m->name,
                      *m->device ? ", device " : "", m->device,
                      *m->where ? ", where " : "", m->where,
                      push_urgency_name(m->urgency),
                      is_ttl_known(m) ? " and TTL " : "",
                      is_ttl_known(m) ? ttl_of(f, &span) : "");
}

static void say_gone(const push_facts_t *f, push_explanation_t *e)
{
    static const char *const texts[] = {
        [PUSH_GONE_NOT] = "",
        [PUSH_GONE_EXPIRED] = "Its TTL ended.",
        [PUSH_GONE_REPLACED] = "A newer message of its topic replaced it.",
        [PUSH_GONE_RECALLED] = "It was recalled.",
        [PUSH_GONE_MAILBOX] = "It went for newer ones (PushMaxPending).",
        [PUSH_GONE_HISTORY] = "It went for newer ones (PushChannelHistory).",
        [PUSH_GONE_MEMORY] = "It went, for the memory was full (PushShmSize).",
        [PUSH_GONE_SETTLED] =
            "It went early, for no known device waited for it.",
        [PUSH_GONE_NOBODY] = "It was for nobody: no stream was open."};

    push_explain_step(e, f->message.gone_at, "gone", "%s",
                      texts[f->message.gone]);
}

/* Of a message of which a note is left, and no more. */
static void explain_gone(const push_facts_t *f, push_explanation_t *e)
{
    const push_message_facts_t *m = &f->message;
    push_span_t span;
    push_span_t since;

    say_gone(f, e);
    ago(f, published(f), &span);
    ago(f, m->gone_at, &since);
    switch (m->gone) {
    case PUSH_GONE_HISTORY:
        push_explain_end(e, PUSH_CAUSE_EVICTED_HISTORY,
                         "It was dropped %s ago: channel%s%s keeps its newest "
                         "%u messages only (PushChannelHistory).",
                         since.text, *m->name ? " " : "s", m->name,
                         f->history);
        break;
    case PUSH_GONE_MEMORY:
        push_explain_end(e, PUSH_CAUSE_EVICTED_MEMORY,
                         "It was dropped %s ago: the memory was full "
                         "(PushShmSize).",
                         since.text);
        break;
    case PUSH_GONE_MAILBOX:
        push_explain_end(e, PUSH_CAUSE_EVICTED_MAILBOX,
                         "It was dropped for newer ones: at most %u messages "
                         "are kept for a user (PushMaxPending).",
                         f->max_pending);
        break;
    case PUSH_GONE_NOBODY:
        push_explain_end(e, PUSH_CAUSE_NO_STREAM_THEN,
                         "Its TTL was 0, so it was only for streams that were "
                         "open when it was published, %s ago: there were "
                         "none.",
                         span.text);
        break;
    case PUSH_GONE_RECALLED:
        push_explain_end(e, PUSH_CAUSE_RECALLED,
                         "It was recalled, and is forgotten: messages are "
                         "remembered for 60 s after their end.");
        break;
    case PUSH_GONE_REPLACED:
        push_explain_end(e, PUSH_CAUSE_REPLACED,
                         "A newer message of its topic replaced it, and it is "
                         "forgotten: messages are remembered for 60 s after "
                         "their end.");
        break;
    default:
        push_explain_end(e, PUSH_CAUSE_FORGOTTEN,
                         "It was published %s ago, its time ended %s ago, and "
                         "it is forgotten: messages are remembered for 60 s "
                         "after their end.",
                         span.text, since.text);
    }
}

/* True if there is no message left to explain: then it is done. */
static bool explain_unknown(const push_facts_t *f, push_explanation_t *e)
{
    const push_message_facts_t *m = &f->message;
    push_span_t span;

    if (m->known == PUSH_KNOWN_NEVER) {
        push_explain_end(e, PUSH_CAUSE_NEVER_GIVEN,
                         "This server never gave that id: the time in it is "
                         "yet to come.");
        return true;
    }
    say_published(f, e);
    if (m->known != PUSH_KNOWN_HERE && m->foreign) {
        push_explain_end(e, PUSH_CAUSE_ANOTHER_USER,
                         "It was for somebody else: not for user %s, nor for "
                         "a channel that this device follows, nor for all.",
                         f->user);
        return true;
    }
    if (m->known == PUSH_KNOWN_GONE) {
        explain_gone(f, e);
        return true;
    }
    if (m->known == PUSH_KNOWN_BEFORE) {
        push_explain_end(
            e, PUSH_CAUSE_BEFORE_START,
            "It was published %s ago by another server, or before "
            "this one was started the last time; it did not "
            "outlast that, or its end.",
            ago(f, published(f), &span));
        return true;
    }
    if (m->known == PUSH_KNOWN_NOT) {
        push_explain_end(e, PUSH_CAUSE_FORGOTTEN,
                         "It was published %s ago, and is forgotten: messages "
                         "are remembered for 60 s after their end.",
                         ago(f, published(f), &span));
    }
    return m->known == PUSH_KNOWN_NOT;
}

/* ---- was it for this user, for this device? ---- */

static bool explain_other_user(const push_facts_t *f, push_explanation_t *e)
{
    const push_message_facts_t *m = &f->message;

    if (m->kind != PUSH_LOG_USER || !strcmp(m->name, f->user)) {
        return false;
    }
    push_explain_end(e, PUSH_CAUSE_ANOTHER_USER,
                     "It was for another user, %s, not for %s.", m->name,
                     f->user);
    return true;
}

/* No device of the user is known, or not the one that was asked for. */
static bool explain_unknown_device(const push_facts_t *f,
                                   push_explanation_t *e)
{
    const push_message_facts_t *m = &f->message;
    bool waits = m->mid && m->kind == PUSH_LOG_USER && m->fate == PUSH_LIVE
                 && m->ends > f->now;
    push_span_t span;

    if (f->device.known) {
        return false;
    }
    push_explain_span(m->ends - f->now, &span);
    if (f->devices) {
        push_explain_end(e, PUSH_CAUSE_UNKNOWN_DEVICE,
                         "User %s has no device %s here: it never came, or it "
                         "was away for so long that it is forgotten.",
                         f->user, f->asked);
    }
    else if (waits) {
        push_explain_end(e, PUSH_CAUSE_NO_DEVICE,
                         "It waits for the first device of user %s, none of "
                         "which is known here, for %s more.",
                         f->user, span.text);
    }
    else {
        push_explain_end(e, PUSH_CAUSE_NO_DEVICE,
                         "No device of user %s is known here: none ever came, "
                         "or all were away for so long that they are "
                         "forgotten.",
                         f->user);
    }
    return true;
}

static bool explain_audience(const push_facts_t *f, push_explanation_t *e)
{
    const push_message_facts_t *m = &f->message;
    const push_device_facts_t *d = &f->device;

    if (!d->wants) {
        push_explain_end(e, PUSH_CAUSE_ANOTHER_DEVICE,
                         "It was for another device of user %s, %s, not for "
                         "%s.",
                         f->user, m->device, d->label);
    }
    else if (!d->follows) {
        push_explain_end(e, PUSH_CAUSE_NOT_FOLLOWED,
                         "%s does not follow channel %s, to which it was "
                         "published.",
                         d->label, m->name);
    }
    else if (d->joined_late && m->kind == PUSH_LOG_CHANNEL) {
        push_explain_end(e, PUSH_CAUSE_FOLLOWED_LATER,
                         "%s began to follow channel %s after it was "
                         "published, and did not ask for older messages "
                         "(from=oldest).",
                         d->label, m->name);
    }
    else if (d->joined_late) {
        push_explain_end(e, PUSH_CAUSE_CAME_LATER,
                         "It was for all devices of its time, and %s came "
                         "only after it was published.",
                         d->label);
    }
    else {
        return false;
    }
    return true;
}

/* ---- what happened to the device, and to the message at it? ---- */

static void say_device(const push_facts_t *f, push_explanation_t *e)
{
    static const char *const why[] = {
        [PUSH_WENT_UNKNOWN] = "its stream ended",
        [PUSH_WENT_PEER] = "it closed its stream",
        [PUSH_WENT_ERROR] = "its connection broke",
        [PUSH_WENT_TAKEN] = "a newer stream took over",
        [PUSH_WENT_RESTART] = "its server process ended at a restart",
        [PUSH_WENT_SHUTDOWN] = "the server was stopped",
        [PUSH_WENT_TOKEN] = "its token was over",
        [PUSH_WENT_DISMISSED] = "an administrator disconnected it",
        [PUSH_WENT_ANSWERED] = "its poll had its answer",
        [PUSH_WENT_DIED] = "its server process died"};
    const push_device_facts_t *d = &f->device;

    push_explain_step(e, d->first_seen, "known", "%s came for the first time.",
                      d->label);
    if (f->message.mid && f->message.kind == PUSH_LOG_CHANNEL && d->follows) {
        push_explain_step(e, d->since, "follows",
                          d->since ? "It began to follow channel %s."
                                   : "It follows channel %s.",
                          f->message.name);
    }
    if (push_facts_online(f)) {
        push_explain_step(e, d->last_seen, "stream-open",
                          "%s opened the stream that it has now.", d->label);
    }
    else {
        push_explain_step(e, d->last_seen, "stream-ended",
                          "%s has no stream since: %s.", d->label,
                          why[d->went]);
    }
    if (d->lost) {
        push_explain_step(e, 0, "gap",
                          "Dropped messages that %s is yet to hear of by "
                          "push.gap: %u.",
                          d->label, d->lost);
    }
}

/* A sentence for an event of the device; NULL: it has none. */
static const char *event_text(push_trace_what_t what)
{
    static const char *const texts[PUSH_TRACE_WHATS] = {
        [PUSH_TRACE_CAME] = "It opened a stream.",
        [PUSH_TRACE_WENT] = "Its stream ended.",
        [PUSH_TRACE_BLOCKED] = "Its socket took no more.",
        [PUSH_TRACE_UNBLOCKED] = "Its socket went on."};

    return (unsigned)what < PUSH_TRACE_WHATS ? texts[what] : NULL;
}

static void say_event(const push_facts_t *f, const push_trace_entry_t *event,
                      push_explanation_t *e)
{
    push_trace_what_t what = (push_trace_what_t)(event->what >> 28);
    bool written = what == PUSH_TRACE_WRITTEN || what == PUSH_TRACE_AGAIN;
    unsigned seq = event->what & PUSH_TRACE_SEQ;
    int64_t at = f->trace.base + event->at;

    if (written && event->value == f->message.mid) {
        push_explain_step(e, at, push_trace_name(what),
                          "It was written%s as seq %u.",
                          what == PUSH_TRACE_AGAIN ? " again" : "", seq);
    }
    else if (what == PUSH_TRACE_ACKED && at >= published(f)) {
        push_explain_step(e, at, "acked", "It acknowledged up to seq %u.",
                          seq);
    }
    else if (event_text(what) && at >= published(f)) {
        push_explain_step(e, at, push_trace_name(what), "%s",
                          event_text(what));
    }
}

/* What the ring has of the message, and of the device since. */
static void say_trace(const push_facts_t *f, push_explanation_t *e)
{
    for (unsigned i = 0; i < f->trace.count; i++) {
        say_event(f, &f->trace.entries[i], e);
    }
}

static const char *held_text(const push_device_facts_t *d)
{
    return d->held ? " It had been written, but was not acknowledged." : "";
}

static void explain_expired(const push_facts_t *f, push_explanation_t *e)
{
    const push_message_facts_t *m = &f->message;
    const push_device_facts_t *d = &f->device;
    push_span_t span;

    ttl_of(f, &span);
    push_explain_step(e, m->ends, "expired", "Its TTL ended.");
    if (m->now_only && !d->held) {
        push_explain_end(e, PUSH_CAUSE_NO_STREAM_THEN,
                         "Its TTL was 0, so it was only for streams that were "
                         "open when it was published, and %s had none.",
                         d->label);
    }
    else if (d->held) {
        push_explain_end(e, PUSH_CAUSE_EXPIRED_UNACKED,
                         "It was written to %s, which did not acknowledge it "
                         "before its TTL of %s ended.",
                         d->label, span.text);
    }
    else if (d->first_seen >= m->ends) {
        push_explain_end(e, PUSH_CAUSE_CAME_LATER,
                         "Its TTL of %s ended before %s came for the first "
                         "time.",
                         span.text, d->label);
    }
    else if (!push_facts_online(f) || d->last_seen >= m->ends) {
        push_explain_end(e, PUSH_CAUSE_EXPIRED_AWAY,
                         "Its TTL of %s ended while %s was away.", span.text,
                         d->label);
    }
    else {
        push_explain_end(e, PUSH_CAUSE_EXPIRED_WAITING,
                         "Its TTL of %s ended while it waited for %s: look "
                         "what is in the way now, without a message.",
                         span.text, d->label);
    }
}

static void explain_replaced(const push_facts_t *f, push_explanation_t *e)
{
    const push_message_facts_t *m = &f->message;
    mid_text_t text = {"?"};

    if (m->successor) {
        mid_of(m->successor, &text);
    }
    push_explain_step(e, m->ends, "replaced", "Message %s replaced it.",
                      text.text);
    push_explain_end(e, PUSH_CAUSE_REPLACED,
                     "Message %s, of the same topic, replaced it.%s",
                     text.text, held_text(&f->device));
}

static void explain_evicted(const push_facts_t *f, push_explanation_t *e)
{
    const push_device_facts_t *d = &f->device;

    push_explain_step(e, d->fate_at, "evicted",
                      "It went for newer ones (PushMaxPending).");
    push_explain_end(e, PUSH_CAUSE_EVICTED_MAILBOX,
                     "It was dropped from the mailbox of %s for newer ones: "
                     "that holds %u messages (PushMaxPending).",
                     d->label, f->max_pending);
}

static void explain_filtered(const push_facts_t *f, push_explanation_t *e)
{
    push_explain_step(e, f->device.fate_at, "filtered",
                      "Not all of that holds for %s.", f->device.label);
    push_explain_end(e, PUSH_CAUSE_PREDICATE,
                     "It was not for %s: only for devices where %s.",
                     f->device.label, f->message.where);
}

static void explain_acked(const push_facts_t *f, push_explanation_t *e)
{
    const push_device_facts_t *d = &f->device;
    bool explicitly = d->traits & PUSH_DEVICE_EXPLICIT;
    push_span_t span;

    e->arrived = true;
    push_explain_step(e, d->fate_at, "acknowledged", "%s%s.", d->label,
                      explicitly ? " acknowledged it"
                                 : " is taken to have received it");
    if (explicitly && d->fate_at) {
        push_explain_end(e, PUSH_CAUSE_ACKED,
                         "It arrived: %s acknowledged it %s ago.", d->label,
                         ago(f, d->fate_at, &span));
    }
    else if (explicitly) {
        push_explain_end(e, PUSH_CAUSE_ACKED,
                         "It arrived: %s acknowledged it.", d->label);
    }
    else {
        push_explain_end(e, PUSH_CAUSE_ASSUMED,
                         "It was written to %s, whose connection took it; "
                         "such a client does not acknowledge, so it counts "
                         "as arrived.",
                         d->label);
    }
}

/* Of a client that does not acknowledge, what was written stays in flight. */
static bool was_taken(const push_device_facts_t *d)
{
    return d->held && d->fate != PUSH_IN_FLIGHT
           && (d->traits & (PUSH_DEVICE_EXPLICIT | PUSH_DEVICE_ONLINE))
                  == PUSH_DEVICE_ONLINE;
}

static void explain_fate(const push_facts_t *f, push_explanation_t *e)
{
    const push_device_facts_t *d = &f->device;

    if (was_taken(d)) {
        explain_acked(f, e);
        return;
    }
    switch (d->fate) {
    case PUSH_ACKED:
        explain_acked(f, e);
        break;
    case PUSH_EXPIRED:
        explain_expired(f, e);
        break;
    case PUSH_REPLACED:
        explain_replaced(f, e);
        break;
    case PUSH_RECALLED:
        push_explain_step(e, f->message.ends, "recalled", "It was recalled.");
        push_explain_end(e, PUSH_CAUSE_RECALLED,
                         "Its publisher or an administrator recalled it.%s",
                         held_text(d));
        break;
    case PUSH_EVICTED:
        explain_evicted(f, e);
        break;
    case PUSH_REFUSED:
        push_explain_step(e, d->fate_at, "refused",
                          "The mailbox of %s was full.", d->label);
        push_explain_end(e, PUSH_CAUSE_REFUSED,
                         "The mailbox of %s refused it: it was full of %u "
                         "messages that were more urgent (PushMaxPending).",
                         d->label, f->max_pending);
        break;
    case PUSH_FILTERED:
        explain_filtered(f, e);
        break;
    default:
        push_explain_waiting(f, e);
    }
}

static void explain_message(const push_facts_t *f, push_explanation_t *e)
{
    if (explain_unknown(f, e) || explain_other_user(f, e)
        || explain_unknown_device(f, e)) {
        return;
    }
    say_device(f, e);
    say_trace(f, e);
    if (!explain_audience(f, e)) {
        explain_fate(f, e);
    }
}

void push_explain(const push_facts_t *facts, push_explanation_t *e)
{
    e->count = 0;
    e->arrived = false;
    if (facts->message.mid) {
        explain_message(facts, e);
    }
    else if (!explain_unknown_device(facts, e)) {
        say_device(facts, e);
        push_explain_silence(facts, e);
    }
    push_explain_sort(e);
}
