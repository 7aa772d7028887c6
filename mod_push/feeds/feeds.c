#include "feeds/feeds.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feeds/cloudevent.h"
#include "feeds/listener.h"
#include "feeds/note.h"
#include "feeds/presence.h"
#include "store/shard/shard.h"
#include "store/shm/thread.h"

/*
 * The idea: whether anybody follows a feed is first asked of a word in the
 * segment, which says whether its channel exists (push_feed_words_t): that
 * costs one load, wherever something happens.  Only if it does, the thread
 * looks at the channel itself, with its lock.
 *
 * A source is due for all children at one moment, which stands in the segment
 * too.  All of them wake for it, and the one that moves it on makes the
 * message.
 */

/* ms; how often the thread looks around when nothing wakes it. */
#define POLL_MS 1000

/* ms; how often it says that something was dropped. */
#define DROPPED_MS 60000

/* us; what followers have to take a lot of messages before there are more. */
#define PAUSE_US 5000

/* Bytes of what waits to be published; some 4,000 notes. */
#define QUEUE_BYTES (1u << 20)

struct push_feeds_t {
    push_feeds_options_t options;
    pthread_t thread;
    bool started;
    _Atomic bool stop; /* set before the queue is rung */
    push_feed_listener_t listener;
    push_presence_t presence;

    /* ---- the thread of feeds only ---- */
    push_note_t note;
    uint64_t dropped;     /* in all */
    uint64_t counted;     /* of them, those that <admin>/stats shows */
    uint64_t reported;    /* of them, those that options.dropped() knows of */
    int64_t report_next;  /* mono ms */
    push_commit_t commit; /* of what was published in this turn */
    push_answer_t answer; /* of the last of it */
    bool published;
};

/* ---- thread of feeds only ---- */

static bool superseded(const push_feeds_t *feeds)
{
    return push_segment_superseded(feeds->options.store->segment);
}

/*
 * Whether devices follow the channel; with open: with a stream.  Where that is
 * not known, as the lock is busy, publishing will say so.
 */
static bool has_followers(push_store_t *store, push_feed_t feed, bool open)
{
    push_name_t name = push_store_name(store, push_feed_channel(feed));
    const push_channel_t *found;
    bool some;

    if (!push_shard_enter(store, name.shard)) {
        return true;
    }
    found = push_store_channel(store, &name, false);
    some = found
           && atomic_load(open ? &found->connected : &found->subscribers);
    push_shard_leave(store, name.shard);
    return some;
}

bool push_feed_followed(push_feeds_t *feeds, push_feed_t feed)
{
    push_store_t *store = feeds->options.store;

    return push_feed_elsewhere(&store->segment->feeds, feed)
           || (push_feed_known(&store->segment->feeds, feed)
               && has_followers(store, feed, false));
}

bool push_feed_connected(push_feeds_t *feeds, push_feed_t feed)
{
    return has_followers(feeds->options.store, feed, true);
}

/* One wait for the disk is enough for all that a turn has published. */
static void settle(push_feeds_t *feeds)
{
    push_broker_t *broker = feeds->options.broker;

    if (feeds->published) {
        broker->settle(broker, &feeds->commit, &feeds->answer);
    }
    feeds->published = false;
    feeds->commit = (push_commit_t){0};
}

push_status_t push_feed_publish(push_feeds_t *feeds, push_feed_t feed,
                                const push_feed_message_t *message)
{
    push_broker_t *broker = feeds->options.broker;
    push_publication_t publication = {
        .audience = {.kind = PUSH_LOG_CHANNEL,
                     .name = push_feed_channel(feed)},
        .spec = {.content = {.event = message->event,
                             .type = message->type,
                             .data = message->data},
                 .topic = message->topic,
                 .urgency = message->urgency,
                 .ttl = message->ttl},
        .now = push_clock_now()};
    push_status_t status;

    if (!push_feed_followed(feeds, feed)) {
        return PUSH_NOT_FOUND;
    }
    if (feeds->answer.flight) {
        settle(feeds); /* what is under way in a cluster is in the answer */
    }
    status = broker->publish(broker, &publication, &feeds->commit,
                             &feeds->answer);
    feeds->published = feeds->published || status == PUSH_OK;
    return status;
}

