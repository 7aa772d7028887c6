#ifndef PUSH_RECORD_OLD_H
#define PUSH_RECORD_OLD_H

#include <stdint.h>

/*
 * Messages as the state had them before version 4.  In version 3 they have no
 * trace.  Before that, behind head, name, topic and device stood what went to
 * the socket, but for its `id:`.
 */

/* Of a message's record now; see store/disk/record.c. */
#define PUSH_MESSAGE_HEAD    8u
#define PUSH_MESSAGE_FORM_AT 7u /* where the head says its form, once 0 */
#define PUSH_MESSAGE_FORM    4u
#define PUSH_MESSAGE_WHERE_FORM                                               \
    5u /* with a predicate behind the trace, its length (one byte) first */
#define PUSH_MESSAGE_BODY 6u /* bytes between device and event type */

/*
 * Makes of the value of such a record, in its place, one as they are now, and
 * returns its length, which is not greater.  Of the payload's line ends LF is
 * all that is left.  Any other value stays as it is; one that is damaged is
 * not one as they are now.
 */
uint32_t push_message_upgrade(char *value, uint32_t len);

#endif
