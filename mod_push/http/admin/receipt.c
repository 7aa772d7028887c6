#include "http/admin/receipt.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <stdatomic.h>
#include <string.h>

#include "http/admin/query.h"
#include "http/json.h"
#include "http/prefer.h"
#include "http/problem.h"
#include "http/runtime.h"

/*
 * The receipt of one message (RFC 8030, sections 5.1 and 6.3), where its
 * publisher looks by itself.  Who prefers to wait holds a worker thread, which
 * reads again and again, less often the longer it takes; so only as many wait
 * as may publish lines, which hold one too.
 */

#define READ_MS     20 /* between the first two reads */
#define READ_MS_MAX 500

typedef struct {
    json_int_t counts[PUSH_FATES];
    json_int_t devices;
    push_fate_t fate; /* of the message as a whole */
} state_t;

static void take_message(void *data, const push_message_view_t *view)
{
    ((state_t *)data)->fate = view->fate;
}

static void take_life(void *data, const push_life_view_t *view)
{
    state_t *state = data;

    state->counts[view->fate] += view->count;
    if (view->fate != PUSH_FILTERED) { /* it was not for that one */
        state->devices += view->count;
    }
}

static push_status_t read_state(const push_sought_t *sought, state_t *state)
{
    push_broker_t *broker = push_broker();
    const push_view_t what = {.kind = PUSH_VIEW_MESSAGE,
                              .message = *sought,
                              .now = push_clock_now()};
    const push_visitor_t visitor = {
        .message = take_message, .life = take_life, .data = state};

    memset(state, 0, sizeof(*state));
    return broker->view(broker, &what, &visitor);
}

static bool all_acknowledged(const state_t *state)
{
    return state->devices && state->counts[PUSH_ACKED] == state->devices;
}

/* Nothing may change any more, for the devices that are known. */
static bool is_decided(const state_t *state)
{
    return state->fate != PUSH_LIVE
           || (state->devices && !state->counts[PUSH_PENDING]
               && !state->counts[PUSH_IN_FLIGHT]);
}

/* ---- who waits ---- */

static _Atomic uint32_t waiting; /* in this child */

static bool may_wait(void)
{
    if (atomic_fetch_add(&waiting, 1) < push_runtime()->max_publishers) {
        return true;
    }
    atomic_fetch_sub(&waiting, 1);
    return false;
}

static bool child_ends(void)
{
    int state = AP_MPMQ_RUNNING;

    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING || push_runtime_superseded();
}

/* How long this request is to wait, ms; it is told what is applied. */
static int64_t patience(request_rec *r)
{
    uint64_t most = (uint64_t)push_settings(r)->max_wait / 1000;
    uint64_t seconds = 0;

    if (!push_prefer_wait(r, &seconds)) {
        return 0;
    }
    seconds = seconds < most ? seconds : most;
    apr_table_setn(r->headers_out, "Preference-Applied",
                   apr_psprintf(r->pool, "wait=%" APR_UINT64_T_FMT, seconds));
    return (int64_t)seconds * 1000;
}

static push_status_t read_until(const push_sought_t *sought, int64_t ms,
                                state_t *state)
{
    int64_t until = push_clock_now().mono + ms;
    int64_t pause = READ_MS;
    push_status_t status = read_state(sought, state);

    while (status == PUSH_OK && !is_decided(state)
           && push_clock_now().mono + pause <= until && !child_ends()) {
        apr_sleep(pause * 1000);
        pause = pause * 2 < READ_MS_MAX ? pause * 2 : READ_MS_MAX;
        status = read_state(sought, state);
    }
    return status;
}

static push_status_t wait_for(request_rec *r, const push_sought_t *sought,
                              state_t *state)
{
    push_status_t status;

    if (!may_wait()) {
        return read_state(sought, state);
    }
    status = read_until(sought, patience(r), state);
    atomic_fetch_sub(&waiting, 1);
    return status;
}

/* ---- the answer ---- */

static int answer_pending(request_rec *r, const char *mid,
                          const state_t *state)
{
    json_t *body = json_object();
    json_t *counts = json_object();

    for (int i = PUSH_PENDING; i < PUSH_FATES; i++) {
        json_object_set_new(counts, push_fate_name((push_fate_t)i),
                            json_integer(state->counts[i]));
    }
    json_object_set_new(body, "id", json_string(mid));
    json_object_set_new(body, "state",
                        json_string(push_fate_name(state->fate)));
    json_object_set_new(body, "counts", counts);
    r->status = HTTP_ACCEPTED;
    return push_json_send(r, "application/json", body);
}

static const push_problem_t *unacknowledged(request_rec *r,
                                            const state_t *state)
{
    return push_problem(r->pool, 410, "unacknowledged",
                        "message: %s; %d of %d devices acknowledged it",
                        push_fate_name(state->fate),
                        (int)state->counts[PUSH_ACKED], (int)state->devices);
}

int push_show_receipt(request_rec *r, const char *text)
{
    push_sought_t sought;
    const push_problem_t *problem = push_query_message(r, text, &sought);
    state_t state;

    if (!problem) {
        problem = push_problem_of_status(r->pool,
                                         wait_for(r, &sought, &state));
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    if (!is_decided(&state)) {
        return answer_pending(r, text, &state);
    }
    if (!all_acknowledged(&state)) {
        return push_problem_send(r, unacknowledged(r, &state));
    }
    r->status = HTTP_NO_CONTENT;
    return OK;
}
