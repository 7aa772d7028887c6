/*
 * Waiting: for a condition or a socket, always with a deadline.
 */
#ifndef HARNESS_WAIT_H
#define HARNESS_WAIT_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

/* How long anything that must happen may take (ms); long, so that a busy
 * machine or a sanitizer does not fail a test that holds. */
#define WAIT_MS 18000

/* Milliseconds of the monotonic clock. */
int64_t wait_now(void);

/* Wait until poll(2) reports one of events on fd, or until the monotonic
 * time deadline (ms). True when it did. */
bool wait_socket(int fd, short events, int64_t deadline);

/* Give way for some milliseconds between two looks at a condition. */
void wait_a_little(void);

/* Fail the test unless the condition comes true within WAIT_MS. */
#define wait_until(condition)                                                 \
    do {                                                                      \
        int64_t wait_end_ = wait_now() + WAIT_MS;                             \
        while (!(condition)) {                                                \
            ck_assert_msg(wait_now() < wait_end_, "never came true: %s",      \
                          #condition);                                        \
            wait_a_little();                                                  \
        }                                                                     \
    } while (0)

#endif
