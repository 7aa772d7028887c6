#include "triggers/run/timers.h"

#include <apr_strings.h>
#include <http_log.h>

#include "triggers/run/contexts.h"
#include "triggers/run/work.h"

APLOG_USE_MODULE(push);

#define LATE_MS     120000 /* made up for after a take-over */
#define COMPLAIN_MS 60000  /* between two lines of the log on one trigger */

/* ---- the event ---- */

static const char *make_event(push_backlog_t *queue, int64_t wall,
                              push_trigger_event_t *event)
{
    apr_pool_t *pool = queue->runner->turn;
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s}", "specversion", "1.0", "type", PUSH_TIMER_TYPE,
        "source",
        apr_pstrcat(pool, "/push/triggers/", queue->rule->name, NULL), "id",
        apr_psprintf(pool, "%" APR_INT64_T_FMT, wall));

    return push_trigger_event_init(pool, object, wall, event);
}

static bool is_followed(push_backlog_t *queue,
                        const push_trigger_event_t *event)
{
    apr_pool_t *pool = queue->runner->turn;

    for (unsigned i = 0; i < queue->rule->targets_count; i++) {
        const push_rule_target_t *target = &queue->rule->targets[i];
        const char *name = target->name
                               ? push_template_fill(target->name, pool, event)
                               : NULL;
        json_t *to = json_pack("{s:s*, s:b}",
                               target->kind == PUSH_LOG_CHANNEL ? "channel"
                                                                : "user",
                               name, "connected", 1);
        bool connected = push_contexts_connected(queue->runner->options.broker,
                                                 to);

        json_decref(to);
        if (connected) {
            return true;
        }
    }
    return false;
}

static void complain(push_backlog_t *queue)
{
    int64_t now = push_clock_now().mono;

    if (now >= queue->complain_next) {
        queue->complain_next = now + COMPLAIN_MS;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0,
                     queue->runner->options.server,
                     "PUSH0248: trigger %s: an event of its timer is lost, as "
                     "its queue or the memory is full",
                     queue->rule->name);
    }
}

/* False: it could not be queued; it is tried again. */
static bool fire(push_backlog_t *queue, int64_t wall)
{
    push_trigger_event_t event;
    push_status_t status = PUSH_OK;

    if (make_event(queue, wall, &event)) {
        return true;
    }
    if (!queue->rule->while_subscribed || is_followed(queue, &event)) {
        status = push_triggers_queue(queue->runner->options.triggers,
                                     queue->runner->turn, queue->rule, &event);
    }
    push_trigger_event_cleanup(&event);
    if (status == PUSH_MAILBOX_FULL || status == PUSH_NO_MEMORY) {
        complain(queue);
    }
    return status != PUSH_BUSY && status != PUSH_NO_STATE;
}

/* ---- when ---- */

/* While the one before is not over, none is made. */
static void turn_every(push_backlog_t *queue, int64_t wall)
{
    int64_t slot = wall / queue->rule->every;

    if (slot > queue->tick && !queue->works
        && fire(queue, slot * queue->rule->every)) {
        queue->tick = slot;
    }
}

static void turn_at(push_backlog_t *queue, int64_t wall)
{
    int64_t next;

    if (!queue->tick) {
        queue->tick = wall - LATE_MS;
    }
    next = push_cron_next(queue->rule->at, queue->tick);
    if (next && next <= wall && fire(queue, next)) {
        queue->tick = next;
    }
}

void push_timers_turn(push_backlog_t *queue, const push_time_t *now)
{
    if (queue->inlet.fd < 0) {
        return;
    }
    if (queue->rule->every) {
        turn_every(queue, now->wall);
    }
    else if (queue->rule->at) {
        turn_at(queue, now->wall);
    }
}

int64_t push_timers_until(const push_backlog_t *queue, const push_time_t *now)
{
    int64_t every = queue->rule->every;
    int64_t next = 0;

    if (queue->inlet.fd < 0) {
        return INT64_MAX;
    }
    if (every) {
        next = now->wall + every - now->wall % every;
    }
    else if (queue->rule->at) {
        next = push_cron_next(queue->rule->at, queue->tick);
    }
    return next ? now->mono + next - now->wall : INT64_MAX;
}
