#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

struct ctl_table {
    size_t columns;
    size_t count, room; /* cells */
    char **cells;       /* NULL: empty */
    size_t widths[CTL_COLUMNS_MAX];
    char right[CTL_COLUMNS_MAX];
};

struct ctl_table *ctl_table_create(size_t columns)
{
    struct ctl_table *t = calloc(1, sizeof(*t));

    if (t) {
        t->columns = columns < CTL_COLUMNS_MAX ? columns : CTL_COLUMNS_MAX;
    }
    return t;
}

void ctl_table_destroy(struct ctl_table *t)
{
    if (t) {
        for (size_t i = 0; i < t->count; i++) {
            free(t->cells[i]);
        }
        free(t->cells);
        free(t);
    }
}

void ctl_table_right(struct ctl_table *t, size_t column)
{
    t->right[column] = 1;
}

void ctl_table_add(struct ctl_table *t, const char *text)
{
    size_t column = t->count % t->columns;
    size_t width;

    if (t->count == t->room) {
        size_t room = 2 * t->room + 64;
        char **more = realloc(t->cells, room * sizeof(*more));

        if (!more) {
            return;
        }
        t->cells = more;
        t->room = room;
    }
    t->cells[t->count] = ctl_text_clean(text);
    width = t->cells[t->count] ? ctl_text_width(t->cells[t->count]) : 0;
    if (width > t->widths[column]) {
        t->widths[column] = width;
    }
    t->count++;
}

/* Whether nothing but empty cells follows in the row of a cell. */
static int ends_row(const struct ctl_table *t, size_t i)
{
    for (i++; i < t->count && i % t->columns != 0; i++) {
        if (t->cells[i] && *t->cells[i]) {
            return 0;
        }
    }
    return 1;
}

static void print_row(const struct ctl_table *t, FILE *out, size_t row)
{
    for (size_t i = row * t->columns; i < t->count; i++) {
        size_t column = i % t->columns;
        const char *text = t->cells[i] ? t->cells[i] : "";
        int pad = (int)(t->widths[column] - ctl_text_width(text));

        fprintf(out, "%*s%s", t->right[column] ? pad : 0, "", text);
        if (ends_row(t, i)) {
            break;
        }
        fprintf(out, "%*s", t->right[column] ? 2 : pad + 2, "");
    }
}

void ctl_table_print(const struct ctl_table *t, FILE *out, int indent)
{
    for (size_t row = 0; row * t->columns < t->count; row++) {
        fprintf(out, "%*s", indent, "");
        print_row(t, out, row);
        fputc('\n', out);
    }
}
