#include "http/admin/metrics_triggers.h"

#include "http/runtime.h"
#include "triggers/figures.h"
#include "triggers/run/inlet.h"
#include "triggers/triggers.h"

/*
 * Labelled by the name of a trigger, of which the configuration says how many
 * there are.
 */

static const push_rule_t *rule_at(unsigned index)
{
    return push_triggers_rule(push_runtime()->triggers, index);
}

static const push_trigger_figures_t *figures_at(unsigned index)
{
    return &push_runtime()->trigger_figures[index];
}

typedef uint64_t figure_t(const push_trigger_figures_t *figures);

static uint64_t matched(const push_trigger_figures_t *figures)
{
    return atomic_load(&figures->matched);
}

static uint64_t refused(const push_trigger_figures_t *figures)
{
    return atomic_load(&figures->refused);
}

static uint64_t dead(const push_trigger_figures_t *figures)
{
    return atomic_load(&figures->dead);
}

static uint64_t retries(const push_trigger_figures_t *figures)
{
    return atomic_load(&figures->retries);
}

static uint64_t published(const push_trigger_figures_t *figures)
{
    return atomic_load(&figures->published);
}

static void put_counts(const push_exposition_t *to, const char *name,
                       const char *help, figure_t *figure)
{
    push_exposition_family(to, name, "counter", help);
    for (unsigned i = 0; rule_at(i); i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {{"trigger", rule_at(i)->name}};

        push_exposition_value(to, name, pairs,
                              (push_amount_t){figure(figures_at(i)), 1});
    }
}

static void put_requests(const push_exposition_t *to)
{
    static const char name[] = "push_trigger_requests_total";

    push_exposition_family(to, name, "counter",
                           "Requests of triggers, by how they ended.");
    for (unsigned i = 0; rule_at(i); i++) {
        for (unsigned j = 0; j < PUSH_TRIGGER_CODES; j++) {
            const push_pair_t pairs[PUSH_PAIRS] = {
                {"trigger", rule_at(i)->name},
                {"code", push_trigger_code_name(j)}};

            push_exposition_value(
                to, name, pairs,
                (push_amount_t){atomic_load(&figures_at(i)->requests[j]), 1});
        }
    }
}

static void put_durations(const push_exposition_t *to)
{
    static const char name[] = "push_trigger_duration_seconds";

    push_exposition_family(to, name, "histogram",
                           "How long requests of triggers took.");
    for (unsigned i = 0; rule_at(i); i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {{"trigger", rule_at(i)->name}};
        uint64_t cells[PUSH_TRIGGER_BOUNDS + 2];
        const push_spread_t spread = {.bounds = push_trigger_bounds,
                                      .bounds_count = PUSH_TRIGGER_BOUNDS,
                                      .cells = cells};

        for (unsigned j = 0; j <= PUSH_TRIGGER_BOUNDS; j++) {
            cells[j] = atomic_load(&figures_at(i)->times[j]);
        }
        cells[PUSH_TRIGGER_BOUNDS + 1] = atomic_load(&figures_at(i)->us);
        push_exposition_spread(to, name, pairs, &spread);
    }
}

/* One whose lock is busy is left out this time. */
static void put_waiting(const push_exposition_t *to)
{
    static const char name[] = "push_trigger_waiting";
    push_inlet_view_t view;

    push_exposition_family(to, name, "gauge",
                           "Messages in the queues of triggers.");
    for (unsigned i = 0; rule_at(i); i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {{"trigger", rule_at(i)->name}};

        if (push_inlet_look(push_broker(), rule_at(i)->user, &view)
            == PUSH_OK) {
            push_exposition_value(to, name, pairs,
                                  (push_amount_t){view.waiting, 1});
        }
    }
}

static void put_oldest(const push_exposition_t *to)
{
    static const char name[] = "push_trigger_oldest_seconds";
    int64_t now = push_clock_now().wall;

    push_exposition_family(to, name, "gauge",
                           "Since the oldest message that is under way was "
                           "queued.");
    for (unsigned i = 0; rule_at(i); i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {{"trigger", rule_at(i)->name}};
        int64_t oldest = atomic_load(&figures_at(i)->oldest);
        uint64_t ms = oldest && oldest < now ? (uint64_t)(now - oldest) : 0;

        push_exposition_value(to, name, pairs,
                              (push_amount_t){ms * 1000, 1000000});
    }
}

void push_metrics_triggers(const push_exposition_t *to)
{
    if (!push_runtime()->triggers || !push_runtime()->trigger_figures) {
        return;
    }
    put_counts(to, "push_trigger_matches_total",
               "Events that triggers match, and those of timers.", matched);
    put_counts(to, "push_trigger_refused_total",
               "Of them those that the queue did not take.", refused);
    put_requests(to);
    put_durations(to);
    put_counts(to, "push_trigger_messages_total",
               "Messages that triggers published.", published);
    put_counts(to, "push_trigger_retries_total", "Attempts that were put off.",
               retries);
    put_counts(to, "push_trigger_dead_letters_total",
               "Events that were given up.", dead);
    put_waiting(to);
    put_oldest(to);
}
