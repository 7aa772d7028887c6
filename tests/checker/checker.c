/* checker.c - read the lines, keep them, report what the rules find. */
#include "checker.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 10

static const struct {
    const char *name;
    int needs_device, needs_mid;
} kinds[] = {
    {"device", 1, 0},    {"gone", 1, 0},      {"tried", 0, 0},
    {"accepted", 0, 1},  {"connected", 1, 0}, {"received", 1, 1},
    {"delivered", 1, 1}, {"cut", 1, 0},       {"acked", 1, 0},
    {"expired", 1, 1},   {"replaced", 1, 1},  {"recalled", 1, 1},
    {"evicted", 1, 1},   {"refused", 1, 1},   {"gap", 1, 0},
    {"crash", 0, 0},     {"stall", 0, 0},     {"note", 0, 0},
};

/* ---- the map ---- */

void index_init(struct index *x)
{
    x->object = json_object();
}

void index_cleanup(struct index *x)
{
    json_decref(x->object);
}

static char *join(const char *a, const char *b)
{
    size_t room = strlen(a ? a : "") + strlen(b ? b : "") + 32;
    char *key = malloc(room);

    if (!key) {
        abort();
    }
    snprintf(key, room, "%zu %s %s", strlen(a ? a : ""), a ? a : "",
             b ? b : "");
    return key;
}

const struct line *index_get(const struct checker *c, const struct index *x,
                             const char *a, const char *b)
{
    char *key = join(a, b);
    const json_t *at = json_object_get(x->object, key);

    free(key);
    return at ? &c->lines[json_integer_value(at)] : NULL;
}

void index_put(const struct checker *c, struct index *x, const char *a,
               const char *b, const struct line *line)
{
    char *key = join(a, b);

    json_object_set_new_nocheck(x->object, key, json_integer(line - c->lines));
    free(key);
}

/* ---- lines of one kind ---- */

struct list list_of(const struct checker *c, enum what what)
{
    struct list list = {NULL, 0};
    size_t i, count = 0;

    for (i = 0; i < c->count; i++) {
        count += c->lines[i].what == what;
    }
    list.lines = calloc(count + 1, sizeof(*list.lines));
    if (!list.lines) {
        abort();
    }
    for (i = 0; i < c->count; i++) {
        if (c->lines[i].what == what) {
            list.lines[list.count++] = &c->lines[i];
        }
    }
    return list;
}

void list_cleanup(struct list *list)
{
    free(list->lines);
}

/* ---- reading ---- */

static int kind_of(const char *name)
{
    int i = (int)(sizeof(kinds) / sizeof(kinds[0])) - 1;

    while (name && i >= 0 && strcmp(kinds[i].name, name) != 0) {
        i--;
    }
    return name ? i : -1;
}

static long long integer(const json_t *json, const char *name)
{
    const json_t *n = json_object_get(json, name);

    return json_is_integer(n) ? json_integer_value(n) : -1;
}

/* Fill in a line; NULL, or what is wrong with it. */
static const char *take(struct line *line, json_t *json)
{
    int kind = kind_of(json_string_value(json_object_get(json, "what")));
    const json_t *t = json_object_get(json, "t");

    if (kind < 0) {
        return "what is missing or unknown";
    }
    if (!json_is_number(t)) {
        return "t is missing";
    }
    line->what = (enum what)kind;
    line->t = json_number_value(t);
    line->json = json;
    line->device = json_string_value(json_object_get(json, "device"));
    line->mid = json_string_value(json_object_get(json, "mid"));
    line->key = json_string_value(json_object_get(json, "key"));
    line->user = json_string_value(json_object_get(json, "user"));
    line->seq = integer(json, "seq");
    line->conn = integer(json, "conn");
    line->flush = integer(json, "flush");
    if (kinds[kind].needs_device && !line->device) {
        return "device is missing";
    }
    if (kinds[kind].needs_mid && !line->mid) {
        return "mid is missing";
    }
    if (line->what == WHAT_RECEIVED && (line->seq < 0 || line->conn < 0)) {
        return "seq or conn is missing";
    }
    if (line->what == WHAT_ACKED && !line->mid
        && (line->seq < 0 || line->conn < 0)) {
        return "mid, or seq and conn, is missing";
    }
    if (line->what == WHAT_TRIED && !line->key) {
        return "key is missing";
    }
    if ((line->what == WHAT_CRASH || line->what == WHAT_STALL)
        && integer(json, "within") < 0) {
        return "within is missing";
    }
    return NULL;
}

static struct line *append(struct checker *c)
{
    if (c->count == c->room) {
        c->room = c->room ? 2 * c->room : 1024;
        c->lines = realloc(c->lines, c->room * sizeof(*c->lines));
        if (!c->lines) {
            abort();
        }
    }
    memset(&c->lines[c->count], 0, sizeof(*c->lines));
    return &c->lines[c->count];
}

int checker_read(struct checker *c, FILE *in, const char *name)
{
    char *text = NULL;
    size_t room = 0, number = 0;
    int failed = 0;

    while (!failed && getline(&text, &room, in) >= 0) {
        json_error_t error;
        json_t *json;
        const char *wrong;

        number++;
        if (text[strspn(text, " \t\r\n")] == '\0') {
            continue;
        }
        json = json_loads(text, 0, &error);
        wrong = json ? take(append(c), json) : error.text;
        if (wrong) {
            fprintf(c->out, "%s:%zu: %s\n", name, number, wrong);
            json_decref(json);
            failed = -1;
        }
        else {
            c->lines[c->count++].number = number;
        }
    }
    free(text);
    return failed;
}

void checker_cleanup(struct checker *c)
{
    size_t i;

    for (i = 0; i < c->count; i++) {
        json_decref(c->lines[i].json);
    }
    free(c->lines);
    memset(c, 0, sizeof(*c));
}

/* ---- judging ---- */

void checker_violation(struct checker *c, const char *rule,
                       const struct line *const *witness, const char *format,
                       ...)
{
    va_list args;
    size_t i;

    if (++c->violations > SHOWN_MAX) {
        return;
    }
    fprintf(c->out, "%s: ", rule);
    va_start(args, format);
    vfprintf(c->out, format, args);
    va_end(args);
    fputc('\n', c->out);
    for (i = 0; i < WITNESS_MAX; i++) {
        if (witness[i]) {
            fprintf(c->out, "  %zu: ", witness[i]->number);
            json_dumpf(witness[i]->json, c->out,
                       JSON_COMPACT | JSON_PRESERVE_ORDER);
            fputc('\n', c->out);
        }
    }
}

/* By time, and lines of one time as they stood. */
static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    if (x->t != y->t) {
        return x->t < y->t ? -1 : 1;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

unsigned checker_judge(struct checker *c)
{
    if (c->count > 0) {
        qsort(c->lines, c->count, sizeof(*c->lines), by_time);
    }
    rule_lost(c);
    rule_foreign(c);
    rule_order(c);
    rule_duplicate(c);
    rule_early_ack(c);
    rule_silent_gap(c);
    rule_twice(c);
    rule_overtaken(c);
    rule_silent(c);
    fprintf(c->out, "push-checker: %zu lines, %u violations\n", c->count,
            c->violations);
    return c->violations;
}
