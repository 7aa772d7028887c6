/* table.h - columns of text, as wide as what is in them. */
#ifndef PUSHCTL_TABLE_H
#define PUSHCTL_TABLE_H

#include <stdio.h>

#define CTL_COLUMNS_MAX 32

struct ctl_table;

/* NULL: no memory. Up to CTL_COLUMNS_MAX columns. */
struct ctl_table *ctl_table_create(size_t columns);
void ctl_table_destroy(struct ctl_table *t);

/* Have a column end at the same place instead of begin there. */
void ctl_table_right(struct ctl_table *t, size_t column);

/* The next cell, row by row; text is copied, without what a terminal would
 * obey. Where memory is out the cell is empty. */
void ctl_table_add(struct ctl_table *t, const char *text);

/* Each row behind so many spaces, with two between columns and none at its
 * end. */
void ctl_table_print(const struct ctl_table *t, FILE *out, int indent);

#endif
