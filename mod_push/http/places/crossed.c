#include "http/places/crossed.h"

#include <apr_strings.h>
#include <inttypes.h>
#include <jansson.h>

#include "http/json.h"
#include "http/params.h"
#include "http/runtime.h"
#include "triggers/triggers.h"

/* Where all events of the server come from. */
#define SOURCE "/push"

static const push_text_t types[] = {{"push.geo.left", 13},
                                    {"push.geo.entered", 16}};

/* Who it was. */
typedef struct {
    apr_pool_t *pool;
    const push_checkin_t *checkin;
    const char *context;
    int64_t now; /* wall ms */
} walker_t;

static void set_text(json_t *object, const char *name, push_text_t text)
{
    if (text.len) {
        json_object_set_new(object, name, push_json_text(text));
    }
}

static json_t *data_json(const walker_t *w, const push_crossing_t *crossing)
{
    const push_checkin_t *checkin = w->checkin;
    json_t *data = json_object();

    set_text(data, "fence", (push_text_t){crossing->name, crossing->len});
    set_text(data, "user", checkin->user);
    json_object_set_new(data, "device", json_string(w->context));
    set_text(data, "device_id", checkin->labels[PUSH_LABEL_DEVICE]);
    set_text(data, "app", checkin->labels[PUSH_LABEL_APP]);
    return data;
}

/* Nothing of it says where the device is, but the name of the fence. */
static json_t *event_json(const walker_t *w, const push_crossing_t *crossing)
{
    push_text_t type = types[crossing->entered];
    const char *id = apr_psprintf(w->pool, "%s/%" PRId64 "/%.*s/%s",
                                  w->context, w->now, (int)crossing->len,
                                  crossing->name,
                                  type.at + sizeof("push.geo.") - 1);
    json_t *event = json_object();

    json_object_set_new(event, "specversion", json_string("1.0"));
    json_object_set_new(event, "id", push_json_text(push_text_of(id)));
    json_object_set_new(event, "source", json_string(SOURCE));
    json_object_set_new(event, "type", push_json_text(type));
    set_text(event, "subject", w->checkin->user);
    json_object_set_new(event, "datacontenttype",
                        json_string("application/json"));
    json_object_set_new(event, "data", data_json(w, crossing));
    return event;
}

static const push_problem_t *problem_of(apr_pool_t *pool,
                                        const push_taken_t *taken)
{
    return taken->full
               ? push_problem(pool, 503, "mailbox-full",
                              "the queue of the trigger %s is full "
                              "(PushMaxPending): report the same again later",
                              taken->full->name)
               : push_problem_of_status(pool, taken->status);
}

const push_problem_t *push_crossed(apr_pool_t *pool,
                                   const push_checkin_t *checkin,
                                   const push_visit_t *visit, int64_t now)
{
    push_triggers_t *triggers = push_runtime()->triggers;
    push_trigger_event_t events[2 * PUSH_PLACE_INSIDE];
    push_taken_t taken[2 * PUSH_PLACE_INSIDE];
    const push_problem_t *problem = NULL;
    char context[PUSH_CONTEXT_CHARS + 1] = "";
    const walker_t walker = {pool, checkin, context, now};
    unsigned count = 0;

    if (!triggers || !visit->count) {
        return NULL;
    }
    push_context_write(visit->id, context);
    for (unsigned i = 0; i < visit->count; i++) {
        const push_crossing_t *crossing = &visit->crossings[i];

        if (push_triggers_want(triggers, types[crossing->entered])
            && !push_trigger_event_init(pool, event_json(&walker, crossing),
                                        now, &events[count])) {
            count++;
        }
    }
    if (count) {
        push_triggers_take(triggers, pool, events, count, taken);
    }
    for (unsigned i = 0; i < count; i++) {
        problem = problem ?: problem_of(pool, &taken[i]);
        push_trigger_event_cleanup(&events[i]);
    }
    return problem;
}
