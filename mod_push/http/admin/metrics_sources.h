#ifndef PUSH_METRICS_SOURCES_H
#define PUSH_METRICS_SOURCES_H

#include "http/admin/exposition.h"

/* What sources brought, and what waits there; nothing without any. */
void push_metrics_sources(const push_exposition_t *to);

#endif