static _Atomic int64_t *due_of(const push_feeds_t *feeds, unsigned feed)
{
    return &feeds->options.store->segment->feeds.next[feed];
}

static bool is_wanted(const push_feeds_t *feeds, unsigned feed)
{
    return feeds->options.sources[feed].make
           && push_feed_known(&feeds->options.store->segment->feeds,
                              (push_feed_t)feed);
}

/* True if it is time, and no other child was first. */
static bool claim(const push_feeds_t *feeds, unsigned feed, int64_t now)
{
    _Atomic int64_t *next = due_of(feeds, feed);
    int64_t due = atomic_load(next);

    return now >= due
           && atomic_compare_exchange_strong(
               next, &due, now + feeds->options.sources[feed].every);
}

static void ask_sources(push_feeds_t *feeds)
{
    push_time_t now = push_clock_now();

    for (unsigned i = 0; i < PUSH_FEEDS; i++) {
        const push_feed_source_t *source = &feeds->options.sources[i];

        if (is_wanted(feeds, i) && push_feed_followed(feeds, (push_feed_t)i)
            && claim(feeds, i, now.mono)) {
            source->make(feeds, &now, source->data);
        }
    }
}

/* ms until the next source is due, POLL_MS at most. */
static int patience(const push_feeds_t *feeds)
{
    int64_t now = push_clock_now().mono;
    int64_t wait = POLL_MS;

    for (unsigned i = 0; i < PUSH_FEEDS; i++) {
        int64_t left = atomic_load(due_of(feeds, i)) - now;

        if (is_wanted(feeds, i) && left < wait) {
            wait = left < 1 ? 1 : left;
        }
    }
    return (int)wait;
}

/* ---- what was noted ---- */

static push_text_t text_of(const char *text)
{
    return (push_text_t){text, (uint32_t)strlen(text)};
}

static void publish_text(push_feeds_t *feeds, push_feed_t feed,
                         const char *text)
{
    static const char *const events[PUSH_FEEDS] = {
        [PUSH_FEED_RECEIPTS] = "receipt",
        [PUSH_FEED_DEADLETTERS] = "deadletter",
        [PUSH_FEED_PRESENCE] = "presence"};
    const push_feed_message_t message = {.event = text_of(events[feed]),
                                         .type = text_of(PUSH_CLOUDEVENT_TYPE),
                                         .data = text_of(text),
                                         .urgency = PUSH_LOW,
                                         .ttl = feeds->options.ttl};
    push_status_t status = push_feed_publish(feeds, feed, &message);

    feeds->dropped += status != PUSH_OK && status != PUSH_NOT_FOUND;
}

/*
 * What the server's own users and channels do is for nobody else, and of what
 * became of one message one event is enough.
 */
static bool is_told(const push_feeds_t *feeds, const push_note_t *note)
{
    push_text_t name = push_note_text(note, PUSH_NOTE_NAME);

    return note->untold
           || (feeds->options.wanted & PUSH_FEED_BIT(note->feed)
               && !(name.len && *name.at == '$')
               && (note->feed != PUSH_FEED_RECEIPTS
                   || note->fate == PUSH_ACKED));
}

static void publish_note(push_feeds_t *feeds, const push_note_t *note)
{
    bool followed = !note->untold && push_feed_followed(feeds, note->feed);
    bool told = is_told(feeds, note);
    char *text = followed || told ? push_cloudevent_make(note) : NULL;

    if (text && followed) {
        publish_text(feeds, note->feed, text);
    }
    if (text && told) {
        feeds->options.tell(feeds->options.tell_data, note, text);
    }
    free(text);
}

