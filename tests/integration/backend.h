/*
 * An application's server as a test plays it: it answers every request as the
 * test last said, on connections that stay, and remembers what it was asked.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>

struct backend {
    int port; /* on 127.0.0.1 */
    struct backend_state *state;
};

/* Start one, which answers 204. */
struct backend *backend_start(void);

/* From now on: this status, header lines (CRLF; NULL: none) and body. */
void backend_answer(struct backend *b, int status, const char *headers,
                    const char *body);

/* From now on: 200, and the last part of the path as the body. */
void backend_answer_path(struct backend *b);

/* From now on it answers nothing, until backend_go(). */
void backend_hold(struct backend *b);
void backend_go(struct backend *b);

/* It ends, or is there again, on the same port. */
void backend_down(struct backend *b);
void backend_up(struct backend *b);

/* How many requests came, and the n-th of them, from 0. */
int backend_count(struct backend *b);
const char *backend_head(struct backend *b, int n);
const char *backend_body(struct backend *b, int n);

/* Wait until so many came. */
void backend_await(struct backend *b, int count);

/* The value of a header of a request; NULL where it is absent. */
const char *backend_header(struct backend *b, int n, const char *name);

struct server;

/* A server with these sections, in which ${BACKEND} is where it listens. */
struct server *backend_server(const struct backend *b, const char *sections);

/* Posts an event with this data, as JSON; it must be accepted. */
void event_tell(const struct server *s, const char *type, const char *id,
                const char *data);

#endif
