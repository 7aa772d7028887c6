#include "http/admin/metrics.h"

#include <apr_strings.h>
#include <stddef.h>
#include <string.h>

#include "http/admin/exposition.h"
#include "http/admin/metrics_cluster.h"
#include "http/admin/metrics_sources.h"
#include "http/admin/metrics_triggers.h"
#include "http/json.h"
#include "http/runtime.h"

/*
 * Two kinds of figures: those that are counted, which core/families.h lists
 * with their names and labels, and those that are read when they are asked
 * for, which stand in the tables below.
 */

static const push_pair_t no_labels[PUSH_PAIRS];

typedef struct {
    const push_exposition_t *to;
    const push_metrics_t *metrics;
} scrape_t;

/* ---- what is counted ---- */

/* Of a histogram, its values' cells are as many as its buckets, and a sum. */
static void put_histogram(const scrape_t *scrape, push_family_kind_t kind)
{
    const push_family_t *family = push_family(kind);
    const push_label_names_t *label = family->labels[0];
    push_spread_t spread = {.bounds = family->bounds,
                            .bounds_count = family->bounds_count};

    if (kind == PUSH_FAMILY_WRITE_LATENCY) {
        spread.samples = scrape->metrics->exemplars;
    }
    for (unsigned i = 0; i < label->count; i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {
            {label->name, label->values[i]}};

        spread.cells =
            &scrape->metrics
                 ->sums[family->first + i * (family->bounds_count + 2)];
        spread.urgency = i;
        push_exposition_spread(scrape->to, family->name, pairs, &spread);
    }
}

static void put_counter(const scrape_t *scrape, push_family_kind_t kind)
{
    const push_family_t *family = push_family(kind);
    const push_label_names_t *one = family->labels[0];
    const push_label_names_t *other = family->labels[1];
    const uint64_t *cell = &scrape->metrics->sums[family->first];
    unsigned each = kind == PUSH_FAMILY_BUSY ? 1000000 : 1;

    for (unsigned i = 0; i < one->count; i++) {
        for (unsigned j = 0; j < other->count; j++) {
            const push_pair_t pairs[PUSH_PAIRS] = {
                {one->name, one->values[i]}, {other->name, other->values[j]}};

            push_exposition_value(scrape->to, family->name, pairs,
                                  (push_amount_t){*cell++, each});
        }
    }
}

static void put_family(const scrape_t *scrape, push_family_kind_t kind)
{
    const push_family_t *family = push_family(kind);

    push_exposition_family(scrape->to, family->name,
                           family->bounds ? "histogram" : "counter",
                           family->help);
    if (family->bounds) {
        put_histogram(scrape, kind);
    }
    else {
        put_counter(scrape, kind);
    }
}

/* ---- what is read ---- */

typedef struct {
    const char *name;
    const char *type;
    const char *help;
    size_t at; /* in push_metrics_t: a uint64_t */
} row_t;

#define AT(member) offsetof(push_metrics_t, member)

static const row_t rows[] = {
    {"push_devices", "gauge", "Device contexts that are known.", AT(devices)},
    {"push_users", "gauge", "Users that are known.", AT(users)},
    {"push_channels", "gauge", "Channels that are known.", AT(channels)},
    {"push_messages", "gauge", "Messages that are live or remembered.",
     AT(messages)},
    {"push_mailboxes_near_full", "gauge",
     "Mailboxes that are full to 80 percent or more.", AT(near_full)},
    {"push_memory_size_bytes", "gauge", "Size of the shared memory.",
     AT(memory_size)},
    {"push_memory_used_bytes", "gauge", "Shared memory that is in use.",
     AT(memory_used)},
    {"push_locks_recovered_total", "counter",
     "Locks that were taken over from a process that had died.",
     AT(recovered)}};

static const row_t state_rows[] = {
    {"push_state_size_bytes", "gauge", "Size that the state on disk may have.",
     AT(state_size)},
    {"push_state_used_bytes", "gauge", "Size of the state on disk.",
     AT(state_used)},
    {"push_state_waiting_bytes", "gauge", "Bytes on their way to the disk.",
     AT(state_waiting)},
    {"push_state_ok", "gauge", "Whether the state on disk can be written.",
     AT(state_ok)},
    {"push_state_errors_total", "counter", "Writes to disk that failed.",
     AT(state_errors)}};

static void put_rows(const scrape_t *scrape, const row_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *base = (const char *)scrape->metrics;
        const uint64_t *value = (const void *)(base + from[i].at);

        push_exposition_family(scrape->to, from[i].name, from[i].type,
                               from[i].help);
        push_exposition_value(scrape->to, from[i].name, no_labels,
                              (push_amount_t){*value, 1});
    }
}

