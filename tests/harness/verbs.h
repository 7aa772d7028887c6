/*
 * What a test says most: publish, acknowledge, ask for a message's life.
 */
#ifndef HARNESS_VERBS_H
#define HARNESS_VERBS_H

#include <jansson.h>

#include "http.h"
#include "server.h"
#include "stream.h"
#include "wire.h"

/* Publish one message; query is what follows "messages?". Returns its mid.
 * Fails the test unless it is accepted with 201. */
const char *publish(const struct server *s, const char *query,
                    const char *headers, const char *payload);

/* Try to publish; any answer. */
struct answer *publish_try(const struct server *s, const char *query,
                           const char *headers, const char *payload);

/* Publish lines of NDJSON in one request; the answer's body has a line for
 * each. Fails the test unless the request itself is answered with 200. */
struct answer *publish_lines(const struct server *s, const char *lines);

/* Acknowledge; query is what follows "ack?". Fails unless 204. */
void acknowledge(const struct server *s, const char *query);

/* Try to acknowledge; any answer. */
struct answer *acknowledge_try(const struct server *s, const char *query);

/* The life of a message, as the administration shows it now. */
const json_t *life_of(const struct server *s, const char *mid);

/* How many devices have the message in a state, as "pending". */
int count_of(const struct server *s, const char *mid, const char *state);

/* Ask for a stream of an operator, at the administration; query is what follows
 * "receive?".  Any answer; and the same, which fails unless it is opened. */
struct stream *follow_try(const struct server *s, const char *query,
                          const char *headers);
struct stream *follow_open(const struct server *s, const char *query,
                           const char *headers);

/* A number of the statistics, by its path. */
json_int_t stat_of(const struct server *s, const char *path);

/* A number of what is shown of a trigger, the first is 0, by its path. */
int trigger_figure(const struct server *s, int trigger, const char *path);

/* Close a stream and wait until the server knows that its device is away. */
void leave(const struct server *s, struct stream *st);

/* The child that holds a stream, once one does. */
pid_t holder_of(const struct server *s, const struct stream *st);

/* A kept-alive connection to a child other than pid. */
struct wire *wire_to_another_child(const struct server *s, pid_t pid);

#endif
