#ifndef CS_WIRE_H
#define CS_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "simulation/cluster/faults.h"
#include "unit/core_suite.h"

/*
 * Between nodes and Redis: it stands for redis/courier.c, client.c and wakes.c.
 * A command arrives some time after it was sent, and its reply some time after
 * that, each connection's in their order; either may get lost with the
 * connection, and a wake alone.
 */

void cs_wire_reset(dice_t *d, cs_fault_t fault);

/* What is due now: true if something was done. */
bool cs_wire_turn(void);

/* When the next of it is due. */
int64_t cs_wire_next(void);

/* ---- faults ---- */

/* All connections of the node are gone, and none is made until then. */
void cs_wire_cut(int node, int64_t until);
bool cs_wire_is_cut(int node);

/* The node is no more: what it sent may still arrive. */
void cs_wire_drop(int node);

/* Of so many replies or wakes one is lost until then; 0: none. */
void cs_wire_lossy(uint32_t replies, uint32_t wakes);

/* ---- for the link's poll() ---- */

bool cs_wire_has_news(int node);
const void *cs_wire_bell(int node);

#endif
