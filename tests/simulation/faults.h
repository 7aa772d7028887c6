#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

/*
 * Rules broken on purpose: each of them is found by some seed.  A bug that the
 * simulation found stands here too, so that it keeps finding it.
 */
typedef enum sim_fault_t {
    SIM_SOUND,
    SIM_ACK_ONE_TOO_MANY,     /* seq N acknowledges N + 1 */
    SIM_RESUME_ONE_TOO_FAR,   /* so does a cursor */
    SIM_ORDER_BY_PUBLISH,     /* urgency does not count */
    SIM_DONE_TOO_EARLY,       /* a message is done before its handler is */
    SIM_HALF_BLOCK_KEPT,      /* the next stream goes on with half a block */
    SIM_REPEATS_FORGOTTEN,    /* the mids that were seen, at a reconnect */
    SIM_UNWRITTEN_IS_SENT,    /* what the socket did not take */
    SIM_GAP_HIDDEN,           /* no push.gap is written */
    SIM_KEY_IGNORED,          /* a repeated publish is a new one */
    SIM_EXPIRED_SENT,         /* the clock of the flush is late */
    SIM_WRONG_USER,           /* messages go to the other user */
    SIM_STALE_FORGOTTEN,      /* a plain cursor that was found stale */
    SIM_CURSOR_MOVES_ON,      /* while an attempt is under way */
    SIM_ABANDONED_SERVED,     /* an attempt that its client gave up */
    SIM_NUMBER_KEPT,          /* a takeover is no stream of its own */
    SIM_NOT_RESUMED,          /* what is in flight at a connect stays so */
    SIM_STALE_ACK_TAKEN,      /* the mid of an acknowledgement is ignored */
    SIM_SESSION_IGNORED,      /* an earlier stream acknowledges too */
    SIM_REPLACED_NOT_TOLD,    /* nobody says that a message was replaced */
    SIM_SLID_NOT_TOLD,        /* what only counted as acknowledged */
    SIM_RECEIVED_ONE_TOO_FAR, /* the mid of another session says too much */
    SIM_NOBODY_WOKEN          /* news of a device wait for its heartbeat */
} sim_fault_t;

#endif
