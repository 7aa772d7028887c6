#include "http/events/events.h"

#include <apr_strings.h>

#include "http/events/read.h"
#include "http/json.h"
#include "http/params.h"
#include "http/publish/allow.h"
#include "http/publish/body.h"
#include "http/runtime.h"
#include "triggers/triggers.h"

/* Bytes of a batch; each of its events may be as large as a message. */
#define BATCH_BYTES ((apr_size_t)8 << 20)

static const push_problem_t *read_query(request_rec *r,
                                        push_events_input_t *input)
{
    push_params_t params;

    return push_params_parse(r, &params)
        ?: push_params_one(&params, "type", &input->type)
        ?: push_params_one(&params, "source", &input->source)
        ?: push_params_one(&params, "id", &input->id)
        ?: push_params_one(&params, "subject", &input->subject);
}

static const push_problem_t *read_body(request_rec *r,
                                       push_events_input_t *input)
{
    apr_size_t most = push_events_batched(input->content_type)
                          ? BATCH_BYTES
                          : (apr_size_t)input->size_most;

    return push_body_read(r, most, &input->body);
}

static const push_problem_t *read_events(request_rec *r,
                                         apr_array_header_t *events)
{
    push_events_input_t input = {
        .headers = r->headers_in,
        .content_type = apr_table_get(r->headers_in, "Content-Type"),
        .here = r->uri,
        .now = push_clock_now().wall,
        .size_most = push_settings(r)->max_message_size};

    return read_query(r, &input)
        ?: read_body(r, &input)
        ?: push_events_read(r->pool, &input, events);
}

/* Each event counts as a publish of who sends it. */
static const push_problem_t *check_rate(request_rec *r, int count)
{
    push_publication_t asked = {.audience = {.kind = PUSH_LOG_CHANNEL}};
    const push_problem_t *problem = NULL;

    for (int i = 0; i < count && !problem; i++) {
        problem = push_allow_rate(r, r->pool, &asked, i == count - 1);
    }
    return problem;
}

static const push_problem_t *problem_of(request_rec *r,
                                        const push_taken_t *taken)
{
    return taken->full
               ? push_problem(r->pool, 503, "mailbox-full",
                              "the queue of the trigger %s is full "
                              "(PushMaxPending): send the same again later, "
                              "what is queued is not queued twice",
                              taken->full->name)
               : push_problem_of_status(r->pool, taken->status);
}

static const push_problem_t *take(request_rec *r,
                                  const apr_array_header_t *events,
                                  unsigned *matched)
{
    const push_trigger_event_t *list = (void *)events->elts;
    push_triggers_t *triggers = push_runtime()->triggers;
    unsigned count = (unsigned)events->nelts;
    push_taken_t *taken = apr_pcalloc(r->pool, count * sizeof(*taken) + 1);
    const push_problem_t *problem = NULL;

    if (triggers) {
        push_triggers_take(triggers, r->pool, list, count, taken);
    }
    for (unsigned i = 0; i < count; i++) {
        problem = problem ?: problem_of(r, &taken[i]);
        *matched += taken[i].matched;
    }
    return problem;
}

int push_events_take(request_rec *r, const char *none)
{
    apr_array_header_t *events = apr_array_make(r->pool, 1,
                                                sizeof(push_trigger_event_t));
    unsigned matched = 0;
    const push_problem_t *problem = read_events(r, events)
                                        ?: check_rate(r, events->nelts)
                                        ?: take(r, events, &matched);

    (void)none;
    if (problem) {
        return push_problem_send(r, problem);
    }
    r->status = HTTP_ACCEPTED;
    return push_json_send(r, "application/json",
                          json_pack("{si si}", "events", events->nelts,
                                    "matched", (int)matched));
}
