#include "triggers/cron.h"

#include <apr_strings.h>
#include <string.h>
#include <time.h>

#define FIELDS     5
#define MINUTE_MS  60000
#define DAY_S      86400
#define DAYS_AHEAD (366 * 8 + 2) /* the 29th of February is among them */

typedef struct {
    const char *name;
    unsigned least, most;
} field_t;

static const field_t fields[FIELDS] = {{"minute", 0, 59},
                                       {"hour", 0, 23},
                                       {"day of the month", 1, 31},
                                       {"month", 1, 12},
                                       {"day of the week", 0, 7}};

static bool take_number(const char **at, unsigned *number)
{
    size_t len = strspn(*at, "0123456789");

    if (!len || len > 3) {
        return false;
    }
    for (*number = 0; len; len--) {
        *number = *number * 10 + (unsigned)(*(*at)++ - '0');
    }
    return true;
}

static bool take(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    (*at)++;
    return true;
}

/* "*", "5", "5-9", each with "/2" behind it. */
static bool take_range(const field_t *field, const char **at, uint64_t *bits)
{
    unsigned from = field->least;
    unsigned to = field->most;
    unsigned step = 1;
    bool ranged = take(at, '*');

    if (!ranged) {
        if (!take_number(at, &from)) {
            return false;
        }
        to = from;
        if (take(at, '-')) {
            ranged = take_number(at, &to);
            if (!ranged) {
                return false;
            }
        }
    }
    if (take(at, '/') && (!take_number(at, &step) || !step || !ranged)) {
        return false;
    }
    if (from < field->least || to > field->most || from > to) {
        return false;
    }
    for (; from <= to; from += step) {
        *bits |= UINT64_C(1) << from;
    }
    return true;
}

static bool take_field(const field_t *field, const char **at, uint64_t *bits)
{
    *bits = 0;
    do {
        if (!take_range(field, at, bits)) {
            return false;
        }
    } while (take(at, ','));
    return !**at || **at == ' ';
}

const char *push_cron_parse(apr_pool_t *pool, const char *text,
                            push_cron_t *cron)
{
    const char *starts[FIELDS];
    const char *at = text;
    uint64_t bits[FIELDS];

    for (int i = 0; i < FIELDS; i++) {
        at += strspn(at, " ");
        starts[i] = at;
        if (!take_field(&fields[i], &at, &bits[i])) {
            return apr_psprintf(pool,
                                "%s: *, numbers from %u to %u, ranges as 1-5 "
                                "and steps as */10, with commas between them",
                                fields[i].name, fields[i].least,
                                fields[i].most);
        }
    }
    if (at[strspn(at, " ")]) {
        return "five fields: minute, hour, day of the month, month, day of "
               "the week";
    }
    *cron = (push_cron_t){.minutes = bits[0],
                          .hours = (uint32_t)bits[1],
                          .days = (uint32_t)bits[2],
                          .months = (uint32_t)bits[3],
                          .weekdays = (uint32_t)((bits[4] | bits[4] >> 7)
                                                 & 0x7f),
                          .any_day = *starts[2] == '*',
                          .any_weekday = *starts[4] == '*'};
    return NULL;
}

static bool is_day(const push_cron_t *cron, const struct tm *at)
{
    bool day = cron->days >> at->tm_mday & 1;
    bool weekday = cron->weekdays >> at->tm_wday & 1;

    return (cron->months >> (at->tm_mon + 1) & 1)
           && (cron->any_day || cron->any_weekday ? day && weekday
                                                  : day || weekday);
}

/* The first minute of a day that fits, from this one on; -1: none. */
static int first_minute(const push_cron_t *cron, int from)
{
    for (int minute = from; minute < 24 * 60; minute++) {
        if ((cron->hours >> (minute / 60) & 1)
            && (cron->minutes >> (minute % 60) & 1)) {
            return minute;
        }
    }
    return -1;
}

int64_t push_cron_next(const push_cron_t *cron, int64_t after)
{
    int64_t minute = after / MINUTE_MS + 1;
    time_t day = (time_t)(minute * 60 / DAY_S * DAY_S);
    int from = (int)(minute - day / 60);

    for (int i = 0; i < DAYS_AHEAD; i++, day += DAY_S, from = 0) {
        struct tm at;
        int found;

        gmtime_r(&day, &at);
        found = is_day(cron, &at) ? first_minute(cron, from) : -1;
        if (found >= 0) {
            return (int64_t)day * 1000 + (int64_t)found * MINUTE_MS;
        }
    }
    return 0;
}
