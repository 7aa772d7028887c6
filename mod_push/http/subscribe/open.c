#include "http/subscribe/open.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_ssl.h>
#include <stdlib.h>

#include "core/times.h"
#include "codec/json.h"
#include "codec/sse.h"
#include "codec/verbatim.h"
#include "codec/websocket.h"
#include "http/subscribe/head.h"
#include "http/subscribe/poll.h"
#include "http/subscribe/h2_bridge.h"
#include "http/subscribe/upgrade.h"
#include "http/runtime.h"
#include "stream/handover.h"

APLOG_USE_MODULE(push);

/* An answer that ends with its connection. */
static void set_head(request_rec *r, const push_codec_t *codec)
{
    push_head_set(r);
    if (codec->type) {
        ap_set_content_type(r, codec->type);
    }
    r->connection->keepalive = AP_CONN_CLOSE;
}

/*
 * A browser's EventSource takes any status but 200 as final, so it is told by
 * an empty stream to come again.
 */
static int come_again(request_rec *r, const push_wait_t *wait,
                      const push_problem_t *problem)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    if (apr_table_get(r->headers_in, "Push-Client") || !accept
        || wait->codec != &push_codec_sse
        || !ap_strstr_c(accept, "text/event-stream")) {
        return push_problem_send(r, problem);
    }
    set_head(r, wait->codec);
    ap_rprintf(r, "retry: %u\n\n", push_head_jitter(r, 10000));
    return OK;
}

/* full: PUSH_BY_NOT_OPENED_*, of what there is no more. */
static int overloaded(request_rec *r, const push_wait_t *wait, unsigned full,
                      const char *detail)
{
    push_counted(PUSH_COUNT_NOT_OPENED + full);
    return come_again(
        r, wait, push_problem(r->pool, 503, "too-many-streams", "%s", detail));
}

/* Its head comes with its answer. */
static bool is_verbatim(const push_subscriber_t *subscriber)
{
    return subscriber->wait.codec == &push_codec_verbatim;
}

/* Nothing was sent, so what kept it from being held can be told. */
static int unheard(request_rec *r)
{
    return push_problem_send(r, push_problem(r->pool, 503, "busy",
                                             "no room to hold the request"));
}

/* The head and what comes first, all the way to the socket. */
static bool send_head(request_rec *r, const push_subscriber_t *subscriber)
{
    bool sse = subscriber->wait.codec == &push_codec_sse;

    if (subscriber->wait.websocket) {
        return push_upgrade_answer(r, subscriber->wait.codec);
    }
    if (is_verbatim(subscriber)) {
        return !r->connection->aborted;
    }
    ap_rputs(sse ? push_head_retry(r) : "\n", r);
    if (subscriber->first.len) {
        ap_rwrite(subscriber->first.at, (int)subscriber->first.len, r);
    }
    return ap_rflush(r) >= 0 && !r->connection->aborted;
}

/* Gives the reactor the connection itself, or over HTTP/2 a bridge to it. */
static bool part_with(request_rec *r, const push_reservation_t *reservation,
                      const push_adoption_t *adoption)
{
    int write_timeout = (int)push_settings(r)->write_timeout;

    return r->connection->master
               ? push_h2_bridge_run(r, reservation, adoption, write_timeout)
               : push_handover(r, reservation, adoption, write_timeout);
}

/* The stream was opened, and ends for this reason (PUSH_BY_CLOSED_*). */
static void give_up(const push_reservation_t *reservation,
                    const push_stream_ref_t *stream_ref, unsigned reason)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();

    push_counted(PUSH_COUNT_CLOSED + reason);
    push_count_time_shared(broker->counts, PUSH_TIME_STREAM_DURATION, reason,
                           0, 1);

    if (reservation->store) {
        push_reservation_cancel(reservation);
    }
    broker->release(broker, stream_ref, &now);
}

/* When the stream ends by itself: with its right to be one, or its wait. */
static int64_t end_of(const push_subscriber_t *subscriber)
{
    int64_t wait = push_clock_now().mono + subscriber->wait.ms;
    int64_t ends = subscriber->ends;

    return subscriber->wait.polls && (!ends || wait < ends) ? wait : ends;
}

/* NULL if there is none, or no memory: then the codec says the same. */
static push_last_t *copy_last(const push_subscriber_t *subscriber)
{
    size_t len = subscriber->last.len;
    push_last_t *last = len ? malloc(sizeof(*last) + len) : NULL;

    if (last) {
        last->len = len;
        memcpy(last->bytes, subscriber->last.at, len);
    }
    return last;
}

