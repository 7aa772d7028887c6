#include "triggers/run/dead.h"

#include <apr_strings.h>
#include <poll.h>
#include <pthread.h>

#include "http/runtime.h"
#include "stream/loop/reactor.h"
#include "triggers/errand.h"
#include "triggers/run/inlet.h"
#include "triggers/run/work.h"

/*
 * They are read as a queue is, by a device of their own that acknowledges
 * nothing; so nothing of it depends on where a message lies.
 */

#define READ_MS 2000

static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;

const char *push_dead_user(apr_pool_t *pool, const push_rule_t *rule)
{
    return apr_pstrcat(pool, PUSH_DEAD_PREFIX, rule->name, NULL);
}

static void take(apr_pool_t *pool, push_inlet_t *inlet,
                 apr_array_header_t *letters)
{
    push_sse_block_t block;

    while (push_inlet_next(inlet, &block)) {
        APR_ARRAY_PUSH(letters, push_dead_t) = (push_dead_t){
            .mid = block.mid,
            .data = {apr_pstrmemdup(pool, block.data.at, block.data.len),
                     block.data.len}};
    }
}

/* Until so many are there, or no more come in time. */
static push_status_t read_all(apr_pool_t *pool, push_inlet_t *inlet,
                              uint64_t count, apr_array_header_t *letters)
{
    int64_t deadline = push_clock_now().mono + READ_MS;
    struct pollfd wait = {.fd = inlet->fd, .events = POLLIN};

    while ((uint64_t)letters->nelts < count) {
        int64_t left = deadline - push_clock_now().mono;

        if (left <= 0 || poll(&wait, 1, (int)left) <= 0
            || !push_inlet_read(inlet)) {
            return PUSH_BUSY;
        }
        take(pool, inlet, letters);
    }
    return PUSH_OK;
}

static push_status_t read_user(apr_pool_t *pool, push_broker_t *broker,
                               const char *user, apr_array_header_t *letters,
                               bool *more)
{
    const push_inlet_ask_t ask = {.user = user, .window = PUSH_DEAD_MAX};
    push_reservation_t reservation;
    push_inlet_view_t view;
    push_inlet_t inlet;
    push_status_t status;

    if (!push_runtime_reserve(false, &reservation)) {
        return PUSH_TOO_MANY;
    }
    status = push_inlet_open(&inlet, broker, &ask, &reservation);
    if (status != PUSH_OK) {
        return status;
    }
    status = push_inlet_read_view(broker, user, &view);
    *more = view.waiting > PUSH_DEAD_MAX;
    if (status == PUSH_OK) {
        status = read_all(pool, &inlet, *more ? PUSH_DEAD_MAX : view.waiting,
                          letters);
    }
    push_inlet_close(&inlet);
    return status;
}

push_status_t push_dead_read(apr_pool_t *pool, push_broker_t *broker,
                             const push_rule_t *rule,
                             apr_array_header_t **letters, bool *more)
{
    push_status_t status;

    *letters = apr_array_make(pool, 16, sizeof(push_dead_t));
    *more = false;
    if (pthread_mutex_trylock(&reading)) {
        return PUSH_BUSY;
    }
    status = read_user(pool, broker, push_dead_user(pool, rule), *letters,
                       more);
    pthread_mutex_unlock(&reading);
    return status;
}

push_status_t push_dead_forget(apr_pool_t *pool, push_broker_t *broker,
                               const push_rule_t *rule, uint64_t mid)
{
    const char *user = push_dead_user(pool, rule);
    const push_sought_t sought = {
        .mid = mid,
        .addressed = true,
        .audience = {.kind = PUSH_LOG_USER,
                     .name = {user, (uint32_t)strlen(user)}}};
    push_time_t now = push_clock_now();
    uint32_t recalled;

    return broker->recall(broker, &sought, &now, &recalled);
}

const char *push_dead_revive(apr_pool_t *pool, const push_rule_t *rule,
                             push_text_t data)
{
    push_trigger_event_t event;
    push_errand_t errand;
    const char *payload;

    if (!push_errand_read(pool, data, &event, &errand)) {
        return NULL;
    }
    json_object_del(event.json, PUSH_WORK_SINCE);
    json_object_del(event.json, PUSH_WORK_AFTER);
    json_object_del(event.json, PUSH_WORK_ERROR);
    errand.rule = rule->name;
    errand.attempt = 0;
    payload = push_errand_write(pool, &event, &errand);
    push_trigger_event_cleanup(&event);
    return payload;
}
