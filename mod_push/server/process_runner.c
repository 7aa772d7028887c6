#include "server/process_runner.h"

#include <http_log.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "http/runtime.h"
#include "triggers/run/runner.h"

APLOG_USE_MODULE(push);

/* Set by the parent before it forks; read by the children. */
static push_trigger_figures_t *figures;
static size_t figures_size;
static push_signer_t *signers;

/* A child's own. */
static push_runner_t *_Atomic runner;

/* ---- the parent ---- */

static apr_status_t give_back(void *data)
{
    (void)data;
    push_runtime_own()->trigger_figures = NULL;
    munmap(figures, figures_size);
    figures = NULL;
    return APR_SUCCESS;
}

/* Small, and what was counted before is gone with a restart. */
static bool make_figures(server_rec *s, unsigned count)
{
    void *base;

    figures_size = count * sizeof(*figures);
    base = mmap(NULL, figures_size, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, errno, s,
                     "PUSH0245: cannot make the memory of what is counted of "
                     "%u triggers",
                     count);
        return false;
    }
    figures = base;
    push_runtime_own()->trigger_figures = figures;
    apr_pool_cleanup_register(s->process->pconf, NULL, give_back,
                              apr_pool_cleanup_null);
    return true;
}

static bool load_signer(server_rec *s, const push_rule_t *rule,
                        push_signer_t *signer)
{
    const char *secret = rule->pull.url ? rule->pull.secret
                                        : rule->post.secret;
    const char *wrong = secret ? push_signer_load(signer, secret) : NULL;

    if (wrong) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "PUSH0246: <PushTrigger %s> secret=%s: %s", rule->name,
                     secret, wrong);
    }
    return !wrong;
}

bool push_process_runner_prepare(server_rec *s, const push_global_t *global)
{
    int count = global->rules ? global->rules->nelts : 0;

    signers = apr_pcalloc(s->process->pconf,
                          (apr_size_t)(count + 1) * sizeof(*signers));
    for (int i = 0; i < count; i++) {
        if (!load_signer(s, APR_ARRAY_IDX(global->rules, i, push_rule_t *),
                         &signers[i])) {
            return false;
        }
    }
    return !count || make_figures(s, (unsigned)count);
}

/* ---- a child ---- */

void push_process_runner_start(server_rec *s)
{
    push_runtime_t *runtime = push_runtime();
    push_runner_options_t options = {
        .server = s,
        .settings = ap_get_module_config(s->lookup_defaults, &push_module),
        .signers = signers,
        .figures = figures};

    if (!runtime || !runtime->triggers) {
        return;
    }
    options.broker = &runtime->broker;
    options.triggers = runtime->triggers;
    atomic_store(&runner, push_runner_start(&options));
    if (!atomic_load(&runner)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     "PUSH0247: this child does nothing of what triggers "
                     "want: its thread cannot be started");
    }
}

void push_process_runner_leave(int64_t ms)
{
    push_runner_t *leaving = atomic_load(&runner);

    if (leaving) {
        push_runner_leave(leaving, push_clock_now().mono + ms);
    }
}

void push_process_runner_part(void)
{
    push_runner_t *leaving = atomic_load(&runner);

    if (leaving) {
        push_runner_part(leaving);
    }
}

/* A signal may have it leave meanwhile, until nothing names it. */
void push_process_runner_stop(void)
{
    push_runner_t *stopped = atomic_load(&runner);

    if (stopped) {
        push_runner_stop(stopped);
        atomic_store(&runner, NULL);
        push_runner_destroy(stopped);
    }
}