static int open_stream(request_rec *r, const push_reservation_t *reservation,
                       const push_subscriber_t *subscriber,
                       const push_stream_ref_t *stream_ref)
{
    const push_settings_t *settings = push_settings(r);
    const push_codec_t *codec = subscriber->wait.codec;
    push_adoption_t adoption = {
        .stream_ref = *stream_ref,
        .heartbeat = subscriber->heartbeat ?: (uint32_t)settings->heartbeat,
        .event_beats = subscriber->event_beats,
        .meta = (uint8_t)subscriber->meta,
        .poll = subscriber->wait.polls,
        .codec = (uint8_t)codec->kind,
        .last = copy_last(subscriber),
        .expires = end_of(subscriber)};

    set_head(r, codec);
    push_handover_filters(r);
    if ((is_verbatim(subscriber) && !adoption.last)
        || !send_head(r, subscriber)
        || !part_with(r, reservation, &adoption)) {
        free(adoption.last);
        give_up(reservation, stream_ref, PUSH_BY_CLOSED_CLIENT);
        /* Of a WebSocket the answer has begun, and httpd knows nothing of it. */
        r->connection->aborted |= subscriber->wait.websocket;
        return is_verbatim(subscriber) ? unheard(r) : OK;
    }
    return OK;
}

static void set_limits(request_rec *r, const push_wait_t *wait)
{
    push_head_limits(r);
    if (wait->polls) {
        apr_table_setn(r->headers_out, "Preference-Applied",
                       apr_psprintf(r->pool, "wait=%u", wait->ms / 1000));
    }
}

/* A poll that found another one of its device in the same moment. */
static const push_problem_t *refusal_of(const request_rec *r,
                                        push_status_t status)
{
    return status == PUSH_STALE
               ? push_problem(r->pool, 503, "busy",
                              "another request of this device took over")
               : push_problem_of_status(r->pool, status);
}

/* Why a poll ended that was answered here. */
static unsigned reason_of(push_status_t status)
{
    return status == PUSH_OK      ? PUSH_BY_CLOSED_ANSWERED
           : status == PUSH_STALE ? PUSH_BY_CLOSED_SUPERSEDED
                                  : PUSH_BY_CLOSED_CLIENT;
}

static int serve(request_rec *r, const push_reservation_t *reservation,
                 const push_subscriber_t *subscriber,
                 const push_stream_ref_t *stream_ref)
{
    push_status_t status = PUSH_OK;
    int answered = DECLINED;

    if (subscriber->wait.polls && !is_verbatim(subscriber)) {
        answered = push_poll_serve(r, subscriber, stream_ref, &status);
    }
    if (answered == DECLINED) {
        return open_stream(r, reservation, subscriber, stream_ref);
    }
    give_up(reservation, stream_ref, reason_of(status));
    return status == PUSH_OK
               ? answered
               : come_again(r, &subscriber->wait, refusal_of(r, status));
}

/* A poll is answered here and now, whatever the connection is. */
static bool is_short(const push_subscriber_t *subscriber)
{
    return subscriber->wait.polls && !subscriber->wait.ms;
}

const push_problem_t *push_open_refusal(request_rec *r,
                                        const push_subscriber_t *subscriber)
{
    const char *refusal = NULL;

    if (r->main) {
        refusal = "a stream cannot be a part of another answer";
    }
    else if (!is_short(subscriber)) {
        refusal = r->connection->master ? push_h2_bridge_refusal(r)
                                        : push_handover_refusal(r);
    }
    if (refusal) {
        return push_problem(r->pool, 501, "transport", "%s", refusal);
    }
    return NULL;
}

/* An attempt must not take over from one that its client has made since. */
static int let_go(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "PUSH0060: the client gave up before it was served");
    r->connection->aborted = 1;
    return OK;
}

/*
 * A stream that holds on to this process, or ends soon, does not go to another
 * one.
 */
static bool can_move(const request_rec *r, const push_subscriber_t *subscriber)
{
    return !r->connection->master && !ap_ssl_conn_is_ssl(r->connection)
           && !subscriber->wait.polls;
}

/*
 * Reserves room for the stream, if it needs some; else finds a seat that it
 * goes by.
 */
