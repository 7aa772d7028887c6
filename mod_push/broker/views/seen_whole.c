#include "broker/views/seen_whole.h"

#include <stdlib.h>
#include <string.h>

#include "broker/library/cluster_calls.h"
#include "broker/node/patience.h"
#include "broker/views/seen_by.h"
#include "redis/courier.h"

#define HOLD_MS 2500

/* A field of the question: what `$stats` needs, and nothing that costs. */
enum { ASKED_READING = 1 };

/* Fields of an answer: figures, and the counters of PUSH_TOTAL_TABLE from
 * SAID_COUNTS on. */
enum {
    SAID_STREAMS = 1,
    SAID_BRIDGED,
    SAID_USERS,
    SAID_DEVICES,
    SAID_CHANNELS,
    SAID_MESSAGES,
    SAID_MEMORY_SIZE,
    SAID_MEMORY_USED,
    SAID_RECOVERED,
    SAID_FEEDS_DROPPED,
    SAID_FAILING,
    SAID_REFUSING,
    SAID_CHILD,
    SAID_TIMES,
    SAID_COUNTS = 32
};

/* Of a reactor; its beat is in wall ms. */
enum {
    CHILD_PID = 1,
    CHILD_SEAT,
    CHILD_STREAMS,
    CHILD_RESERVED,
    CHILD_BUSY,
    CHILD_GENERATION,
    CHILD_DRAINING,
    CHILD_BEAT
};

/* Of the latencies of one urgency: which, its name, and its buckets. */
enum { TIMES_ACKED = 1, TIMES_LABEL, TIMES_BUCKETS };

#define BUCKET_BYTES 8u
#define BUCKETS_MAX  32u

/* ---- who is asked ---- */

static void write_stats(push_rows_t *rows, const push_stats_view_t *stats)
{
    push_rows_number(rows, SAID_STREAMS, stats->streams);
    push_rows_number(rows, SAID_BRIDGED, stats->bridged);
    push_rows_number(rows, SAID_USERS, stats->users);
    push_rows_number(rows, SAID_DEVICES, stats->devices);
    push_rows_number(rows, SAID_CHANNELS, stats->channels);
    push_rows_number(rows, SAID_MESSAGES, stats->messages);
    push_rows_number(rows, SAID_MEMORY_SIZE, stats->memory_size);
    push_rows_number(rows, SAID_MEMORY_USED, stats->memory_used);
    push_rows_number(rows, SAID_RECOVERED, stats->recovered);
    push_rows_number(rows, SAID_FEEDS_DROPPED, stats->feeds_dropped);
    for (unsigned i = 0; i < PUSH_TOTALS; i++) {
        push_rows_number(rows, SAID_COUNTS + i, stats->counts[i]);
    }
}

static void write_child(void *data, const push_reactor_view_t *view)
{
    push_rows_t *rows = data;
    push_time_t now = push_clock_now();
    uint32_t row = push_rows_begin(rows, SAID_CHILD);

    push_rows_number(rows, CHILD_PID, view->pid);
    push_rows_number(rows, CHILD_SEAT, view->seat);
    push_rows_number(rows, CHILD_STREAMS, view->streams);
    push_rows_number(rows, CHILD_RESERVED, view->reserved);
    push_rows_number(rows, CHILD_BUSY, view->busy);
    push_rows_number(rows, CHILD_GENERATION, view->generation);
    push_rows_number(rows, CHILD_DRAINING, view->draining);
    push_rows_number(rows, CHILD_BEAT,
                     (uint64_t)(view->beat + now.wall - now.mono));
    push_rows_end(rows, row);
}

static void write_buckets(push_rows_t *rows, const push_family_t *family,
                          const uint64_t *cells)
{
    char bytes[BUCKETS_MAX * BUCKET_BYTES];
    uint32_t count = family->bounds_count + 1;

    for (uint32_t i = 0; i < count * BUCKET_BYTES; i++) {
        bytes[i] = (char)(cells[i / BUCKET_BYTES]
                          >> (56 - i % BUCKET_BYTES * 8));
    }
    push_rows_text(rows, TIMES_BUCKETS,
                   (push_text_t){bytes, count * BUCKET_BYTES});
}

/* Where the buckets of a label are among all cells. */
static unsigned first_cell(const push_family_t *family, unsigned label)
{
    return family->first + label * (family->bounds_count + 2);
}

