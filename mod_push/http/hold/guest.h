#ifndef PUSH_HOLD_GUEST_H
#define PUSH_HOLD_GUEST_H

#include "http/hold/asked.h"
#include "http/subscribe/subscriber.h"

/*
 * Makes a subscriber of a request whose answer asks for a hold.  The
 * application has authorised it: it names the user and the channels, within
 * what PushCaptureAllow says, and whom it does not name, PushUser may.  Who is
 * nobody gets a user of its own, which no other device has.
 */
const push_problem_t *push_guest(request_rec *r, const push_asked_t *asked,
                                 push_subscriber_t *guest);

#endif
