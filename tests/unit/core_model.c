#include "core_model.h"

#include <stdio.h>
#include <string.h>

#define LINGER 60000

bool model_alive(const model_t *m, int i)
{
    const model_message_t *message = &m->messages[i];

    return message->fate == PUSH_LIVE && message->expires > m->now
           && !message->gone;
}

/* The message is for this device, as one of its audience. */
static bool meant(const model_t *m, const model_device_t *d, int i)
{
    const model_message_t *message = &m->messages[i];

    switch (message->kind) {
    case TO_USER:
        return message->to == d->user
               && (message->device < 0 || message->device == d->name);
    case TO_CHANNEL:
        return d->follows[message->to] && i >= d->joined;
    default:
        return i >= d->joined;
    }
}

static bool pending(const model_t *m, const model_device_t *d, int i)
{
    const model_message_t *message = &m->messages[i];

    return meant(m, d, i) && d->state[i] == WAITING && model_alive(m, i)
           && !(message->now && (!d->online || i < d->opened));
}

uint32_t model_pending(const model_t *m, int d)
{
    uint32_t count = 0;

    for (int i = 0; i < m->count; i++) {
        count += pending(m, &m->devices[d], i);
    }
    return count;
}

/* ---- publish ---- */

void model_end(model_t *m, int i, push_fate_t fate)
{
    m->messages[i].fate = fate;
    m->messages[i].forget = m->now + LINGER;
}

static bool same_audience(const model_message_t *a, const model_message_t *b)
{
    return a->kind == b->kind && a->to == b->to && a->device == b->device;
}

/* What the message replaces, or -1. */
static int older(const model_t *m, const model_message_t *message)
{
    for (int i = 0; message->topic && i < m->count; i++) {
        if (model_alive(m, i) && m->messages[i].topic == message->topic
            && same_audience(&m->messages[i], message)) {
            return i;
        }
    }
    return -1;
}

static uint32_t mailbox(const model_t *m, const model_device_t *d)
{
    uint32_t count = 0;

    for (int i = 0; i < m->count; i++) {
        count += m->messages[i].kind == TO_USER && pending(m, d, i);
    }
    return count;
}

/* True if the mailbox takes one more of this urgency. */
static bool make_room(model_t *m, model_device_t *d, push_urgency_t urgency)
{
    if (mailbox(m, d) < m->limit) {
        return true;
    }
    for (int lane = PUSH_LANES - 1; lane >= (int)urgency; lane--) {
        for (int i = 0; i < m->count; i++) {
            if (m->messages[i].kind == TO_USER
                && (int)m->messages[i].urgency == lane && pending(m, d, i)) {
                d->state[i] = OVER;
                d->losses[PUSH_GAP_MAILBOX][lane]++;
                return true;
            }
        }
    }
    return false;
}

static void offer(model_t *m, model_device_t *d, int old)
{
    const model_message_t *message = &m->messages[m->count];

    if ((old >= 0 && pending(m, d, old))
        || make_room(m, d, message->urgency)) {
        m->receipt.recipients++;
        m->receipt.connected += d->online;
    }
    else {
        d->state[m->count] = OVER;
        m->receipt.refused++;
    }
}

static push_status_t publish_to_user(model_t *m, int old)
{
    const model_message_t *message = &m->messages[m->count];

    for (int i = 0; i < MODEL_DEVICES; i++) {
        model_device_t *d = &m->devices[i];

        if (d->used && meant(m, d, m->count) && (d->online || !message->now)) {
            offer(m, d, old);
        }
    }
    if (!m->receipt.recipients && m->receipt.refused == 1) {
        return PUSH_MAILBOX_FULL;
    }
    if (old >= 0) {
        model_end(m, old, PUSH_REPLACED);
    }
    return PUSH_OK;
}

/* The channel keeps its newest. */
static void keep_history(model_t *m, const model_message_t *message)
{
    uint32_t kept = 0;

    for (int i = m->count - 1; i >= 0; i--) {
        model_message_t *other = &m->messages[i];

        if (other->kind == message->kind && other->to == message->to
            && !other->gone && ++kept >= m->history) {
            other->gone = true;
            other->dropped = true;
        }
    }
}

static void publish_to_channel(model_t *m, int old)
{
    const model_message_t *message = &m->messages[m->count];

    for (int i = 0; i < MODEL_DEVICES; i++) {
        const model_device_t *d = &m->devices[i];

        if (d->used && meant(m, d, m->count)) {
            m->receipt.recipients += d->online || !message->now;
            m->receipt.connected += d->online;
        }
    }
    if (old >= 0) {
        model_end(m, old, PUSH_REPLACED);
    }
    if (!message->now || m->receipt.connected) {
        keep_history(m, message);
    }
}

