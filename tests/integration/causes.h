/*
 * What <admin>/explain knows as a cause: how each is made to happen, and what
 * is said then.
 */
#ifndef CAUSES_H
#define CAUSES_H

#include <stddef.h>

#include "server.h"
#include "stream.h"

/*
 * The limits that they count on.  A user of each cause is u and its number.
 */
#define CAUSES_LIMITS                                                         \
    "PushMaxPending 4\nPushChannelHistory 3\nPushMaxInFlight 2\n"             \
    "PushMaxMessageSize 4M\n"

struct cause {
    /* Makes it happen; the message that is asked about, or NULL. */
    const char *(*prepare)(const struct server *s, const char *user);
    const char *device;   /* that is asked about, or "" */
    const char *cause;    /* its name */
    const char *sentence; /* how it begins; # is a number, @ a message's id */
};

extern const struct cause causes[];
extern const size_t causes_count;

/* An open stream of the user's phone that acknowledges; more parameters. */
struct stream *phone(const struct server *s, const char *user,
                     const char *more);

/* The same, and it has left. */
void phone_left(const struct server *s, const char *user, const char *more);

/* Publish a message to the user; its id. */
const char *message_to(const struct server *s, const char *user,
                       const char *headers);

#endif
