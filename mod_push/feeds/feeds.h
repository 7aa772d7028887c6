#ifndef PUSH_FEEDS_H
#define PUSH_FEEDS_H

#include "broker/broker.h"
#include "core/feed.h"

struct push_store_t;
struct push_note_t;

/*
 * What the server itself publishes (core/feed.h): a thread a child, which
 * makes messages of what happened, only while somebody follows the channel.
 */
typedef struct push_feeds_t push_feeds_t;

/* What is published again and again, by one child of all. */
typedef struct push_feed_source_t {
    int64_t every; /* ms */
    /* In the thread of feeds; it calls push_feed_publish().  NULL: none. */
    void (*make)(push_feeds_t *feeds, const push_time_t *now, void *data);
    void *data;
} push_feed_source_t;

typedef struct push_feeds_options_t {
    struct push_store_t *store; /* borrowed for good, as is the broker */
    push_broker_t *broker;
    int64_t ttl;   /* ms; of what happened */
    bool presence; /* who comes and goes is published too */
    /* In the thread of feeds, once a minute: so many more were dropped. */
    void (*dropped)(void *data, uint64_t count);
    void *data;
    push_feed_source_t sources[PUSH_FEEDS]; /* each with its feed's index */
    /*
     * Who else hears what happens, whether anybody follows the channel or not:
     * of these feeds (PUSH_FEED_BIT()), and what is on no channel
     * (PUSH_HEARD_*), in the thread of feeds.  text is the event as JSON;
     * NULL, and no note: there are no more of them for now.
     */
    uint32_t wanted;
    void (*tell)(void *data, const struct push_note_t *note, const char *text);
    void *tell_data;
} push_feeds_options_t;

/*
 * Before anybody publishes or has a stream in this process: from now on what
 * happens is noted.  NULL: there is no memory, or no descriptor.
 */
push_feeds_t *push_feeds_create(const push_feeds_options_t *options);

/* Starts the thread, once this process has its seat; false with errno. */
bool push_feeds_start(push_feeds_t *feeds);

/*
 * When nobody publishes or has a stream here any more: publishes what was
 * noted still, ends the thread if there is one, and gives all back.
 */
void push_feeds_stop(push_feeds_t *feeds);

/* ---- the thread of feeds ---- */

/* One message; its texts are borrowed until the call returns. */
typedef struct push_feed_message_t {
    push_text_t event; /* event type */
    push_text_t type;  /* content type */
    push_text_t topic; /* collapse key; empty for none */
    push_text_t data;
    push_urgency_t urgency;
    int64_t ttl; /* ms */
} push_feed_message_t;

/*
 * Whether some device subscribes to the channel, be it connected or not, here
 * or (but for $stats) at another node of the cluster.
 * Ask before a message is made that nobody would get.
 */
bool push_feed_followed(push_feeds_t *feeds, push_feed_t feed);

/* Whether a stream is open that follows it: for what is of use now only. */
bool push_feed_connected(push_feeds_t *feeds, push_feed_t feed);

/*
 * Publishes to the channel of the feed.  PUSH_NOT_FOUND: nobody follows it,
 * and nothing was done; else as push_broker_t's publish().
 */
push_status_t push_feed_publish(push_feeds_t *feeds, push_feed_t feed,
                                const push_feed_message_t *message);

#endif
