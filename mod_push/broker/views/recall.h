#ifndef PUSH_VIEWS_RECALL_H
#define PUSH_VIEWS_RECALL_H

#include "broker/node/names.h"

/*
 * As recall() of the broker.  Where the audience is not said, all nodes are
 * asked who has the message.
 */
push_status_t push_views_recall(push_cluster_t *cluster,
                                const push_sought_t *message,
                                const push_time_t *now, uint32_t *recalled);

#endif
