#include "broker/views/seen_report.h"

#include <stdlib.h>
#include <string.h>

#include "broker/views/seen_by.h"
#include "store/shard/report.h"

/* Fields of a question; times are wall ms. */
enum { ASKED_STEP = 1, ASKED_FROM, ASKED_TO, ASKED_TOTAL };

/* Of an answer: a row; of a row, and its figures from there on. */
enum { SAID_ROW = 1 };
enum { ROW_TIME = 1, ROW_EVENT, ROW_OPEN, ROW_FIGURES = 16 };

#define QUESTION_BYTES 256u

/* ---- who is asked ---- */

static void write_row(void *data, const push_report_row_t *view)
{
    push_rows_t *rows = data;
    uint32_t row = push_rows_begin(rows, SAID_ROW);

    push_rows_number(rows, ROW_TIME, (uint64_t)view->time);
    push_rows_text(rows, ROW_EVENT, view->event);
    push_rows_number(rows, ROW_OPEN, view->open);
    for (unsigned i = 0; i < PUSH_TALLIES; i++) {
        push_rows_number(rows, ROW_FIGURES + i, view->of[i]);
    }
    push_rows_end(rows, row);
}

bool push_seen_report_answer(push_cluster_t *cluster, push_text_t question,
                             push_rows_t *rows)
{
    const push_report_query_t query = {
        .step = push_field_number_of(question, ASKED_STEP) == PUSH_STEP_DAY
                    ? PUSH_STEP_DAY
                    : PUSH_STEP_MINUTE,
        .from = (int64_t)push_field_number_of(question, ASKED_FROM),
        .to = (int64_t)push_field_number_of(question, ASKED_TO),
        .total = push_field_number_of(question, ASKED_TOTAL) != 0,
        .now = push_clock_now()};

    return push_report_read(cluster->store, &query, write_row, rows)
           == PUSH_OK;
}

/* ---- who asks ---- */

typedef struct {
    push_report_row_t row; /* its event is the one below */
    char event[PUSH_EVENT_MAX];
} found_t;

typedef struct {
    push_cluster_t *cluster;
    const push_report_query_t *query;
    push_nodes_asked_t nodes;
    found_t *at;
    size_t count, room;
    bool full;   /* an answer had no room for all of its rows */
    bool failed; /* no memory */
} report_t;

static found_t *add(report_t *report)
{
    size_t room = report->room ? report->room * 2 : 256;
    found_t *at = report->at;

    if (report->count == report->room) {
        at = realloc(at, room * sizeof(*at));
        if (!at) {
            report->failed = true;
            return NULL;
        }
        report->at = at;
        report->room = room;
    }
    return &at[report->count++];
}

static void read_row(push_text_t row, found_t *found)
{
    push_text_t event = push_field_text_of(row, ROW_EVENT);
    push_field_t field;

    memset(found, 0, sizeof(*found));
    found->row.event.len = event.len < sizeof(found->event)
                               ? event.len
                               : (uint32_t)sizeof(found->event);
    if (event.len) {
        memcpy(found->event, event.at, found->row.event.len);
    }
    found->row.time = (int64_t)push_field_number_of(row, ROW_TIME);
    found->row.open = push_field_number_of(row, ROW_OPEN) != 0;
    while (push_field_next(&row, &field)) {
        if (field.name >= ROW_FIGURES
            && field.name < ROW_FIGURES + PUSH_TALLIES) {
            found->row.of[field.name - ROW_FIGURES] = push_field_number(
                &field);
        }
    }
}

static void take(void *data, unsigned owner, push_text_t answer)
{
    report_t *report = data;
    push_field_t field;

    (void)owner;
    while (push_field_next(&answer, &field)) {
        if (field.name == PUSH_ROWS_MORE) {
            report->full = true;
        }
        else if (field.name == SAID_ROW) {
            found_t *found = add(report);

            if (found) {
                read_row(field.bytes, found);
            }
        }
    }
}

static bool is_other(const found_t *found)
{
    return found->row.event.len == 5 && !memcmp(found->event, "other", 5);
}

