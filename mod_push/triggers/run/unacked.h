#ifndef PUSH_UNACKED_H
#define PUSH_UNACKED_H

#include "broker/broker.h"
#include "triggers/event.h"

/*
 * Whether an event holds still.  Only one of the type PUSH_UNACKED_TYPE may
 * not, when its time has come: PUSH_OVER, as a device has acknowledged the
 * message, or it has ended (then another event tells of that).  PUSH_BUSY:
 * nobody knows now.  Else PUSH_OK.
 */
push_status_t push_unacked_check(push_broker_t *broker,
                                 const push_trigger_event_t *event);

#endif
