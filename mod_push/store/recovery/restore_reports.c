#include "store/disk/report_record.h"
#include "store/recovery/restore_internal.h"

#include <string.h>

/*
 * Reports as they were at the last stop.  What is of the minute that is now
 * goes on, as does the day; all else is closed.  Whatever could not be read
 * was told by those who read it.
 */

typedef struct {
    push_reports_t *reports;
    int64_t open[PUSH_STEPS];           /* the steps that are now */
    push_figures_t figures[PUSH_STEPS]; /* of them */
} past_t;

static void restore_names(push_reports_t *reports,
                          const push_report_record_t *record)
{
    for (unsigned i = 0; i < PUSH_CLASS_NAMES; i++) {
        reports->names[i].name = record->names[i];
    }
}

static void restore_one(past_t *past, const push_report_record_t *record)
{
    if (record->part == PUSH_REPORT_NAMES) {
        restore_names(past->reports, record);
    }
    else if (record->time == past->open[record->step]) {
        past->figures[record->step] = record->figures;
    }
    else {
        push_reports_restore(past->reports, record->step, record->time,
                             &record->figures);
    }
}

/* Sorted by key, so each ring is in order of its times. */
void push_restore_reports(push_restore_t *restore, push_store_t *store)
{
    int64_t wall = restore->now.wall;
    past_t past = {.reports = store->reports};

    for (int i = 0; i < PUSH_STEPS; i++) {
        past.open[i] = wall / push_step_ms((push_period_t)i);
    }
    for (size_t i = 0; i < restore->reports.count; i++) {
        const push_raw_t *raw = &restore->reports.at[i];
        push_report_record_t record;

        if (!push_report_record_read(raw->key, raw->value, &record)) {
            restore->restored.invalid++;
        }
        else if (!raw->expires || raw->expires > wall) {
            restore_one(&past, &record);
        }
    }
    if (restore->reports.count) {
        push_reports_go_on(past.reports, past.open[PUSH_STEP_MINUTE],
                           &past.figures[PUSH_STEP_MINUTE],
                           &past.figures[PUSH_STEP_DAY]);
    }
}