static bool make_reservation(const request_rec *r,
                             const push_subscriber_t *subscriber,
                             push_reservation_t *reservation)
{
    if (!is_short(subscriber)) {
        return push_runtime_reserve(can_move(r, subscriber), reservation);
    }
    *reservation = (push_reservation_t){
        .seat = push_reactor_seat(push_runtime()->reactors[0])};
    return true;
}

static unsigned transport_of(const request_rec *r,
                             const push_subscriber_t *subscriber)
{
    return subscriber->wait.polls       ? PUSH_BY_TRANSPORT_POLL
           : r->connection->master      ? PUSH_BY_TRANSPORT_H2
           : subscriber->wait.websocket ? PUSH_BY_TRANSPORT_WEBSOCKET
                                        : PUSH_BY_TRANSPORT_SSE;
}

/* What there is no room for; a lock that is busy is none of it. */
static void count_refusal(push_status_t status)
{
    static const struct {
        push_status_t status;
        unsigned reason;
    } rows[] = {{PUSH_TOO_MANY, PUSH_BY_NOT_OPENED_USER},
                {PUSH_TOO_MANY_DEVICES, PUSH_BY_NOT_OPENED_USER},
                {PUSH_TOO_MANY_SUBSCRIPTIONS, PUSH_BY_NOT_OPENED_USER},
                {PUSH_CROWDED, PUSH_BY_NOT_OPENED_ADDRESS},
                {PUSH_TOO_MANY_CHANNELS, PUSH_BY_NOT_OPENED_FULL},
                {PUSH_NO_MEMORY, PUSH_BY_NOT_OPENED_MEMORY}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (rows[i].status == status) {
            push_counted(PUSH_COUNT_NOT_OPENED + rows[i].reason);
        }
    }
}

static int receive(request_rec *r, push_subscriber_t *subscriber)
{
    const push_problem_t *problem;
    push_broker_t *broker = push_broker();
    push_reservation_t reservation;
    push_stream_ref_t stream_ref;
    push_time_t now = push_clock_now();
    push_status_t status;
    uint64_t session;

    if (push_runtime_superseded()) {
        return come_again(r, &subscriber->wait,
                          push_problem_superseded(r->pool));
    }
    if (!make_reservation(r, subscriber, &reservation)) {
        return overloaded(r, &subscriber->wait, PUSH_BY_NOT_OPENED_FULL,
                          "this server has as many streams as it can hold "
                          "(PushMaxStreams)");
    }
    subscriber->checkin.seat = reservation.seat;
    subscriber->checkin.transport = transport_of(r, subscriber);
    subscriber->ends = push_identity_ends(&subscriber->identity, &now);
    status = broker->claim(broker, &subscriber->checkin, &now, &stream_ref,
                           &session);
    if (status != PUSH_OK) {
        if (reservation.store) {
            push_reservation_cancel(&reservation);
        }
        count_refusal(status);
        return come_again(r, &subscriber->wait,
                          push_problem_of_status(r->pool, status));
    }
    /*
     * A revocation first leaves its mark and then ends the streams that it
     * finds: between our look at the marks and the check-in it may have
     * missed this one.
     */
    problem = push_token_recheck(r, r->pool, &subscriber->identity);
    if (problem) {
        give_up(&reservation, &stream_ref, PUSH_BY_CLOSED_EXPIRED_TOKEN);
        return push_problem_send(r, problem);
    }
    push_head_set(r);
    set_limits(r, &subscriber->wait);
    push_head_stream(r, &stream_ref, session);
    return serve(r, &reservation, subscriber, &stream_ref);
}

/* Over HTTP/2: this thread is the stream's for as long as it is open. */
static int receive_here(request_rec *r, push_subscriber_t *subscriber)
{
    const char *full = push_h2_bridge_begin(r);
    int answered;

    if (full) {
        return overloaded(r, &subscriber->wait, PUSH_BY_NOT_OPENED_NO_THREAD,
                          full);
    }
    answered = receive(r, subscriber);
    push_h2_bridge_end(r);
    return answered;
}

void push_open_head(request_rec *r, const push_subscriber_t *subscriber)
{
    set_head(r, subscriber->wait.codec);
    set_limits(r, &subscriber->wait);
}

int push_open(request_rec *r, push_subscriber_t *subscriber)
{
    if (r->connection->master && !is_short(subscriber)) {
        return receive_here(r, subscriber);
    }
    return !r->connection->master && push_handover_abandoned(r)
               ? let_go(r)
               : receive(r, subscriber);
}
