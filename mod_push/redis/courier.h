#ifndef PUSH_REDIS_COURIER_H
#define PUSH_REDIS_COURIER_H

#include "redis/client.h"

/*
 * The thread of a process that speaks with Redis for all the others.  Commands
 * are pipelined as they come.  Where replicas are asked for, they go in lots,
 * each with one WAIT at its end, over two connections in turn: what comes while
 * both wait is the next lot.
 *
 * While a master is known to be away, what is for it fails at once.  With
 * 4,096 commands or 8 MiB under way to a master, whoever sends waits.
 */

typedef struct push_courier_t push_courier_t;

#define PUSH_COURIER_COMMANDS 4096u
#define PUSH_COURIER_BYTES    ((size_t)8 << 20)

/*
 * Starts the thread, which no signal reaches; after the fork.  Copies hooks,
 * borrows settings until the stop.  NULL, with errno.
 */
push_courier_t *push_courier_start(const push_redis_settings_t *settings,
                                   const push_client_hooks_t *hooks);

/* All requests are over then (STOPPED or UNKNOWN).  Joins the thread. */
void push_courier_stop(push_courier_t *courier);

/* Any thread, also within done(): there it never waits. */
void push_courier_send(push_courier_t *courier, push_request_t *request);

/* Waits until the request is over, at its deadline at the latest. */
void push_courier_wait(push_courier_t *courier, push_request_t *request);

/* Both; returns the failure. */
push_failure_t push_courier_call(push_courier_t *courier,
                                 push_request_t *request);

/*
 * Sends a command to every master, and waits for all.  fill() makes the
 * command, seen() (or NULL) gets each request that is over.  Returns the first
 * failure; AWAY if no master is known.
 */
typedef struct push_courier_every_t {
    void (*fill)(void *data, push_command_t *command);
    void (*seen)(void *data, const push_request_t *request);
    void *data;
    int64_t deadline; /* as of a request; 0: in a second */
} push_courier_every_t;
push_failure_t push_courier_every(push_courier_t *courier,
                                  const push_courier_every_t *every);

/* The index of the partition's master, or PUSH_NO_MASTER; any thread. */
unsigned push_courier_master(push_courier_t *courier, unsigned partition);

/* As of the last turn of the thread. */
void push_courier_figures(push_courier_t *courier,
                          push_client_figures_t *figures);

#endif
