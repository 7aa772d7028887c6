/*
 * A publisher of lines: a request whose body goes on, and its answer as it
 * comes.
 */
#ifndef TESTS_FEED_H
#define TESTS_FEED_H

#include <jansson.h>

#include "server.h"
#include "wire.h"

struct feed {
    struct wire *wire;
};

/* Begin a request on an open connection; headers may be NULL. */
struct feed feed_begin(struct wire *w, const char *headers);

/* Begin a request on a connection of its own. */
struct feed feed_open(const struct server *s);

/* Send a text as one chunk of the body. */
void feed_send(struct feed *f, const char *text);

/* Take the raw bytes of the answer up to the next LF that ends JSON. */
const json_t *feed_answer(struct feed *f);

/* Wait for the head of the answer, and take it. Returns its status. */
int feed_status(struct feed *f);

/* Take all lines up to the one that says that the answer ends, which must have
 * this type of problem; then it must end. Returns its error. */
const json_t *feed_end(struct feed *f, const char *type);

#endif
