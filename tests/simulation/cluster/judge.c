#include "simulation/cluster/judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness/needs.h"
#include "simulation/cluster/engine.h"
#include "simulation/cluster/nodes.h"
#include "simulation/cluster/people.h"
#include "simulation/cluster/world.h"
#include "store/ops/follow_internal.h"
#include "store/shard/copy.h"
#include "store/shard/shard.h"

/* An owner writes what it knows of a device within this, ms. */
#define LAG_MS 6000

/* A message that is about to expire is nobody's concern. */
#define GRACE_MS 5000

#define FENCES 512

static struct {
    FILE *out;
    bool shown;
    unsigned violations;
    cs_publish_t publishes[CS_PUBLISHES];
    unsigned count;
    bool here[CS_CLIENTS];
    uint32_t dropped[CS_CLIENTS];
    int64_t forgot[CS_CLIENTS];  /* when what it acknowledged was forgiven */
    bool lost[CS_MASTERS];       /* a master has lost some of its keys */
    int64_t lost_at[CS_MASTERS]; /* when; 0: never */
    struct {
        unsigned log, context;
        uint32_t fence;
        int node;
        unsigned life;
    } wrote[FENCES];
    unsigned wrote_count;
} judge;

void cs_judge_reset(FILE *out, bool shown)
{
    memset(&judge, 0, sizeof(judge));
    judge.out = out;
    judge.shown = shown;
}

unsigned cs_judge_violations(void)
{
    return judge.violations;
}

void cs_violation(const char *format, ...)
{
    va_list args;

    judge.violations++;
    va_start(args, format);
    vfprintf(judge.out, format, args);
    va_end(args);
    fputc('\n', judge.out);
}

void cs_say(const char *format, ...)
{
    va_list args;

    if (!judge.shown) {
        return;
    }
    fprintf(judge.out, "%9.3f  ", (double)(cs_now() - CS_START) / 1000);
    va_start(args, format);
    vfprintf(judge.out, format, args);
    va_end(args);
    fputc('\n', judge.out);
}

/* ---- publishes ---- */

cs_publish_t *cs_publish_add(void)
{
    return judge.count < CS_PUBLISHES ? &judge.publishes[judge.count++] : NULL;
}

cs_publish_t *cs_publish_at(unsigned index)
{
    return &judge.publishes[index];
}

unsigned cs_publishes(void)
{
    return judge.count;
}

unsigned cs_publish_index(const cs_publish_t *p)
{
    return (unsigned)(p - judge.publishes);
}

static cs_publish_t *find(uint64_t mid)
{
    for (unsigned i = 0; i < judge.count; i++) {
        if (judge.publishes[i].mid == mid) {
            return &judge.publishes[i];
        }
    }
    return NULL;
}

static bool is_for(const cs_publish_t *p, int client)
{
    return p->log >= CS_USERS
           || ((unsigned)client % CS_USERS == p->log
               && (p->device < 0 || p->device == client / (int)CS_USERS));
}

/* ---- the engine tells ---- */

static void replace_older(const cs_publish_t *p)
{
    for (unsigned i = 0; i < judge.count; i++) {
        cs_publish_t *older = &judge.publishes[i];

        if (older != p && older->mid && older->mid < p->mid
            && older->topic == p->topic && older->log == p->log
            && older->device == p->device) {
            older->ended = true;
            older->by = cs_publish_index(p) + 1;
        }
    }
}

void cs_judge_stored(unsigned log, push_text_t record, uint64_t mid)
{
    const char *at = memmem(record.at, record.len, "~p", 2);
    cs_publish_t *p;

    NEEDS(at != NULL, "a record has no payload");
    p = &judge.publishes[atoi(at + 2)];
    NEEDS(p->log == log, "a record is of another log");
    if (p->mid) {
        cs_violation("key: publish %u was stored twice", cs_publish_index(p));
    }
    p->mid = mid;
    p->at = cs_now();
    p->expires = cs_now() + p->ttl;
    for (int i = 0; i < CS_CLIENTS; i++) {
        p->of[i].owed = judge.here[i] && is_for(p, i);
    }
    if (p->topic) {
        replace_older(p);
    }
    cs_say("publish %u is stored in log %u, lane %u, topic %u, as %" PRIx64,
           cs_publish_index(p), log, p->urgency, p->topic, mid);
}

void cs_judge_recalled(uint64_t mid)
{
    cs_publish_t *p = find(mid);

    if (p) {
        p->ended = p->recalled = true;
        cs_say("publish %u is recalled", cs_publish_index(p));
    }
}

/* What was acknowledged since then may have been forgotten. */
static void forgive(int client, int64_t since)
{
    judge.forgot[client] = cs_now();
    for (unsigned i = 0; i < judge.count; i++) {
        if (judge.publishes[i].of[client].acked >= since) {
            judge.publishes[i].of[client].acked = 0;
        }
    }
}

