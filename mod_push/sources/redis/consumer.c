#include "sources/redis/consumer.h"

#include <apr_strings.h>
#include <string.h>

#include "sources/redis/entries.h"
#include "sources/redis/link.h"
#include "sources/report.h"

/*
 * Redis keeps for each consumer which entries it was given and has not
 * acknowledged (its pending ones).  New ones are read only when there are none
 * of these: `own` says that there may be some.  So it is set at the start, when
 * an answer did not come, when something has to wait, and when entries of
 * others were claimed; and all of these ways lead through the same reading.
 *
 * The acknowledgement of one batch travels with the reading of the next.
 */

#define BLOCK_MS   1000 /* that a reading waits for new entries */
#define ANSWER_MS  5000 /* beyond that */
#define REFRESH_MS 2000 /* between two looks at how much waits */
#define CLAIM_MAX  100
#define DEAD_MAX   "10000" /* entries, roughly */

typedef struct {
    push_worker_t *worker;
    const push_redis_source_t *source;
    push_link_t link;
    apr_pool_t *pool;   /* of one turn */
    push_request_t ack; /* of the batch before */
    bool acks;          /* there is one */
    bool ready;         /* the group is there */
    bool own;
    int64_t claim_at, look_at; /* ms, by push_redis_now() */
} consumer_t;

/* Whether the turn goes on. */
static bool trouble(consumer_t *c, const char *why)
{
    if (!why) {
        return true;
    }
    c->own = true;
    c->ready = false;
    push_report_away(c->worker, why);
    push_report_pause(c->worker);
    return false;
}

static void words(push_request_t *request, const char *const *list)
{
    for (; *list; list++) {
        push_command_string(&request->command, *list);
    }
}

/* Why it failed; "" if the worker ends, NULL if all is well. */
static const char *call(consumer_t *c, push_request_t *request)
{
    return push_link_call(&c->link, NULL, request)
               ? push_link_wrong(c->pool, request)
               : "";
}

/* ---- the group ---- */

static bool make_group(consumer_t *c)
{
    const char *const list[] = {
        "XGROUP",   "CREATE", c->source->stream, c->source->group, "0",
        "MKSTREAM", NULL};
    push_request_t request;
    const char *why;

    push_link_begin(&request, ANSWER_MS);
    words(&request, list);
    why = call(c, &request);
    push_request_cleanup(&request);
    if (!c->link.client) {
        return false;
    }
    if (push_client_slots(c->link.client)->cluster) {
        return trouble(c, "this is a Redis Cluster: name a single Redis, "
                          "where the stream is");
    }
    c->ready = !why || strstr(why, "BUSYGROUP");
    return c->ready || trouble(c, why);
}

/* ---- what others have left ---- */

static bool claim(consumer_t *c)
{
    const char *const list[] = {"XAUTOCLAIM",
                                c->source->stream,
                                c->source->group,
                                c->source->consumer,
                                apr_psprintf(c->pool, "%" APR_INT64_T_FMT,
                                             c->source->claim),
                                "0-0",
                                "COUNT",
                                APR_STRINGIFY(CLAIM_MAX),
                                "JUSTID",
                                NULL};
    push_request_t request;
    const char *why;
    unsigned count;

    push_link_begin(&request, ANSWER_MS);
    words(&request, list);
    why = call(c, &request);
    count = push_reply_count(push_reply_at(request.reply, 1));
    push_request_cleanup(&request);
    c->own = c->own || count > 0;
    c->claim_at = push_redis_now()
                  + (count == CLAIM_MAX ? 0 : c->source->claim / 2);
    return c->link.client && trouble(c, why);
}

/* ---- how much waits ---- */

static bool is_word(const push_reply_t *reply, const char *word)
{
    push_text_t text = push_reply_text(reply);

    return text.len == strlen(word) && !memcmp(text.at, word, text.len);
}

/* Of one group, as XINFO GROUPS has it; -1: it does not say. */
static int64_t number_of(const push_reply_t *group, const char *name)
{
    for (unsigned i = 0; i + 1 < push_reply_count(group); i += 2) {
        const push_reply_t *value = push_reply_at(group, i + 1);

        if (is_word(push_reply_at(group, i), name)) {
            return push_reply_kind(value) == PUSH_REPLY_NIL
                       ? -1
                       : push_reply_integer(value);
        }
    }
    return -1;
}

static int64_t waiting_in(const push_reply_t *groups, const char *name)
{
    for (unsigned i = 0; i < push_reply_count(groups); i++) {
        const push_reply_t *group = push_reply_at(groups, i);
        int64_t lag = number_of(group, "lag");

        if (is_word(push_reply_at(group, 1), name)) {
            return lag < 0 ? -1 : lag + number_of(group, "pending");
        }
    }
    return -1;
}

