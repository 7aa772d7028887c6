#include "http/admin/metrics_sources.h"

#include "http/sources/figures.h"

/*
 * Labelled by the name of a source, of which the configuration says how many
 * there are.
 */

/* False: nobody knows it. */
typedef bool figure_t(const push_source_figures_t *figures, uint64_t *value);

static bool taken(const push_source_figures_t *figures, uint64_t *value)
{
    *value = atomic_load(&figures->taken);
    return true;
}

static bool refused(const push_source_figures_t *figures, uint64_t *value)
{
    *value = atomic_load(&figures->refused);
    return true;
}

static bool put_off(const push_source_figures_t *figures, uint64_t *value)
{
    *value = atomic_load(&figures->put_off);
    return true;
}

static bool connected(const push_source_figures_t *figures, uint64_t *value)
{
    *value = atomic_load(&figures->connected);
    return true;
}

static bool waiting(const push_source_figures_t *figures, uint64_t *value)
{
    int64_t count = atomic_load(&figures->waiting);

    *value = (uint64_t)count;
    return count >= 0;
}

static const struct {
    const char *name, *type, *help;
    figure_t *figure;
} rows[] = {
    {"push_source_taken_total", "counter",
     "Lines and events of sources that are safe.", taken},
    {"push_source_refused_total", "counter",
     "Lines and events of sources that were refused for good.", refused},
    {"push_source_put_off_total", "counter",
     "Times that a line or an event of a source had to wait.", put_off},
    {"push_source_connected", "gauge", "Whether a source is reached.",
     connected},
    {"push_source_waiting", "gauge",
     "Entries or rows at the source that are not safe yet.", waiting}};

static void put_row(const push_exposition_t *to, size_t row)
{
    const push_source_figures_t *figures;

    push_exposition_family(to, rows[row].name, rows[row].type, rows[row].help);
    for (unsigned i = 0; push_source_at(i, &figures); i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {
            {"source", push_source_at(i, &figures)}};
        uint64_t value;

        if (rows[row].figure(figures, &value)) {
            push_exposition_value(to, rows[row].name, pairs,
                                  (push_amount_t){value, 1});
        }
    }
}

void push_metrics_sources(const push_exposition_t *to)
{
    const push_source_figures_t *figures;

    for (size_t row = 0;
         push_source_at(0, &figures) && row < sizeof(rows) / sizeof(*rows);
         row++) {
        put_row(to, row);
    }
}
