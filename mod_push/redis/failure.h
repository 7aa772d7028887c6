#ifndef PUSH_REDIS_FAILURE_H
#define PUSH_REDIS_FAILURE_H

#include "core/types.h"
#include "redis/address.h"

/* What came of a command, for who has to answer somebody. */
typedef enum push_failure_t {
    PUSH_FAILURE_NONE,
    /* ---- it did not run ---- */
    PUSH_FAILURE_AGAIN,   /* MOVED, TRYAGAIN, LOADING…, until the deadline */
    PUSH_FAILURE_AWAY,    /* no connection to its master */
    PUSH_FAILURE_LIBRARY, /* the function is not there and could not be loaded */
    PUSH_FAILURE_FULL,    /* OOM */
    PUSH_FAILURE_REFUSED, /* NOREPLICAS, MISCONF, BUSY */
    PUSH_FAILURE_SETUP,   /* NOAUTH, WRONGPASS, NOPERM, no such command */
    PUSH_FAILURE_MEMORY,  /* of this process */
    PUSH_FAILURE_STOPPED, /* the courier ends */
    /* ---- it may have run ---- */
    PUSH_FAILURE_UNKNOWN, /* no reply in time, or the connection was lost */
    PUSH_FAILURE_ERROR,   /* any other error: the reply has it */
    /* ---- it ran, and the reply is there ---- */
    PUSH_FAILURE_REPLICAS, /* fewer replicas have it than were asked for */
    PUSH_FAILURES
} push_failure_t;

/* "again", "away", …: for metrics and the log. */
const char *push_failure_name(push_failure_t failure);

/* Whether the command may have changed something. */
bool push_failure_may_have_run(push_failure_t failure);

/*
 * Of the text of an error reply, without its '-'.  AGAIN, LIBRARY, FULL,
 * REFUSED and SETUP are known by their words, all else is ERROR.
 */
push_failure_t push_failure_of(push_text_t error);

/* Where "MOVED slot host:port" and "ASK …" send us. */
typedef struct push_redirect_t {
    bool ask;
    unsigned slot;
    push_address_t address; /* host "": the one that was asked */
} push_redirect_t;

bool push_redirect_parse(push_redirect_t *redirect, push_text_t error);

#endif
