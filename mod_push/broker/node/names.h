#ifndef PUSH_NODE_NAMES_H
#define PUSH_NODE_NAMES_H

#include "broker/node/node.h"

/* A log as Redis names it, with the partition that it lives in. */

typedef struct push_named_log_ref_t {
    char text[1 + PUSH_NAME_MAX];
    uint32_t len;
    unsigned partition;
} push_named_log_ref_t;

/* The name of an audience's log, written into log. */
push_text_t push_names_write(push_log_kind_t kind, push_text_t name,
                             char log[1 + PUSH_NAME_MAX]);

/* The log of an audience; its name is copied. */
void push_names_log(const push_cluster_t *cluster, push_log_kind_t kind,
                    push_text_t name, push_named_log_ref_t *log);

/* The partition of any other name: of a rate, of a ticket. */
unsigned push_names_partition(const push_cluster_t *cluster, push_text_t name);

#endif
