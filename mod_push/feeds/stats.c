#include "feeds/stats.h"

#include <stdlib.h>
#include <string.h>

#include "broker/whole.h"

/* ms; older figures are of no use to anybody. */
#define STATS_TTL 5000

static json_t *children_json(const push_reading_t *reading,
                             const push_time_t *now)
{
    json_t *children = json_array();

    for (unsigned i = 0; i < reading->children_count; i++) {
        json_array_append_new(children,
                              push_whole_child(&reading->children[i], now));
    }
    return children;
}

/* The upper bounds of the buckets, in seconds. */
static json_t *bounds_json(const push_family_t *family)
{
    json_t *bounds = json_array();

    for (unsigned i = 0; i < family->bounds_count; i++) {
        json_array_append_new(bounds,
                              json_real((double)family->bounds[i] / 1e6));
    }
    return bounds;
}

/* How many took no longer than each bound, and at last: than any. */
static json_t *buckets_json(const push_family_t *family, const uint64_t *cells)
{
    json_t *buckets = json_array();
    uint64_t sum = 0;

    for (unsigned i = 0; i <= family->bounds_count; i++) {
        sum += cells[i];
        json_array_append_new(buckets, json_integer((json_int_t)sum));
    }
    return buckets;
}

static json_t *times_json(push_family_kind_t kind, const uint64_t *sums)
{
    const push_family_t *family = push_family(kind);
    json_t *times = json_object();

    json_object_set_new(times, "buckets", bounds_json(family));
    for (unsigned i = 0; i < family->labels[0]->count; i++) {
        unsigned first = family->first + i * (family->bounds_count + 2);

        json_object_set_new(times, family->labels[0]->values[i],
                            buckets_json(family, &sums[first]));
    }
    return times;
}

static json_t *stats_json(const push_reading_t *reading,
                          const push_time_t *now)
{
    json_t *body = push_whole_stats(&reading->whole);

    json_object_set_new(body, "time", json_integer(now->wall));
    json_object_set_new(body, "children", children_json(reading, now));
    json_object_set_new(body, "write_latency",
                        times_json(PUSH_FAMILY_WRITE_LATENCY, reading->sums));
    json_object_set_new(body, "ack_latency",
                        times_json(PUSH_FAMILY_ACK_LATENCY, reading->sums));
    return body;
}

static void publish(push_feeds_t *feeds, const char *text)
{
    const push_feed_message_t message = {.event = {"stats", 5},
                                         .type = {"application/json", 16},
                                         .topic = {"stats", 5},
                                         .data = {text,
                                                  (uint32_t)strlen(text)},
                                         .urgency = PUSH_LOW,
                                         .ttl = STATS_TTL};

    push_feed_publish(feeds, PUSH_FEED_STATS, &message);
}

static void tell(push_feeds_t *feeds, const push_reading_t *reading)
{
    push_time_t now = push_clock_now();
    json_t *body = stats_json(reading, &now);
    char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(6));

    if (text) {
        publish(feeds, text);
    }
    free(text);
    json_decref(body);
}

void push_feed_stats(push_feeds_t *feeds, const push_time_t *now, void *data)
{
    push_broker_t *broker = data;
    push_reading_t *reading;

    (void)now;
    if (!push_feed_connected(feeds, PUSH_FEED_STATS)) {
        return;
    }
    reading = malloc(sizeof(*reading));
    if (reading && broker->reading(broker, reading)) {
        tell(feeds, reading);
    }
    free(reading);
}
