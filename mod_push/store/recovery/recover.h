#ifndef PUSH_RECOVER_H
#define PUSH_RECOVER_H

#include "store/recovery/intake.h"

/*
 * The start of a server that has state on disk: what is still alive there
 * goes into the segment, and from the segment a new file is written, which
 * takes the place of the old one.  So whatever is wrong in the old file ends
 * with it, and no server begins with a file that was not just written.
 *
 * Both files are only touched by processes of their own, which become the
 * owner: reading a damaged file may end in a crash.
 */

typedef enum push_recover_status_t {
    PUSH_RECOVERED,
    PUSH_RECOVER_REFUSED,    /* foreign or unusable; recovery.why says it */
    PUSH_RECOVER_NOT_WRITTEN /* restored, but the disk takes no new file */
} push_recover_status_t;

/*
 * Before the first child is forked, while nobody else uses the segment, which
 * must be new.  PUSH_RECOVER_NOT_WRITTEN: the old file is still in place.
 */
push_recover_status_t push_recover(push_store_t *store,
                                   const push_state_t *state,
                                   push_recovery_t *recovery);

#endif
