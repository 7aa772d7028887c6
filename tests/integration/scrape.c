#include "scrape.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "keep.h"

#define SERIES_MAX 2000

enum type { GAUGE, COUNTER, HISTOGRAM };

struct series {
    const char *name; /* with its labels */
    double value;
    enum type type;
    const char *trace; /* of its exemplar, or NULL */
    double example;
};

struct scrape {
    bool open;
    const char *text;
    struct series series[SERIES_MAX];
    int count;
    const char *family; /* the one that is being read */
    enum type type;
    bool named;     /* HELP came, TYPE has to follow */
    double above;   /* of the bucket before: its bound */
    double below;   /* and its value */
    double samples; /* in the last bucket */
};

static void wrong(const char *line, const char *why)
{
    ck_abort_msg("%s: %s", why, line);
}

#define NEEDS(condition, line, why)                                           \
    do {                                                                      \
        if (!(condition)) {                                                   \
            wrong(line, why);                                                 \
        }                                                                     \
    } while (0)

static size_t name_len(const char *at)
{
    size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_");

    return len + strspn(at + len, "abcdefghijklmnopqrstuvwxyz_0123456789");
}

/* ---- comments ---- */

static const char *word(const char **at, size_t len)
{
    const char *copy = keep_copy(*at, len);

    *at += len;
    return copy;
}

static void take_help(struct scrape *s, const char *line, const char *at)
{
    size_t len = name_len(at);

    NEEDS(len > 5 && strncmp(at, "push_", 5) == 0 && at[len] == ' '
              && at[len + 1] != '\0',
          line, "no HELP of a family of ours");
    NEEDS(!s->named, line, "TYPE is missing before");
    s->family = word(&at, len);
    for (int i = 0; i < s->count; i++) {
        NEEDS(strncmp(s->series[i].name, s->family, len) != 0
                  || name_len(s->series[i].name) != len,
              line, "a family that was there");
    }
    s->named = true;
}

static void take_type(struct scrape *s, const char *line, const char *at)
{
    size_t len = name_len(at);

    NEEDS(s->named && strlen(s->family) == len
              && strncmp(at, s->family, len) == 0 && at[len] == ' ',
          line, "TYPE of another family than HELP");
    s->named = false;
    at += len + 1;
    s->type = strcmp(at, "gauge") == 0       ? GAUGE
              : strcmp(at, "counter") == 0   ? COUNTER
              : strcmp(at, "histogram") == 0 ? HISTOGRAM
                                             : (enum type)3;
    NEEDS(s->type <= HISTOGRAM, line, "no type of ours");
    if (s->type == COUNTER && !s->open) {
        NEEDS(len > 6 && strcmp(s->family + len - 6, "_total") == 0, line,
              "a counter without _total");
    }
    s->above = -1;
}

/* ---- series ---- */

static double take_number(const char *line, const char **at)
{
    char *end;
    double number = strtod(*at, &end);

    NEEDS(end != *at && **at >= '0' && **at <= '9', line, "no number");
    *at = end;
    return number;
}

/* Returns the bound of le, or -1. */
static double take_labels(const char *line, const char **at)
{
    double bound = -1;

    do {
        const char *name;
        const char *value;

        (*at)++;
        name = word(at, name_len(*at));
        NEEDS(*name != '\0' && strncmp(*at, "=\"", 2) == 0, line,
              "a label has no name");
        *at += 2;
        value = *at;
        while (**at != '"') {
            NEEDS(**at != '\0', line, "a label does not end");
            NEEDS(**at != '\\' || strchr("\\\"n", (*at)[1]) != NULL, line,
                  "a label is escaped wrongly");
            *at += **at == '\\' ? 2 : 1;
        }
        (*at)++;
        if (strcmp(name, "le") == 0) {
            bound = strncmp(value, "+Inf\"", 5) == 0 ? 1e300
                                                     : strtod(value, NULL);
        }
    } while (**at == ',');
    NEEDS(**at == '}', line, "the labels do not end");
    (*at)++;
    return bound;
}

static void take_exemplar(struct scrape *s, struct series *one,
                          const char *line, const char *at)
{
    static const char begin[] = " # {trace_id=\"";

    NEEDS(s->open && s->above >= 0, line, "an exemplar where none may be");
    NEEDS(strncmp(at, begin, sizeof(begin) - 1) == 0, line,
          "no exemplar of ours");
    at += sizeof(begin) - 1;
    NEEDS(strspn(at, "0123456789abcdef") == 32
              && strncmp(at + 32, "\"} ", 3) == 0,
          line, "no trace id");
    one->trace = word(&at, 32);
    at += 3;
    one->example = take_number(line, &at);
    NEEDS(one->example <= s->above, line, "an exemplar above its bucket");
    NEEDS(*at == ' ', line, "an exemplar without its time");
    at++;
    NEEDS(take_number(line, &at) > 1.6e9 && *at == '\0', line,
          "an exemplar of no time");
}

