#ifndef PUSH_RECOVER_READ_H
#define PUSH_RECOVER_READ_H

#include "store/durable.h"
#include "store/recover.h"

/*
 * The first half of a start, for recover.c alone.  A process of its own reads
 * the state, and then another one the logs, since their checksums use the key
 * that the state tells.  Both send every record to the parent, and both may
 * crash on what is damaged: what came before counts.
 */

/* So many logs may be named; one a child that commits. */
#define PUSH_LOGS_MAX 1024

typedef struct push_read_log_t {
    push_named_log_t named;
    bool spoiled; /* it is damaged or missing */
} push_read_log_t;

/* What the parent heard. */
typedef struct push_intake_t {
    push_restore_t *restore; /* gets the records */
    push_recovery_t *recovery;
    push_durable_status_t status; /* of the state's end */
    uint64_t records;
    push_read_log_t logs[PUSH_LOGS_MAX];
    unsigned logs_count;
} push_intake_t;

/* False: a process could not be started. */
bool push_intake_read_state(push_intake_t *intake, const push_state_t *state);

/* After it, if it told the key.  False likewise. */
bool push_intake_read_logs(push_intake_t *intake, const push_state_t *state);

#endif
