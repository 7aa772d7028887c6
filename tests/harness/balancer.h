/*
 * A balancer in front of several servers. It asks no server for more than
 * whether it lives, and gives requests to each in turn, so that a client's
 * requests scatter. What is returned can be asked like a server.
 */
#ifndef HARNESS_BALANCER_H
#define HARNESS_BALANCER_H

#include <stdbool.h>

#include "server.h"

/* httpd with mod_proxy_balancer, which has a thread for each of up to 400
 * streams. It ends with the test, as other servers do. */
struct server *balancer_httpd(struct server *const *nodes, int count);

/* HAProxy with the lines of conf/examples/haproxy.cfg, but that it gives to
 * each server in turn. It ends with the test; balancer_kill() ends it now. */
struct server *balancer_haproxy(struct server *const *nodes, int count);

/* End HAProxy and with it all connections through it. */
void balancer_kill(struct server *balancer);

#endif
