/*
 * A network of its own for one test: the process and the servers it starts
 * live on one side of a pair of virtual interfaces, its clients on the other.
 * All of it goes with the process.
 */
#ifndef CHAOS_NAMESPACE_H
#define CHAOS_NAMESPACE_H

#include <stdbool.h>

#define NAMESPACE_SERVER "10.77.0.1" /* where a server listens for clients */
#define NAMESPACE_CLIENT "10.77.0.2"

/* Whether this machine lets us make one. */
bool namespace_is_permitted(void);

/* Enter a new network, with clients' side next to it. Returns the side of the
 * clients: a number for the functions below, and for crowd_options.netns. */
int namespace_make(void);

/* A non-blocking TCP socket on that side; 0 is this process's own. -1 with
 * errno where there is none. */
int namespace_socket(int netns);

/* Run the calling thread, and what it starts, on that side, until
 * namespace_leave(). */
void namespace_enter(int netns);
void namespace_leave(void);

/* From now on each side finds at its 127.0.0.1 what listens at the other's:
 * there this one port, here all others. A server there sees that its peers
 * are NAMESPACE_SERVER, as one here sees NAMESPACE_CLIENT. */
void namespace_share(int netns, int port);

/* Lose what passes between the two sides, in both directions: a part of the
 * packets from 0 (none) to 1 (all). */
void namespace_lose(double part);

/* Take the link down, or up again. */
void namespace_link(bool up);

#endif
