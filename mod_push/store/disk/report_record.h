#ifndef PUSH_REPORT_RECORD_H
#define PUSH_REPORT_RECORD_H

#include "store/disk/record.h"
#include "store/shard/report.h"

/*
 * Reports on disk: a record for each minute and each day in which something
 * happened, that expires when reports reach so far back no more, and one of
 * the names that their classes have.  All of them are written as they are when
 * their turn comes, so the open minute may be written too, and again.
 */

#define PUSH_RECORD_REPORT 'B'

/* What a record says. */
typedef enum push_report_part_t {
    PUSH_REPORT_STEP, /* of one minute or day */
    PUSH_REPORT_NAMES
} push_report_part_t;

typedef struct push_report_record_t {
    push_report_part_t part;
    push_period_t step;
    int64_t time; /* steps since 1970 */
    push_figures_t figures;
    push_class_name_t names[PUSH_CLASS_NAMES];
} push_report_record_t;

/* False if it is not a record that was made here. */
bool push_report_record_read(push_text_t key, push_text_t value,
                             push_report_record_t *record);

/* A minute was closed: hands it to the journal, with its day. */
void push_report_note(push_store_t *store, int64_t minute);

/* The records that say: write all of it, or what is open, when it is time. */
bool push_report_save(push_store_t *store, push_records_t *records);
void push_report_save_open(push_store_t *store, push_records_t *records);

/* See push_durable_refresh_t; takes the lock of reports. */
bool push_report_refresh(push_store_t *store, const push_record_t *record,
                         push_record_t **found);

#endif
