#ifndef CS_THREADS_H
#define CS_THREADS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The threads of nodes, as far as these are any: each has a stack of its own
 * and runs until it waits; who goes on then the dice say.  The linker puts the
 * functions of threads.c between the module and the C library (build.mk,
 * --wrap), so the module's own threads run here, on a clock that moves only
 * when all of them wait.
 */

#define CS_NODES   3
#define CS_NOBODY  (-1) /* the simulation itself */
#define CS_FOREVER INT64_MAX
#define CS_START   1000000 /* ms of the true time at which a story begins */

/* ---- time, in ms ---- */

int64_t cs_now(void);
void cs_pass(int64_t ms);

/* By so much a node's wall clock is ahead from now on.  Its mono clock began
 * at another time than the others'. */
void cs_clock_set(int node, int64_t ahead);

/* The wall clock that all have who are not said to be off. */
int64_t cs_wall(void);

/* ---- threads ---- */

/* All begin anew; what is left of others is freed. */
void cs_threads_reset(void);

/* A thread of the node. */
void cs_thread_start(int node, void *(*run)(void *), void *data);

/* Of a node that dies: none of its threads goes on. */
void cs_threads_end(int node);

/* None of its threads runs before that. */
void cs_pause(int node, int64_t until);
bool cs_is_paused(int node);

/*
 * The running thread waits until it is rung by this address, or until then;
 * true: it was rung.
 */
bool cs_wait(const void *on, int64_t until);
void cs_ring(const void *on);

/* How many could go on now, and lets one of them do so. */
unsigned cs_threads_ready(void);
void cs_thread_run(unsigned which);

/* When the next one wakes by itself. */
int64_t cs_threads_next(void);

/* ---- who runs ---- */

/* The node whose clock the module sees; or CS_NOBODY. */
int cs_node(void);

/* For what a node's code does outside of its threads; gives who it was. */
int cs_enter(int node);

#endif
