/*
 * What became of messages that were accepted and did not arrive: for whoever
 * has to find out why.
 */
#ifndef CHAOS_CLUSTER_LOST_H
#define CHAOS_CLUSTER_LOST_H

#include "cluster_scene.h"

/* Prints of some of those that the journal says are lost what Redis and each
 * node have of them. Their clients have to be there still. */
void lost_show(const struct scene *scene);

#endif