/* Contexts are numbered as they come; which client's one is follows from its
 * place in the model. */
static int client_of(unsigned log, unsigned context)
{
    for (int i = 0; i < CS_CLIENTS; i++) {
        if ((unsigned)i % CS_USERS == log && cs_client_context(i) == context) {
            return i;
        }
    }
    return -1;
}

void cs_judge_claimed(unsigned log, unsigned context, bool forced)
{
    int client = client_of(log, context);

    if (forced && client >= 0) {
        cs_say("the device of client %d is taken by force", client);
        forgive(client, cs_now() - LAG_MS - cs_trouble_for());
    }
}

void cs_judge_dies(int node)
{
    for (int i = 0; i < CS_CLIENTS; i++) {
        if (cs_engine_owner((unsigned)i % CS_USERS, cs_client_context(i))
            == node) {
            forgive(i, cs_now() - LAG_MS - cs_trouble_for());
        }
    }
}

void cs_judge_saved(unsigned log, unsigned context, int node, uint32_t fence)
{
    unsigned life = cs_node_life(node);

    for (unsigned i = 0; i < judge.wrote_count; i++) {
        if (judge.wrote[i].log == log && judge.wrote[i].context == context
            && judge.wrote[i].fence == fence) {
            if (judge.wrote[i].node != node || judge.wrote[i].life != life) {
                cs_violation("fence: nodes %d and %d write device %u of log "
                             "%u by fence %u",
                             judge.wrote[i].node, node, context, log, fence);
            }
            return;
        }
    }
    if (judge.wrote_count < FENCES) {
        judge.wrote[judge.wrote_count].log = log;
        judge.wrote[judge.wrote_count].context = context;
        judge.wrote[judge.wrote_count].fence = fence;
        judge.wrote[judge.wrote_count].node = node;
        judge.wrote[judge.wrote_count++].life = life;
    }
}

/* ---- the faults tell ---- */

/* A device of which nothing is left begins anew, with what comes from then. */
static void forget(int client)
{
    judge.here[client] = false;
    judge.forgot[client] = cs_now();
    for (unsigned i = 0; i < judge.count; i++) {
        judge.publishes[i].of[client].excused = true;
        judge.publishes[i].of[client].acked = 0;
    }
}

/* Its owner was about to write it anew, or to claim it. */
static bool was_lost(int client)
{
    int64_t at = judge.lost_at[cs_log_master((unsigned)client % CS_USERS)];

    return at && cs_now() - at <= LAG_MS + cs_trouble_for();
}

/* With commit a new device is written before its client hears of it; but for
 * one that Redis has lost. */
static bool is_written(int client, bool commits)
{
    return commits && !was_lost(client);
}

/* An owner that stands still writes nothing, and nobody asks it for a device
 * that Redis does not know. */
void cs_judge_began(unsigned log, unsigned context)
{
    int client = client_of(log, context);

    if (client >= 0 && was_lost(client)) {
        forget(client);
    }
}

void cs_judge_not_written(bool commits)
{
    for (int i = 0; i < CS_CLIENTS; i++) {
        if (!is_written(i, commits)
            && !cs_engine_has_device((unsigned)i % CS_USERS,
                                     cs_client_context(i))) {
            forget(i);
        }
    }
}

void cs_judge_tail_lost(unsigned master, bool commits)
{
    int64_t expires;

    judge.wrote_count = 0;
    judge.lost[master] = true;
    judge.lost_at[master] = cs_now();
    for (unsigned i = 0; i < judge.count; i++) {
        cs_publish_t *p = &judge.publishes[i];

        if (p->mid && cs_log_master(p->log) == master
            && !cs_engine_has(p->log, p->mid, &expires)) {
            p->ended |= !commits || !p->told;
            p->keyed &= p->told;
        }
    }
    for (int i = 0; i < CS_CLIENTS; i++) {
        if (cs_log_master((unsigned)i % CS_USERS) == master) {
            forgive(i, cs_now() - LAG_MS - cs_trouble_for());
        }
    }
    cs_judge_not_written(commits);
}

void cs_judge_flushed(unsigned master)
{
    judge.wrote_count = 0;
    judge.lost[master] = true;
    judge.lost_at[master] = cs_now();
    for (unsigned i = 0; i < judge.count; i++) {
        cs_publish_t *p = &judge.publishes[i];

        if (!p->mid || cs_log_master(p->log) != master) {
            continue;
        }
        p->keyed &= p->told; /* the key is lost, too: nobody asks again */
        for (int j = 0; j < CS_CLIENTS; j++) {
            p->of[j].excused = true;
        }
    }
    for (int j = 0; j < CS_CLIENTS; j++) {
        if (cs_log_master((unsigned)j % CS_USERS) == master) {
            forget(j); /* and with it its places in channels */
        }
    }
}

