#ifndef PUSH_REJECTION_H
#define PUSH_REJECTION_H

#include "http/problem.h"

/*
 * Counts a publish that is refused for this problem, and returns it.  In a
 * process that has reactors.
 */
const push_problem_t *push_rejection(const push_problem_t *problem);

#endif