/* Which of a histogram's series it is; the buckets come first, ascending. */
static void check_histogram(struct scrape *s, const char *line,
                            const char *suffix, double bound, double value)
{
    if (strncmp(suffix, "_bucket", 7) == 0) {
        if (s->above == 1e300 || s->above < 0) {
            s->above = -1;
            s->below = 0;
        }
        NEEDS(bound > s->above, line, "buckets do not ascend");
        NEEDS(value >= s->below, line, "buckets do not add up");
        s->above = bound;
        s->below = value;
        s->samples = value;
        return;
    }
    NEEDS(s->above == 1e300, line, "the last bucket is missing");
    if (strncmp(suffix, "_count", 6) == 0) {
        NEEDS(value == s->samples, line, "the count is not the last bucket");
        s->above = 1e300;
    }
    else {
        NEEDS(strncmp(suffix, "_sum", 4) == 0, line, "no series of it");
    }
}

static void take_series(struct scrape *s, const char *line)
{
    struct series *one = &s->series[s->count];
    const char *at = line + name_len(line);
    size_t family = strlen(s->family != NULL ? s->family : "");
    const char *suffix = line + family;
    double bound = -1;

    NEEDS(s->family != NULL && !s->named
              && strncmp(line, s->family, family) == 0,
          line, "a series of no family");
    NEEDS(s->count < SERIES_MAX, line, "too many series");
    bound = *at == '{' ? take_labels(line, &at) : -1;
    *one = (struct series){.name = keep_copy(line, (size_t)(at - line)),
                           .type = s->type};
    for (int i = 0; i < s->count; i++) {
        NEEDS(strcmp(s->series[i].name, one->name) != 0, line, "twice");
    }
    NEEDS(*at == ' ', line, "no blank before the value");
    at++;
    one->value = take_number(line, &at);
    s->count++;
    if (s->type == HISTOGRAM) {
        check_histogram(s, line, suffix, bound, one->value);
    }
    else if (s->type == COUNTER && s->open) {
        NEEDS(strncmp(suffix, "_total", 6) == 0
                  && (suffix[6] == '{' || suffix[6] == ' '),
              line, "a counter without _total");
    }
    else {
        NEEDS(*suffix == '{' || *suffix == ' ', line, "another family");
    }
    if (*at != '\0') {
        take_exemplar(s, one, line, at);
    }
}

static void take_line(struct scrape *s, const char *line)
{
    if (strncmp(line, "# HELP ", 7) == 0) {
        take_help(s, line, line + 7);
    }
    else if (strncmp(line, "# TYPE ", 7) == 0) {
        take_type(s, line, line + 7);
    }
    else {
        take_series(s, line);
    }
}

static const char *const types[] = {
    "text/plain; version=0.0.4; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8"};

static const char *const accepts[] = {
    NULL, "Accept: application/openmetrics-text; version=1.0.0; q=0.8, "
          "text/plain; q=0.5\r\n"};

struct scrape *scrape_take(const struct server *server, bool open)
{
    static const char end[] = "# EOF\n";
    struct answer *a = http_do(server, "GET", "/push/metrics", accepts[open],
                               NULL);
    struct scrape *s = keep(calloc(1, sizeof(*s)), free);
    const char *at = a->body;
    size_t length = a->length;

    ck_assert_int_eq(a->status, 200);
    ck_assert_str_eq(http_header(a, "Content-Type"), types[open]);
    ck_assert_uint_eq(strlen(a->body), a->length);
    s->open = open;
    s->text = a->body;
    if (open) {
        ck_assert_uint_gt(length, sizeof(end));
        length -= sizeof(end) - 1;
        ck_assert_str_eq(a->body + length, end);
    }
    while (at < a->body + length) {
        const char *line_end = strchr(at, '\n');

        ck_assert_ptr_nonnull(line_end);
        take_line(s, keep_copy(at, (size_t)(line_end - at)));
        at = line_end + 1;
    }
    ck_assert(!s->named);
    return s;
}

/* ---- what it says ---- */

static const struct series *find(const struct scrape *s, const char *name)
{
    for (int i = 0; i < s->count; i++) {
        if (strcmp(s->series[i].name, name) == 0) {
            return &s->series[i];
        }
    }
    ck_abort_msg("there is no %s", name);
    return NULL;
}

const char *scrape_text(const struct scrape *s)
{
    return s->text;
}

int scrape_count(const struct scrape *s)
{
    return s->count;
}

double scrape_value(const struct scrape *s, const char *series)
{
    return find(s, series)->value;
}

double scrape_exemplar(const struct scrape *s, const char *series,
                       const char **trace)
{
    const struct series *one = find(s, series);

    *trace = one->trace;
    return one->trace != NULL ? one->example : -1;
}

void scrape_expect_no_fall(const struct scrape *before,
                           const struct scrape *now)
{
    for (int i = 0; i < before->count; i++) {
        const struct series *one = &before->series[i];

        if (one->type != GAUGE) {
            double value = scrape_value(now, one->name);

            ck_assert_msg(value >= one->value, "%s fell from %f to %f",
                          one->name, one->value, value);
        }
    }
}
