#ifndef PUSH_SERVER_NAMES_H
#define PUSH_SERVER_NAMES_H

#include <httpd.h>

#include "store/shard/store.h"

/*
 * This process counts by the names of PushMetricsEvents (push_class_name_t;
 * NULL: none) from now on.  The first child of a configuration says what comes
 * of them.
 */
void push_names_give(push_store_t *store, const apr_array_header_t *names,
                     server_rec *s);

#endif