static int by_event(const found_t *x, const found_t *y)
{
    uint32_t one = x->row.event.len, other = y->row.event.len;
    int order = memcmp(x->event, y->event, one < other ? one : other);

    if (is_other(x) || is_other(y)) {
        return is_other(y) - is_other(x);
    }
    return order ? order : (one > other) - (one < other);
}

static int by_time(const void *a, const void *b)
{
    const found_t *x = a, *y = b;

    if (x->row.time != y->row.time) {
        return x->row.time < y->row.time ? -1 : 1;
    }
    return by_event(x, y);
}

static void visit_all(report_t *report, push_report_visit_t *visit, void *data)
{
    size_t i = 0;

    if (report->count) {
        qsort(report->at, report->count, sizeof(*report->at), by_time);
    }
    while (i < report->count) {
        const found_t *found = &report->at[i];
        push_report_row_t row = found->row;

        row.event.at = found->event;
        for (i++; i < report->count && !by_time(&report->at[i], found); i++) {
            for (unsigned j = 0; j < PUSH_TALLIES; j++) {
                row.of[j] += report->at[i].row.of[j];
            }
            row.open |= report->at[i].row.open;
        }
        visit(data, &row);
    }
}

/* Of all parts: who was silent in one of them is. */
static void note_nodes(report_t *report, const push_nodes_asked_t *nodes)
{
    push_nodes_asked_t *all = &report->nodes;

    if (!all->answered_count || nodes->silent_count > all->silent_count) {
        *all = *nodes;
    }
}

static push_status_t ask(report_t *report, int64_t from, int64_t to)
{
    const push_report_query_t *query = report->query;
    push_survey_t survey = {
        .kind = PUSH_SURVEY_REPORT, .take = take, .data = report};
    push_rows_t question;
    push_status_t status;

    push_rows_init(&question, QUESTION_BYTES);
    push_rows_number(&question, ASKED_STEP, (uint64_t)query->step);
    push_rows_number(&question, ASKED_FROM, (uint64_t)from);
    push_rows_number(&question, ASKED_TO, (uint64_t)to);
    push_rows_number(&question, ASKED_TOTAL, query->total);
    survey.question = push_rows_bytes(&question);
    status = push_seen_ask(report->cluster, query->of, &survey);
    push_rows_cleanup(&question);
    note_nodes(report, &survey.nodes);
    return status;
}

/* What nobody keeps any more is not asked for. */
static int64_t first_kept(const push_report_query_t *query)
{
    int64_t ms = push_step_ms(query->step);
    int64_t kept = query->now.wall - push_step_kept_ms(query->step) - ms;

    kept -= kept % ms;
    return query->from > kept ? query->from : kept;
}

/* In parts, where an answer to all of it had no room for all of its rows: as a
 * rule it has. */
static push_status_t ask_all(report_t *report, int64_t from, int64_t to)
{
    int64_t ms = push_step_ms(report->query->step);
    size_t before = report->count;
    push_status_t status = ask(report, from, to);
    int64_t middle = from + (to - from) / 2 / ms * ms;

    if (status != PUSH_OK || !report->full || report->failed
        || middle <= from) {
        return status;
    }
    report->full = false;
    report->count = before;
    status = ask_all(report, from, middle);
    return status == PUSH_OK ? ask_all(report, middle, to) : status;
}

push_status_t push_seen_report(push_cluster_t *cluster,
                               const push_report_query_t *query,
                               push_report_visit_t *visit, void *data)
{
    report_t report = {.cluster = cluster, .query = query};
    int64_t last = query->now.wall + push_step_ms(query->step);
    push_status_t status = ask_all(&report, first_kept(query),
                                   query->to < last ? query->to : last);

    if (status == PUSH_OK && (report.failed || report.full)) {
        status = PUSH_NO_MEMORY;
    }
    if (status == PUSH_OK) {
        if (query->nodes) {
            *query->nodes = report.nodes;
        }
        visit_all(&report, visit, data);
    }
    free(report.at);
    return status;
}
