#ifndef PUSH_TRIGGER_FIGURES_H
#define PUSH_TRIGGER_FIGURES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What is counted of a trigger, in memory that all children share. */

/* How requests end. */
#define PUSH_TRIGGER_CODE_TABLE(CODE)                                         \
    CODE(2XX, "2xx")                                                          \
    CODE(3XX, "3xx")                                                          \
    CODE(4XX, "4xx")                                                          \
    CODE(5XX, "5xx") CODE(TIMEOUT, "timeout") CODE(CONNECT, "connect")

typedef enum push_trigger_code_t {
#define PUSH_TRIGGER_CODE(kind, name) PUSH_TRIGGER_CODE_##kind,
    PUSH_TRIGGER_CODE_TABLE(PUSH_TRIGGER_CODE)
#undef PUSH_TRIGGER_CODE
        PUSH_TRIGGER_CODES
} push_trigger_code_t;

#define PUSH_TRIGGER_BOUNDS 11u
#define PUSH_TRIGGER_ERROR  200 /* bytes of the last error */

typedef struct push_trigger_figures_t {
    _Atomic uint64_t requests[PUSH_TRIGGER_CODES];
    _Atomic uint64_t matched; /* events, and those of its timers */
    _Atomic uint64_t refused; /* of them, those that its queue did not take */
    _Atomic uint64_t published; /* messages */
    _Atomic uint64_t unchanged; /* answers that were those of before */
    _Atomic uint64_t retries;
    _Atomic uint64_t dead;
    _Atomic uint64_t times[PUSH_TRIGGER_BOUNDS + 1]; /* of requests */
    _Atomic uint64_t us;                             /* in all of them */
    _Atomic uint64_t running;                        /* requests, now */
    _Atomic int64_t oldest;     /* wall ms; of what is not over; 0: nothing */
    _Atomic int64_t owner;      /* pid of the child that has it; 0: nobody */
    _Atomic int64_t error_at;   /* wall ms; 0: there was none */
    _Atomic uint32_t error_odd; /* odd: error is being written */
    char error[PUSH_TRIGGER_ERROR];
} push_trigger_figures_t;

/* µs; the upper bounds of the buckets in times. */
extern const int64_t push_trigger_bounds[PUSH_TRIGGER_BOUNDS];

const char *push_trigger_code_name(push_trigger_code_t code);

/* Of a request with this status of HTTP, 0: none. */
push_trigger_code_t push_trigger_code_of(long status, bool timed_out);

void push_trigger_count(push_trigger_figures_t *figures,
                        push_trigger_code_t code, int64_t us);

/* By the child that has the trigger. */
void push_trigger_failed(push_trigger_figures_t *figures, const char *error,
                         int64_t now);

/* The last error, copied; false: there was none. */
bool push_trigger_error(const push_trigger_figures_t *figures,
                        char error[PUSH_TRIGGER_ERROR]);

#endif
