/*
 * What is done to a server while the actors of a loop go on.
 */
#ifndef CHAOS_FAULTS_H
#define CHAOS_FAULTS_H

#include "chaos.h"
#include "loop.h"
#include "server.h"

/* Restart gracefully; go on until every child is a new one. */
void fault_graceful(struct loop *loop, const struct server *s);

/* Restart at once (SIGHUP); go on until every child is a new one. */
void fault_restart(struct loop *loop, const struct server *s);

/* SIGKILL one of the children, by the dice. False where only one lives. */
bool fault_kill(const struct server *s, struct dice *d);


#endif
