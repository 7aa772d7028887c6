#ifndef PUSH_TRACED_H
#define PUSH_TRACED_H

#include "core/publication.h"
#include "http/problem.h"

/*
 * Says in the log (LogLevel info) that a publish was refused, if it was part
 * of a trace, with the trace's id: what is refused is no message that could be
 * asked for.
 */
void push_traced_refusal(const request_rec *r, const push_publication_t *asked,
                         const push_problem_t *problem);

#endif