/* ---- clients tell ---- */

void cs_judge_came(int client)
{
    judge.here[client] = true;
}

void cs_judge_received(int client, uint32_t conn, uint64_t mid)
{
    cs_publish_t *p = find(mid);

    if (!p || !is_for(p, client)) {
        cs_violation("foreign: client %d gets %" PRIx64, client, mid);
        return;
    }
    cs_say("client %d gets publish %u", client, cs_publish_index(p));
    if (p->of[client].conn == conn) {
        cs_violation("twice: client %d gets publish %u again", client,
                     cs_publish_index(p));
    }
    if (p->of[client].acked) {
        cs_violation("again: client %d gets publish %u, which it has "
                     "acknowledged",
                     client, cs_publish_index(p));
    }
    p->of[client].conn = conn;
    p->of[client].delivered = true;
}

/* One that was under way may have been taken before, and only its answer came
 * later: an owner that takes it and dies has answered by another node. */
void cs_judge_acked(int client, unsigned publish, int64_t at)
{
    cs_publish_t *p = &judge.publishes[publish];

    if (!p->of[client].acked && at > judge.forgot[client]) {
        p->of[client].acked = at;
    }
}

void cs_judge_gap(int client, uint32_t dropped)
{
    judge.dropped[client] += dropped;
    cs_say("client %d is told a gap of %u", client, dropped);
}

/* ---- the end ---- */

static void find_lost(int client)
{
    uint32_t missing = 0;
    unsigned witness = 0;

    for (unsigned i = 0; i < judge.count; i++) {
        const cs_publish_t *p = &judge.publishes[i];

        if (p->told && p->of[client].owed && !p->of[client].delivered
            && !p->of[client].excused && !p->ended
            && p->expires > cs_now() + GRACE_MS) {
            missing++;
            witness = i;
        }
    }
    if (missing > judge.dropped[client]) {
        cs_violation("lost: client %d never got publish %u (%u in all, %u "
                     "announced)",
                     client, witness, missing, judge.dropped[client]);
    }
}

/*
 * Redis tells for ten minutes what was recalled.  That a message was replaced
 * the one tells that did so, while that is there.
 */
static bool is_told(const cs_publish_t *p)
{
    int64_t expires;

    return !judge.lost[cs_log_master(p->log)]
           && (p->recalled
               || (p->by
                   && cs_engine_has(p->log, cs_publish_at(p->by - 1)->mid,
                                    &expires)
                   && expires > cs_wall() + GRACE_MS));
}

/* Of a channel or the broadcast: whether it stands there, and lives. */
static void look_for(int node, const push_log_t *log, const cs_publish_t *p)
{
    push_store_t *store = cs_node_store(node);
    int64_t expires;
    push_entry_t entry;
    bool found = push_log_find(&store->heaps[0], log, p->mid, &entry);
    bool has = cs_engine_has(p->log, p->mid, &expires)
               && expires > cs_wall() + GRACE_MS;

    if (has && !found && !p->ended && p->log >= CS_USERS) {
        cs_violation("unequal: node %d lacks publish %u", node,
                     cs_publish_index(p));
    }
    if (found && p->ended && is_told(p)
        && push_message_fate(entry.message) == PUSH_LIVE) {
        cs_violation("unequal: node %d has publish %u, which is over", node,
                     cs_publish_index(p));
    }
}

/* Nobody there reads it, and whoever comes to do so asks for what it lacks. */
static bool is_left(const push_store_t *store, const push_log_t *log)
{
    return push_copy_behind(push_log_copy(store, log))
           && push_follow_is_idle(log);
}

static void compare_log(int node, unsigned which)
{
    push_store_t *store = cs_node_store(node);
    push_text_t text = cs_log_name(which);
    push_name_t name = push_store_name(store, (push_text_t){text.at + 1,
                                                            text.len - 1});
    const push_log_t *log;

    if (which == 3) {
        log = &push_store_broadcast(store)->log;
    }
    else if (which < CS_USERS) {
        push_user_t *user = push_store_user(store, &name, false);

        log = user ? &user->log : NULL;
    }
    else {
        push_channel_t *channel = push_store_channel(store, &name, false);

        log = channel ? &channel->log : NULL;
    }
    if (!log || !push_copy_live(store, log) || is_left(store, log)) {
        return;
    }
    for (unsigned i = 0; i < judge.count; i++) {
        if (judge.publishes[i].log == which && judge.publishes[i].mid) {
            look_for(node, log, &judge.publishes[i]);
        }
    }
}

void cs_judge_end(void)
{
    for (int i = 0; i < CS_CLIENTS; i++) {
        find_lost(i);
    }
    for (int node = 0; node < CS_NODES; node++) {
        for (unsigned log = 0; log < CS_LOGS; log++) {
            compare_log(node, log);
        }
    }
}
