/*
 * show.h - JSON as a person reads it. An answer is shown by the names in it,
 * so that figures of a newer server show too.
 */
#ifndef PUSHCTL_SHOW_H
#define PUSHCTL_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "command.h"

/* The value of a member, in the unit that its name tells ("used" is bytes);
 * freed by the caller, NULL: no memory. */
char *ctl_show_value(const char *name, const json_t *value);

/* An object: its plain members one a line, then those that have members or
 * rows of their own below a heading. */
void ctl_show(FILE *out, const json_t *object);

/* An array of objects: the members named (ends with NULL) as columns. */
void ctl_show_table(FILE *out, const json_t *rows, const char *const *names,
                    int indent);

/* One line of JSON. */
void ctl_show_json(const json_t *json);

/* Print the answer of a command, as --json wants it; show() may be NULL, for
 * ctl_show(). Takes json. EXIT_OK. */
int ctl_put(const struct ctl *c, json_t *json,
            void (*show)(FILE *out, const json_t *json));

#endif
