#include "http/admin/reports.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <stdlib.h>
#include <time.h>

#include "broker/whole.h"
#include "http/admin/query.h"
#include "http/runtime.h"

/* ---- times ---- */

#define TIME_TEXT 32

/* The last second of the year 9999, in which the form of times ends. */
#define SECONDS_MAX INT64_C(253402300799)

static void write_time(int64_t ms, char text[TIME_TEXT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool read_seconds(const char *text, int64_t *seconds)
{
    *seconds = 0;
    do {
        if (!apr_isdigit(*text) || *seconds > SECONDS_MAX) {
            return false;
        }
        *seconds = *seconds * 10 + (*text - '0');
    } while (*++text);
    return *seconds <= SECONDS_MAX;
}

/* Digits as many as the form has, each in place of a 0. */
static bool has_form(const char *text, const char *form)
{
    for (; *form; form++, text++) {
        if (*form == '0' ? !apr_isdigit(*text) : *form != *text) {
            return false;
        }
    }
    return true;
}

static int two_digits(const char *at)
{
    return (at[0] - '0') * 10 + at[1] - '0';
}

/* "Z", or an offset whose plus may have become a space in the query. */
static bool read_zone(const char *text, int64_t *seconds)
{
    int sign = *text == '-' ? -1 : 1;

    *seconds = 0;
    if (!strcmp(text, "Z") || !strcmp(text, "z")) {
        return true;
    }
    if (!*text || !strchr("+ -", *text) || !has_form(text + 1, "00:00")
        || text[6]) {
        return false;
    }
    *seconds = sign * (two_digits(text + 1) * 60 + two_digits(text + 4)) * 60;
    return two_digits(text + 1) < 24 && two_digits(text + 4) < 60;
}

/* RFC 3339, section 5.6; fractions of a second are passed over. */
static bool read_date(const char *text, int64_t *seconds)
{
    struct tm tm = {0}, given;
    const char *rest;
    int64_t zone;

    if (!has_form(text, "0000-00-00") || !text[10] || !strchr("Tt ", text[10])
        || !has_form(text + 11, "00:00:00")) {
        return false;
    }
    tm.tm_year = two_digits(text) * 100 + two_digits(text + 2) - 1900;
    tm.tm_mon = two_digits(text + 5) - 1;
    tm.tm_mday = two_digits(text + 8);
    tm.tm_hour = two_digits(text + 11);
    tm.tm_min = two_digits(text + 14);
    tm.tm_sec = two_digits(text + 17);
    given = tm;
    rest = text + 19;
    if (*rest == '.') {
        rest += 1 + strspn(rest + 1, "0123456789");
    }
    if (!read_zone(rest, &zone)) {
        return false;
    }
    *seconds = (int64_t)timegm(&tm) - zone;
    return *seconds >= 0 && tm.tm_mday == given.tm_mday
           && tm.tm_mon == given.tm_mon && tm.tm_hour == given.tm_hour
           && tm.tm_min == given.tm_min && tm.tm_sec == given.tm_sec;
}

/* ---- the query ---- */

static const push_problem_t *bad(const push_params_t *params, const char *name,
                                 const char *legal)
{
    return push_problem(params->pool, 400, "bad-parameter", "%s: %s", name,
                        legal);
}

static const push_problem_t *read_time(const push_params_t *params,
                                       const char *name, int64_t *ms)
{
    const char *text;
    const push_problem_t *problem = push_params_one(params, name, &text);
    int64_t seconds;

    if (problem || !text) {
        return problem;
    }
    if (!read_seconds(text, &seconds) && !read_date(text, &seconds)) {
        return bad(params, name,
                   "a time of RFC 3339 like 2026-01-31T12:00:00Z, or seconds "
                   "since 1970, up to the year 9999");
    }
    *ms = seconds * 1000;
    return NULL;
}

/* Which of two it is; the first one if it is not given. */
static const push_problem_t *read_choice(const push_params_t *params,
                                         const char *name,
                                         const char *const choices[3],
                                         bool *second)
{
    const char *text;
    const push_problem_t *problem = push_params_one(params, name, &text);

    if (problem || !text) {
        return problem;
    }
    *second = !strcmp(text, choices[1]);
    return *second || !strcmp(text, choices[0])
               ? NULL
               : bad(params, name, choices[2]);
}

/* In which form the answer comes. */
static const push_problem_t *read_format(request_rec *r,
                                         const push_params_t *params,
                                         bool *csv)
{
    static const char *const formats[] = {"json", "csv", "json or csv"};
    const char *accept = apr_table_get(r->headers_in, "Accept");

    apr_table_mergen(r->headers_out, "Vary", "Accept");
    *csv = accept && ap_find_token(r->pool, accept, "text/csv");
    return read_choice(params, "format", formats, csv);
}

#define HOUR_MS (INT64_C(60) * PUSH_MINUTE_MS)

static const push_problem_t *read_span(const push_params_t *params,
                                       push_report_query_t *query)
{
    const push_problem_t *problem;
    int64_t ms = push_step_ms(query->step);

    query->to = query->now.wall;
    problem = read_time(params, "to", &query->to);
    query->from = query->to
                  - (query->step == PUSH_STEP_DAY ? 7 * PUSH_DAY_MS : HOUR_MS);
    problem = problem ?: read_time(params, "from", &query->from);
    if (!problem && query->from > query->to) {
        problem = bad(params, "from", "a time that is not after to");
    }
    /* The step in which it begins is asked for too. */
    query->from = query->from / ms * ms;
    return problem;
}

static const push_problem_t *read_query(const push_params_t *params,
                                        push_report_query_t *query)
{
    static const char *const steps[] = {"minute", "day", "minute or day"};
    static const char *const bys[] = {"event", "total", "event or total"};
    bool day = false;
    const push_problem_t *problem;

    query->now = push_clock_now();
    problem = read_choice(params, "step", steps, &day)
                  ?: read_choice(params, "by", bys, &query->total);
    query->step = day ? PUSH_STEP_DAY : PUSH_STEP_MINUTE;
    return problem ?: read_span(params, query);
}

/* ---- the answer, row by row ---- */

typedef struct {
    request_rec *r;
    const push_report_query_t *query;
    bool csv;
    unsigned rows;
} answer_t;

static void begin_json(const answer_t *answer)
{
    char from[TIME_TEXT], to[TIME_TEXT];

    write_time(answer->query->from, from);
    write_time(answer->query->to, to);
    ap_set_content_type(answer->r, "application/json");
    ap_rprintf(answer->r,
               "{\"from\":\"%s\",\"to\":\"%s\",\"step\":\"%s\",\"by\":\"%s\","
               "\"rows\":[",
               from, to,
               answer->query->step == PUSH_STEP_DAY ? "day" : "minute",
               answer->query->total ? "total" : "event");
}

/* The event type and the variant of a class. */
static void split(push_text_t name, push_text_t *event, push_text_t *variant)
{
    const char *slash = name.len ? memchr(name.at, '/', name.len) : NULL;

    *event = name;
    *variant = (push_text_t){"", 0};
    if (slash) {
        event->len = (uint32_t)(slash - name.at);
        *variant = (push_text_t){slash + 1, name.len - event->len - 1};
    }
}

/* Names of classes have no character that JSON or RFC 4180 quotes. */
static void json_row(const answer_t *answer, const push_report_row_t *row,
                     const char *time)
{
    request_rec *r = answer->r;
    push_text_t event, variant;

    split(row->event, &event, &variant);
    ap_rprintf(r, "%s{\"time\":\"%s\"", answer->rows ? ",\n" : "\n", time);
    if (!answer->query->total) {
        ap_rprintf(r, ",\"event\":\"%.*s\"", (int)event.len, event.at);
    }
    if (variant.len) {
        ap_rprintf(r, ",\"variant\":\"%.*s\"", (int)variant.len, variant.at);
    }
    for (int i = 0; i < PUSH_TALLIES; i++) {
        ap_rprintf(r, ",\"%s\":%" APR_UINT64_T_FMT,
                   push_tally_name((push_tally_kind_t)i), row->of[i]);
    }
    ap_rputs(row->open ? ",\"open\":true}" : "}", r);
}

static void end_json(const answer_t *answer)
{
    const push_nodes_asked_t *nodes = answer->query->nodes;
    char *text;

    ap_rputs("\n]", answer->r);
    if (nodes->answered_count) {
        json_t *object = push_whole_nodes(nodes);

        text = json_dumps(object, JSON_COMPACT);
        ap_rprintf(answer->r, ",\n\"nodes\":%s", text ? text : "null");
        free(text);
        json_decref(object);
    }
    ap_rputs("}\n", answer->r);
}

/* A table has no place for who is silent. */
static void set_silent(const answer_t *answer)
{
    const push_nodes_asked_t *nodes = answer->query->nodes;

    for (unsigned i = 0; i < nodes->silent_count; i++) {
        apr_table_mergen(answer->r->headers_out, "Push-Silent-Nodes",
                         apr_itoa(answer->r->pool, nodes->silent[i]));
    }
}

static void begin_csv(const answer_t *answer)
{
    request_rec *r = answer->r;

    set_silent(answer);
    ap_set_content_type(r, "text/csv; charset=utf-8; header=present");
    ap_rputs(answer->query->total ? "time" : "time,event,variant", r);
    for (int i = 0; i < PUSH_TALLIES; i++) {
        ap_rprintf(r, ",%s", push_tally_name((push_tally_kind_t)i));
    }
    ap_rputs(",open\r\n", r);
}

static void csv_row(const answer_t *answer, const push_report_row_t *row,
                    const char *time)
{
    request_rec *r = answer->r;
    push_text_t event, variant;

    split(row->event, &event, &variant);
    ap_rputs(time, r);
    if (!answer->query->total) {
        ap_rprintf(r, ",%.*s,%.*s", (int)event.len, event.at, (int)variant.len,
                   variant.at);
    }
    for (int i = 0; i < PUSH_TALLIES; i++) {
        ap_rprintf(r, ",%" APR_UINT64_T_FMT, row->of[i]);
    }
    ap_rputs(row->open ? ",true\r\n" : ",false\r\n", r);
}

static void begin_answer(const answer_t *answer)
{
    if (answer->csv) {
        begin_csv(answer);
    }
    else {
        begin_json(answer);
    }
}

static void add_row(void *data, const push_report_row_t *row)
{
    answer_t *answer = data;
    char time[TIME_TEXT];

    write_time(row->time, time);
    if (!answer->rows) {
        begin_answer(answer);
    }
    if (answer->csv) {
        csv_row(answer, row, time);
    }
    else {
        json_row(answer, row, time);
    }
    answer->rows++;
}

int push_show_reports(request_rec *r, const char *none)
{
    push_broker_t *broker = push_broker();
    push_nodes_asked_t nodes = {0};
    push_report_query_t query = {.nodes = &nodes};
    answer_t answer = {.r = r, .query = &query};
    const push_problem_t *problem;
    push_params_t params;

    (void)none;
    problem = push_params_parse(r, &params)
                  ?: read_format(r, &params, &answer.csv)
                  ?: read_query(&params, &query)
                  ?: push_query_nodes(&params, &query.of);
    if (!problem) {
        problem = push_query_nodes_found(r->pool, query.of,
                                         broker->report(broker, &query,
                                                        add_row, &answer));
    }
    if (problem) {
        return push_problem_send(r, problem);
    }
    if (!answer.rows) {
        begin_answer(&answer);
    }
    if (!answer.csv) {
        end_json(&answer);
    }
    return OK;
}
