#include "broker/node/inbox.h"

#include <stdio.h>
#include <string.h>

#include "broker/node/acks.h"
#include "broker/node/anew.h"
#include "broker/node/ask.h"
#include "broker/node/ends.h"
#include "broker/node/masters.h"
#include "broker/node/steward.h"
#include "broker/node/survey.h"
#include "broker/node/tags.h"
#include "broker/node/yield.h"
#include "core/failpoint.h"
#include "store/ops/apply.h"

/* Messages and recalls that are applied at once. */
#define LOT 128

typedef struct {
    push_cluster_t *cluster;
    push_lead_ref_t lead;
    unsigned master;
    push_time_t now;
    push_applied_t lot[LOT];
    unsigned partitions[LOT];
    unsigned count;
    bool suspected;
    bool
        tagged; /* what users are subscribed to, which devices are to follow */
    bool overtaken; /* another child has the link: nothing more is stored */
} inbox_t;

/* ---- messages and recalls ---- */

static void report(push_cluster_t *cluster, push_cluster_event_t what,
                   const char *detail)
{
    cluster->options.report(cluster->options.data, what, detail);
}

static void count_unreadable(push_cluster_t *cluster)
{
    if (!atomic_fetch_add(&cluster->words->unreadable, 1)) {
        report(cluster, PUSH_CLUSTER_UNREADABLE, "");
    }
}

/* A log that lacks something is loaded with all of its partition. */
static void see_to(inbox_t *in, unsigned which)
{
    switch (in->lot[which].outcome) {
    case PUSH_APPLY_BUSY:
    case PUSH_APPLY_BEHIND:
        push_partition_suspected(in->cluster->words, in->partitions[which]);
        in->suspected = true;
        break;
    case PUSH_APPLY_UNREADABLE:
        count_unreadable(in->cluster);
        break;
    case PUSH_APPLY_OVERTAKEN:
        in->overtaken = true;
        break;
    default:
        break;
    }
}

static void apply(inbox_t *in)
{
    push_cluster_words_t *words = in->cluster->words;

    for (unsigned i = 0; i < in->count; i++) {
        in->lot[i].suspect = push_partition_suspect(words, in->partitions[i]);
    }
    if (in->count) {
        push_store_apply(in->cluster->store, &in->lead, in->lot, in->count,
                         &in->now);
        push_lead_beat(&in->lead);
    }
    for (unsigned i = 0; i < in->count; i++) {
        see_to(in, i);
    }
    in->count = 0;
}

static void add(inbox_t *in, const push_inbox_entry_t *entry)
{
    push_applied_t *applied = &in->lot[in->count];
    bool recalled = entry->kind == PUSH_ENTRY_RECALL;

    *applied = (push_applied_t){.log = entry->log,
                                .tick = entry->tick,
                                .recall = recalled ? entry->mid : 0,
                                .record = entry->record};
    if (entry->expires > PUSH_EXPIRES_NOW) {
        applied->until = push_cluster_until(in->cluster, entry->partition,
                                            entry->expires, &in->now);
    }
    in->partitions[in->count++] = entry->partition;
    if (in->count == LOT) {
        apply(in);
    }
}

/* ---- all else ---- */

/*
 * A device that was asked for is ours, or its owner had nothing.  If nobody
 * waits for it any more, it is ours, and claimed when it comes.
 */
static void take_grant(push_cluster_t *cluster,
                       const push_inbox_entry_t *entry)
{
    const push_wait_result_t answered = {.happened = PUSH_AWAITED_ANSWERED,
                                         .fence = entry->fence};

    push_awaited_tell(&cluster->words->awaited, entry->context, &answered);
}

static void take_answer(push_cluster_t *cluster,
                        const push_inbox_entry_t *entry)
{
    if (!push_ask_answered(cluster, entry)
        && !push_acks_answered(cluster, entry)
        && !push_survey_answered(cluster, entry)) {
        push_ends_answered(cluster, entry);
    }
}

static void take_question(push_cluster_t *cluster,
                          const push_inbox_entry_t *entry)
{
    if (entry->log.at[0] == 'u') {
        push_ask_asked(cluster, entry);
    }
    else {
        push_survey_asked(cluster, entry);
    }
}

static const struct {
    char kind;
    push_entry_take_t *take;
} takers[] = {{PUSH_ENTRY_YIELD, push_yield_asked},
              {PUSH_ENTRY_GRANT, take_grant},
              {PUSH_ENTRY_ABSENT, take_grant},
              {PUSH_ENTRY_FORCED, push_yield_forced},
              {PUSH_ENTRY_ACK, push_acks_asked},
              {PUSH_ENTRY_QUESTION, take_question},
              {PUSH_ENTRY_ANSWER, take_answer},
              {PUSH_ENTRY_END, push_ends_asked},
              {PUSH_ENTRY_TAGS, push_tags_told}};

static void take_other(push_cluster_t *cluster,
                       const push_inbox_entry_t *entry)
{
    for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++) {
        if (takers[i].kind == entry->kind) {
            takers[i].take(cluster, entry);
            return;
        }
    }
}