static void put_build(request_rec *r, const scrape_t *scrape)
{
    const push_pair_t pairs[PUSH_PAIRS] = {
        {"version", push_runtime()->version},
        {"layout", apr_psprintf(r->pool, "%016" APR_UINT64_T_HEX_FMT,
                                scrape->metrics->layout)}};

    push_exposition_family(scrape->to, "push_build_info", "gauge",
                           "The module, and the layout of its memory.");
    push_exposition_value(scrape->to, "push_build_info", pairs,
                          (push_amount_t){1, 1});
    push_exposition_family(scrape->to, "push_start_time_seconds", "gauge",
                           "When the counters began, since 1970.");
    push_exposition_value(
        scrape->to, "push_start_time_seconds", no_labels,
        (push_amount_t){(uint64_t)scrape->metrics->started * 1000, 1000000});
}

static void put_streams(const scrape_t *scrape)
{
    const push_label_names_t *label =
        push_family(PUSH_FAMILY_OPENED)->labels[0];

    push_exposition_family(scrape->to, "push_streams", "gauge",
                           "Streams that are open, and polls that wait.");
    for (unsigned i = 0; i < label->count; i++) {
        const push_pair_t pairs[PUSH_PAIRS] = {
            {label->name, label->values[i]}};

        push_exposition_value(scrape->to, "push_streams", pairs,
                              (push_amount_t){scrape->metrics->streams[i], 1});
    }
}

/* ---- the answer ---- */

typedef struct {
    apr_pool_t *pool;
    char *bytes;
    size_t len, room;
} text_t;

static void put(void *data, const char *more, size_t len)
{
    text_t *text = data;

    if (text->len + len > text->room) {
        char *bytes = text->bytes;

        text->room = 2 * (text->len + len);
        text->bytes = apr_palloc(text->pool, text->room);
        if (bytes) {
            memcpy(text->bytes, bytes, text->len);
        }
    }
    memcpy(text->bytes + text->len, more, len);
    text->len += len;
}

#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define OPEN_TYPE "application/openmetrics-text"

/* True for the media type with any parameters but q=0. */
static bool is_open(const char *range, size_t len)
{
    static const char refused[] = "q=0";
    size_t type = strcspn(range, "; ,");

    if (type != sizeof(OPEN_TYPE) - 1 || strncasecmp(range, OPEN_TYPE, type)) {
        return false;
    }
    return len < sizeof(refused)
           || strncasecmp(range + len - (sizeof(refused) - 1), refused,
                          sizeof(refused) - 1);
}

/* Prometheus names what it can read, best first; the text form is for all. */
static bool accepts_open(const request_rec *r)
{
    const char *at = apr_table_get(r->headers_in, "Accept");

    while (at && *at) {
        size_t len;

        at += strspn(at, ", \t");
        len = strcspn(at, ",");
        if (is_open(at, len)) {
            return true;
        }
        at += len;
    }
    return false;
}

/* Of a node of a cluster. */
static void put_cluster(request_rec *r, const push_exposition_t *to)
{
    push_broker_t *broker = push_broker();
    push_cluster_view_t *view = apr_palloc(r->pool, sizeof(*view));

    if (broker->cluster(broker, view)) {
        push_time_t now = push_clock_now();

        push_metrics_cluster(to, view, &now);
    }
}

int push_show_metrics(request_rec *r, const char *none)
{
    push_broker_t *broker = push_broker();
    push_metrics_t *metrics = apr_palloc(r->pool, sizeof(*metrics));
    text_t text = {.pool = r->pool};
    const push_exposition_t to = {accepts_open(r), put, &text};
    const scrape_t scrape = {&to, metrics};

    (void)none;
    broker->metrics(broker, metrics);
    put_build(r, &scrape);
    put_streams(&scrape);
    put_rows(&scrape, rows, sizeof(rows) / sizeof(*rows));
    if (metrics->kept) {
        put_rows(&scrape, state_rows,
                 sizeof(state_rows) / sizeof(*state_rows));
    }
    put_cluster(r, &to);
    push_metrics_triggers(&to);
    push_metrics_sources(&to);
    for (int i = 0; i < PUSH_FAMILIES; i++) {
        put_family(&scrape, (push_family_kind_t)i);
    }
    push_exposition_end(&to);
    return push_json_send_text(
        r, to.open ? OPEN_TYPE "; version=1.0.0; charset=utf-8" : TEXT_TYPE,
        text.bytes, text.len);
}
