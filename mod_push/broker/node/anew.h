#ifndef PUSH_NODE_ANEW_H
#define PUSH_NODE_ANEW_H

#include "store/shm/cluster_words.h"

/*
 * Partitions of which Redis has lost what it knew of this node's devices, or
 * may not have told what became of them: all that are ours there are written
 * again.  It stands in the words, as who has the link may die before it is
 * done; then another one does it.
 */

/* Any thread: all of this partition are. */
void push_anew(push_cluster_words_t *words, unsigned partition);

/* All of every partition. */
void push_anew_all(push_cluster_words_t *words);

/* One that is to be written; number is for push_anew_done(). */
typedef struct push_anew_t {
    unsigned partition;
    uint16_t number;
} push_anew_t;

/* The first one from `partition` on; false: there is none. */
bool push_anew_next(const push_cluster_words_t *words, unsigned partition,
                    push_anew_t *anew);

/* All there have joined those that lag behind; what was wanted meanwhile is
 * still to be done. */
void push_anew_done(push_cluster_words_t *words, const push_anew_t *anew);

#endif
