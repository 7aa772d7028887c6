#include "http/rejection.h"

#include "core/families.h"
#include "http/runtime.h"

const push_problem_t *push_rejection(const push_problem_t *problem)
{
    push_counted(PUSH_COUNT_REJECTED
                 + push_label_value(PUSH_FAMILY_REJECTED, problem->name));
    return problem;
}