/* Counts what was dropped; once a minute somebody may be told. */
static void count_dropped(push_feeds_t *feeds)
{
    int64_t now = push_clock_now().mono;

    feeds->dropped += atomic_exchange(&feeds->listener.dropped, 0);
    if (feeds->dropped != feeds->counted) {
        atomic_fetch_add(&feeds->options.store->segment->feeds.dropped,
                         feeds->dropped - feeds->counted);
        feeds->counted = feeds->dropped;
    }
    if (feeds->dropped != feeds->reported && now >= feeds->report_next
        && feeds->options.dropped) {
        feeds->options.dropped(feeds->options.data,
                               feeds->dropped - feeds->reported);
        feeds->reported = feeds->dropped;
        feeds->report_next = now + DROPPED_MS;
    }
}

/*
 * As much as a channel keeps for its followers to take, and half of it is left
 * for those who are slow; true if there may be more.
 */
static bool publish_notes(push_feeds_t *feeds)
{
    uint32_t most = feeds->options.store->limits.history / 2 + 1;
    uint32_t count = 0;

    while (count < most
           && push_feed_queue_take(feeds->listener.queue, &feeds->note,
                                   sizeof(feeds->note))) {
        publish_note(feeds, &feeds->note);
        count++;
    }
    if (count && feeds->options.wanted) {
        feeds->options.tell(feeds->options.tell_data, NULL, NULL);
    }
    count_dropped(feeds);
    return count == most;
}

/* With one wait for the disk, for all of it. */
static bool turn(push_feeds_t *feeds)
{
    bool more;

    if (superseded(feeds)) {
        return false;
    }
    more = publish_notes(feeds);
    ask_sources(feeds);
    settle(feeds);
    return more;
}

static void *run(void *data)
{
    push_feeds_t *feeds = data;
    bool more = false;

    while (!atomic_load(&feeds->stop)) {
        if (more) {
            usleep(PAUSE_US);
        }
        else {
            push_feed_queue_wait(feeds->listener.queue, patience(feeds));
        }
        more = turn(feeds);
    }
    return NULL;
}

/* ---- any thread ---- */

static push_listener_t listener_of(push_feeds_t *feeds)
{
    bool published = feeds->options.wanted & PUSH_HEARD_PUBLISHED;
    bool gaps = feeds->options.wanted & PUSH_HEARD_GAP;

    return (push_listener_t){
        .kinds = PUSH_FEED_EVENTS
                 | (published ? PUSH_EVENT_BIT(PUSH_EVENT_PUBLISHED) : 0)
                 | (gaps ? PUSH_EVENT_BIT(PUSH_EVENT_GAP) : 0),
        .tell = push_feed_listener_tell,
        .data = &feeds->listener,
        .enabled = feeds->options.wanted ? NULL
                                         : &feeds->listener.words->known};
}

push_feeds_t *push_feeds_create(const push_feeds_options_t *options)
{
    push_feeds_t *feeds = calloc(1, sizeof(*feeds));
    push_listener_t listener;

    if (!feeds) {
        return NULL;
    }
    feeds->options = *options;
    feeds->listener.words = &options->store->segment->feeds;
    feeds->listener.wanted = options->wanted;
    feeds->listener.queue = push_feed_queue_create(QUEUE_BYTES);
    if (!feeds->listener.queue) {
        free(feeds);
        return NULL;
    }
    listener = listener_of(feeds);
    push_events_listen(&options->store->events, &listener);
    if (options->presence) {
        feeds->presence = push_feed_presence(&feeds->listener);
        options->store->presence = &feeds->presence;
    }
    return feeds;
}

bool push_feeds_start(push_feeds_t *feeds)
{
    feeds->started = push_thread_start(&feeds->thread, run, feeds);
    return feeds->started;
}

void push_feeds_stop(push_feeds_t *feeds)
{
    push_listener_t listener = listener_of(feeds);

    atomic_store(&feeds->stop, true);
    if (feeds->started) {
        push_feed_queue_ring(feeds->listener.queue);
        pthread_join(feeds->thread, NULL);
    }
    push_events_ignore(&feeds->options.store->events, &listener);
    feeds->options.store->presence = NULL;
    while (turn(feeds)) {
    }
    push_feed_queue_destroy(feeds->listener.queue);
    free(feeds);
}
