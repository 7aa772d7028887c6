#include "sources/report.h"

#include <http_log.h>

/* What the log is told, as lines of the module. */
#define TELL(worker, level, ...)                                              \
    ap_log_error(__FILE__, __LINE__, (worker)->module, (level), 0,            \
                 (worker)->server, __VA_ARGS__)

static void tell_figures(const push_worker_t *worker, bool connected,
                         int64_t waiting)
{
    APR_OPTIONAL_FN_TYPE(push_source_tell) *tell = APR_RETRIEVE_OPTIONAL_FN(
        push_source_tell);

    if (tell) {
        tell(worker->source, connected, waiting);
    }
}

static void hand_over(push_worker_t *worker, apr_pool_t *pool,
                      push_source_item_t *items, size_t count)
{
    APR_OPTIONAL_FN_TYPE(push_source_take) *take = APR_RETRIEVE_OPTIONAL_FN(
        push_source_take);

    for (size_t i = 0; i < count; i++) {
        items[i].outcome = PUSH_SOURCE_LATER;
        items[i].why = "mod_push is not loaded";
    }
    if (take) {
        take(worker->source, pool, items, count);
    }
}

bool push_report_take(push_worker_t *worker, apr_pool_t *pool,
                      push_source_item_t *items, size_t count)
{
    const push_source_item_t *late = NULL;

    hand_over(worker, pool, items, count);
    for (size_t i = 0; i < count && !late; i++) {
        late = items[i].outcome == PUSH_SOURCE_LATER ? &items[i] : NULL;
    }
    if (late && !worker->waits) {
        TELL(worker, APLOG_WARNING,
             "PUSH0274: source %s: %s has to wait, and all behind it: %s",
             worker->options.name, late->key, late->why);
    }
    else if (!late && worker->waits) {
        TELL(worker, APLOG_NOTICE, "PUSH0275: source %s goes on",
             worker->options.name);
    }
    worker->waits = late != NULL;
    worker->tries = !late || late > items ? 0 : worker->tries;
    return !late;
}

void push_report_refused(const push_worker_t *worker,
                         const push_source_item_t *items, size_t count,
                         const char *place)
{
    const push_source_item_t *first = NULL;
    unsigned refused = 0;

    for (size_t i = 0; i < count; i++) {
        if (items[i].outcome == PUSH_SOURCE_REFUSED) {
            first = first ? first : &items[i];
            refused++;
        }
    }
    if (refused) {
        TELL(worker, APLOG_WARNING,
             "PUSH0276: source %s: %u refused, now in %s; the first, %s: %s",
             worker->options.name, refused, place, first->key, first->why);
    }
}

void push_report_away(push_worker_t *worker, const char *why)
{
    if (!worker->away) {
        TELL(worker, APLOG_WARNING, "PUSH0277: source %s: %s",
             worker->options.name, why);
    }
    worker->away = true;
    tell_figures(worker, false, -1);
}

void push_report_well(push_worker_t *worker, int64_t waiting)
{
    if (worker->away) {
        TELL(worker, APLOG_NOTICE, "PUSH0278: source %s is reached again",
             worker->options.name);
    }
    worker->away = false;
    tell_figures(worker, true, waiting);
}

bool push_report_pause(push_worker_t *worker)
{
    return push_worker_pause(worker, push_worker_backoff(worker->tries++));
}
