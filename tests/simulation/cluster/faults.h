#ifndef CS_FAULTS_H
#define CS_FAULTS_H

/*
 * Rules of a cluster broken on purpose: each of them is found by some seed.
 */
typedef enum cs_fault_t {
    CS_SOUND,
    CS_BARE_SEQ,         /* a seq counts, whatever session it is of */
    CS_FOLLOW_AND_LOAD,  /* a log is read by one call, followed by a later */
    CS_BEAT_WITHOUT_KEY, /* a master that lost its partition answers drains */
    CS_LOCAL_CLOCK,      /* a channel is joined by the node's own clock */
    CS_EXACT_KEPT,       /* a claim leaves the session for the next one */
    CS_OVER_A_HOLE,      /* what comes to a suspect log is applied */
    CS_FAULTS
} cs_fault_t;

#endif
