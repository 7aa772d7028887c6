#include "frame.h"

#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "show.h"
#include "table.h"
#include "text.h"

#define BAR      30 /* characters */
#define CHANNELS 50 /* of them are shown */

/* ---- looks ---- */

static void forget(struct ctl_look *look)
{
    json_decref(look->stats);
    json_decref(look->channels);
    json_decref(look->children);
    memset(look, 0, sizeof(*look));
}

static void copy(struct ctl_look *to, const struct ctl_look *from)
{
    forget(to);
    *to = *from;
    json_incref(to->stats);
    json_incref(to->channels);
    json_incref(to->children);
}

static json_int_t number(const struct ctl_look *look, const char *name)
{
    return json_integer_value(json_object_get(look->stats, name));
}

static int is_counter(const char *name, const json_t *value)
{
    return json_is_integer(value) && !ctl_stats_is_now(name);
}

/* This count never falls while the server runs. */
static int went_back(const struct ctl_look *a, const struct ctl_look *b)
{
    return number(b, "published") < number(a, "published");
}

void ctl_frame_take(struct ctl_frame *f, const struct ctl_look *look)
{
    if (f->now.stats && went_back(&f->now, look)) {
        ctl_frame_cleanup(f);
    }
    forget(&f->before);
    f->before = f->now;
    f->now = *look;
    if (!f->first.stats) {
        copy(&f->first, look);
    }
}

void ctl_frame_cleanup(struct ctl_frame *f)
{
    forget(&f->now);
    forget(&f->before);
    forget(&f->first);
}

double ctl_frame_rate(const struct ctl_look *a, const struct ctl_look *b,
                      const char *name)
{
    if (!a->stats || !b->stats || b->at <= a->at) {
        return -1;
    }
    return (double)(number(b, name) - number(a, name)) * 1000
           / (double)(b->at - a->at);
}

/* ---- lines ---- */

static void print_head(const struct ctl_frame *f, FILE *out)
{
    char time[CTL_TEXT_MAX];

    ctl_text_time(ctl_text_now(), 0, time);
    fprintf(out, "pushctl top  %s  %s  every %ld s%s\n", f->url,
            time + strlen("YYYY-MM-DD "), f->interval,
            f->keys ? "  q: quit  + -: slower, faster" : "");
    if (*f->error) {
        fprintf(out, "no answer: %s\n", f->error);
    }
}

static void print_now(const struct ctl_frame *f, FILE *out)
{
    static const char *const names[] = {"streams", "devices", "users",
                                        "channels", "messages"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[CTL_TEXT_MAX];

        ctl_text_count(number(&f->now, names[i]), text);
        fprintf(out, "%s%s %s", i ? "   " : "", names[i], text);
    }
    fputc('\n', out);
}

static void print_memory(const struct ctl_frame *f, FILE *out)
{
    const json_t *memory = json_object_get(f->now.stats, "memory");
    json_int_t size = json_integer_value(json_object_get(memory, "size"));
    json_int_t used = json_integer_value(json_object_get(memory, "used"));
    double share = size > 0 ? (double)used / (double)size : 0;
    char bar[BAR + 1], a[CTL_TEXT_MAX], b[CTL_TEXT_MAX];

    for (int i = 0; i < BAR; i++) {
        bar[i] = i < (int)(share * BAR + 0.5) ? '#' : '.';
    }
    bar[BAR] = '\0';
    ctl_text_bytes(used, a);
    ctl_text_bytes(size, b);
    fprintf(out, "memory  [%s] %3.0f %%  %s of %s\n", bar, share * 100, a, b);
}

static void print_state(const struct ctl_frame *f, FILE *out)
{
    const json_t *state = json_object_get(f->now.stats, "state");
    char *text = state ? ctl_show_value("state", state) : NULL;
    char *clean = text ? ctl_text_clean(text) : NULL;

    if (clean) {
        fprintf(out, "state   %s\n", clean);
    }
    free(text);
    free(clean);
}

static void add_rate(struct ctl_table *t, double rate)
{
    char text[CTL_TEXT_MAX] = "-";

    if (rate >= 0) {
        ctl_text_rate(rate, text);
    }
    ctl_table_add(t, text);
}

static void print_rates(const struct ctl_frame *f, FILE *out)
{
    struct ctl_table *t = ctl_table_create(4);
    const char *name;
    json_t *value;

    if (!t) {
        return;
    }
    for (size_t i = 1; i < 4; i++) {
        ctl_table_right(t, i);
    }
    ctl_table_add(t, "");
    ctl_table_add(t, "per second");
    ctl_table_add(t, "on average");
    ctl_table_add(t, "since the start");
    json_object_foreach(f->now.stats, name, value)
    {
        char total[CTL_TEXT_MAX];

        if (!is_counter(name, value)) {
            continue;
        }
        ctl_table_add(t, name);
        add_rate(t, ctl_frame_rate(&f->before, &f->now, name));
        add_rate(t, ctl_frame_rate(&f->first, &f->now, name));
        ctl_text_count(json_integer_value(value), total);
        ctl_table_add(t, total);
    }
    ctl_table_print(t, out, 0);
    ctl_table_destroy(t);
}

