#ifndef PUSH_NODE_DEPART_H
#define PUSH_NODE_DEPART_H

#include "broker/node/node.h"

/*
 * The end of a node in good order, by the last of its processes.  First, with
 * all threads at work: its devices go to nobody, session and all, so that the
 * next node goes on with them; who asks for one meanwhile gets it.  What fails
 * is tried again.  That takes some seconds at most: what is left comes again as
 * after a kill, as all does where Redis does not answer.  False: another process of the node that ends,
 * too, was quicker.
 */
bool push_depart(push_cluster_t *cluster);

/*
 * Then, if it was this one, with the courier alone: the number is given back,
 * the masters keep no inbox for it, and the other nodes know with their next
 * lease.
 */
void push_depart_resign(push_cluster_t *cluster);

#endif
