#include "show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"
#include "text.h"

/* ---- a value ---- */

enum unit { PLAIN, BYTES, TIME, SECONDS, PERCENT };

static enum unit unit_of(const char *name)
{
    static const struct {
        const char *name;
        enum unit unit;
    } rows[] = {
        {"size", BYTES},
        {"used", BYTES},
        {"waiting", BYTES},
        {"message_overhead", BYTES},
        {"at", TIME},
        {"device_context_max", BYTES},
        {"created", TIME},
        {"expires", TIME},
        {"ended", TIME},
        {"first_seen", TIME},
        {"last_seen", TIME},
        {"last_ack", TIME},
        {"ttl", SECONDS},
        {"expires_in", SECONDS},
        {"memory_percent", PERCENT},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].unit;
        }
    }
    return PLAIN;
}

static char *number_text(const char *name, json_int_t n)
{
    char out[CTL_TEXT_MAX];

    switch (unit_of(name)) {
    case BYTES:
        ctl_text_bytes(n, out);
        break;
    case TIME:
        ctl_text_time(n, ctl_text_now(), out);
        break;
    case SECONDS:
        ctl_text_seconds(n, out);
        break;
    case PERCENT:
        snprintf(out, sizeof(out), "%" JSON_INTEGER_FORMAT " %%", n);
        break;
    default:
        ctl_text_count(n, out);
    }
    return strdup(out);
}

/* Texts with commas between them; anything else as JSON. */
static char *list_text(const json_t *list)
{
    char *text = NULL;
    size_t size = 0, i;
    FILE *out = open_memstream(&text, &size);
    const json_t *value;

    if (!out) {
        return NULL;
    }
    json_array_foreach(list, i, value)
    {
        char *part = ctl_show_value("", value);

        fprintf(out, "%s%s", i ? ", " : "", part ? part : "");
        free(part);
    }
    if (json_array_size(list) == 0) {
        fputc('-', out);
    }
    fclose(out);
    return text;
}

/* An object within a line: {"user":"bob"} is "user bob". */
static char *object_text(const json_t *object)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const char *name;
    json_t *value;
    int first = 1;

    if (!out) {
        return NULL;
    }
    json_object_foreach((json_t *)object, name, value)
    {
        char *part = ctl_show_value(name, value);

        fprintf(out, "%s%s", first ? "" : ", ", name);
        if (!json_is_true(value)) {
            fprintf(out, " %s", part ? part : "");
        }
        free(part);
        first = 0;
    }
    fclose(out);
    return text;
}

char *ctl_show_value(const char *name, const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return strdup(json_string_value(value));
    case JSON_INTEGER:
        return number_text(name, json_integer_value(value));
    case JSON_TRUE:
        return strdup("yes");
    case JSON_FALSE:
        return strdup("no");
    case JSON_NULL:
        return strdup("-");
    case JSON_ARRAY:
        return list_text(value);
    case JSON_OBJECT:
        return object_text(value);
    default:
        return json_dumps(value, JSON_ENCODE_ANY);
    }
}

static void add_value(struct ctl_table *t, const char *name,
                      const json_t *value)
{
    char *text = ctl_show_value(name, value);

    ctl_table_add(t, text ? text : "");
    free(text);
}

/* "acked_seq" is read "acked seq". */
static void add_name(struct ctl_table *t, const char *name)
{
    char text[CTL_TEXT_MAX];

    snprintf(text, sizeof(text), "%s", name);
    for (char *at = text; *at; at++) {
        *at = *at == '_' ? ' ' : *at;
    }
    ctl_table_add(t, text);
}

/* ---- tables ---- */

static int is_number(const json_t *rows, const char *name)
{
    const json_t *value = json_object_get(json_array_get(rows, 0), name);

    return json_is_integer(value) && unit_of(name) != TIME;
}

void ctl_show_table(FILE *out, const json_t *rows, const char *const *names,
                    int indent)
{
    struct ctl_table *t;
    size_t columns = 0, i;
    const json_t *row;

    while (names[columns]) {
        columns++;
    }
    t = ctl_table_create(columns);
    if (!t) {
        return;
    }
    for (size_t k = 0; k < columns; k++) {
        add_name(t, names[k]);
        if (is_number(rows, names[k])) {
            ctl_table_right(t, k);
        }
    }
    json_array_foreach(rows, i, row)
    {
        for (size_t k = 0; k < columns; k++) {
            add_value(t, names[k], json_object_get(row, names[k]));
        }
    }
    ctl_table_print(t, out, indent);
    ctl_table_destroy(t);
}

/* The columns are the members of the first row, the names its own. */
static void show_rows(FILE *out, const json_t *rows, int indent)
{
    const char *names[CTL_COLUMNS_MAX + 1];
    const char *name;
    json_t *value;
    size_t count = 0;

    json_object_foreach(json_array_get(rows, 0), name, value)
    {
        if (count < CTL_COLUMNS_MAX) {
            names[count++] = name;
        }
    }
    names[count] = NULL;
    if (count > 0) {
        ctl_show_table(out, rows, names, indent);
    }
}

/* ---- objects ---- */

static int has_rows(const json_t *value)
{
    return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

/* Whether the member gets a heading of its own. */
static int is_section(const json_t *value)
{
    return has_rows(value)
           || (json_is_object(value) && json_object_size(value) > 2);
}

static void show_members(FILE *out, const json_t *object, int indent)
{
    struct ctl_table *t = ctl_table_create(2);
    const char *name;
    json_t *value;

    if (!t) {
        return;
    }
    json_object_foreach((json_t *)object, name, value)
    {
        if (!is_section(value)) {
            add_name(t, name);
            add_value(t, name, value);
        }
    }
    ctl_table_print(t, out, indent);
    ctl_table_destroy(t);
}

static void show_sections(FILE *out, const json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value)
    {
        struct ctl_table *t = is_section(value) ? ctl_table_create(1) : NULL;

        if (!t) {
            continue;
        }
        add_name(t, name);
        ctl_table_print(t, out, 0);
        ctl_table_destroy(t);
        if (has_rows(value)) {
            show_rows(out, value, 2);
        }
        else {
            show_members(out, value, 2);
        }
    }
}

void ctl_show(FILE *out, const json_t *object)
{
    show_members(out, object, 0);
    show_sections(out, object);
}

/* ---- output ---- */

/* To a terminal, what could be a command in it goes as \u009b. */
void ctl_show_json(const json_t *json)
{
    size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER
                   | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0);

    json_dumpf(json, stdout, flags);
    putchar('\n');
}

int ctl_put(const struct ctl *c, json_t *json,
            void (*show)(FILE *out, const json_t *json))
{
    if (c->common.json) {
        ctl_show_json(json);
    }
    else {
        (show ? show : ctl_show)(stdout, json);
    }
    json_decref(json);
    return EXIT_OK;
}
