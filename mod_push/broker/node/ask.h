#ifndef PUSH_NODE_ASK_H
#define PUSH_NODE_ASK_H

#include "broker/library/entries.h"
#include "broker/node/names.h"

/* Owners of devices are asked how it stands there.  An answer is a number. */

typedef enum push_asked_t {
    PUSH_ASKED_FATE = 1, /* of a message: push_fate_said() */
    PUSH_ASKED_PENDING,
    PUSH_ASKED_IN_FLIGHT,
    PUSH_ASKED_ACKED, /* seq, as the next one */
    PUSH_ASKED_SENT
} push_asked_t;

/* The answer of an owner who does not have the device, or the message. */
#define PUSH_ASK_NOTHING UINT32_MAX

typedef struct push_ask_t {
    push_asked_t what;
    uint64_t mid; /* of the message */
    unsigned char context[PUSH_CONTEXT_BYTES];
    bool answered;
    uint32_t value;
} push_ask_t;

/*
 * Asks whoever owns each of the contexts, which are of one user, and waits for
 * 300 ms at most in all.  What is not answered by then stays so.
 */
void push_ask(push_cluster_t *cluster, const push_named_log_ref_t *log,
              push_ask_t *asks, unsigned count);

/* A fate, and how long after its publish (ms) it was reached; -1: not known. */
push_fate_t push_fate_said(uint32_t value, int64_t *after);

/* ---- the link: never waits for Redis ---- */

/* Q: another node asks. */
void push_ask_asked(push_cluster_t *cluster, const push_inbox_entry_t *entry);

/* S: false if it is no answer to a question of this node. */
bool push_ask_answered(push_cluster_t *cluster,
                       const push_inbox_entry_t *entry);

#endif
