#include "server/process_triggers.h"

#include <http_log.h>
#include <inttypes.h>
#include <stdatomic.h>

#include "feeds/listener.h"
#include "feeds/note.h"
#include "store/shard/store.h"
#include "triggers/triggers.h"

APLOG_USE_MODULE(push);

/* Events that are taken with one wait for the disk. */
#define EVENTS_MAX 256

#define COMPLAIN_MS 60000 /* between two lines of the log on what was lost */

/* Set by the parent before it forks; read by the children. */
static const apr_array_header_t *rules;

/* A child's own. */
static push_triggers_t *triggers;
static server_rec *server;

/* ---- the thread of feeds only ---- */

static apr_pool_t *pool; /* of the events that are not taken yet */
static push_trigger_event_t events[EVENTS_MAX];
static unsigned events_count;
static _Atomic uint64_t *dropped; /* what <admin>/stats shows */
static uint64_t lost;             /* of them, those that the log has not */
static int64_t complain_next;     /* mono ms */

void push_process_triggers_prepare(const push_global_t *global)
{
    rules = global->rules;
}

void push_process_triggers_make(apr_pool_t *child, push_runtime_t *runtime,
                                server_rec *s)
{
    triggers = rules ? push_triggers_create(
                   child, s, rules, runtime->trigger_figures, &runtime->broker)
                     : NULL;
    runtime->triggers = triggers;
    server = s;
}

/* ---- the server's own events ---- */

static void complain(void)
{
    int64_t now = push_clock_now().mono;

    if (lost && now >= complain_next) {
        complain_next = now + COMPLAIN_MS;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "PUSH0260: %" PRIu64 " events of the server itself were "
                     "lost to its triggers: they could not be queued",
                     lost);
        lost = 0;
    }
}

static void take_all(void)
{
    push_taken_t taken[EVENTS_MAX];
    uint64_t before = lost;

    if (events_count) {
        push_triggers_take(triggers, pool, events, events_count, taken);
    }
    for (unsigned i = 0; i < events_count; i++) {
        lost += taken[i].status != PUSH_OK;
        push_trigger_event_cleanup(&events[i]);
    }
    if (events_count) {
        atomic_fetch_add(dropped, lost - before);
        events_count = 0;
        apr_pool_clear(pool);
    }
    complain();
}

static void take_event(void *data, const push_note_t *note, const char *text)
{
    (void)data;
    if (!note) {
        take_all();
        return;
    }
    if (!push_trigger_event_init(pool, json_loads(text, 0, NULL), note->at,
                                 &events[events_count])
        && push_triggers_want(triggers, events[events_count].type)) {
        events_count++;
    }
    else {
        push_trigger_event_cleanup(&events[events_count]);
    }
    if (events_count == EVENTS_MAX) {
        take_all();
    }
}

void push_process_triggers_listen(push_feeds_options_t *options)
{
    static const struct {
        const char *type;
        uint32_t heard;
    } own[] = {{PUSH_UNACKED_TYPE, PUSH_HEARD_PUBLISHED},
               {"push.message.acked", PUSH_FEED_BIT(PUSH_FEED_RECEIPTS)},
               {"push.message.expired", PUSH_FEED_BIT(PUSH_FEED_DEADLETTERS)},
               {"push.message.evicted", PUSH_FEED_BIT(PUSH_FEED_DEADLETTERS)},
               {"push.message.replaced", PUSH_HEARD_REPLACED},
               {"push.message.recalled", PUSH_HEARD_RECALLED},
               {"push.device.gap", PUSH_HEARD_GAP},
               {"push.device.connected", PUSH_FEED_BIT(PUSH_FEED_PRESENCE)},
               {"push.device.disconnected", PUSH_FEED_BIT(PUSH_FEED_PRESENCE)},
               {"push.channel.occupied", PUSH_FEED_BIT(PUSH_FEED_PRESENCE)},
               {"push.channel.vacated", PUSH_FEED_BIT(PUSH_FEED_PRESENCE)}};

    for (size_t i = 0; triggers && i < sizeof(own) / sizeof(own[0]); i++) {
        push_text_t type = {own[i].type, (uint32_t)strlen(own[i].type)};

        if (push_triggers_want(triggers, type)) {
            options->wanted |= own[i].heard;
        }
    }
    if (options->wanted
        && apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        options->wanted = 0;
    }
    dropped = &options->store->segment->feeds.dropped;
    options->tell = take_event;
}
