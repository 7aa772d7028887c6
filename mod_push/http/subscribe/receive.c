#include "http/subscribe/receive.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_ssl.h>

#include "http/gate.h"
#include "http/subscribe/pump.h"
#include "http/runtime.h"
#include "http/subscribe/subscriber.h"
#include "http/token.h"
#include "stream/handover.h"

APLOG_USE_MODULE(push);

/*
 * From ms / 2 to 3 ms / 2: the first reconnects of many clients must not fall
 * together.  They do not where their requests did not come in one microsecond.
 */
static uint32_t jittered(const request_rec *r, int64_t ms)
{
    uint64_t spread = (uint64_t)r->request_time * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)((uint64_t)ms / 2
                      + ((spread >> 32) * ((uint64_t)ms + 1) >> 32));
}

static void set_head(request_rec *r)
{
    apr_table_t *out = r->headers_out;

    ap_set_content_type(r, "text/event-stream; charset=utf-8");
    apr_table_setn(out, "Cache-Control", "no-store, private, no-transform");
    apr_table_setn(out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(out, "X-Accel-Buffering", "no");
    r->connection->keepalive = AP_CONN_CLOSE;
}

/* What a client would have to be configured with otherwise. */
static void set_limits(request_rec *r)
{
    apr_table_setn(r->headers_out, "Push-Window",
                   apr_psprintf(r->pool, "%" APR_INT64_T_FMT,
                                push_settings(r)->max_in_flight));
    apr_table_setn(r->headers_out, "Push-Max-Message",
                   apr_psprintf(r->pool, "%" APR_INT64_T_FMT,
                                push_runtime()->largest));
}

/* Whose stream it is, and the name of the numbers that it gives. */
static void set_stream(request_rec *r, const push_ticket_t *ticket,
                       uint64_t number)
{
    char *device = apr_pcalloc(r->pool, PUSH_CONTEXT_CHARS + 1);
    char *session = apr_pcalloc(r->pool, PUSH_MID_CHARS + 1);

    push_context_write(ticket->id, device);
    push_mid_write(number, session);
    apr_table_setn(r->headers_out, "Push-Device", device);
    apr_table_setn(r->headers_out, "Push-Session", session);
}

/*
 * A browser's EventSource takes any status but 200 as final, so it is told by
 * an empty stream to come again.
 */
static int come_again(request_rec *r, const push_problem_t *problem)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    if (apr_table_get(r->headers_in, "Push-Client") || !accept
        || !ap_strstr_c(accept, "text/event-stream")) {
        return push_problem_send(r, problem);
    }
    set_head(r);
    ap_rprintf(r, "retry: %u\n\n", jittered(r, 10000));
    return OK;
}

static int overloaded(request_rec *r, const char *detail)
{
    return come_again(r, push_problem(r->pool, 503, "too-many-streams", "%s",
                                      detail));
}

/* The head and the first line, all the way to the socket. */
static bool send_head(request_rec *r)
{
    ap_rprintf(r, "retry: %u\n\n", jittered(r, push_settings(r)->retry));
    return ap_rflush(r) >= 0 && !r->connection->aborted;
}

/* To the reactor: the connection itself, or over HTTP/2 what pumps to it. */
static bool part_with(request_rec *r, const push_berth_t *berth,
                      const push_adoption_t *adoption)
{
    int write_timeout = (int)push_settings(r)->write_timeout;

    return r->connection->master
               ? push_pump_run(r, berth, adoption, write_timeout)
               : push_handover(r, berth, adoption, write_timeout);
}

static void give_up(const push_berth_t *berth, const push_ticket_t *ticket)
{
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();

    push_berth_cancel(berth);
    broker->release(broker, ticket, &now);
}

static int open_stream(request_rec *r, const push_berth_t *berth,
                       const push_subscriber_t *subscriber,
                       const push_ticket_t *ticket, uint64_t session)
{
    const push_settings_t *settings = push_settings(r);
    push_adoption_t adoption = {.ticket = *ticket,
                                .heartbeat = (uint32_t)settings->heartbeat,
                                .event_beats = subscriber->event_beats,
                                .meta = (uint8_t)subscriber->meta,
                                .expires = subscriber->ends};

    set_head(r);
    set_limits(r);
    set_stream(r, ticket, session);
    push_handover_filters(r);
    if (!send_head(r) || !part_with(r, berth, &adoption)) {
        give_up(berth, ticket);
    }
    return OK;
}