/*
 * The partition is served by another master than the map says, which is asked
 * for; or this one has it no more, and still had the entry.
 */
static void see_home(inbox_t *in, unsigned partition)
{
    push_cluster_words_t *words = in->cluster->words;

    if (words->home[partition] != in->master + 1) {
        push_partition_suspected(words, partition);
        in->suspected = true;
    }
}

static void take(inbox_t *in, const push_inbox_entry_t *entry)
{
    if (!entry->known) {
        count_unreadable(in->cluster);
        return;
    }
    see_home(in, entry->partition);
    if (entry->kind == PUSH_ENTRY_MESSAGE
        || entry->kind == PUSH_ENTRY_RECALL) {
        add(in, entry);
        return;
    }
    apply(in);
    in->overtaken |= !push_lead_is(&in->lead);
    if (!in->overtaken) {
        in->tagged |= entry->kind == PUSH_ENTRY_TAGS;
        take_other(in->cluster, entry);
    }
}

/* ---- whether it goes on where it was ---- */

static bool is_same_vm(const push_master_words_t *master, const push_vm_t *vm)
{
    return !strncmp(master->vm, vm->id, sizeof(master->vm));
}

static const char *hole_of(const push_master_words_t *master,
                           const push_drain_reply_t *drained)
{
    if (!is_same_vm(master, &drained->origin.vm)) {
        return master->vm[0] ? "its library began anew (a restart, a "
                               "failover, or a new version)"
                             : NULL;
    }
    /* The answer that said lost may have been lost itself. */
    if (drained->lost || drained->first > atomic_load(&master->have) + 1) {
        return "it has dropped entries, since they were too many or fetched "
               "too late";
    }
    return NULL;
}

/* Of every partition of the master but this one nothing is known any more. */
static void forget_epochs(push_cluster_words_t *words, unsigned master)
{
    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        if (words->home[i] == master + 1) {
            atomic_store(&words->epochs[i], 0);
        }
    }
}

/*
 * Nobody told us what other nodes took, or Redis has lost what is ours: to write
 * a device says both.
 */
static void write_devices(inbox_t *in)
{
    const push_cluster_words_t *words = in->cluster->words;

    for (unsigned i = 0; i < PUSH_CLUSTER_PARTITIONS; i++) {
        if (words->home[i] == in->master + 1) {
            push_anew(in->cluster->words, i);
        }
    }
}

/* The data is not what it was. */
static bool see_epoch(inbox_t *in, unsigned partition,
                      const push_drain_reply_t *drained)
{
    push_cluster_words_t *words = in->cluster->words;
    uint64_t known = atomic_load(&words->epochs[partition]);
    uint64_t epoch = push_masters_epoch(drained->origin.epoch);

    if (known && known != epoch) {
        forget_epochs(words, in->master);
    }
    atomic_store(&words->epochs[partition], epoch);
    return known && known != epoch;
}

static void see_trouble(inbox_t *in, unsigned partition,
                        const push_drain_reply_t *drained)
{
    push_cluster_words_t *words = in->cluster->words;
    push_master_words_t *master = &words->masters[in->master];
    bool is_first = !master->vm[0];
    const char *hole = hole_of(master, drained);

    if (see_epoch(in, partition, drained)) {
        hole = "its data was lost (FLUSHALL, or a restart without it)";
    }
    if (!is_same_vm(master, &drained->origin.vm)) {
        atomic_store(&master->have, 0);
        PUSH_FAILPOINT("master-vm");
        snprintf(master->vm, sizeof(master->vm), "%s", drained->origin.vm.id);
    }
    if (hole || is_first) {
        push_masters_suspect(words, in->master);
        write_devices(in);
        in->suspected = true;
    }
    if (hole) {
        report(in->cluster, PUSH_CLUSTER_TROUBLE, hole);
    }
}

bool push_inbox_take(push_cluster_t *cluster, unsigned master,
                     unsigned partition, const push_drain_reply_t *drained)
{
    push_master_words_t *words = &cluster->words->masters[master];
    inbox_t in = {.cluster = cluster,
                  .lead = push_cluster_lead(cluster),
                  .master = master,
                  .now = push_clock_now()};
    push_entries_t entries;
    push_inbox_entry_t entry;

    atomic_store(&words->offset, drained->origin.now - in.now.mono);
    see_trouble(&in, partition, drained);
    push_entries_begin(&entries, drained->entries);
    while (!in.overtaken && push_entries_next(&entries, &entry)) {
        take(&in, &entry);
    }
    apply(&in);
    if (in.overtaken) {
        return false; /* who has the link drains from `have` on */
    }
    if (entries.broken) {
        count_unreadable(cluster);
        push_masters_suspect(cluster->words, master);
        in.suspected = true;
    }
    PUSH_FAILPOINT("drained");
    atomic_store(&words->have, drained->last); /* of an empty one, too */
    if (!drained->more) {
        atomic_store(&words->drained, in.now.mono);
    }
    if (in.suspected || in.tagged) {
        push_steward_wake(cluster->steward);
    }
    return in.suspected;
}