push_status_t model_say(model_t *m, const model_message_t *message)
{
    int old = older(m, message);
    push_status_t status = PUSH_OK;

    m->receipt = (push_receipt_t){0};
    m->messages[m->count] = *message;
    for (int i = 0; i < MODEL_DEVICES; i++) {
        m->devices[i].state[m->count] = WAITING;
    }
    if (message->kind == TO_USER) {
        status = publish_to_user(m, old);
    }
    else {
        publish_to_channel(m, old);
    }
    if (message->now && !m->receipt.connected) {
        m->messages[m->count].gone = true;
    }
    if (status == PUSH_OK) {
        m->count++;
    }
    return status;
}

/* ---- sending ---- */

/* The most urgent, and of those the oldest; -1 if nothing waits. */
static int next(const model_t *m, const model_device_t *d)
{
    for (int lane = 0; lane <= d->lowest; lane++) {
        for (int i = 0; i < m->count; i++) {
            if ((int)m->messages[i].urgency == lane && pending(m, d, i)) {
                return i;
            }
        }
    }
    return -1;
}

static void take_oldest(model_device_t *d)
{
    d->state[d->flight[0]] = OVER;
    memmove(d->flight, d->flight + 1, sizeof(d->flight) - sizeof(int));
    d->acked++;
}

/* It counts as acknowledged, and so does that the gaps before it came. */
static void slide(model_device_t *d)
{
    take_oldest(d);
    d->assumed++;
    for (int i = 0; d->acked >= d->gap_seq && i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            d->far_gaps += d->gaps[i][j];
            d->gaps[i][j] = 0;
        }
    }
}

static void acknowledge(model_device_t *d, uint64_t seq)
{
    while (d->acked < seq) {
        take_oldest(d);
        if (d->acked >= d->gap_seq) {
            memset(d->gaps, 0, sizeof(d->gaps));
        }
    }
    if (d->acked - seq < d->assumed) {
        d->assumed = (uint32_t)(d->acked - seq);
    }
    d->far_gaps = d->assumed ? d->far_gaps : 0;
}

static void add(model_t *m, const char *more)
{
    size_t len = strlen(m->text);

    snprintf(m->text + len, sizeof(m->text) - len, "%s%s", len ? " " : "",
             more);
}

static void tell_gaps(model_t *m, model_device_t *d, uint64_t first)
{
    char text[64];

    for (int j = 0; j < PUSH_LANES; j++) {
        uint32_t lost = 0;

        for (int i = 0; i < PUSH_GAPS; i++) {
            lost += d->losses[i][j];
            d->gaps[i][j] += d->losses[i][j];
            d->losses[i][j] = 0;
        }
        if (lost) {
            snprintf(text, sizeof(text), "!%s:%u",
                     push_urgency_name((push_urgency_t)j), lost);
            add(m, text);
            d->gap_seq = first;
        }
    }
}

/* What the history dropped before it could be sent. */
static void count_losses(model_t *m, model_device_t *d)
{
    for (int i = 0; i < m->count; i++) {
        if (m->messages[i].dropped && meant(m, d, i)
            && d->state[i] == WAITING) {
            d->state[i] = OVER;
            d->losses[PUSH_GAP_MEMORY][m->messages[i].urgency]++;
        }
    }
}

void model_flush(model_t *m, int index, uint32_t max)
{
    model_device_t *d = &m->devices[index];
    uint64_t first = d->sent + 1;
    uint32_t count = 0;
    char texts[4000] = "";
    size_t len = 0;

    count_losses(m, d);
    max = max < d->max_in_flight ? max : d->max_in_flight;
    d->flushed = d->sent;
    while (count < max
           && (d->implicit || d->sent - d->acked < d->max_in_flight)) {
        int i = next(m, d);

        if (i < 0) {
            break;
        }
        if (d->sent - d->acked == 2 * d->max_in_flight) {
            slide(d);
        }
        d->flight[d->sent - d->acked] = i;
        d->state[i] = FLYING;
        d->sent++;
        count++;
        len += (size_t)snprintf(texts + len, sizeof(texts) - len, "%s%lu=%d",
                                len ? " " : "", (unsigned long)d->sent, i);
    }
    m->text[0] = '\0';
    tell_gaps(m, d, first);
    if (count) {
        add(m, texts);
    }
}

/* ---- sessions ---- */

static void gaps_again(model_device_t *d)
{
    for (int i = 0; i < PUSH_GAPS; i++) {
        for (int j = 0; j < PUSH_LANES; j++) {
            d->losses[i][j] += d->gaps[i][j];
        }
    }
    memset(d->gaps, 0, sizeof(d->gaps));
}

