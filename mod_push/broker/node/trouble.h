#ifndef PUSH_TROUBLE_H
#define PUSH_TROUBLE_H

#include "broker/node/node.h"
#include "redis/client.h"

/* What the link's client sees of a master is reported. */
void push_trouble_report(const push_cluster_options_t *options,
                         const push_redis_trouble_t *trouble);

#endif
