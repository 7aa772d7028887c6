#include "http/admin/health.h"

#include <apr_strings.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/whole.h"
#include "http/json.h"
#include "http/params.h"
#include "http/probe.h"
#include "http/runtime.h"

/*
 * A reason makes the server degraded (200): somebody should look, but it works
 * for most; or failing (503): it does not, and traffic should go elsewhere, if
 * there is an elsewhere.  docs/operations.md says what to do about each.
 */

/* So many in a minute are no accident. */
#define DEATHS_DEGRADED 3u

/* Above this only `high` finds room before long. */
#define MEMORY_DEGRADED 95u

/* Percent of the descriptors that are surely in use. */
#define DESCRIPTORS_DEGRADED 90u

bool push_health_well(const push_health_t *health)
{
    return !health->failing && health->died < DEATHS_DEGRADED
           && health->memory_percent <= MEMORY_DEGRADED;
}

/* ---- reasons ---- */

typedef struct {
    apr_pool_t *pool;
    json_t *reasons;
    bool failing;
} verdict_t;

static void give(verdict_t *verdict, const char *reason, const char *detail)
{
    json_array_append_new(verdict->reasons,
                          json_pack("{s:s, s:s}", "reason", reason, "detail",
                                    detail));
}

static void judge_delivery(verdict_t *verdict, const push_proof_t *proof)
{
    for (unsigned i = 0; i < proof->faults_count && i < PUSH_PROBE_FAULTS;
         i++) {
        give(verdict, "delivery",
             apr_psprintf(verdict->pool,
                          "the reactor of child %u (seat %u) did not deliver "
                          "within %u ms",
                          proof->faults[i].pid, proof->faults[i].seat,
                          (unsigned)PUSH_PROBE_MS));
    }
    verdict->failing |= proof->none;
}

static void judge_lock(verdict_t *verdict, const push_proof_t *proof)
{
    if (proof->stuck) {
        give(verdict, "lock",
             apr_psprintf(verdict->pool,
                          "%u of %u parts of the shared memory have a lock "
                          "that some process does not let go of",
                          proof->stuck, (unsigned)PUSH_SHARDS));
        verdict->failing = true;
    }
}

static void judge_state(verdict_t *verdict, const push_health_t *health)
{
    if (health->failing) {
        give(verdict, "state",
             health->refusing
                 ? "the state on disk cannot be written: publishes are refused"
                 : "the state on disk cannot be written");
    }
    verdict->failing |= health->refusing;
}

static void judge_memory(verdict_t *verdict, const push_health_t *health,
                         const push_proof_t *proof)
{
    if (health->memory_percent > MEMORY_DEGRADED || proof->no_room) {
        give(verdict, "memory",
             apr_psprintf(verdict->pool,
                          "%u %% of the shared memory are used (PushShmSize)",
                          health->memory_percent));
    }
}

static void judge_children(verdict_t *verdict, const push_health_t *health)
{
    if (health->died >= DEATHS_DEGRADED) {
        give(verdict, "children",
             apr_psprintf(verdict->pool, "%u children died in the last minute",
                          health->died));
    }
}

static void judge_reactors(verdict_t *verdict)
{
    const push_runtime_t *runtime = push_runtime();

    if (runtime->reactors_count < runtime->reactors_wanted) {
        give(verdict, "reactors",
             apr_psprintf(verdict->pool,
                          "this child has %u of %u reactors (PushReactors)",
                          runtime->reactors_count, runtime->reactors_wanted));
    }
}

/*
 * A new descriptor gets the lowest number that is free, so all below are in
 * use: no walk through thousands of them.
 */
static void judge_descriptors(verdict_t *verdict)
{
    struct rlimit limit = {0};
    int lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);

    getrlimit(RLIMIT_NOFILE, &limit);
    if (lowest >= 0) {
        close(lowest);
    }
    if (lowest < 0
        || (rlim_t)lowest * 100 >= limit.rlim_cur * DESCRIPTORS_DEGRADED) {
        give(verdict, "descriptors",
             apr_psprintf(verdict->pool,
                          "this child has used up its %u descriptors (ulimit "
                          "-n), or nearly",
                          (unsigned)limit.rlim_cur));
    }
}

/* ---- the answer ---- */

/* null: no reactor could be asked, as all are full or about to end. */
static json_t *delivery_json(const push_proof_t *proof)
{
    json_t *delivery;

    if (!proof->through) {
        return json_null();
    }
    delivery = json_object();
    json_object_set_new(delivery, "ms",
                        proof->ms < 0 ? json_null() : json_integer(proof->ms));
    json_object_set_new(delivery, "through", json_integer(proof->through));
    json_object_set_new(delivery, "age_ms",
                        json_integer(push_clock_now().mono - proof->at));
    return delivery;
}

static void judge(verdict_t *verdict, const push_health_t *health,
                  const push_proof_t *proof)
{
    judge_delivery(verdict, proof);
    judge_lock(verdict, proof);
    judge_state(verdict, health);
    judge_memory(verdict, health, proof);
    judge_children(verdict, health);
    judge_reactors(verdict);
    judge_descriptors(verdict);
}

static const char *status_of(const verdict_t *verdict)
{
    return verdict->failing                        ? "failing"
           : json_array_size(verdict->reasons) > 0 ? "degraded"
                                                   : "ok";
}

static int show_all(request_rec *r)
{
    push_broker_t *broker = push_broker();
    verdict_t verdict = {.pool = r->pool, .reasons = json_array()};
    push_health_t health;
    push_proof_t proof;
    json_t *body;

    broker->health(broker, &health);
    push_probe(&proof);
    judge(&verdict, &health, &proof);
    if (verdict.failing) {
        r->status = HTTP_SERVICE_UNAVAILABLE;
    }
    body = json_pack("{s:s, s:o, s:o, s:i, s:o, s:{s:i}}", "status",
                     status_of(&verdict), "reasons", verdict.reasons,
                     "delivery", delivery_json(&proof), "memory_percent",
                     (int)health.memory_percent, "state",
                     push_whole_state(&health), "children", "died",
                     (int)health.died);
    return push_json_send(r, "application/json", body);
}

int push_show_health(request_rec *r, const char *none)
{
    push_params_t params;
    const push_problem_t *problem = push_params_parse(r, &params);

    (void)none;
    if (problem) {
        return push_problem_send(r, problem);
    }
    if (push_params_all(&params, "live")->nelts) {
        return push_json_send(r, "application/json",
                              json_pack("{s:s}", "status", "ok"));
    }
    return show_all(r);
}
