#include "core/moment.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24LL * HOUR)

/* The digits of a number of seconds at most, so that no sum overflows. */
#define SECONDS_DIGITS 10u

/* What is left to be read; once it was not what it should be, at is NULL. */
typedef struct {
    const char *at;
    const char *end;
} reader_t;

static bool is_digit(const reader_t *r)
{
    return r->at && r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

/* So many digits exactly, and their number from least to most. */
static int number(reader_t *r, unsigned digits, int least, int most)
{
    int value = 0;

    for (unsigned i = 0; i < digits; i++) {
        if (!is_digit(r)) {
            r->at = NULL;
            return 0;
        }
        value = value * 10 + *r->at++ - '0';
    }
    if (value < least || value > most) {
        r->at = NULL;
    }
    return value;
}

/* One of the two characters. */
static bool sign(reader_t *r, char one, char other)
{
    if (r->at && r->at < r->end && (*r->at == one || *r->at == other)) {
        r->at++;
        return true;
    }
    return false;
}

static void expect(reader_t *r, char one, char other)
{
    if (!sign(r, one, other)) {
        r->at = NULL;
    }
}

/* ".5" is 500 ms; what is finer is cut off. */
static int64_t fraction(reader_t *r, unsigned most)
{
    int64_t ms = 0;
    int64_t unit = SECOND;
    unsigned digits = 0;

    if (!sign(r, '.', '.')) {
        return 0;
    }
    while (is_digit(r)) {
        unit /= 10;
        ms += (*r->at++ - '0') * unit;
        digits++;
    }
    if (!digits || digits > most) {
        r->at = NULL;
    }
    return ms;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970; a year begins in March, so that a leap day is its last. */
static int64_t day_number(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1
           - 719468;
}

static int64_t date(reader_t *r)
{
    int year = number(r, 4, 0, 9999);
    int month, day;

    expect(r, '-', '-');
    month = number(r, 2, 1, 12);
    expect(r, '-', '-');
    day = number(r, 2, 1, 31);
    if (!r->at || day > days_of(year, month)) {
        r->at = NULL;
        return 0;
    }
    return day_number(year, month, day) * DAY;
}

/* A leap second is the one that follows it. */
static int64_t time_of_day(reader_t *r)
{
    int64_t ms = (int64_t)number(r, 2, 0, 23) * HOUR;

    expect(r, ':', ':');
    ms += (int64_t)number(r, 2, 0, 59) * MINUTE;
    expect(r, ':', ':');
    ms += (int64_t)number(r, 2, 0, 60) * SECOND;
    return ms + fraction(r, 9);
}

/* How far its clock is ahead of UTC. */
static int64_t offset(reader_t *r)
{
    bool behind = sign(r, '-', '-');
    int64_t ms;

    if (!behind && sign(r, 'Z', 'z')) {
        return 0;
    }
    if (!behind) {
        expect(r, '+', '+');
    }
    ms = (int64_t)number(r, 2, 0, 23) * HOUR;
    expect(r, ':', ':');
    ms += (int64_t)number(r, 2, 0, 59) * MINUTE;
    return behind ? -ms : ms;
}

static int64_t full_time(reader_t *r)
{
    int64_t ms = date(r);

    expect(r, 'T', 't');
    ms += time_of_day(r);
    return ms - offset(r);
}

static int64_t from_now(reader_t *r)
{
    int64_t seconds = 0;
    unsigned digits = 0;

    while (is_digit(r) && digits <= SECONDS_DIGITS) {
        seconds = seconds * 10 + *r->at++ - '0';
        digits++;
    }
    if (!digits || digits > SECONDS_DIGITS) {
        r->at = NULL;
    }
    return seconds * SECOND + fraction(r, 3);
}

bool push_moment_parse(const char *text, size_t len, int64_t now, int64_t *at)
{
    reader_t r = {text, text + len};

    if (!sign(&r, '+', '+')) {
        return push_moment_read(text, len, at);
    }
    *at = now + from_now(&r);
    return r.at && r.at == r.end;
}

bool push_moment_read(const char *text, size_t len, int64_t *at)
{
    reader_t r = {text, text + len};

    *at = full_time(&r);
    return r.at && r.at == r.end;
}

/* ---- to write ---- */

/* So many digits, and what follows them. */
static char *put(char *at, int64_t value, unsigned digits, char behind)
{
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    at[digits] = behind;
    return at + digits + 1;
}

static char *put_date(char *at, int64_t days)
{
    int year = 1970 + (int)(days / 366); /* or a later one */
    int month = 1;

    while (day_number(year + 1, 1, 1) <= days) {
        year++;
    }
    while (month < 12 && day_number(year, month + 1, 1) <= days) {
        month++;
    }
    at = put(at, year, 4, '-');
    at = put(at, month, 2, '-');
    return put(at, days - day_number(year, month, 1) + 1, 2, 'T');
}

void push_moment_write(int64_t at, char text[PUSH_MOMENT_CHARS + 1])
{
    char *end = put_date(text, at / DAY);

    end = put(end, at % DAY / HOUR, 2, ':');
    end = put(end, at % HOUR / MINUTE, 2, ':');
    end = put(end, at % MINUTE / SECOND, 2, '.');
    end = put(end, at % SECOND, 3, 'Z');
    *end = '\0';
}

/* ---- spans ---- */

/* ms; 0: it is no unit. */
static int64_t unit_of(const char *name)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},       {"s", SECOND}, {"m", MINUTE},
                 {"min", MINUTE}, {"h", HOUR},   {"d", DAY}};
    size_t i = 0;

    while (i < sizeof(units) / sizeof(units[0])
           && strcasecmp(name, units[i].name)) {
        i++;
    }
    return i < sizeof(units) / sizeof(units[0]) ? units[i].ms : 0;
}

bool push_span_read(const char *text, const char *unit, int64_t *ms)
{
    size_t digits = strspn(text, "0123456789");
    int64_t each = unit_of(text[digits] ? text + digits : unit);

    *ms = digits && digits < 19 ? strtoll(text, NULL, 10) : -1;
    if (!each || *ms < 0 || *ms > INT64_MAX / each) {
        return false;
    }
    *ms *= each;
    return true;
}
