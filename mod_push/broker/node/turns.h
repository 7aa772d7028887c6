#ifndef PUSH_NODE_TURNS_H
#define PUSH_NODE_TURNS_H

#include <stdint.h>

/* Shards that have their turn, one after the other, each once a round. */

/* first, and so many; behind the last shard comes shard 0. */
typedef struct push_turns_t {
    unsigned first;
    unsigned count;
} push_turns_t;

/*
 * Those whose turn came after `before` and not after now (mono ms), of rounds
 * of this length (ms; a second at least).  Each shard once at most, however
 * long that was.
 */
push_turns_t push_turns_between(int64_t before, int64_t now, int64_t round);

#endif
