#ifndef PUSH_PROBE_H
#define PUSH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the server delivers, by doing it: a message to a device of the
 * server's own, through a reactor of another child, to a stream whose other
 * end is here.
 */

#define PUSH_PROBE_MS     2000 /* for one reactor to deliver */
#define PUSH_PROBE_AGE_MS 1000 /* for so long a result stands for all */
#define PUSH_PROBE_FAULTS 8u   /* reactors that are named; more are counted */

/* A reactor that did not deliver. */
typedef struct push_fault_t {
    uint32_t pid;
    unsigned seat;
} push_fault_t;

typedef struct push_proof_t {
    int64_t at;       /* mono ms; when it was made */
    uint32_t through; /* pid of the child that was asked last; 0: none was */
    int64_t ms;       /* that it took there; -1: it did not come */
    bool none;        /* no reactor delivers, not even one of this child */
    unsigned stuck;   /* parts of what is shared whose lock is stuck */
    bool no_room;     /* the memory has none for the device */
    unsigned faults_count;
    push_fault_t faults[PUSH_PROBE_FAULTS];
} push_proof_t;

/*
 * The newest result of this child, or a new one if that is old.  Blocks, for
 * some seconds at most, and one caller at a time: others take what there is.
 * In a process that has reactors.
 */
void push_probe(push_proof_t *proof);

#endif
