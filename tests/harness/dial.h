/*
 * Connections to a port of 127.0.0.1, as bare descriptors. Nothing here fails
 * a test, so children of one may use it.
 */
#ifndef HARNESS_DIAL_H
#define HARNESS_DIAL_H

/* Connects; receive_buffer > 0 asks for a socket buffer of so many bytes. -1
 * with errno. */
int dial(int port, int receive_buffer);

/* The same without waiting: non-blocking, and maybe still on its way. */
int dial_begin(int port);

#endif
