#ifndef PUSH_REDIS_CONNECTION_H
#define PUSH_REDIS_CONNECTION_H

#include <poll.h>

#include "redis/command.h"
#include "redis/failure.h"
#include "redis/reply.h"
#include "redis/settings.h"

/*
 * One connection, driven by poll(2): resolves, connects, does TLS, AUTH and a
 * first PING, and is open then.  Commands are queued, and replies come in
 * their order.  One that is late closes the connection, as does anything else
 * that is wrong; nothing is repeated here.  One thread has it.
 */

typedef struct push_connection_t push_connection_t;

/* Called within push_connection_serve() and _close() alone.  They may send,
 * but neither close nor destroy. */
typedef struct push_connection_hooks_t {
    void *data;
    void (*opened)(void *data);
    /* The next reply; the callee frees it. */
    void (*answered)(void *data, void *tag, push_reply_t *reply);
    /* A message of a subscription, or sunsubscribe; the callee frees it.  NULL:
     * there are none. */
    void (*unasked)(void *data, push_reply_t *reply);
    /* There will be no reply.  sent: the command may have reached Redis. */
    void (*dropped)(void *data, void *tag, bool sent);
    /* It is closed, and all commands are dropped.  failure: AWAY, SETUP,
     * REFUSED, AGAIN (it loads) or UNKNOWN. */
    void (*closed)(void *data, push_failure_t failure, const char *why);
} push_connection_hooks_t;

typedef struct push_connection_options_t {
    const push_redis_settings_t *settings; /* borrowed */
    push_address_t address;
    bool sentinel;        /* AUTH may fail, since it may need none */
    bool resolves_itself; /* in this thread, which blocks */
    push_connection_hooks_t hooks;
} push_connection_options_t;

/* Closed at first.  Copies the options; NULL: no memory. */
push_connection_t *push_connection_create(
    const push_connection_options_t *options);

/* Calls nobody. */
void push_connection_destroy(push_connection_t *connection);

const push_address_t *push_connection_address(
    const push_connection_t *connection);

/* Begins to connect, if it is closed. */
void push_connection_open(push_connection_t *connection);

bool push_connection_is_open(const push_connection_t *connection);
bool push_connection_is_closed(const push_connection_t *connection);

/* Commands without a reply so far. */
unsigned push_connection_under_way(const push_connection_t *connection);

/*
 * Queues a command on an open connection; push_connection_flush() writes it.
 * The reply is late after so many ms (0: as the settings say).  *number is for
 * push_connection_forget().  False: no memory, nothing is queued.
 */
typedef struct push_sending_t {
    const push_command_t *command;
    int64_t patience_ms;
    void *tag;
    uint64_t number;
} push_sending_t;
bool push_connection_send(push_connection_t *connection,
                          push_sending_t *sending);

/* Its reply will come with tag NULL: nobody waits for it any more. */
void push_connection_forget(push_connection_t *connection, uint64_t number);

/* For poll(2): the descriptor may be -1; when to serve at the latest. */
struct pollfd push_connection_pollfd(const push_connection_t *connection);
int64_t push_connection_until(const push_connection_t *connection);
void push_connection_serve(push_connection_t *connection, short events);

/* Writes what the socket takes.  What is wrong shows at the next serve. */
void push_connection_flush(push_connection_t *connection);

/* Closes it, with this failure and reason. */
void push_connection_close(push_connection_t *connection,
                           push_failure_t failure, const char *why);

#endif