/* ---- children ---- */

/* The reactor that had the seat at the look before, NULL: none. */
static const json_t *same_reactor(const struct ctl_look *look,
                                  const json_t *child)
{
    const json_t *one;
    size_t i;

    json_array_foreach(look->children, i, one)
    {
        if (json_equal(json_object_get(one, "pid"),
                       json_object_get(child, "pid"))
            && json_equal(json_object_get(one, "seat"),
                          json_object_get(child, "seat"))) {
            return one;
        }
    }
    return NULL;
}

/* "12 %" of the time between the looks, "-" where that is not known. */
static json_t *busy_text(const struct ctl_frame *f, const json_t *child)
{
    const json_t *before = same_reactor(&f->before, child);
    json_int_t span = (json_int_t)(f->now.at - f->before.at);
    json_int_t busy = json_integer_value(json_object_get(child, "busy_ms"))
                      - json_integer_value(json_object_get(before, "busy_ms"));

    return before && span > 0 ? json_sprintf("%d %%", (int)(busy * 100 / span))
                              : json_string("-");
}

static void print_children(const struct ctl_frame *f, FILE *out)
{
    static const char *const names[] = {
        "pid", "seat", "streams", "busy", "generation", "draining", NULL};
    json_t *rows = json_array();
    const json_t *child;
    size_t i;

    json_array_foreach(f->now.children, i, child)
    {
        json_t *row = json_copy((json_t *)child);

        json_object_set_new(
            row, "pid",
            json_sprintf("%" JSON_INTEGER_FORMAT,
                         json_integer_value(json_object_get(child, "pid"))));
        json_object_set_new(row, "busy", busy_text(f, child));
        json_array_append_new(rows, row);
    }
    if (json_array_size(rows) > 0) {
        fputc('\n', out);
        ctl_show_table(out, rows, names, 0);
    }
    json_decref(rows);
}

/* ---- channels ---- */

static json_int_t subscribers(const void *channel)
{
    return json_integer_value(
        json_object_get(*(json_t *const *)channel, "subscribers"));
}

static int by_subscribers(const void *a, const void *b)
{
    return (subscribers(b) > subscribers(a))
           - (subscribers(b) < subscribers(a));
}

/* The largest first, as far as there is room on a screen. */
static void print_channels(const struct ctl_frame *f, FILE *out)
{
    static const char *const names[] = {"channel", "subscribers", "connected",
                                        "messages", NULL};
    size_t count = json_array_size(f->now.channels);
    json_t **sorted = calloc(count + 1, sizeof(*sorted));
    json_t *rows = json_array();

    for (size_t i = 0; sorted && i < count; i++) {
        sorted[i] = json_array_get(f->now.channels, i);
    }
    if (sorted && count > 0) {
        qsort(sorted, count, sizeof(*sorted), by_subscribers);
        for (size_t i = 0; i < count && i < CHANNELS; i++) {
            json_array_append(rows, sorted[i]);
        }
        fputc('\n', out);
        ctl_show_table(out, rows, names, 0);
    }
    json_decref(rows);
    free(sorted);
}

void ctl_frame_print(const struct ctl_frame *f, FILE *out)
{
    print_head(f, out);
    if (!f->now.stats) {
        return;
    }
    print_now(f, out);
    print_memory(f, out);
    print_state(f, out);
    fputc('\n', out);
    print_rates(f, out);
    print_children(f, out);
    print_channels(f, out);
}

/* ---- for programs ---- */

json_t *ctl_frame_json(const struct ctl_frame *f)
{
    json_t *frame = json_pack("{s:I}", "time", (json_int_t)ctl_text_now());
    json_t *rates = json_object();
    const char *name;
    json_t *value;

    if (*f->error) {
        json_object_set_new(frame, "error", json_string(f->error));
        json_decref(rates);
        return frame;
    }
    json_object_foreach(f->now.stats, name, value)
    {
        double rate = ctl_frame_rate(&f->before, &f->now, name);

        if (is_counter(name, value) && rate >= 0) {
            json_object_set_new(rates, name, json_real(rate));
        }
    }
    json_object_set(frame, "stats", f->now.stats);
    json_object_set_new(frame, "rates", rates);
    if (f->before.stats) {
        json_object_set_new(
            frame, "seconds",
            json_real((double)(f->now.at - f->before.at) / 1000));
    }
    if (f->now.channels) {
        json_object_set(frame, "channels", f->now.channels);
    }
    if (f->now.children) {
        json_object_set(frame, "children", f->now.children);
    }
    return frame;
}
