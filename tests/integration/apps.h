/*
 * Applications behind httpd, each as real sites have it: Node behind
 * mod_proxy_http, PHP behind mod_proxy_fcgi or in httpd, a script as CGI.  All
 * of them answer what a file below htdocs/answers says, so that one table
 * serves for all:
 *
 *     200
 *     Push: {"user":"ada","text":"x"}
 *     !parts: 4
 *
 *     the body
 *
 * A line with ! says how: "!parts: n" in n parts with pauses between, which with
 * "!gate: 1" end when there is an answer of the name gate, "!cut: n"
 * only n bytes, then the application dies; Node alone knows "!gzip: 1",
 * "!deflate: 1", and "!trailers: n", by which the last n headers come behind
 * the body.  For "-" in the place of the status CGI says none.
 */
#ifndef TESTS_APPS_H
#define TESTS_APPS_H

#include "http.h"
#include "server.h"
#include "stream.h"
#include "wire.h"

enum app { APP_NODE, APP_FPM, APP_CGI, APP_MOD_PHP };

/* A server with these lines at the server level (PUSH_APP is defined there as
 * the address of Node), and the applications: all
 * but mod_php, or that one alone. */
struct server *apps_start(const char *lines);
struct server *apps_start_mod_php(const char *lines);

/* Write an answer. */
void apps_write(const struct server *s, const char *name, const char *answer);

/* Where an application gives it. */
const char *apps_path(enum app app, const char *name);

/* Ask for it. */
struct answer *apps_get(const struct server *s, enum app app,
                        const char *name);

/* Ask, and hold the connection: the answer may have no end. */
struct wire *apps_ask(const struct server *s, enum app app, const char *name);

/* Wait until this has come. */
void apps_await(struct wire *w, const char *text);

/* How many messages of answers came to this, say "published". */
int apps_captures(const struct server *s, const char *result);

/* Ask for this, and read what comes as a stream, whatever its status. */
struct stream *apps_hold(const struct server *s, const char *target,
                         const char *headers);

/* Fail the test unless the next event has this text. */
void expect_text(struct stream *st, const char *text);

/* Run another one until the test ends; it listens on the port. */
void apps_run(const struct server *s, const char *const *argv, int port);

#endif
