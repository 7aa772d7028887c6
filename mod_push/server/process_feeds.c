#include "server/process_feeds.h"

#include <http_log.h>

#include "feeds/stats.h"
#include "server/process_triggers.h"

APLOG_USE_MODULE(push);

/* Set by the parent before it forks; read by the children. */
static int64_t events_ttl;
static bool presence;

static push_feeds_t *feeds; /* a child's own */

void push_process_feeds_prepare(const push_global_t *global)
{
    events_ttl = global->events_ttl;
    presence = global->presence != 0;
}

static void log_dropped(void *data, uint64_t count)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, (server_rec *)data,
                 "PUSH0177: %" APR_UINT64_T_FMT " receipts, dead letters or "
                 "changes of presence were dropped: more happened at once "
                 "than could be published",
                 count);
}

void push_process_feeds_make(struct push_store_t *store, push_broker_t *broker,
                             server_rec *s)
{
    const push_feed_source_t stats = {
        .every = PUSH_STATS_EVERY_MS, .make = push_feed_stats, .data = broker};
    push_feeds_options_t options = {.store = store,
                                    .broker = broker,
                                    .ttl = events_ttl,
                                    .presence = presence,
                                    .dropped = log_dropped,
                                    .data = s,
                                    .sources = {[PUSH_FEED_STATS] = stats}};

    push_process_triggers_listen(&options);
    feeds = push_feeds_create(&options);
    if (!feeds) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     "PUSH0175: this child says nothing on the server's own "
                     "channels: there is no memory for that");
    }
}

void push_process_feeds_start(server_rec *s)
{
    if (feeds && !push_feeds_start(feeds)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     "PUSH0176: this child says nothing on the server's own "
                     "channels: the thread cannot be started");
    }
}

void push_process_feeds_stop(void)
{
    if (feeds) {
        push_feeds_stop(feeds);
        feeds = NULL;
    }
}
