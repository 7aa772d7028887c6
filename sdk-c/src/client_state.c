/* client_state.c - what each part of a client may do to its state. */
#include "client_state.h"

#include <stdio.h>

static const char *state_name(int state)
{
    static const char *const names[] = {"idle",    "connecting", "open",
                                        "waiting", "stopped",    "gap",
                                        "bye",     "skipped"};

    return names[state];
}

int pushc_client_polls(const pushc_client *c)
{
    return c->transport == PUSHC_TRANSPORT_POLL;
}

void pushc_client_report(pushc_client *c, const pushc_event *event)
{
    pushc_event e = *event;

    e.transport = c->transport;
    e.detail = e.detail ? e.detail : "";
    e.urgency = e.urgency ? e.urgency : "";
    e.id = e.id ? e.id : "";
    pushc_log(&c->set, PUSHC_LOG_INFO, "%s%s %s%s%s",
              pushc_client_polls(c) ? "polls: " : "", state_name(e.kind),
              c->set.o.url, e.detail[0] ? ": " : "", e.detail);
    if (e.kind <= PUSHC_STOPPED) {
        pthread_mutex_lock(&c->source.lock);
        c->reported = e.kind;
        pthread_mutex_unlock(&c->source.lock);
    }
    if (c->set.o.on_event) {
        c->set.o.on_event(c->set.o.ctx, &e);
    }
}

void pushc_client_enter(pushc_client *c, int state)
{
    pushc_event event = {.kind = (pushc_event_kind)state};

    c->state = state;
    event.attempt = c->failed;
    pushc_client_report(c, &event);
}

void pushc_client_fault(pushc_client *c, int status, const char *detail)
{
    c->fault = status;
    snprintf(c->fault_detail, sizeof(c->fault_detail), "%s", detail);
}

void pushc_client_abort(pushc_client *c)
{
    pushc_exchange_cancel(c->stream);
    c->stream = NULL;
    c->ended = 1;
}

void pushc_client_drop(pushc_client *c, int status, const char *detail)
{
    pushc_client_fault(c, status, detail);
    pushc_client_abort(c);
}

void pushc_client_finish(pushc_client *c, int status)
{
    if (c->stopping || c->state == PUSHC_STOPPED) {
        return;
    }
    c->stopping = 1;
    c->ended = 0;
    c->final = status;
    c->stop_at = pushc_now(&c->set) + c->set.o.stop_ms;
    c->state = PUSHC_WAITING;
    c->retry_at = PUSHC_NEVER;
    pushc_exchange_cancel(c->stream);
    c->stream = NULL;
}
