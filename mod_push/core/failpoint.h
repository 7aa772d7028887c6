#ifndef PUSH_FAILPOINT_H
#define PUSH_FAILPOINT_H

#include <stdatomic.h>

/*
 * A failpoint stands between two stores into shared memory where a process
 * may die and leave what the repair must be able to continue from.  In every
 * build the compiler moves no store across it.  Where PUSH_FAILPOINTS is
 * defined (make MODE=failpoints) it also calls the hook, if a test set one;
 * the names of all failpoints then stand in the section push_points.
 */
#ifdef PUSH_FAILPOINTS

extern void (*push_failpoint_hook)(const char *name);

#define PUSH_FAILPOINT(name)                                                  \
    do {                                                                      \
        static const char *const push_point                                   \
            __attribute__((section("push_points"), used)) = (name);           \
                                                                              \
        atomic_signal_fence(memory_order_seq_cst);                            \
        if (push_failpoint_hook) {                                            \
            push_failpoint_hook(push_point);                                  \
        }                                                                     \
        atomic_signal_fence(memory_order_seq_cst);                            \
    } while (0)

#else

#define PUSH_FAILPOINT(name) atomic_signal_fence(memory_order_seq_cst)

#endif

#endif
