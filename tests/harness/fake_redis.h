/*
 * A Redis for tests of its client, which answers as it is told: any error, cut
 * at any byte, late or never. A thread on a free port of 127.0.0.1. What
 * nobody told it, it answers as a single Redis would that is well.
 */
#ifndef HARNESS_FAKE_REDIS_H
#define HARNESS_FAKE_REDIS_H

#include <stdbool.h>
#include <stddef.h>

struct fake_redis;

/* Aborts the process when there is no port, thread or memory. */
struct fake_redis *fake_redis_start(void);
void fake_redis_stop(struct fake_redis *fake);

int fake_redis_port(const struct fake_redis *fake);

/* The next command that begins with these words gets these bytes; several for
 * the same words are used up in their order. */
void fake_redis_answer(struct fake_redis *fake, const char *words,
                       const char *bytes);

/* The same for all such commands, behind those of fake_redis_answer(). */
void fake_redis_always(struct fake_redis *fake, const char *words,
                       const char *bytes);

/* The next such command gets the first bytes of its answer, and then the
 * connection is closed. */
void fake_redis_cut(struct fake_redis *fake, const char *words,
                    const char *bytes, size_t count);

/* It reads nothing, as one that is stopped; new connections wait. */
void fake_redis_freeze(struct fake_redis *fake, bool frozen);

/* Closes all connections. */
void fake_redis_hang_up(struct fake_redis *fake);

/* Writes to all connections. */
void fake_redis_say(struct fake_redis *fake, const char *bytes);

/* How many commands that begin with these words have come. */
unsigned fake_redis_count(struct fake_redis *fake, const char *words);

/* How many connections there have been. */
unsigned fake_redis_connections(struct fake_redis *fake);

#endif
