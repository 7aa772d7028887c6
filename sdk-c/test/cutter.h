/*
 * cutter.h - a relay between clients and a server that breaks connections.
 *
 * Keeps one port while the server behind it moves to others.
 */
#ifndef PUSHC_TEST_CUTTER_H
#define PUSHC_TEST_CUTTER_H

struct cutter;

/* Relay to 127.0.0.1:port; 0: nobody, connections are closed at once. */
struct cutter *cutter_start(int port);
void cutter_stop(struct cutter *c);

/* The port of the relay. */
int cutter_port(const struct cutter *c);

/* New connections go to another port. */
void cutter_move(struct cutter *c, int port);

/* Cut each new connection after a random number of bytes of the answer, up
 * to max; 0: no more. */
void cutter_random(struct cutter *c, unsigned seed, int max);

/* Cut all connections that are open. */
void cutter_cut(struct cutter *c);

/* Let nothing through in either direction, without closing anything. */
void cutter_freeze(struct cutter *c, int frozen);

/* How many connections were cut, by chance and by order. */
int cutter_cuts(struct cutter *c);

#endif
