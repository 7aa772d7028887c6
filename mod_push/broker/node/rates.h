#ifndef PUSH_NODE_RATES_H
#define PUSH_NODE_RATES_H

#include "broker/node/node.h"

/*
 * Limits that all nodes share.  A user's rate is exact: most publishes have it
 * in their own call, see push_publication_t, others take one more.  A
 * publisher's tokens are taken in lots of what may come in 100 ms, which a
 * process keeps for as long.
 */

/* As take() of the broker.  Where Redis does not say, it is let through. */
bool push_rates_take(push_cluster_t *cluster, push_rate_kind_t kind,
                     push_text_t name, uint32_t limit, push_rate_t *rate);

/* As use() of the broker.  PUSH_BUSY: nobody can say. */
push_status_t push_rates_use(push_cluster_t *cluster, push_text_t ticket,
                             int64_t until);

/* As differs() of the broker. */
bool push_rates_differs(push_cluster_t *cluster, push_text_t name,
                        int64_t value, int64_t until);

#endif
