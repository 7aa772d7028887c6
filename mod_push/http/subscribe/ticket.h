#ifndef PUSH_HTTP_TICKET_H
#define PUSH_HTTP_TICKET_H

#include "http/identify.h"

/*
 * Tickets: identity in a URL, for an EventSource, which can send no header.
 * One is good for a minute, for one stream of one device.
 */

/* POST <base>/ticket */
int push_ticket_give(request_rec *r);

/*
 * Identity by the ticket in the query, which is used up by that.  Bound to
 * the device and app of the query; takes the query out of the logs.
 */
const push_problem_t *push_ticket_identify(request_rec *r,
                                           const push_params_t *params,
                                           const char *ticket,
                                           push_identity_t *identity);

#endif
