#ifndef PUSH_PROCESS_TRIGGERS_H
#define PUSH_PROCESS_TRIGGERS_H

#include "feeds/feeds.h"
#include "http/runtime.h"

/* The triggers of each child. */

/* In the parent, before it forks. */
void push_process_triggers_prepare(const push_global_t *global);

/* In a child whose broker stands: what its requests ask. */
void push_process_triggers_make(apr_pool_t *child, push_runtime_t *runtime,
                                server_rec *s);

/* Has rules hear of the server's own events, as far as they name them. */
void push_process_triggers_listen(push_feeds_options_t *options);

#endif
