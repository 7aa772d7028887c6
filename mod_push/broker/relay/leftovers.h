#ifndef PUSH_RELAY_LEFTOVERS_H
#define PUSH_RELAY_LEFTOVERS_H

#include "broker/relay/state.h"

/*
 * What waits and nobody sends: since its sender died, or Redis did not answer
 * it.  One child a node asks each master once a second which partitions have
 * something; and asks partitions themselves where the master cannot know: when
 * its library is another one, and when they have moved there.
 */

typedef struct push_leftovers_t push_leftovers_t;

/* NULL: no memory. */
push_leftovers_t *push_leftovers_create(push_relay_t *relay);

/* Once none of its calls is on its way. */
void push_leftovers_destroy(push_leftovers_t *leftovers);

/* Asks, if it is time to. */
void push_leftovers_turn(push_leftovers_t *leftovers, int64_t now);

/* When it is time next. */
int64_t push_leftovers_until(const push_leftovers_t *leftovers);

#endif
