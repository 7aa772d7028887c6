#ifndef PUSH_METRICS_TRIGGERS_H
#define PUSH_METRICS_TRIGGERS_H

#include "http/admin/exposition.h"

/* What this machine's triggers did, and what waits; nothing without any. */
void push_metrics_triggers(const push_exposition_t *to);

#endif
