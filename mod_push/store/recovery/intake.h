#ifndef PUSH_INTAKE_H
#define PUSH_INTAKE_H

#include "store/disk/durable.h"
#include "store/recovery/restore.h"
#include "store/recovery/statedir.h"

/*
 * The first half of a start that recover.c makes.  A process of its own reads
 * the state, and then another one the logs, since their checksums use the key
 * that the state tells.  Both send every record to the parent, and both may
 * crash on what is damaged: what came before counts.
 */

typedef struct push_state_t {
    const char *path; /* of the directory, which is prepared */
    uint64_t size;    /* bytes that the file may take */
    push_owner_t owner;
    int lock; /* as push_statedir_prepare() gave it */
} push_state_t;

/* The report of the start: what it found and did. */
typedef struct push_recovery_t {
    push_restored_t restored;
    uint64_t damaged;    /* records that are not what was written */
    bool cut;            /* the file could not be read to its end */
    unsigned logs;       /* write-ahead logs that are damaged or missing */
    char aside[512];     /* the names that damaged files got, or "" */
    push_sentence_t why; /* why it was damaged, or is not written anew */
} push_recovery_t;

/* So many logs may be named; one a child that commits. */
#define PUSH_LOGS_MAX 1024

typedef struct push_read_log_t {
    push_named_log_t named;
    bool spoiled; /* it is damaged or missing */
} push_read_log_t;

/* The records that the parent heard. */
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
