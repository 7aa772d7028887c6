#include "reports.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "node.h"
#include "show.h"
#include "text.h"

enum { REPORTS_FROM = CTL_OWN, REPORTS_TO, REPORTS_BY, REPORTS_CSV };

struct reports {
    const char *from, *to, *step, *by; /* NULL: what the server thinks */
    const char *node;                  /* NULL: of all */
    int csv;
};

static const struct ctl_option options[] = {
    {REPORTS_FROM, "from", "TIME", "the first; 1 hour ago, or 7 days"},
    {REPORTS_TO, "to", "TIME", "before this one; now"},
    {'s', "step", "minute|day", "minute"},
    {REPORTS_BY, "by", "event|total", "event"},
    {REPORTS_CSV, "csv", NULL, "CSV, for spreadsheets"},
    CTL_NODE_OPTION,
    {0, NULL, NULL, NULL},
};

static void take(struct ctl *c, int option, const char *value)
{
    struct reports *reports = c->state;

    switch (option) {
    case REPORTS_FROM:
        reports->from = value;
        break;
    case REPORTS_TO:
        reports->to = value;
        break;
    case 's':
        reports->step = value;
        break;
    case REPORTS_BY:
        reports->by = value;
        break;
    case CTL_NODE:
        reports->node = value;
        break;
    default:
        reports->csv = 1;
    }
}

static char *path_of(const struct reports *reports)
{
    char *path = strdup("reports");

    path = ctl_path_with(path, "from", reports->from);
    path = ctl_path_with(path, "to", reports->to);
    path = ctl_path_with(path, "step", reports->step);
    return ctl_path_with(path, "by", reports->by);
}

/* ---- rows ---- */

static void show_table(FILE *out, const json_t *report)
{
    const json_t *rows = json_object_get(report, "rows");
    const char *names[16];
    const char *name;
    json_t *value;
    size_t count = 0;

    json_object_foreach(json_array_get(rows, 0), name, value)
    {
        if (count < 14 && strcmp(name, "open") != 0) {
            names[count++] = name;
        }
    }
    names[count] = NULL;
    if (count > 0) {
        ctl_show_table(out, rows, names, 0);
    }
}

/* RFC 4180, section 2; a clean text has no line breaks. */
static void print_field(FILE *out, const char *text)
{
    char *clean = ctl_text_clean(text);
    const char *quote = clean && strpbrk(clean, "\",") ? "\"" : "";

    fputs(quote, out);
    for (const char *at = clean; at && *at; at++) {
        fputc(*at, out);
        if (*at == '"') {
            fputc('"', out);
        }
    }
    fputs(quote, out);
    free(clean);
}

static void print_cell(FILE *out, const json_t *value)
{
    if (json_is_string(value)) {
        print_field(out, json_string_value(value));
    }
    else {
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    }
}

static void print_line(FILE *out, const json_t *row, int names)
{
    const char *name;
    json_t *value;
    int first = 1;

    json_object_foreach((json_t *)row, name, value)
    {
        if (strcmp(name, "open") == 0) {
            continue;
        }
        fputs(first ? "" : ",", out);
        first = 0;
        if (names) {
            print_field(out, name);
        }
        else {
            print_cell(out, value);
        }
    }
    fputs("\r\n", out);
}

static void show_csv(FILE *out, const json_t *report)
{
    const json_t *rows = json_object_get(report, "rows");
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (i == 0) {
            print_line(out, row, 1);
        }
        print_line(out, row, 0);
    }
}

static int run(struct ctl *c)
{
    const struct reports *reports = c->state;
    json_t *report = NULL;
    int status;
    char *path;

    if (reports->csv && c->common.json) {
        common_usage(&c->common, "--csv and --json do not go together");
    }
    path = ctl_node_path(c, path_of(reports), reports->node, &status);
    if (path) {
        status = ctl_ask(c, "GET", path, &report);
    }
    free(path);
    return status == EXIT_OK
               ? ctl_put(c, report, reports->csv ? show_csv : show_table)
               : status;
}

const struct ctl_command ctl_reports = {
    .name = "reports",
    .arguments = "",
    .summary = "show what happened in each minute, or on each day",
    .details =
        "Times are of RFC 3339 (2026-01-31T12:00:00Z), or seconds since "
        "1970. The last\nrow is of the minute or day that is not over.",
    .options = options,
    .state_size = sizeof(struct reports),
    .take = take,
    .run = run,
};
