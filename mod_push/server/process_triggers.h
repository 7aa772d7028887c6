#ifndef PUSH_PROCESS_TRIGGERS_H
#define PUSH_PROCESS_TRIGGERS_H

#include "http/runtime.h"

/* The triggers of each child. */

/* In the parent, before it forks. */
void push_process_triggers_prepare(const push_global_t *global);

/* In a child whose broker stands: what its requests ask. */
void push_process_triggers_make(apr_pool_t *child, push_runtime_t *runtime,
                                server_rec *s);

#endif
