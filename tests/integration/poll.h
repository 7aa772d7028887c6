/*
 * Polls of one device of ada's, as their tests say it most.
 */
#ifndef TESTS_POLL_H
#define TESTS_POLL_H

#include "http.h"
#include "wire.h"

#define POLL_DEVICE "/ramen/receive?user=ada&device=d"

/* A poll that may not wait; query is what follows, from its & on, or "". */
struct answer *poll_once(const struct server *s, const char *query);

/* One that waits, with its head and its first byte received; query is what
 * follows the device. */
struct wire *poll_begin(const struct server *s, const char *query,
                        const char *headers);

/* Its answer, with which its connection ends; fails the test unless 200. */
struct answer *poll_end(struct wire *w);

/* How many messages a batch has. */
size_t poll_messages(const struct answer *a);

/* The cursor behind the batch, as it stands in a query, from its & on. */
const char *poll_next(const struct answer *a);

/* Whether it says that there is more. */
bool poll_more(const struct answer *a);

/* The payload of a message that is text. */
const char *poll_text(const struct answer *a, int index);

#endif
