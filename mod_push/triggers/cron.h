#ifndef PUSH_CRON_H
#define PUSH_CRON_H

#include <apr_pools.h>
#include <stdbool.h>
#include <stdint.h>

/* The moments that five fields of cron name, in UTC; see crontab(5). */
typedef struct push_cron_t {
    uint64_t minutes; /* bits from 0 */
    uint32_t hours;
    uint32_t days;             /* bits from 1 */
    uint32_t months;           /* bits from 1 */
    uint32_t weekdays;         /* bits from 0, Sunday */
    bool any_day, any_weekday; /* the field begins with *; if neither does,
                                  one of the two is enough */
} push_cron_t;

/*
 * minute, hour, day of the month, month, day of the week; each a list of
 * numbers, ranges and *, with /STEP.  NULL; or, in the pool, what is wrong.
 */
const char *push_cron_parse(apr_pool_t *pool, const char *text,
                            push_cron_t *cron);

/* The first such moment after this one, both wall ms; 0: never. */
int64_t push_cron_next(const push_cron_t *cron, int64_t after);

#endif