static bool look(consumer_t *c)
{
    const char *const list[] = {"XINFO", "GROUPS", c->source->stream, NULL};
    push_request_t request;
    const char *why;
    int64_t waiting;

    push_link_begin(&request, ANSWER_MS);
    words(&request, list);
    why = call(c, &request);
    waiting = waiting_in(request.reply, c->source->group);
    push_request_cleanup(&request);
    c->look_at = push_redis_now() + REFRESH_MS;
    if (!c->link.client || !trouble(c, why)) {
        return false;
    }
    push_report_well(c->worker, waiting);
    return true;
}

/* ---- a batch ---- */

static bool bury(consumer_t *c, const push_entry_t *entry, const char *why)
{
    const char *const list[] = {
        "XADD", c->source->dead, "MAXLEN", "~",  DEAD_MAX,
        "*",    "why",           why,      "id", NULL};
    push_request_t request;
    const char *wrong;

    push_link_begin(&request, ANSWER_MS);
    words(&request, list);
    push_command_text(&request.command, entry->id);
    push_command_string(&request.command, "line");
    push_command_text(&request.command, entry->line);
    wrong = call(c, &request);
    push_request_cleanup(&request);
    return c->link.client && trouble(c, wrong);
}

/* False: not all that is refused is kept, so nothing may be forgotten. */
static bool bury_refused(consumer_t *c, const push_entries_t *batch)
{
    const push_source_item_t *item = batch->items;

    for (unsigned i = 0; i < batch->count; i++) {
        const push_entry_t *entry = &batch->entries[i];

        if (!entry->gone && item++->outcome == PUSH_SOURCE_REFUSED
            && !bury(c, entry, item[-1].why)) {
            return false;
        }
    }
    push_report_refused(c->worker, batch->items, batch->items_count,
                        c->source->dead);
    return true;
}

static void handle(consumer_t *c, const push_entries_t *batch)
{
    bool all = push_report_take(c->worker, c->pool, batch->items,
                                batch->items_count);

    c->own = c->own ? batch->count > 0 : !all;
    if (!batch->count || !bury_refused(c, batch)) {
        return;
    }
    push_link_begin(&c->ack, ANSWER_MS);
    c->acks = push_entries_forget(batch, c->source->stream, c->source->group,
                                  &c->ack.command);
    if (!c->acks) {
        push_request_cleanup(&c->ack);
    }
    if (!all) {
        push_report_pause(c->worker);
    }
}

static void ask(const consumer_t *c, push_request_t *request)
{
    const push_redis_source_t *source = c->source;
    const char *const head[] = {"XREADGROUP",     "GROUP", source->group,
                                source->consumer, "COUNT", NULL};
    const char *const tail[] = {"STREAMS", source->stream, c->own ? "0" : ">",
                                NULL};

    words(request, head);
    push_command_number(&request->command, source->batch);
    if (!c->own) {
        push_command_string(&request->command, "BLOCK");
        push_command_number(&request->command, BLOCK_MS);
    }
    words(request, tail);
}

static void read_on(consumer_t *c)
{
    push_request_t request;
    const char *why = "";
    const char *unacked = NULL;

    push_link_begin(&request, BLOCK_MS + ANSWER_MS);
    ask(c, &request);
    if (push_link_call(&c->link, c->acks ? &c->ack : NULL, &request)) {
        why = push_link_wrong(c->pool, &request);
        unacked = c->acks ? push_link_wrong(c->pool, &c->ack) : NULL;
    }
    if (c->acks) {
        push_request_cleanup(&c->ack);
        c->acks = false;
    }
    if (c->link.client && trouble(c, why ? why : unacked)) {
        push_entries_t batch = push_entries_read(c->pool, request.reply,
                                                 c->source->stream);

        handle(c, &batch);
    }
    push_request_cleanup(&request);
}

static void turn(consumer_t *c)
{
    int64_t now = push_redis_now();

    if ((c->ready || make_group(c)) && (now < c->claim_at || claim(c))
        && (now < c->look_at || look(c))) {
        read_on(c);
    }
}

void push_redis_source_run(push_worker_t *worker, apr_pool_t *pool)
{
    consumer_t c = {.worker = worker, .source = worker->data, .own = true};

    apr_pool_create(&c.pool, pool);
    while (!push_worker_pause(worker, 0)) {
        if (!c.link.client
            && !push_link_open(&c.link, worker, &c.source->redis)) {
            push_report_away(worker, "there is no memory");
            push_report_pause(worker);
            continue;
        }
        turn(&c);
        apr_pool_clear(c.pool);
    }
    if (c.acks) {
        push_request_cleanup(&c.ack);
    }
    push_link_close(&c.link);
    apr_pool_destroy(c.pool);
}
