#ifndef PUSH_POSITION_H
#define PUSH_POSITION_H

#include <httpd.h>

#include "http/problem.h"

/* POST <base>/position: a device says where it is, or takes that back. */
int push_position(request_rec *r);

/* Where PushPositions is off. */
const push_problem_t *push_positions_off(apr_pool_t *pool);

#endif