void model_return(model_t *m, int index, uint64_t keep)
{
    model_device_t *d = &m->devices[index];

    if (d->sent > keep && d->gap_seq > keep) {
        gaps_again(d);
    }
    while (d->sent > keep) {
        int i;

        d->sent--;
        i = d->flight[d->sent - d->acked];
        d->state[i] = WAITING;
        if (m->messages[i].dropped) {
            d->state[i] = OVER;
            d->losses[PUSH_GAP_MEMORY][m->messages[i].urgency]++;
        }
    }
}

static void begin_at(model_t *m, int index, uint64_t seq)
{
    model_device_t *d = &m->devices[index];
    uint64_t missing = d->acked > seq ? d->acked - seq : 0;

    if (missing) {
        missing = missing < d->assumed ? missing : d->assumed;
        d->losses[PUSH_GAP_MAILBOX][PUSH_NORMAL] += (uint32_t)missing
                                                    + d->far_gaps;
    }
    d->assumed = 0;
    d->far_gaps = 0;
    model_return(m, index, d->acked);
    gaps_again(d);
    d->acked = seq;
    d->sent = seq;
}

/* What is in the log of a message, and of its urgency. */
static bool same_lane(const model_message_t *a, const model_message_t *b)
{
    return a->kind == b->kind && a->to == b->to && a->urgency == b->urgency;
}

/* It has come, and so has all before it in its lane. */
static void received(model_t *m, model_device_t *d, int last)
{
    for (int i = 0; i <= last; i++) {
        const model_message_t *message = &m->messages[i];

        if (same_lane(message, &m->messages[last]) && meant(m, d, i)
            && d->state[i] == WAITING
            && (message->kind != TO_USER || i == last
                || (model_alive(m, i) && !(message->now && i < d->opened)))) {
            d->state[i] = OVER;
        }
    }
}

static void mismatch(model_t *m, int index, const push_cursor_t *at)
{
    model_device_t *d = &m->devices[index];

    begin_at(m, index, 0);
    if (!at->has_mid) {
        d->stale = at->seq;
        return;
    }
    for (int i = 0; i < m->count; i++) {
        if (m->messages[i].mid == at->mid && !m->messages[i].gone
            && meant(m, d, i)) {
            received(m, d, i);
        }
    }
}

static const model_message_t *sent_as(const model_t *m,
                                      const model_device_t *d, uint64_t seq)
{
    const model_message_t *message;

    message = &m->messages[d->flight[seq - d->acked - 1]];
    return message->gone ? NULL : message;
}

void model_resume(model_t *m, int index, const push_cursor_t *at)
{
    model_device_t *d = &m->devices[index];
    const model_message_t *message;

    if (at && at->seq && !at->has_mid && at->seq == d->stale) {
        mismatch(m, index, at);
        return;
    }
    d->stale = 0;
    if (!at || !at->seq) {
        begin_at(m, index, 0);
        return;
    }
    if (at->seq > d->sent) {
        mismatch(m, index, at);
        return;
    }
    if (at->seq > d->acked && at->has_mid) {
        message = sent_as(m, d, at->seq);
        if (!message || message->mid != at->mid) {
            mismatch(m, index, at);
            return;
        }
    }
    if (at->seq > d->acked) {
        acknowledge(d, at->seq);
    }
    begin_at(m, index, at->seq);
}

push_status_t model_ack(model_t *m, int index, const push_cursor_t *at)
{
    model_device_t *d = &m->devices[index];
    const model_message_t *message;

    if (at->seq > d->sent) {
        return PUSH_STALE;
    }
    if (at->seq > d->acked) {
        message = sent_as(m, d, at->seq);
        if (at->has_mid && message && message->mid != at->mid) {
            return PUSH_STALE;
        }
    }
    acknowledge(d, at->seq);
    d->stale = 0;
    return PUSH_OK;
}

void model_device_open(model_t *m, int index, const push_cursor_t *at)
{
    model_device_t *d = &m->devices[index];

    model_resume(m, index, at);
    d->online = true;
    d->opened = m->count;
}

void model_sweep(model_t *m)
{
    for (int i = 0; i < m->count; i++) {
        model_message_t *message = &m->messages[i];

        if (message->gone) {
            continue;
        }
        if (message->fate == PUSH_LIVE && message->expires <= m->now) {
            model_end(m, i, PUSH_EXPIRED);
        }
        if (message->fate != PUSH_LIVE && message->forget <= m->now) {
            message->gone = true;
        }
    }
}
