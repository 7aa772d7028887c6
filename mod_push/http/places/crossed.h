#ifndef PUSH_CROSSED_H
#define PUSH_CROSSED_H

#include "core/checkin.h"
#include "core/fences.h"
#include "http/problem.h"

/*
 * The fences that a device has crossed become events, push.geo.entered and
 * push.geo.left, which the triggers have when this returns; or the problem: not
 * all of them have.  now: wall ms.
 */
const push_problem_t *push_crossed(apr_pool_t *pool,
                                   const push_checkin_t *checkin,
                                   const push_visit_t *visit, int64_t now);

#endif
