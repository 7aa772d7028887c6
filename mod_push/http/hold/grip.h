#ifndef PUSH_HOLD_GRIP_H
#define PUSH_HOLD_GRIP_H

#include "http/hold/asked.h"

/*
 * The same in the names of GRIP, which libraries of web frameworks speak to
 * Pushpin and its kin: what is true here, and nothing that is not.
 */

/* True if the headers that were taken ask for a hold by these names. */
bool push_grip_is(const apr_table_t *taken);

/* Reads them; what is not supported is refused by its name. */
const push_problem_t *push_grip_read(request_rec *r, const apr_table_t *taken,
                                     push_asked_t *asked);

/*
 * Tells the application that its answers may ask for holds, if there is a key
 * (PushGripKey): Grip-Sig, a token that is signed with it, and Grip-Feature.
 */
void push_grip_sign(request_rec *r);

#endif
