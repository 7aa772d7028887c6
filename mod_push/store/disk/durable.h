#ifndef PUSH_DURABLE_H
#define PUSH_DURABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/disk/record.h"

/*
 * A durable store keeps records under their keys, writes many of them as one,
 * and forgets those that have expired.  This is the seam behind which LMDB
 * stands (durable.c), and behind which a store for several machines would:
 * nothing else knows how records are kept.
 *
 * One process opens a store at most once at a time, and uses it from one
 * thread; it must not be taken over a fork().
 */

typedef struct push_durable_t push_durable_t;

typedef enum push_durable_status_t {
    PUSH_DURABLE_OK,
    PUSH_DURABLE_FULL,    /* of its own limit, or of the disk */
    PUSH_DURABLE_FAILED,  /* reading or writing failed */
    PUSH_DURABLE_FOREIGN, /* what is there is not a store of this kind */
    PUSH_DURABLE_DAMAGED  /* reading stopped at something that cannot be */
} push_durable_status_t;

#define PUSH_DURABLE_WHY 256

/* The last error, in words: "state.mdb: No space left on device". */
typedef struct push_durable_error_t {
    char text[PUSH_DURABLE_WHY];
} push_durable_error_t;

typedef enum push_durable_mode_t {
    PUSH_DURABLE_READ,  /* nobody else has it open; may end the process */
    PUSH_DURABLE_WRITE, /* shared with other processes */
    PUSH_DURABLE_CREATE /* new; nobody else has it open */
} push_durable_mode_t;

/* size: bytes it may take; not used for PUSH_DURABLE_READ. */
push_durable_status_t push_durable_open(push_durable_t **durable,
                                        const char *path, uint64_t size,
                                        push_durable_mode_t mode,
                                        push_durable_error_t *error);
void push_durable_close(push_durable_t *durable);

/*
 * PUSH_RECORD_REFRESH: gives the record to be written, taken, or NULL if its
 * object is gone.  False: the record that is there stands.
 */
typedef bool push_durable_refresh_t(void *data, const push_record_t *record,
                                    push_record_t **found);

typedef struct push_durable_job_t {
    const push_records_t *records;
    int64_t now; /* wall ms */
    push_durable_refresh_t *refresh;
    void *data;
} push_durable_job_t;

/*
 * Writes all records as one: after PUSH_DURABLE_OK they are on disk, after
 * anything else none is.  In between it forgets what has expired, at least as
 * much as it writes.  Blocks for the disk.  After a failure the store has to
 * be opened again.
 */
push_durable_status_t push_durable_write(push_durable_t *durable,
                                         const push_durable_job_t *job,
                                         push_durable_error_t *error);

/* Tidies up after processes that died; true if some records have expired. */
bool push_durable_tidy(push_durable_t *durable, int64_t now);

/* A record as it is read, here or in a log; borrowed until the visit ends. */
typedef struct push_durable_item_t {
    push_text_t key;
    push_text_t value;
    int64_t expires;
    bool intact; /* it is what was written */
} push_durable_item_t;

/* False: enough. */
typedef bool push_durable_visit_t(void *data, const push_durable_item_t *item);

/*
 * Visits every record, keys in order of their bytes.  May crash on a damaged
 * store: read what is not known to be sound in a process of its own.
 */
push_durable_status_t push_durable_read(push_durable_t *durable,
                                        push_durable_visit_t *visit,
                                        void *data,
                                        push_durable_error_t *error);

#endif
