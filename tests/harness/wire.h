/*
 * A connection to a server, byte by byte: what http and stream stand on.
 */
#ifndef HARNESS_WIRE_H
#define HARNESS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server.h"

struct wire {
    int fd;             /* non-blocking; -1 once closed */
    bool ended;         /* the peer closed its side */
    bool reset;         /* ended, and by a reset */
    char *bytes;        /* received and not yet taken, then a NUL */
    size_t used;        /* how many */
    size_t room;        /* size of bytes */
    uint64_t total;     /* received in all */
    int64_t last_bytes; /* when the last bytes came (ms, monotonic) */
};

/* Connect; receive_buffer > 0 asks for a socket buffer of so many bytes. */
struct wire *wire_open(const struct server *s, int receive_buffer);

/* Send all; fails the test when that takes longer than WAIT_MS. The peer may
 * have closed: then the rest is dropped and false returned. */
bool wire_send(struct wire *w, const void *bytes, size_t length);

/* Receive what is there, waiting for it until the monotonic time deadline
 * (ms). False where nothing came: the deadline passed or the peer is gone. */
bool wire_receive(struct wire *w, int64_t deadline);

/* Drop the first length bytes of what was received. */
void wire_take(struct wire *w, size_t length);

/* Close now. */
void wire_close(struct wire *w);

#endif