static void write_times(push_rows_t *rows, push_family_kind_t kind,
                        const uint64_t *sums)
{
    const push_family_t *family = push_family(kind);

    for (unsigned i = 0; i < family->labels[0]->count; i++) {
        const char *label = family->labels[0]->values[i];
        uint32_t row = push_rows_begin(rows, SAID_TIMES);

        push_rows_number(rows, TIMES_ACKED, kind == PUSH_FAMILY_ACK_LATENCY);
        push_rows_text(rows, TIMES_LABEL,
                       (push_text_t){label, (uint32_t)strlen(label)});
        write_buckets(rows, family, &sums[first_cell(family, i)]);
        push_rows_end(rows, row);
    }
}

static bool write_reading(push_cluster_t *cluster, push_rows_t *rows)
{
    const push_view_t what = {.kind = PUSH_VIEW_REACTORS};
    const push_visitor_t visitor = {.reactor = write_child, .data = rows};
    push_metrics_t *metrics = malloc(sizeof(*metrics));
    push_broker_t local = cluster->local;
    push_stats_view_t stats;

    if (!metrics) {
        return false;
    }
    local.figures(&local, &stats);
    local.metrics(&local, metrics);
    stats.messages = metrics->messages;
    write_stats(rows, &stats);
    local.view(&local, &what, &visitor);
    write_times(rows, PUSH_FAMILY_WRITE_LATENCY, metrics->sums);
    write_times(rows, PUSH_FAMILY_ACK_LATENCY, metrics->sums);
    free(metrics);
    return true;
}

bool push_seen_whole_answer(push_cluster_t *cluster, push_text_t question,
                            push_rows_t *rows)
{
    push_broker_t local = cluster->local;
    push_whole_t whole;
    bool failing = !push_patience_is_well(cluster);

    push_rows_number(rows, SAID_FAILING, failing);
    push_rows_number(rows, SAID_REFUSING, failing);
    if (push_field_number_of(question, ASKED_READING)) {
        return write_reading(cluster, rows);
    }
    if (local.whole(&local, PUSH_OF_SELF, &whole) != PUSH_OK) {
        return false;
    }
    write_stats(rows, &whole.stats);
    return true;
}

/* ---- who asks ---- */

typedef struct {
    push_whole_t *whole;
    push_reading_t *reading; /* NULL: that is not asked for */
} sum_t;

static uint64_t *figure_of(push_stats_view_t *stats, unsigned name)
{
    switch (name) {
    case SAID_STREAMS:
        return &stats->streams;
    case SAID_BRIDGED:
        return &stats->bridged;
    case SAID_USERS:
        return &stats->users;
    case SAID_DEVICES:
        return &stats->devices;
    case SAID_CHANNELS:
        return &stats->channels;
    case SAID_MESSAGES:
        return &stats->messages;
    case SAID_MEMORY_SIZE:
        return &stats->memory_size;
    case SAID_MEMORY_USED:
        return &stats->memory_used;
    case SAID_RECOVERED:
        return &stats->recovered;
    case SAID_FEEDS_DROPPED:
        return &stats->feeds_dropped;
    default:
        return name >= SAID_COUNTS && name < SAID_COUNTS + PUSH_TOTALS
                   ? &stats->counts[name - SAID_COUNTS]
                   : NULL;
    }
}

static void read_child(push_reading_t *reading, unsigned owner,
                       push_text_t row)
{
    push_time_t now = push_clock_now();
    push_reactor_view_t *child;

    if (reading->children_count == PUSH_READING_CHILDREN) {
        return;
    }
    child = &reading->children[reading->children_count++];
    *child = (push_reactor_view_t){
        .pid = (uint32_t)push_field_number_of(row, CHILD_PID),
        .seat = (unsigned)push_field_number_of(row, CHILD_SEAT),
        .streams = (uint32_t)push_field_number_of(row, CHILD_STREAMS),
        .reserved = (uint32_t)push_field_number_of(row, CHILD_RESERVED),
        .busy = push_field_number_of(row, CHILD_BUSY),
        .generation = (uint32_t)push_field_number_of(row, CHILD_GENERATION),
        .draining = push_field_number_of(row, CHILD_DRAINING) != 0,
        .beat = (int64_t)push_field_number_of(row, CHILD_BEAT) - now.wall
                + now.mono,
        .node = push_seen_node(owner)};
}

