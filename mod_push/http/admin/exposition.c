#include "http/admin/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MICRO 1000000u

static void put(const push_exposition_t *to, const char *text)
{
    to->put(to->data, text, strlen(text));
}

/* Backslash and line end are escaped, and quotes where they would end it. */
static void put_escaped(const push_exposition_t *to, const char *text,
                        bool quoted)
{
    const char *special = quoted ? "\\\n\"" : "\\\n";

    while (*text) {
        size_t plain = strcspn(text, special);

        to->put(to->data, text, plain);
        text += plain;
        if (*text) {
            put(to, *text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\");
            text++;
        }
    }
}

/* A counter of OpenMetrics has its family's name, and _total behind it. */
static size_t family_len(const push_exposition_t *to, const char *name,
                         const char *type)
{
    size_t len = strlen(name);

    return to->open && !strcmp(type, "counter") ? len - strlen("_total") : len;
}

void push_exposition_family(const push_exposition_t *to, const char *name,
                            const char *type, const char *help)
{
    size_t len = family_len(to, name, type);

    put(to, "# HELP ");
    to->put(to->data, name, len);
    put(to, " ");
    put_escaped(to, help, to->open);
    put(to, "\n# TYPE ");
    to->put(to->data, name, len);
    put(to, " ");
    put(to, type);
    put(to, "\n");
}

/* No more digits than there are; whole: at least one behind the point. */
static void write_amount(push_amount_t amount, bool whole, char *text,
                         size_t room)
{
    int len = snprintf(text, room, "%" PRIu64, amount.parts / amount.each);
    uint64_t rest = amount.parts % amount.each;

    if (rest) {
        len += snprintf(text + len, room - (size_t)len, ".%06" PRIu64, rest);
        while (text[len - 1] == '0') {
            text[--len] = '\0';
        }
    }
    else if (whole) {
        snprintf(text + len, room - (size_t)len, ".0");
    }
}

#define AMOUNT_CHARS 32

static void put_amount(const push_exposition_t *to, push_amount_t amount)
{
    char text[AMOUNT_CHARS];

    write_amount(amount, false, text, sizeof(text));
    put(to, text);
}

static void put_label(const push_exposition_t *to, const char *before,
                      const push_pair_t *pair)
{
    put(to, before);
    put(to, pair->name);
    put(to, "=\"");
    put_escaped(to, pair->value, true);
    put(to, "\"");
}

/* The name of a series: that of its family, a suffix, and its labels. */
static void put_series(const push_exposition_t *to, const char *name,
                       const char *suffix,
                       const push_pair_t pairs[PUSH_PAIRS + 1])
{
    const char *before = "{";

    put(to, name);
    put(to, suffix);
    for (unsigned i = 0; i <= PUSH_PAIRS; i++) {
        if (pairs[i].name && *pairs[i].name) {
            put_label(to, before, &pairs[i]);
            before = ",";
        }
    }
    put(to, *before == '{' ? " " : "} ");
}

void push_exposition_value(const push_exposition_t *to, const char *name,
                           const push_pair_t pairs[PUSH_PAIRS],
                           push_amount_t value)
{
    const push_pair_t labels[PUSH_PAIRS + 1] = {pairs[0], pairs[1]};

    put_series(to, name, "", labels);
    put_amount(to, value);
    put(to, "\n");
}

/* ---- histograms ---- */

static void put_sample(const push_exposition_t *to,
                       const push_sample_t *sample)
{
    char trace[2 * PUSH_EXEMPLAR_TRACE + 1];

    for (unsigned i = 0; i < PUSH_EXEMPLAR_TRACE; i++) {
        snprintf(trace + 2 * (size_t)i, 3, "%02x", sample->trace[i]);
    }
    put(to, " # {trace_id=\"");
    put(to, trace);
    put(to, "\"} ");
    put_amount(to, (push_amount_t){(uint64_t)sample->us, MICRO});
    put(to, " ");
    put_amount(to, (push_amount_t){(uint64_t)sample->wall * 1000, MICRO});
}

static bool has_sample(const push_exposition_t *to,
                       const push_spread_t *spread, unsigned bucket)
{
    const push_sample_t *sample = spread->samples ? &spread->samples[bucket]
                                                  : NULL;

    return to->open && sample && sample->wall
           && sample->urgency == spread->urgency;
}

static void put_bucket(const push_exposition_t *to, const char *name,
                       const push_pair_t labels[PUSH_PAIRS + 1],
                       const push_spread_t *spread, unsigned bucket)
{
    uint64_t below = 0;

    for (unsigned i = 0; i <= bucket; i++) {
        below += spread->cells[i];
    }
    put_series(to, name, "_bucket", labels);
    put_amount(to, (push_amount_t){below, 1});
    if (has_sample(to, spread, bucket)) {
        put_sample(to, &spread->samples[bucket]);
    }
    put(to, "\n");
}

void push_exposition_spread(const push_exposition_t *to, const char *name,
                            const push_pair_t pairs[PUSH_PAIRS],
                            const push_spread_t *spread)
{
    const push_pair_t labels[PUSH_PAIRS + 1] = {pairs[0], pairs[1]};
    uint64_t count = 0;

    for (unsigned i = 0; i <= spread->bounds_count; i++) {
        char bound[AMOUNT_CHARS] = "+Inf";
        const push_pair_t with_bound[PUSH_PAIRS + 1] = {
            pairs[0], pairs[1], {"le", bound}};

        if (i < spread->bounds_count) {
            write_amount((push_amount_t){(uint64_t)spread->bounds[i], MICRO},
                         to->open, bound, sizeof(bound));
        }
        put_bucket(to, name, with_bound, spread, i);
        count += spread->cells[i];
    }
    put_series(to, name, "_sum", labels);
    put_amount(to, (push_amount_t){spread->cells[spread->bounds_count + 1],
                                   MICRO});
    put(to, "\n");
    put_series(to, name, "_count", labels);
    put_amount(to, (push_amount_t){count, 1});
    put(to, "\n");
}

void push_exposition_end(const push_exposition_t *to)
{
    if (to->open) {
        put(to, "# EOF\n");
    }
}
