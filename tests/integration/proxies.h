/*
 * Proxies in front of a server, each a process of its own, configured by the
 * lines that docs/operations.md tells users to copy.
 */
#ifndef INTEGRATION_PROXIES_H
#define INTEGRATION_PROXIES_H

#include <stddef.h>

#include "server.h"

struct proxy_kind;

/* All kinds of proxy; proxy_kind_count of them. */
extern const struct proxy_kind *const proxy_kinds[];
extern const size_t proxy_kind_count;

/* Start a proxy in front of a server and wait until it listens. It gives up a
 * connection on which nothing came for so many seconds. What is returned can
 * be asked like a server; it ends with the test. */
struct server *proxy_start(const struct proxy_kind *kind,
                           const struct server *back, int idle_seconds);

/* End it now, with all connections through it. */
void proxy_stop(struct server *proxy);

#endif
