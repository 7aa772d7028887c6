#ifndef PUSH_NODE_FROZEN_H
#define PUSH_NODE_FROZEN_H

#include "store/shm/cluster_words.h"

/*
 * Nodes that are asked for devices and do not answer: a frozen one must not
 * hold a thread for a second for each of its clients.  After three time-outs
 * it is not asked for ten seconds.  Any thread.
 */

/* It is not to be asked now. */
bool push_frozen(const push_cluster_words_t *words, uint16_t owner);

void push_frozen_answered(push_cluster_words_t *words, uint16_t owner);
void push_frozen_missed(push_cluster_words_t *words, uint16_t owner);

#endif