/* A version with other buckets cannot be added. */
static void add_buckets(push_reading_t *reading, push_family_kind_t kind,
                        push_text_t label, push_text_t buckets)
{
    const push_family_t *family = push_family(kind);
    const unsigned char *at = (const unsigned char *)buckets.at;

    if (buckets.len != (family->bounds_count + 1) * BUCKET_BYTES) {
        return;
    }
    for (unsigned i = 0; i < family->labels[0]->count; i++) {
        const char *name = family->labels[0]->values[i];
        uint64_t *cells = &reading->sums[first_cell(family, i)];

        if (strlen(name) != label.len || memcmp(name, label.at, label.len)) {
            continue;
        }
        for (uint32_t j = 0; j < buckets.len; j++) {
            cells[j / BUCKET_BYTES] += (uint64_t)at[j]
                                       << (56 - j % BUCKET_BYTES * 8);
        }
    }
}

static void read_times(push_reading_t *reading, push_text_t row)
{
    add_buckets(reading,
                push_field_number_of(row, TIMES_ACKED)
                    ? PUSH_FAMILY_ACK_LATENCY
                    : PUSH_FAMILY_WRITE_LATENCY,
                push_field_text_of(row, TIMES_LABEL),
                push_field_text_of(row, TIMES_BUCKETS));
}

static void take(void *data, unsigned owner, push_text_t answer)
{
    const sum_t *sum = data;
    push_field_t field;

    while (push_field_next(&answer, &field)) {
        uint64_t number = push_field_number(&field);
        uint64_t *figure = figure_of(&sum->whole->stats, field.name);

        if (figure) {
            *figure += number;
        }
        else if (field.name == SAID_FAILING) {
            sum->whole->health.failing |= number != 0;
        }
        else if (field.name == SAID_REFUSING) {
            sum->whole->health.refusing |= number != 0;
        }
        else if (field.name == SAID_CHILD && sum->reading) {
            read_child(sum->reading, owner, field.bytes);
        }
        else if (field.name == SAID_TIMES && sum->reading) {
            read_times(sum->reading, field.bytes);
        }
    }
}

/* What is not of the nodes, but of the cluster. */
static void begin(push_cluster_t *cluster, push_whole_t *whole)
{
    *whole = (push_whole_t){
        .health = {.durability = cluster->options.durability, .kept = true}};
}

push_status_t push_seen_whole(push_cluster_t *cluster, unsigned of,
                              push_whole_t *whole)
{
    sum_t sum = {.whole = whole};
    push_survey_t survey = {
        .kind = PUSH_SURVEY_WHOLE, .take = take, .data = &sum};
    push_status_t status;

    begin(cluster, whole);
    status = push_seen_ask(cluster, of, &survey);
    whole->nodes = survey.nodes;
    return status;
}

/* False also where Redis does not say: then nobody could be told anyway. */
static bool hold(push_cluster_t *cluster)
{
    const push_hold_call_t call = {.home = push_cluster_home(cluster, 0),
                                   .name = {"$stats", 6},
                                   .owner = push_cluster_owner(cluster),
                                   .ms = HOLD_MS};
    push_request_t request;
    bool held = false;

    push_request_init(&request, 0);
    push_library_hold(&request.command, &call);
    if (push_courier_call(cluster->courier, &request) != PUSH_FAILURE_NONE
        || !push_hold_reply(request.reply, &held)) {
        held = false;
    }
    push_request_cleanup(&request);
    return held;
}

bool push_seen_reading(push_cluster_t *cluster, push_reading_t *reading)
{
    sum_t sum = {.whole = &reading->whole, .reading = reading};
    push_survey_t survey = {
        .kind = PUSH_SURVEY_WHOLE, .take = take, .data = &sum};
    push_rows_t question;

    if (push_cluster_owner(cluster) == PUSH_OWNER_NOBODY || !hold(cluster)) {
        return false;
    }
    memset(reading, 0, sizeof(*reading));
    begin(cluster, &reading->whole);
    push_rows_init(&question, 64);
    push_rows_number(&question, ASKED_READING, 1);
    survey.question = push_rows_bytes(&question);
    push_survey(cluster, &survey);
    push_rows_cleanup(&question);
    reading->whole.nodes = survey.nodes;
    return true;
}
