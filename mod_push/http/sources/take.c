#include "http/sources/take.h"

#include <apr_strings.h>
#include <string.h>

#include "http/events/read.h"
#include "http/params.h"
#include "http/publish/inject.h"
#include "http/runtime.h"
#include "triggers/triggers.h"

static void settle(push_source_item_t *item, const push_problem_t *problem)
{
    bool later = problem
                 && (problem->status == 429 || problem->status == 503
                     || !strcmp(problem->name, "idempotency-key-busy"));

    item->outcome = !problem ? PUSH_SOURCE_SAFE
                    : later  ? PUSH_SOURCE_LATER
                             : PUSH_SOURCE_REFUSED;
    item->why = problem ? problem->detail : NULL;
}

/* Most lines do not even have the word. */
static bool is_event(const push_source_item_t *item)
{
    static const char word[] = "\"specversion\"";
    json_t *json;
    bool found;

    if (!memmem(item->text, item->len, word, sizeof(word) - 1)) {
        return false;
    }
    json = json_loadb(item->text, item->len, 0, NULL);
    found = json_object_get(json, "specversion") != NULL;
    json_decref(json);
    return found;
}

static const push_problem_t *check_size(apr_pool_t *pool,
                                        const push_source_item_t *item)
{
    return item->len > UINT32_MAX
               ? push_problem(pool, 413, "too-large", "line: at most %u bytes",
                              UINT32_MAX)
           : !item->len
               ? push_problem(pool, 400, "bad-line",
                              "line: it is empty or not there; it must be an "
                              "object of JSON")
               : NULL;
}

/* ---- lines ---- */

static void take_lines(const push_source_taking_t *taking, apr_pool_t *pool,
                       push_source_item_t **items, size_t count)
{
    const push_injector_t injector = {.broker = push_broker(),
                                      .settings = taking->settings,
                                      .allowed = taking->allowed,
                                      .allowed_by = "allow=",
                                      .who = taking->who,
                                      .in_order = true,
                                      .pool = pool};
    push_injected_t *lines = apr_pcalloc(pool, count * sizeof(*lines) + 1);

    for (size_t i = 0; i < count; i++) {
        lines[i].line = (push_text_t){items[i]->text, (uint32_t)items[i]->len};
        lines[i].key = items[i]->key ? push_text_of(items[i]->key)
                                     : (push_text_t){0};
    }
    push_inject(&injector, lines, count);
    for (size_t i = 0; i < count; i++) {
        settle(items[i], lines[i].problem);
    }
}

/* ---- events ---- */

/* False, and it is settled: it is not a good one. */
static bool read_event(const push_source_taking_t *taking, apr_pool_t *pool,
                       push_source_item_t *item, apr_array_header_t *events)
{
    push_events_input_t input = {
        .headers = apr_table_make(pool, 1),
        .body = {item->text, (uint32_t)item->len},
        .content_type = "application/cloudevents+json",
        .here = "",
        .now = taking->now,
        .size_most = taking->settings->max_message_size};
    int before = events->nelts;
    const push_problem_t *problem = push_events_read(pool, &input, events);

    if (problem) {
        events->nelts = before; /* the pool has it still */
        settle(item, problem);
    }
    return !problem;
}

static void take_events(const push_source_taking_t *taking, apr_pool_t *pool,
                        push_source_item_t **items, size_t count)
{
    push_triggers_t *triggers = push_runtime()->triggers;
    apr_array_header_t *events = apr_array_make(pool, (int)count,
                                                sizeof(push_trigger_event_t));
    push_taken_t *taken = apr_pcalloc(pool, count * sizeof(*taken) + 1);
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        if (read_event(taking, pool, items[i], events)) {
            items[good++] = items[i];
        }
    }
    if (triggers && good) {
        push_triggers_take(triggers, pool,
                           (const push_trigger_event_t *)(void *)events->elts,
                           (unsigned)good, taken);
    }
    for (size_t i = 0; i < good; i++) {
        settle(items[i], push_problem_of_status(pool, taken[i].status));
    }
}

void push_sources_take(const push_source_taking_t *taking, apr_pool_t *pool,
                       push_source_item_t *items, size_t count)
{
    push_source_item_t **lines = apr_palloc(pool, count * sizeof(*lines) + 1);
    push_source_item_t **events = apr_palloc(pool,
                                             count * sizeof(*events) + 1);
    size_t lines_count = 0;
    size_t events_count = 0;

    for (size_t i = 0; i < count; i++) {
        const push_problem_t *problem = check_size(pool, &items[i]);

        if (problem) {
            settle(&items[i], problem);
        }
        else if (is_event(&items[i])) {
            events[events_count++] = &items[i];
        }
        else {
            lines[lines_count++] = &items[i];
        }
    }
    take_lines(taking, pool, lines, lines_count);
    take_events(taking, pool, events, events_count);
}
