#ifndef PUSH_DOUBT_H
#define PUSH_DOUBT_H

#include "broker/node/node.h"

/*
 * A device that is here and ours, but may be another node's by now, since the
 * inbox that would say so was not read for a while: then Redis is asked, and it
 * goes if it is.  True if Redis did not say.
 */
bool push_doubt_see(push_cluster_t *cluster, push_text_t user,
                    const unsigned char *id, const push_time_t *now);

#endif
