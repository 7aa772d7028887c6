#ifndef HARNESS_NEEDS_H
#define HARNESS_NEEDS_H

#include <check.h>

/*
 * An assertion that costs nothing while it holds: Check writes to a file at
 * each of its own, which is too much in a loop.
 */
#define NEEDS(condition, ...)                                                 \
    do {                                                                      \
        if (!(condition)) {                                                   \
            ck_abort_msg(__VA_ARGS__);                                        \
        }                                                                     \
    } while (0)

#endif
