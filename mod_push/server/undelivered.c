#include "server/undelivered.h"

#include <errno.h>
#include <http_config.h>
#include <http_log.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "core/fits.h"
#include "core/message_texts.h"
#include "core/user.h"
#include "store/shm/thread.h"

APLOG_USE_MODULE(push);

/*
 * Who is told that a message ends has the lock of its shard, and must not wait
 * for the log.  So it leaves a note in a ring, and a thread writes the lines.
 * The ring has many writers and one reader: a writer takes a position by moving
 * the head, and a note is the reader's from the moment that its turn is one
 * more than its position.  What finds the ring full is counted.
 */

#define NOTES   256u /* a power of two */
#define TURN_MS 250

typedef struct {
    char trace[PUSH_TRACEPARENT_BYTES];
    push_fate_t fate;
    uint64_t mid;
    uint32_t devices, missed; /* for which it was; which did not acknowledge */
} text_t;

typedef struct {
    _Atomic uint32_t turn;
    text_t text; /* whose turn it is */
} note_t;

static struct {
    note_t notes[NOTES];
    _Atomic uint32_t head;
    _Atomic uint32_t lost;
    uint32_t tail; /* the reader's */
    server_rec *server;
    push_store_t *store; /* NULL: it is not running */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop; /* the lock's */
} own = {.lock = PTHREAD_MUTEX_INITIALIZER,
         .stopped = PTHREAD_COND_INITIALIZER};

/* ---- any thread, with the lock of the message's shard ---- */

static void add_device(const push_heap_t *heap, const push_device_t *device,
                       const push_entry_t *entry, const push_time_t *now,
                       text_t *note)
{
    push_position_t position = {PUSH_SUBSCRIPTION_USER, (uint16_t)entry->lane,
                                entry->at};

    if (push_device_wants(heap, device, entry->message)) {
        note->devices++;
        note->missed += push_user_fate(heap, device, entry->message, position,
                                       now)
                        != PUSH_ACKED;
    }
}

/* Counts the devices that the message was for; false: all have had it. */
static bool count_devices(const push_event_t *event, text_t *note)
{
    const push_message_t *message = event->message;
    const push_log_t *log = push_at(event->heap, message->log);
    const push_user_t *user = (const push_user_t *)log;
    push_entry_t entry;
    push_ref_t ref;

    if (push_log_kind(log) != PUSH_LOG_USER
        || !push_log_find(event->heap, log, message->mid, &entry)) {
        return false;
    }
    ref = user->devices;
    while (ref) {
        const push_device_t *device = push_at(event->heap, ref);

        add_device(event->heap, device, &entry, event->now, note);
        ref = device->sibling;
    }
    return note->missed || !note->devices;
}

/* A position that nobody else has, or NULL: the ring is full. */
static note_t *claim(uint32_t *at)
{
    *at = atomic_load(&own.head);
    for (;;) {
        note_t *note = &own.notes[*at % NOTES];
        int32_t ahead = (int32_t)(atomic_load(&note->turn) - *at);

        if (ahead < 0) {
            return NULL;
        }
        if (ahead > 0) {
            *at = atomic_load(&own.head);
        }
        else if (atomic_compare_exchange_weak(&own.head, at, *at + 1)) {
            return note;
        }
    }
}

static void leave_note(const text_t *text)
{
    uint32_t at;
    note_t *note = claim(&at);

    if (note) {
        note->text = *text;
        atomic_store(&note->turn, at + 1);
    }
    else {
        atomic_fetch_add(&own.lost, 1);
    }
}

static void on_end(void *data, const push_event_t *event)
{
    push_text_t trace = push_message_trace(event->message);
    text_t note = {.fate = event->fate, .mid = event->message->mid};

    (void)data;
    if (trace.len && event->now && count_devices(event, &note)) {
        memcpy(note.trace, trace.at, sizeof(note.trace));
        leave_note(&note);
    }
}

static const push_listener_t listener = {
    .kinds = PUSH_EVENT_BIT(PUSH_EVENT_ENDED), .tell = on_end};

/* ---- the thread ---- */

static void say(const text_t *note)
{
    char trace[PUSH_TRACEPARENT_CHARS], mid[PUSH_MID_CHARS];

    push_traceparent_write(note->trace, trace);
    push_mid_write(note->mid, mid);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, own.server,
                 "PUSH0166: trace %.*s: message %.*s ended (%s), and %u of %u "
                 "devices had not acknowledged it",
                 (int)PUSH_TRACEPARENT_ID_CHARS,
                 trace + PUSH_TRACEPARENT_ID_AT, (int)PUSH_MID_CHARS, mid,
                 push_fate_name(note->fate), note->missed, note->devices);
}

static void say_all(void)
{
    uint32_t lost = atomic_exchange(&own.lost, 0);
    note_t *note = &own.notes[own.tail % NOTES];

    while (atomic_load(&note->turn) == own.tail + 1) {
        text_t text = note->text;

        atomic_store(&note->turn, own.tail + NOTES);
        note = &own.notes[++own.tail % NOTES];
        say(&text);
    }
    if (lost) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, own.server,
                     "PUSH0167: %u more messages with a trace ended before "
                     "all devices had acknowledged them: too many at once to "
                     "name them",
                     lost);
    }
}

static struct timespec soon(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += TURN_MS * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static bool may_go_on(void)
{
    struct timespec until = soon();
    bool stop;

    pthread_mutex_lock(&own.lock);
    while (!own.stop
           && !pthread_cond_clockwait(&own.stopped, &own.lock, CLOCK_MONOTONIC,
                                      &until)) {
    }
    stop = own.stop;
    pthread_mutex_unlock(&own.lock);
    return !stop;
}

static void *run(void *data)
{
    (void)data;
    while (may_go_on()) {
        say_all();
    }
    say_all();
    return NULL;
}

/* ---- start and stop ---- */

void push_undelivered_start(server_rec *s, push_store_t *store)
{
    if (!APLOG_IS_LEVEL(s, APLOG_INFO)) {
        return;
    }
    for (uint32_t i = 0; i < NOTES; i++) {
        atomic_init(&own.notes[i].turn, i);
    }
    own.server = s;
    if (push_events_listen(&store->events, &listener)
        && push_thread_start(&own.thread, run, NULL)) {
        own.store = store;
        return;
    }
    push_events_ignore(&store->events, &listener);
    ap_log_error(APLOG_MARK, APLOG_WARNING, errno, s,
                 "PUSH0168: cannot start the thread that names undelivered "
                 "messages of traces: this child leaves them out of the log");
}

void push_undelivered_stop(void)
{
    if (!own.store) {
        return;
    }
    push_events_ignore(&own.store->events, &listener);
    pthread_mutex_lock(&own.lock);
    own.stop = true;
    pthread_cond_signal(&own.stopped);
    pthread_mutex_unlock(&own.lock);
    pthread_join(own.thread, NULL);
    own.store = NULL;
}
