/*
 * polls.c - receiving by polls, where streams do not get through.
 *
 * docs/protocol.md, "Polls". A poll is asked for as events: it is a stream
 * that ends, to the byte, so that parser, session, gaps and the end are those
 * of streams; a large message is read through without being kept; what was
 * whole before a break counts; and a poll whose heartbeats come one by one
 * shows that a stream would get through. What a batch of JSON tells besides,
 * "more", is not needed: the next poll follows at once in any case, and it is
 * the server that waits.
 *
 *   CONNECTING -> OPEN -> (end) OPEN without an exchange -> CONNECTING ...
 *
 * The application sees all of that as one state, OPEN, until a poll fails.
 *
 * The next poll's cursor acknowledges, so it should not come before the
 * application is done with the batch: what is not done would come again. But
 * it does not wait for that for ever, as a message that is kept must not hold
 * up the others.
 */
#include "polls.h"

#include <stdio.h>
#include <string.h>

#include "backoff.h"

/* Attempts in a row that do not get through, until polls are used. */
#define HELD_BACK_MAX 2

/* What comes so soon behind the head, in ms, may have come with it. */
#define WITH_HEAD_MS 1000u

/* So long, in ms, polls are used before a stream is tried again. */
#define STREAM_AGAIN_MS 1800000u

/* The wait of a poll, in ms: shorter than what proxies usually wait. */
#define WAIT_MS 25000u

/* A poll that brought nothing and took no longer, in ms, is not followed by
 * the next one at once. */
#define SHORT_MS 1000u

/* Whether the body came bit by bit, and not with its head alone. */
static int flows(const pushc_client *c)
{
    return c->state == PUSHC_OPEN && c->proven
           && c->last_byte > c->opened_at + WITH_HEAD_MS;
}

static uint64_t jitter(const pushc_client *c)
{
    struct pushc_backoff b = {.kind = PUSHC_BACKOFF_JITTER, .base = c->base};

    b.failed = c->failed;
    return pushc_backoff_delay(&b, pushc_uniform(&c->set));
}

/* ---- one attempt ---- */

void pushc_polls_choose(pushc_client *c)
{
    int transport = c->set.o.transport;

    if (transport == PUSHC_TRANSPORT_AUTO) {
        transport = pushc_now(&c->set) < c->stream_at ? PUSHC_TRANSPORT_POLL
                                                      : PUSHC_TRANSPORT_STREAM;
    }
    if (transport == PUSHC_TRANSPORT_STREAM) {
        c->answered = 0;
        c->gaps = 0;
    }
    /* The first poll finds out whether polls are answered. */
    c->wait = c->answered ? WAIT_MS : 0;
    c->news = 0;
    c->suspect = 0;
    pthread_mutex_lock(&c->source.lock);
    c->transport = transport;
    pthread_mutex_unlock(&c->source.lock);
}

/* A server with a lower limit cuts a preference; a parameter it refuses. */
void pushc_polls_header(const pushc_client *c, char *out, size_t size)
{
    snprintf(out, size, "Prefer: wait=%u", (unsigned)(c->wait / 1000));
}

uint64_t pushc_polls_limit(const pushc_client *c)
{
    if (c->state == PUSHC_OPEN && (!pushc_client_polls(c) || flows(c))) {
        return c->last_byte + c->set.o.silence_ms;
    }
    /* All of a poll may be held back until it ends. */
    return c->attempt_at + c->wait + c->set.o.attempt_ms;
}

/* ---- the next one ---- */

/* Whether all that the poll brought is done; if not, each acknowledgement of
 * the application is worth a turn. */
static int is_done(pushc_client *c)
{
    int done;

    pthread_mutex_lock(&c->source.lock);
    done = c->session.ring_count == 0;
    c->throttled = !done;
    pthread_mutex_unlock(&c->source.lock);
    return done;
}

int pushc_polls_end(pushc_client *c, uint64_t now)
{
    int fruitless = !c->news && c->wait > 0 && now < c->attempt_at + SHORT_MS;

    if (!pushc_client_polls(c) || c->state != PUSHC_OPEN || c->fault || c->bye
        || c->end_status != PUSHC_OK) {
        return 0;
    }
    if (flows(c)) {
        c->stream_at = 0; /* as it is, a stream would get through */
    }
    c->failed = fruitless ? c->failed : 0;
    c->unfinished = !is_done(c);
    c->gaps = c->news && !c->unfinished ? 0 : c->gaps;
    c->retry_at = now + (fruitless || c->unfinished ? jitter(c) : 0);
    c->failed += fruitless && c->failed < 1000000;
    c->token_retried = 0;
    c->answered = 1;
    c->polls_pass = 1;
    return 1;
}

int pushc_polls_is_due(pushc_client *c, uint64_t now)
{
    return c->state == PUSHC_OPEN && !c->stream
           && (now >= c->retry_at || (c->unfinished && is_done(c)));
}

/* ---- the choice ---- */

/* A proxy may hold back the body alone, or the head as well. */
void pushc_polls_suspect(pushc_client *c)
{
    c->suspect = c->state == PUSHC_OPEN ? !flows(c)
                                        : pushc_exchange_is_sent(c->stream);
}

void pushc_polls_learn(pushc_client *c, uint64_t now)
{
    c->answered = 0;
    if (pushc_client_polls(c)) {
        c->polls_pass |= c->bye;
        c->failed = c->news ? 0 : c->failed; /* it got on, and broke then */
        if (!c->polls_pass) {
            c->stream_at = 0; /* it was not for being streams */
            c->held_back = 0;
        }
        return;
    }
    c->polls_pass = 0;
    c->held_back = c->suspect ? c->held_back + 1 : 0;
    if (c->held_back >= HELD_BACK_MAX
        && c->set.o.transport == PUSHC_TRANSPORT_AUTO) {
        c->stream_at = now + STREAM_AGAIN_MS;
        pushc_log(&c->set, PUSHC_LOG_WARNING,
                  "streams do not get through: polls for %u s",
                  STREAM_AGAIN_MS / 1000);
    }
}

/* ---- gaps ---- */

/* Until a message behind a gap is acknowledged each poll tells it again, with
 * what was dropped meanwhile. */
int pushc_polls_untold(pushc_client *c, struct pushc_notice *gap)
{
    struct pushc_notice whole = *gap;
    unsigned i = 0;
    int known;

    while (i < c->gaps
           && (strcmp(c->gap[i].reason, gap->reason) != 0
               || strcmp(c->gap[i].urgency, gap->urgency) != 0)) {
        i++;
    }
    if (!pushc_client_polls(c) || i == PUSHC_GAPS_MAX) {
        return 1;
    }
    known = i < c->gaps;
    if (known && whole.dropped >= c->gap[i].dropped) {
        gap->dropped -= c->gap[i].dropped;
    }
    c->gap[i] = whole;
    c->gaps += !known;
    return !known || gap->dropped > 0;
}
