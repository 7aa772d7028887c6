/*
 * Servers that speak HTTP/2, and what their tests say most.
 */
#ifndef TESTS_H2SERVER_H
#define TESTS_H2SERVER_H

#include "h2.h"
#include "server.h"

/* A server that speaks HTTP/2, with these lines; over TLS too if wanted. The
 * warning that comes with streams over HTTP/2 is allowed. */
struct server *h2_server(const char *lines, bool tls, int children);

/* The same with an MPM of one's choice. */
struct server *h2_server_of(const char *mpm, const char *lines, bool tls,
                            int children);

/* A connection to the server that was started last. */
struct h2 *h2_to(const struct server *s, bool tls);

/* Open a stream of ada's device and wait for its first line; query is what
 * follows "receive?user=ada&". */
struct exchange *h2_receive(struct h2 *c, const char *query);

/* POST a body. */
struct exchange *h2_post(struct h2 *c, const char *target, const char *body);

#endif
