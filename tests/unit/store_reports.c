#include "store_reports.h"

#include <stdio.h>
#include <string.h>

char told[65536];

void reports_tell(void *data, const push_report_row_t *row)
{
    size_t len = strlen(told);
    int64_t ms = *(push_period_t *)data == PUSH_STEP_DAY ? PUSH_DAY_MS
                                                         : PUSH_MINUTE_MS;
    int64_t since = row->time / ms - (ms == PUSH_DAY_MS ? DAY : DAY * 1440);

    len += (size_t)snprintf(told + len, sizeof(told) - len, "%s%d%s%.*s%s",
                            len ? "; " : "", (int)since,
                            row->event.len ? " " : "", (int)row->event.len,
                            row->event.at, row->open ? "*" : "");
    for (int i = 0; i < PUSH_TALLIES; i++) {
        if (row->of[i]) {
            len += (size_t)snprintf(told + len, sizeof(told) - len, " %s=%llu",
                                    push_tally_name((push_tally_kind_t)i),
                                    (unsigned long long)row->of[i]);
        }
    }
}
