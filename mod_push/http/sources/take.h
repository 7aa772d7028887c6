#ifndef PUSH_SOURCES_TAKE_H
#define PUSH_SOURCES_TAKE_H

#include "http/settings.h"
#include "sources/source.h"

/* What is handed over by sources: it is published, or matched by triggers. */

typedef struct push_source_taking_t {
    const push_settings_t *settings;
    push_text_t who;                   /* whose rate and keys they count for */
    const apr_array_header_t *allowed; /* const char *: scopes */
    int64_t now;                       /* wall ms */
} push_source_taking_t;

/* As push_source_take() of sources/source.h, in a process with reactors. */
void push_sources_take(const push_source_taking_t *taking, apr_pool_t *pool,
                       push_source_item_t *items, size_t count);

#endif
