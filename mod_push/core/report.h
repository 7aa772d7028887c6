#ifndef PUSH_REPORT_H
#define PUSH_REPORT_H

#include "core/nodes.h"
#include "core/tally.h"

/* A report: what happened in each step of some time, by event class. */

typedef enum push_period_t {
    PUSH_STEP_MINUTE,
    PUSH_STEP_DAY,
    PUSH_STEPS
} push_period_t;

#define PUSH_MINUTE_MS INT64_C(60000)
#define PUSH_DAY_MS    INT64_C(86400000)

/* So many steps reports reach back. */
#define PUSH_MINUTES_KEPT 1440
#define PUSH_DAYS_KEPT    90

static inline int64_t push_step_ms(push_period_t step)
{
    return step == PUSH_STEP_DAY ? PUSH_DAY_MS : PUSH_MINUTE_MS;
}

/* How long what is closed is kept, ms. */
static inline int64_t push_step_kept_ms(push_period_t step)
{
    return step == PUSH_STEP_DAY ? PUSH_DAYS_KEPT * PUSH_DAY_MS
                                 : PUSH_MINUTES_KEPT * PUSH_MINUTE_MS;
}

typedef struct push_report_query_t {
    push_period_t step;
    int64_t from, to; /* wall ms; of steps that begin from then, before to */
    bool total;       /* all classes as one */
    push_time_t now;
    unsigned of;               /* PUSH_OF_* */
    push_nodes_asked_t *nodes; /* of a cluster: set; may be NULL */
} push_report_query_t;

/* One step and class in which something happened. */
typedef struct push_report_row_t {
    int64_t time;      /* wall ms; when the step began */
    push_text_t event; /* the name of the class; empty: all */
    bool open;         /* the step is not over */
    uint64_t of[PUSH_TALLIES];
} push_report_row_t;

/* No lock is held; the row is borrowed. */
typedef void push_report_visit_t(void *data, const push_report_row_t *row);

#endif
