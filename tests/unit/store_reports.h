#ifndef STORE_REPORTS_H
#define STORE_REPORTS_H

#include "store/shard/report.h"

/* What tests of reports have in common. */

/* A minute of a day, in the year 2026. */
#define DAY      INT64_C(20500)
#define AT(h, m) ((DAY * 1440 + (h)*60 + (m)) * PUSH_MINUTE_MS)

#define FIRST PUSH_CLASS_NAMED

/* What reports_tell() was told: "720 order published=1; 721* ...". */
extern char told[65536];

/* Visits the rows of a report; data: its step. */
void reports_tell(void *data, const push_report_row_t *row);

#endif
