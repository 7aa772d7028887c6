#ifndef CS_ENGINE_H
#define CS_ENGINE_H

#include "harness/library_model_calls.h"
#include "redis/command.h"
#include "simulation/cluster/faults.h"

/*
 * Redis: the model of the library, which answers the commands of nodes as the
 * library does, byte for byte.  Two partitions hold all that there is, each at
 * a master of its own with one replica.  A master that takes over is another
 * address and another VM.
 */

#define CS_MASTERS   2
#define CS_ADDRESSES 32 /* of masters, one after the other */

typedef struct cs_master_t {
    unsigned partition;
    unsigned address;
    struct model *model;
    struct model *replica; /* its keys, as far as they have come */
    char vm[24];
    uint64_t epoch;
    int64_t ahead; /* of its clock, ms */
    int64_t away;  /* until then it answers nobody */
} cs_master_t;

void cs_engine_reset(cs_fault_t fault);

cs_master_t *cs_master(unsigned which);

/* Which one has the partition; those without data are at any. */
unsigned cs_master_of(unsigned partition);

/*
 * The answer, as Redis writes it; the caller frees it.  With commit, what was
 * done up to here has reached the replica.
 */
char *cs_engine_run(unsigned master, const push_command_t *command,
                    bool commit, size_t *len);

/* To a drain, what a master says that was one: nothing is new. */
char *cs_engine_stale(unsigned master, const push_command_t *command,
                      size_t *len);

/* The owners whose inboxes were added to by the last call. */
unsigned cs_engine_posted(unsigned owners[MODEL_OWNERS]);

/* ---- faults ---- */

/* Its keys come to the replica. */
void cs_engine_replicate(unsigned master);

/* The replica takes over, at another address. */
void cs_engine_fail_over(unsigned master);

/* The partition goes to another master, with all its keys. */
void cs_engine_move(unsigned master);

/* The library is loaded anew. */
void cs_engine_load(unsigned master);

/* All keys are lost. */
void cs_engine_flush(unsigned master);

/* ---- what it knows ---- */

/* The model's number of a log's name; MODEL_LOGS: none. */
unsigned cs_engine_log(push_text_t name);

/* Whether the log has this message still, and for how long (Redis ms). */
bool cs_engine_has(unsigned log, uint64_t mid, int64_t *expires);

/* Whether a device of the user has ever been written. */
bool cs_engine_has_device(unsigned log, unsigned context);

#endif
