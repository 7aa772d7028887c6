#include "server/process_triggers.h"

#include "triggers/triggers.h"

/* Set by the parent before it forks; read by the children. */
static const apr_array_header_t *rules;

void push_process_triggers_prepare(const push_global_t *global)
{
    rules = global->rules;
}

void push_process_triggers_make(apr_pool_t *child, push_runtime_t *runtime,
                                server_rec *s)
{
    runtime->triggers =
        rules ? push_triggers_create(child, s, rules, &runtime->broker) : NULL;
}
