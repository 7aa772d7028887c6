#include "core/explanation.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "core/digits.h"

const char *push_cause_name(push_cause_t cause)
{
#define NAME(kind, name) name,
    static const char *const names[] = {PUSH_CAUSE_TABLE(NAME)};
#undef NAME

    return names[cause];
}

/* ---- sentences ---- */

/* Text that is cut where there is no room for more. */
typedef struct {
    char *at;
    size_t room; /* without the NUL */
} sink_t;

static void put(sink_t *sink, const char *text, size_t len)
{
    if (len > sink->room) {
        len = sink->room;
    }
    memcpy(sink->at, text, len);
    sink->at += len;
    sink->room -= len;
    *sink->at = '\0';
}

static void put_number(sink_t *sink, uint64_t number)
{
    char digits[PUSH_DIGITS_MAX];

    put(sink, digits, (size_t)(push_put_number(digits, number) - digits));
}

/* %s, %u and %lu: a core has no printf. */
static void put_format(sink_t *sink, const char *format, va_list args)
{
    const char *percent = strchr(format, '%');

    while (percent) {
        bool is_long = percent[1] == 'l';
        const char *text;

        put(sink, format, (size_t)(percent - format));
        if (percent[1] == 's') {
            text = va_arg(args, const char *);
            put(sink, text, strlen(text));
        }
        else {
            put_number(sink, is_long ? va_arg(args, uint64_t)
                                     : va_arg(args, unsigned));
        }
        format = percent + 2 + is_long;
        percent = strchr(format, '%');
    }
    put(sink, format, strlen(format));
}

void push_explain_step(push_explanation_t *e, int64_t at, const char *what,
                       const char *format, ...)
{
    push_step_t *step = &e->steps[e->count];
    sink_t sink = {step->text, sizeof(step->text) - 1};
    va_list args;

    if (e->count < PUSH_STEPS_MAX) {
        step->at = at;
        step->what = what;
        va_start(args, format);
        put_format(&sink, format, args);
        va_end(args);
        e->count++;
    }
}

void push_explain_end(push_explanation_t *e, push_cause_t cause,
                      const char *format, ...)
{
    sink_t sink = {e->verdict, sizeof(e->verdict) - 1};
    va_list args;

    e->cause = cause;
    va_start(args, format);
    put_format(&sink, format, args);
    va_end(args);
}

const char *push_explain_span(int64_t ms, push_span_t *span)
{
    static const struct {
        int64_t ms;
        const char *word;
    } units[] = {{86400000, "days"}, {3600000, "h"}, {60000, "min"}};
    int64_t count = (ms < 0 ? 0 : ms) / 1000;
    sink_t sink = {span->text, sizeof(span->text) - 1};
    const char *word = "s";

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms >= 2 * units[i].ms) {
            count = ms / units[i].ms;
            word = units[i].word;
            break;
        }
    }
    put_number(&sink, (uint64_t)count);
    put(&sink, " ", 1);
    put(&sink, word, strlen(word));
    return span->text;
}

void push_explain_sort(push_explanation_t *e)
{
    int64_t keys[PUSH_STEPS_MAX];

    for (unsigned i = 0; i < e->count; i++) {
        push_step_t step = e->steps[i];
        int64_t key = step.at ? step.at : i ? keys[i - 1] : 0;
        unsigned at = i;

        for (; at && keys[at - 1] > key; at--) {
            e->steps[at] = e->steps[at - 1];
            keys[at] = keys[at - 1];
        }
        e->steps[at] = step;
        keys[at] = key;
    }
}