static const push_problem_t *check_request(request_rec *r)
{
    const char *refusal;

    if (r->main) {
        refusal = "a stream cannot be a part of another answer";
    }
    else {
        refusal = r->connection->master ? push_pump_refusal(r)
                                        : push_handover_refusal(r);
    }
    if (refusal) {
        return push_problem(r->pool, 501, "transport", "%s", refusal);
    }
    return NULL;
}

/*
 * A foreign page cannot read a stream that it opens, but opening it takes over
 * from the visitor's own and acknowledges.  Where the visitor's browser would
 * not say by itself who it is, there is nothing to gain by that.
 */
static const push_problem_t *check_page(request_rec *r,
                                        const push_subscriber_t *subscriber)
{
    if (r->header_only || subscriber->by_ticket || push_token_is_bearer(r)
        || push_settings(r)->user_kind == PUSH_USER_QUERY) {
        return NULL;
    }
    return push_check_page(r);
}

/* It must not take over from the attempt that its client has made since. */
static int let_go(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "PUSH0060: the client gave up before it was served");
    r->connection->aborted = 1;
    return OK;
}

/* What holds on to this process cannot live in another one. */
static bool can_move(const request_rec *r)
{
    return !r->connection->master && !ap_ssl_conn_is_ssl(r->connection);
}

static int receive(request_rec *r, push_subscriber_t *subscriber)
{
    const push_problem_t *problem;
    push_broker_t *broker = push_broker();
    push_berth_t berth;
    push_ticket_t ticket;
    push_time_t now = push_clock_now();
    push_status_t status;
    uint64_t session;

    if (push_runtime_superseded()) {
        return come_again(r, push_problem_superseded(r->pool));
    }
    if (!push_runtime_berth(can_move(r), &berth)) {
        return overloaded(r, "this server has as many streams as it can hold "
                             "(PushMaxStreams)");
    }
    subscriber->checkin.seat = berth.seat;
    subscriber->ends = push_identity_ends(&subscriber->identity, &now);
    status = broker->claim(broker, &subscriber->checkin, &now, &ticket,
                           &session);
    if (status != PUSH_OK) {
        push_berth_cancel(&berth);
        return come_again(r, push_problem_of_status(r->pool, status));
    }
    /*
     * A revocation first leaves its mark and then ends the streams that it
     * finds: between our look at the marks and the check-in it may have
     * missed this one.
     */
    problem = push_token_recheck(r, r->pool, &subscriber->identity);
    if (problem) {
        give_up(&berth, &ticket);
        return push_problem_send(r, problem);
    }
    return open_stream(r, &berth, subscriber, &ticket, session);
}

/* Over HTTP/2: this thread is the stream's for as long as it is open. */
static int receive_here(request_rec *r, push_subscriber_t *subscriber)
{
    const char *full = push_pump_begin(r);
    int answered;

    if (full) {
        return overloaded(r, full);
    }
    answered = receive(r, subscriber);
    push_pump_end(r);
    return answered;
}

int push_receive(request_rec *r)
{
    push_subscriber_t subscriber;
    const push_problem_t *problem;

    problem = push_subscriber_parse(r, &subscriber);
    if (!problem) {
        problem = check_page(r, &subscriber);
    }
    if (!problem) {
        problem = check_request(r);
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    if (r->header_only) {
        set_head(r);
        set_limits(r);
        return OK;
    }
    if (r->connection->master) {
        return receive_here(r, &subscriber);
    }
    return push_handover_abandoned(r) ? let_go(r) : receive(r, &subscriber);
}

int push_ack(request_rec *r)
{
    push_subscriber_t subscriber;
    const push_problem_t *problem = push_check_forgery(r);
    push_broker_t *broker = push_broker();
    push_time_t now = push_clock_now();
    push_status_t status;

    if (!problem && push_runtime_superseded()) {
        problem = push_problem_superseded(r->pool);
    }
    if (!problem) {
        problem = push_subscriber_parse_ack(r, &subscriber);
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    status = broker->ack(broker, &subscriber.checkin, &now);
    if (status != PUSH_OK) {
        return push_problem_send(r, push_problem_of_status(r->pool, status));
    }
    r->status = HTTP_NO_CONTENT;
    return OK;
}
